"""The line under an exported figure's title."""

from app.domain.prompts import PromptPair
from app.domain.sites import Head
from app.domain.views import Selection, Style
from app.figures.caption import captioned
from app.figures.head_matrix import head_matrix_heatmap
from app.figures.logit_lens import logit_lens_heatmap
from app.figures.sweep_map import sweep_heatmap
from tests.unit.figures import results, sweeps

PROMPT = PromptPair("When Mary and <John> went to the store", None, (" Mary",), (" John",))


def drawn(style: Style):
    return captioned(logit_lens_heatmap(results.lens(), style, Selection()), PROMPT, style)


def test_an_exported_figure_says_which_answers_and_which_prompt():
    text = drawn(Style(width=600, height=400)).layout.title.subtitle.text
    assert text.startswith("·Mary − ·John on “When Mary and &lt;John>")


def test_a_figure_of_no_prompt_has_no_caption():
    style = Style(width=600, height=400)
    assert (
        captioned(logit_lens_heatmap(results.lens(), style, Selection()), None, style).layout.title.subtitle.text
        is None
    )


def test_a_long_prompt_is_cut_to_the_width():
    assert drawn(Style(width=300, height=400)).layout.title.subtitle.text.endswith("…”")


def test_a_panel_has_no_caption_because_the_page_says_it():
    assert drawn(Style()).layout.title.subtitle.text is None


def test_a_long_title_is_wrapped_instead_of_cropped():
    figure = logit_lens_heatmap(results.lens(), Style(width=200, height=300), Selection())
    assert "<br>" in figure.layout.title.text


def test_a_figure_over_several_prompts_counts_them_and_names_the_first_as_an_example():
    result = sweeps.sweep("zero", tokens=(sweeps.TOKENS[:4],) * 3)
    style = Style(width=600, height=400)
    text = captioned(sweep_heatmap(result, style, Selection()), PROMPT, style).layout.title.subtitle.text
    assert text.startswith(
        "Answer − incorrect answer over 3 prompts, such as ·Mary − ·John on “When Mary and &lt;John>"
    )


def test_titles_of_one_line_and_of_several_begin_at_the_same_height():
    """Plotly puts the second of several lines where a single one would stand."""
    short, long = (logit_lens_heatmap(results.lens(), Style(width=w, height=300), Selection()) for w in (900, 200))
    assert long.layout.title.pad.t - short.layout.title.pad.t == 8
    assert long.layout.margin.t > short.layout.margin.t


def test_the_outlines_of_a_selection_have_a_legend_of_those_that_are_there():
    style, selection = Style(width=600, height=400), Selection((Head(1, 2), Head(0, 0)), Head(1, 2))
    figure = captioned(head_matrix_heatmap(results.attribution(), style, selection), PROMPT, style)
    assert figure.layout.title.subtitle.text.endswith("<br>Outlines: thick = primary, thin = selected")
    plain = captioned(head_matrix_heatmap(results.attribution(), style, Selection()), PROMPT, style)
    assert "Outlines" not in plain.layout.title.subtitle.text
    assert figure.layout.margin.t - plain.layout.margin.t == 18
