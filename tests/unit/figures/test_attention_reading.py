"""Attention of several heads together, and of differences, as one matrix with its name."""

import dataclasses

import numpy as np
import pytest

from app.domain.errors import BadInput
from app.domain.sites import Head
from app.domain.views import Selection, Style
from app.figures.attention_pattern import attention_difference_heatmap, attention_frame, attention_heatmap
from app.figures.attention_reading import reading, reading_rows
from app.figures.theme import HUES
from tests.unit.figures import results

RESULT = results.pattern(n_layers=2, n_heads=3)
OTHER = dataclasses.replace(RESULT, pattern=RESULT.pattern[::-1].copy())
HEADS = (Head(1, 2), Head(0, 1))
CHOSEN = Selection(heads=HEADS, primary=HEADS[0], pinned=Head(0, 0))
FIRST, SECOND, PINNED = RESULT.pattern[1, 2], RESULT.pattern[0, 1], RESULT.pattern[0, 0]


def test_the_primary_head_is_read_alone():
    shown = reading(RESULT, Style(), CHOSEN)
    np.testing.assert_array_equal(shown.values, FIRST)
    assert (shown.of, shown.signed) == ("L1H2", False)


def test_selected_heads_together_are_their_mean_or_the_largest_of_them():
    mean, most = (reading(RESULT, Style(together=how), CHOSEN) for how in ("mean", "max"))
    np.testing.assert_allclose(mean.values, (FIRST + SECOND) / 2, rtol=1e-6)
    np.testing.assert_array_equal(most.values, np.maximum(FIRST, SECOND))
    assert (mean.of, most.of) == ("mean of L1H2, L0H1", "max of L1H2, L0H1")


def test_each_head_has_the_cells_where_it_is_the_largest():
    shown = reading(RESULT, Style(together="each"), CHOSEN)
    np.testing.assert_array_equal(shown.strongest == 0, FIRST >= SECOND)
    figure = attention_heatmap(RESULT, Style(together="each"), CHOSEN)
    maps = [trace for trace in figure.data if trace.type == "heatmap"]
    assert [trace.name for trace in maps] == ["L1H2", "L0H1"]
    assert [trace.colorscale[1][1] for trace in maps] == list(HUES["light"][:2])
    np.testing.assert_array_equal(np.isnan(maps[0].z), np.isfinite(maps[1].z))


def test_the_pinned_head_is_taken_away_head_by_head_on_a_symmetric_scale():
    style = Style(together="max", minus="pinned")
    shown = reading(RESULT, style, CHOSEN)
    first, second = FIRST - PINNED, SECOND - PINNED
    expected = np.where(np.abs(first) >= np.abs(second), first, second)
    np.testing.assert_array_equal(shown.values, expected)
    figure = attention_heatmap(RESULT, style, CHOSEN)
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-0.5, 0.5)
    assert "strongest of L1H2, L0H1 − L0H0 (pinned)" in figure.layout.meta["title"]


def test_the_other_prompt_is_taken_away_from_the_same_head():
    figure = attention_difference_heatmap(OTHER, RESULT, Style(minus="corrupted"), CHOSEN)
    np.testing.assert_array_equal(figure.data[0].z, FIRST - OTHER.pattern[1, 2])
    assert "minus the pair's other prompt" in figure.layout.meta["title"]


def test_in_a_difference_of_runs_nothing_else_is_taken_away():
    shown = reading(RESULT, Style(show="difference", minus="pinned"), CHOSEN)
    np.testing.assert_array_equal(shown.values, FIRST)
    assert (shown.of, shown.signed) == ("L1H2", True)


@pytest.mark.parametrize(
    ("minus", "selection", "other", "words"),
    [
        ("pinned", Selection(primary=HEADS[0]), None, "no head is pinned"),
        ("corrupted", CHOSEN, None, "attention_difference_heatmap"),
        ("corrupted", CHOSEN, results.pattern(("a", "b")), "6 and 2 tokens"),
    ],
)
def test_what_cannot_be_taken_away_is_refused(minus, selection, other, words):
    with pytest.raises(BadInput, match=words):
        reading(RESULT, Style(minus=minus), selection, other)


def test_the_frame_has_the_scale_of_what_is_shown_and_none_where_every_head_has_its_colour():
    assert attention_frame(results.TOKENS, Style(minus="pinned")).layout.coloraxis.cmin == -0.5
    assert attention_frame(results.TOKENS, Style(together="each")).layout.coloraxis.showscale is False
    assert attention_frame(results.TOKENS, Style(together="each", minus="pinned")).layout.coloraxis.showscale


def test_the_table_has_the_matrix_that_is_drawn():
    rows = reading_rows(RESULT, Style(together="mean"), CHOSEN)
    n = len(RESULT.str_tokens)
    np.testing.assert_array_equal(rows["value"], reading(RESULT, Style(together="mean"), CHOSEN).values.ravel())
    assert rows.loc[n, ["position", "token", "source_position"]].tolist() == [1, "When", 0]
    assert rows["metric"].unique().tolist() == ["attention: mean of L1H2, L0H1"]
