"""Ranked components, predictions and the meters' table."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.sites import Head
from app.domain.views import Selection, Style
from app.figures.components import component_bars
from app.figures.correctness_meters import meters_table, verdicts
from app.figures.prediction import prediction_bars
from tests.unit.figures import results


def test_components_are_ranked_by_magnitude_and_coloured_by_sign():
    bars = component_bars(results.attribution(), Style(), Selection()).data[0]
    assert (np.diff(np.abs(bars.x)) <= 0).all()
    assert (np.sign(bars.marker.color) == np.sign(bars.x)).all()
    assert (bars.marker.cmin, bars.marker.cmax) == (-1, 1)


def test_shown_components_are_those_that_sum_to_the_logit_difference():
    result = results.attribution(2, 3)
    bars = component_bars(result, Style(), Selection()).data[0]
    names = list(bars.customdata)
    assert {"embed", "bias", "L1H2", "L0.b_O", "L1.mlp"} <= set(names)
    assert "L0.attn" not in names
    assert bars.x.sum() == pytest.approx(result.logit_diff[0], abs=1e-5)  # float32 sums in another order


def test_what_is_left_out_of_the_30_is_said_with_its_sum():
    result = results.attribution(10, 5)
    figure = component_bars(result, Style(), Selection())
    assert len(figure.data[0].x) == 30
    left = result.logit_diff[0] - figure.data[0].x.sum()
    assert figure.layout.xaxis.title.text.startswith("direct logit attribution, logits (42 not shown sum to ")
    assert f"{abs(left):#.3g}" in figure.layout.xaxis.title.text


def test_selected_heads_stand_out_in_the_labels():
    figure = component_bars(results.attribution(), Style(), Selection(heads=(Head(1, 2),)))
    assert "<b>L1H2 ◂</b>" in figure.layout.yaxis.ticktext


def test_without_answers_there_are_no_bars():
    result = results.attribution()
    empty = replace(result, heads=result.heads * np.nan, components=result.components * np.nan,
                    attn_bias=result.attn_bias * np.nan)  # fmt: skip
    assert len(component_bars(empty, Style(), Selection()).data[0].x) == 0


def test_predictions_run_from_the_most_likely_down_with_visible_tokens():
    figure = prediction_bars(results.prediction(), Style(), Selection())
    assert figure.layout.yaxis.ticktext == ("·Mary", "⏎", "&lt;s>")
    assert figure.layout.yaxis.range == (2.5, -0.5)
    assert figure.layout.xaxis.range[0] == 0
    bars = figure.data[0]
    assert bars.text == ("0.625", "0.250", "1.00e−07")
    assert bars.hovertext[0] == "rank 0: <b>·Mary</b><br>probability 0.625<br>logit +9.5"


def test_meters_say_what_holds_what_does_not_and_what_does_not_apply():
    assert verdicts(results.meters()) == ["✓", "✗", "—"]
    table = meters_table(results.meters(), Style(), Selection()).data[0]
    assert tuple(table.cells["values"][1]) == ("components sum", "heads sum", "restore")
    assert table.cells["values"][4][2] == "there is no corrupted prompt"
