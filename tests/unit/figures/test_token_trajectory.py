"""Token trajectories: probability above rank, a line per token, named at its end."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import BadInput
from app.domain.views import Selection, Style
from app.figures.token_trajectory import token_trajectories_lines, token_trajectory_lines
from tests.unit.figures import results


def test_each_token_has_a_line_of_probability_and_one_of_rank_at_the_selected_position():
    result = results.lens(4)
    figure = token_trajectory_lines(result, Style(), Selection(positions=(1, 3)))
    assert [(trace.name, trace.yaxis) for trace in figure.data] == [
        ("·Mary", "y"), ("·Mary", "y2"), ("&lt;b>", "y"), ("&lt;b>", "y2"),
    ]  # fmt: skip
    np.testing.assert_array_equal(figure.data[0].y, result.token_probabilities[:, 3, 0])
    np.testing.assert_allclose(10 ** figure.data[3].y - 1, result.token_ranks[:, 3, 1], atol=1e-3)
    assert "position 3" in figure.layout.meta["title"]
    assert "(logit lens)" in figure.layout.meta["title"]


def test_the_last_position_is_shown_where_none_is_selected():
    result = results.lens(3)
    np.testing.assert_array_equal(
        token_trajectory_lines(result, Style(), Selection()).data[0].y, result.token_probabilities[:, -1, 0]
    )


def test_the_top_token_is_at_the_top_of_a_log_axis():
    axis = token_trajectory_lines(results.lens(3), Style(), Selection()).layout.yaxis2
    assert axis.range[0] > axis.range[1]
    assert (axis.tickvals[0], axis.ticktext[0]) == (0, "0")
    ranks = [int(text.replace(",", "")) for text in axis.ticktext]
    np.testing.assert_allclose(axis.tickvals, np.log10(1 + np.array(ranks)))


def test_lines_are_named_at_their_ends_and_names_do_not_cover_each_other():
    result = results.lens(3)
    close = replace(result, token_probabilities=np.full_like(result.token_probabilities, 0.5))
    names = token_trajectory_lines(close, Style(), Selection()).layout.annotations
    assert [name.text for name in names] == ["·Mary", "&lt;b>"] * 2
    assert abs(names[0].y - names[1].y) * 300 >= 12
    assert names[0].font.color != names[1].font.color


def test_both_runs_are_drawn_the_baseline_dotted_behind():
    baseline, intervened = results.lens(3), results.lens(3)
    figure = token_trajectories_lines(baseline, intervened, Style(show="intervened"), Selection())
    assert [trace.line.dash for trace in figure.data] == ["dot"] * 4 + ["solid"] * 4
    assert "baseline<br>" in figure.data[0].hovertext[0]
    assert "intervened<br>" in figure.data[0].hovertext[0]
    with pytest.raises(BadInput, match="other tokens or points"):
        token_trajectories_lines(results.lens(2), intervened, Style(), Selection())


def test_without_tokens_it_says_where_to_find_some():
    with pytest.raises(BadInput, match="search the vocabulary"):
        token_trajectory_lines(results.lens(3, answers=False), Style(), Selection())
