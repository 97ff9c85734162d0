"""The line under an exported figure's title."""

from app.domain.prompts import PromptPair
from app.domain.views import Selection, Style
from app.figures.caption import captioned
from app.figures.logit_lens import logit_lens_heatmap
from tests.unit.figures import results

PROMPT = PromptPair("When Mary and <John> went to the store", None, (" Mary",), (" John",))


def drawn(style: Style):
    return captioned(logit_lens_heatmap(results.lens(), style, Selection()), PROMPT, style)


def test_an_exported_figure_says_which_answers_and_which_prompt():
    text = drawn(Style(width=600, height=400)).layout.title.subtitle.text
    assert text.startswith("·Mary − ·John on “When Mary and &lt;John>")


def test_a_long_prompt_is_cut_to_the_width():
    assert drawn(Style(width=300, height=400)).layout.title.subtitle.text.endswith("…”")


def test_a_panel_has_no_caption_because_the_page_says_it():
    assert drawn(Style()).layout.title.subtitle.text is None


def test_a_long_title_is_wrapped_instead_of_cropped():
    figure = logit_lens_heatmap(results.lens(), Style(width=200, height=300), Selection())
    assert "<br>" in figure.layout.title.text
