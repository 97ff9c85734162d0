"""The strip over prompts: each prompt's value, the mean they make, and those that stand apart."""

import numpy as np

from app.domain.sites import Head
from app.domain.spread import spread
from app.domain.views import Selection, Style
from app.figures.prompt_strip import outliers, prompt_strip
from tests.unit.figures import sweeps

SIX = (sweeps.TOKENS[:4],) * 6


def draw(result, selection: Selection | None = None, **style):
    return prompt_strip(result, Style(**style), selection or Selection())


def points(figure):
    return next(trace for trace in figure.data if trace.name == "prompts")


def test_one_row_per_prompt_with_its_effect_index_and_text():
    result = sweeps.sweep("zero", tokens=SIX)
    found = points(draw(result, Selection(primary=Head(1, 2))))
    np.testing.assert_allclose(found.x, result.effect()[:, 5], atol=1e-6)  # float32
    assert found.y.tolist() == found.customdata.tolist() == list(range(6))
    assert found.hovertext[0].startswith("prompt 0: <b>")
    assert found.hovertext[0].endswith("<br>When Mary and John")


def test_the_mean_and_its_interval_are_verticals():
    result = sweeps.sweep("zero", tokens=SIX)
    figure, found = draw(result, Selection(primary=Head(0, 1))), spread(result.effect())
    drawn = {trace.name: trace.x[0] for trace in figure.data if trace.name in ("mean", "low", "high")}
    assert drawn == {"mean": found.mean[1], "low": found.low[1], "high": found.high[1]}


def test_one_prompt_has_no_interval():
    names = [trace.name for trace in draw(sweeps.sweep("zero")).data]
    assert "mean" in names
    assert "low" not in names


def test_an_outlier_is_a_diamond_with_its_number():
    result = sweeps.sweep("zero", tokens=SIX)
    result.values[0, 4, 5] += 9
    found = points(draw(result, Selection(primary=Head(1, 2))))
    assert found.marker.symbol.tolist() == ["circle"] * 4 + ["diamond", "circle"]
    assert found.text.tolist() == ["", "", "", "", "4", ""]
    assert "prompt 4, outlier" in found.hovertext[4]


def test_four_prompts_have_no_outliers_because_quartiles_say_nothing():
    assert not outliers(np.array([0.0, 0, 0, 100])).any()


def test_the_selected_prompt_is_framed():
    shapes = draw(sweeps.sweep("zero", tokens=SIX), Selection(prompt=3)).layout.shapes
    assert [(s.name, s.y0, s.y1) for s in shapes] == [("prompt", 2.5, 3.5)]


def test_the_cell_is_that_of_the_last_layer_and_position_else_the_strongest():
    result = sweeps.sweep(activation="resid_pre", by="position", tokens=SIX)
    chosen = draw(result, Selection(layers=(0, 1), positions=(3, 2)))
    assert chosen.layout.meta["cell"] == 6
    strongest = int(np.abs(result.effect().mean(axis=0)).argmax())
    assert draw(result).layout.meta["cell"] == strongest
    assert chosen.layout.meta["title"].startswith("L1 @2 on each prompt: effect on logit diff")


def test_a_prompt_that_is_left_out_of_ratios_is_drawn_nowhere_and_counted():
    result = sweeps.sweep(tokens=SIX)
    result.corrupted[0, 2] = result.clean[0, 2]
    figure = draw(result, normalised="recovered")
    assert [at for at, x in enumerate(points(figure).x) if np.isnan(x)] == [2]
    assert "no value" not in [trace.name for trace in figure.data]
    assert "1 of 6 left out" in figure.layout.meta["title"]


def test_prompts_that_are_not_computed_yet_are_drawn_nowhere_and_counted():
    result = sweeps.sweep("zero", tokens=SIX)
    result.values[:, 3:] = np.nan
    title = draw(result).layout.meta["title"]
    assert "3 of 6 not computed yet" in title
    assert "left out" not in title


def test_a_line_above_says_what_the_marks_mean_where_there_are_any():
    result = sweeps.sweep("zero", tokens=SIX)
    (plain,) = draw(result, Selection(primary=Head(1, 2))).layout.annotations
    assert "mean" in plain.text
    assert "95 % interval" in plain.text
    result.values[0, 4, 5] += 9
    (far,) = draw(result, Selection(primary=Head(1, 2))).layout.annotations
    assert "◆ outlier" in far.text
    assert not draw(sweeps.sweep("zero")).layout.annotations


def test_estimates_have_a_strip_too():
    found = points(draw(sweeps.estimate(tokens=SIX)))
    assert "(estimate)" in found.hovertext[0]


def test_numbers_of_twelve_prompts_do_not_stand_on_each_other():
    assert draw(sweeps.sweep("zero", tokens=SIX * 2)).layout.yaxis.dtick == 2
    assert draw(sweeps.sweep("zero", tokens=SIX)).layout.yaxis.dtick == 1
