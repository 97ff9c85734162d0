"""What a sweep's map says of what is not there, not on every prompt, or not significant."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import BadInput
from app.domain.views import Selection, Style
from app.figures.attribution_patching import exact_vs_estimate_scatter
from app.figures.caption import captioned
from app.figures.prompt_strip import prompt_strip
from app.figures.sweep_agreement import agreement
from app.figures.sweep_tables import attribution_patching_rows, summarised
from tests.unit.figures import sweeps
from tests.unit.figures.test_caption import PROMPT
from tests.unit.figures.test_sweep_map import EXPORT, PAIR, draw, title


def begun(method="zero", **cells):
    """Eight prompts: the first done, the second as far as the last three cells, the rest not there."""
    result = sweeps.sweep(method, tokens=PAIR * 4, **cells)
    result.values[:, 1, :-3], result.values[:, 2:] = np.nan, np.nan
    result.clean[:, 2:], result.corrupted[:, 2:] = np.nan, np.nan
    return result


@pytest.mark.parametrize("read", ["effect", "recovered", "recovered_each"])
def test_the_title_says_of_how_many_prompts_what_is_there_is(read):
    how = {"effect": "mean", "recovered": "ratio of means", "recovered_each": "mean of ratios"}[read]
    assert f", {how} over 1–2 of 8 prompts, Tiny" in title(begun(), Style(normalised=read))


def test_a_whole_prompt_of_eight_is_no_whole_sweep():
    result = begun()
    result.values[:, 1] = np.nan
    assert "mean over 1 of 8 prompts" in title(result, Style())
    assert [len(trace.x) for trace in draw(result).data if trace.name == "fewer prompts"] == [0]


def test_cells_on_fewer_prompts_than_the_rest_have_a_ring_and_the_legend_says_so():
    figure = draw(begun())
    rings = next(trace for trace in figure.data if trace.name == "fewer prompts")
    assert (list(rings.x), list(rings.y)) == ([0.3, 1.3, 2.3], [-0.3] * 3)
    assert [note.text for note in figure.layout.annotations] == ["○ fewer prompts"]
    assert not any("fewer" in note.text for note in draw(sweeps.sweep("zero", tokens=PAIR)).layout.annotations)


def test_neurons_on_fewer_prompts_say_of_how_many_they_are():
    result = begun(activation="mlp_post", layers=(1,))
    result.values[0, 0, 0] += 90
    assert draw(result).layout.yaxis.ticktext[0] == "L1N0 (n = 1)"


def test_where_nothing_is_computed_there_is_no_colour_bar_to_write_under():
    result = sweeps.sweep("zero")
    assert [note.xshift for note in begun_notes(result, 3)] == [56]
    assert [note.xshift for note in begun_notes(result, 6)] == [0]


def begun_notes(result, missing: int):
    result.values[:, :, :missing] = np.nan
    return draw(result).layout.annotations


def test_the_caption_counts_what_is_there_and_names_no_prompt_that_may_not_be():
    figure = captioned(draw(begun(), EXPORT), PROMPT, EXPORT)
    assert figure.layout.title.subtitle.text == "Answer − incorrect answer over 1–2 of 8 prompts"


def eight(size=(2, 3)):
    """Eight prompts: every cell moves the same way on all of them, except the first."""
    result = sweeps.sweep("zero", size=size, tokens=PAIR * 4)
    steady = np.where(np.arange(size[0] * size[1]) % 2, 1.0, -1.0).astype(np.float32)
    result.values[0] = result.clean[0][:, None] + steady
    result.values[0, :, 0] = result.clean[0] + np.float32([1, -1] * 4)
    return result


def test_hidden_cells_fade_to_0_with_a_dot_and_the_title_counts_what_remains():
    asked = replace(EXPORT, significant=True)
    figure = draw(eight(), asked)
    cells, dots = figure.data[0], next(trace for trace in figure.data if trace.name == "hidden")
    assert cells.z[0, 0] == 0
    assert (dots.x.tolist(), dots.y.tolist()) == ([0], [0])
    assert cells.hovertext[0, 0].endswith("hidden: q ≥ 0.05")
    assert (
        "5 of 6 cells have q < 0.05 (false discovery rate; 5 have p < 0.05 uncorrected, 0.3 expected by chance)"
        in figure.layout.meta["title"]
    )
    assert [note.text for note in figure.layout.annotations] == ["· q ≥ 0.05"]


def test_notes_stand_above_a_map_of_tokens_where_no_label_is_in_their_way():
    result = sweeps.sweep("zero", activation="resid_pre", by="position", tokens=PAIR * 4)
    result.values[:, :, 3] = np.nan
    result.values[:, 2:, 4] = np.nan
    notes = draw(result).layout.annotations
    assert [note.text for note in notes] == ["╱ not computed", "○ fewer prompts"]
    assert all((note.y, note.yanchor) == (1, "bottom") for note in notes)
    assert notes[1].xshift < notes[0].xshift - 6 * len(notes[0].text)


def test_hiding_changes_no_colour_and_nothing_is_hidden_unless_asked():
    shown, hidden = draw(eight()).data[0], draw(eight(), Style(significant=True)).data[0]
    assert (shown.zmin, shown.zmax) == (hidden.zmin, hidden.zmax)
    assert len(next(trace for trace in draw(eight()).data if trace.name == "hidden").x) == 0


def test_signs_go_by_the_limit_of_the_colours_also_where_the_largest_cell_is_hidden():
    result = eight()
    result.values[0, :, 0] = result.clean[0] + np.float32([80] + 7 * [-2])  # mean 8.25, by one prompt alone
    cells = draw(result, Style(significant=True)).data[0]
    assert cells.zmax == pytest.approx(8.25)
    assert cells.z.ravel().tolist() == [0, 1, -1, 1, -1, 1]
    assert set(cells.text.ravel()) == {""}  # -1 is less than a quarter of 8.25


@pytest.mark.parametrize("prompts", [1, 5])
def test_too_few_prompts_hide_nothing_and_the_title_says_why(prompts):
    result = sweeps.sweep("zero", tokens=(PAIR[0],) * prompts)
    figure = draw(result, Style(significant=True))
    assert len(next(trace for trace in figure.data if trace.name == "hidden").x) == 0
    assert figure.layout.meta["title"].endswith("nothing hidden: p < 0.05 needs 6 prompts")


def test_cells_of_too_few_prompts_are_not_counted_as_tested():
    result = eight()
    result.values[:, 5:, :2] = np.nan
    said = (
        "4 of 4 cells have q < 0.05 (false discovery rate; 4 have p < 0.05 uncorrected, 0.2 expected by chance), "
        "2 with fewer than 6 prompts are shown untested"
    )
    assert said in title(result, Style(significant=True))


def begun_estimate(**cells):
    """An estimate of two prompts whose first is estimated: no cell has been chosen for an exact value yet."""
    result = sweeps.estimate(tokens=PAIR, **cells)
    result.estimate[1], result.clean[:, 1], result.corrupted[:, 1] = np.nan, np.nan, np.nan
    return replace(result, exact=np.full_like(result.exact, np.nan), group=np.zeros_like(result.group))


def test_an_estimate_that_has_begun_is_a_map_and_a_strip_of_the_prompts_that_are_there():
    result = begun_estimate()
    assert "mean over 1 of 2 prompts" in title(result, Style())
    np.testing.assert_array_equal(np.ravel(draw(result).data[0].z), result.estimate[0])
    strip = prompt_strip(result, Style(), Selection())
    points = next(trace for trace in strip.data if trace.name == "prompts")
    assert np.isfinite(np.asarray(points.x, float)).sum() == 1


def test_an_estimate_that_has_begun_has_tables_with_what_is_there():
    table, summary = attribution_patching_rows(begun_estimate()), summarised(begun_estimate())
    known = table[np.isfinite(table["estimate"])]
    assert (set(known["prompt"]), set(known["group"]), len(known)) == ({0}, {""}, 6)
    n = summary.set_index("metric")["n"]
    assert (set(n["estimated logit_diff"]), set(n["exact logit_diff"])) == ({1}, {0})


def test_an_estimate_that_has_begun_agrees_with_another_sweep_over_what_is_there():
    result = begun_estimate()
    assert "over 6 cells" in agreement(result, sweeps.sweep("denoising", tokens=PAIR), Style()).said
    with pytest.raises(BadInput, match=r"No cell has an exact value \(yet\)"):
        exact_vs_estimate_scatter(result, Style(), Selection())
