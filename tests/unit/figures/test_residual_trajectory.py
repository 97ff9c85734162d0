"""The residual trajectory."""

from dataclasses import replace

import numpy as np

from app.domain.sites import Head
from app.domain.views import Selection, Style
from app.figures.residual_trajectory import residual_trajectory_lines
from tests.unit.figures import results


def test_both_readings_are_named_and_differ_in_dash_as_well_as_colour():
    result = results.trajectory()
    lens, cumulative = residual_trajectory_lines(result, Style(), Selection()).data
    assert (lens.name, cumulative.name) == ("logit lens", "cumulative direct attribution")
    assert lens.line.dash != cumulative.line.dash
    np.testing.assert_array_equal(lens.y, result.lens[0])
    np.testing.assert_array_equal(cumulative.y, result.cumulative[0])


def test_ticks_are_layers_at_their_resid_pre_and_the_end():
    figure = residual_trajectory_lines(results.trajectory(3), Style(), Selection())
    assert figure.layout.xaxis.ticktext == ("0", "1", "2", "end")
    assert figure.layout.xaxis.tickvals == (0, 2, 4, 6)
    assert list(figure.layout.meta["layer_x"]) == [0, 2, 4]


def test_parallel_blocks_have_one_point_per_layer():
    figure = residual_trajectory_lines(results.trajectory(3, parallel=True), Style(), Selection())
    assert figure.layout.xaxis.tickvals == (0, 1, 2, 3)


def test_30_layers_label_every_fifth():
    ticks = residual_trajectory_lines(results.trajectory(30), Style(), Selection()).layout.xaxis.ticktext
    assert ticks == ("0", "5", "10", "15", "20", "25", "end")


def test_hover_names_the_point_and_gives_both_values_in_full_precision():
    result = results.trajectory(2)
    lens, cumulative = residual_trajectory_lines(result, Style(), Selection()).data
    title, first, second = lens.hovertext[1].split("<br>")
    assert title == "<b>L0 resid_mid</b>"
    assert np.float32(first.removeprefix("logit lens ").replace("−", "-")) == result.lens[0, 1]
    given = second.removeprefix("cumulative direct attribution ").replace("−", "-")
    assert np.float32(given) == result.cumulative[0, 1]
    assert list(lens.hovertext) == list(cumulative.hovertext)
    assert lens.hovertext[-1].startswith("<b>final</b>")


def test_zero_is_a_line_and_difference_mode_says_delta():
    layout = residual_trajectory_lines(results.trajectory(), Style(show="difference"), Selection()).layout
    assert layout.yaxis.zeroline
    assert layout.yaxis.title.text == "Δ logit diff"


def test_selected_layers_and_layers_of_selected_heads_are_marked_once_each():
    chosen = Selection(layers=(0,), heads=(Head(2, 1), Head(2, 0)), primary=Head(2, 1))
    shapes = residual_trajectory_lines(results.trajectory(3), Style(), chosen).layout.shapes
    assert [(s.name, s.x0, s.x1, s.line.width) for s in shapes] == [("layer", 0, 0, 1), ("layer", 4, 4, 2)]


def test_points_that_are_not_computed_leave_a_gap():
    result = results.trajectory(1)
    line = residual_trajectory_lines(
        replace(result, lens=np.array([[1, np.nan, 2]], np.float32)), Style(), Selection()
    ).data[0]
    assert line.connectgaps is False
    assert "logit lens not computed" in line.hovertext[1]
