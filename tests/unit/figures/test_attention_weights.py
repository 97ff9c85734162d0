"""What source tokens offer heads, and attention maps weighted by it."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import BadInput, BadSite
from app.domain.sites import Head
from app.domain.views import Selection, Style
from app.figures.attention_pattern import weighted_attention_heatmap
from app.figures.attention_weights import attention_weights_heatmap
from tests.unit.figures import results

PRIMARY = Selection(primary=Head(0, 1))


def test_the_heads_of_the_shown_layer_are_rows_and_source_tokens_columns():
    result = results.weights()
    figure = attention_weights_heatmap(result, Style(weighted_by="value_norm"), Selection(primary=Head(3, 1)))
    np.testing.assert_array_equal(figure.data[0].z, result.value_norm[1])
    assert figure.layout.yaxis.ticktext == ("L3H0", "L3H1")
    assert figure.layout.xaxis.ticktext[2] == "·Mary"
    assert (figure.data[0].zmin, figure.data[0].colorbar.title.text) == (0, "|v|")
    assert figure.layout.shapes[0].name == "primary"


def test_attribution_is_signed_and_hover_has_all_three():
    result = results.weights()
    cells = attention_weights_heatmap(result, Style(weighted_by="attribution"), Selection()).data[0]
    assert cells.zmin == -cells.zmax
    text = cells.hovertext[1][4]
    assert text.startswith("<b>L0H1</b><br>key 4 <b>·Mary</b><br>|v| ")
    assert f"<br>|v·W_O| {result.output_norm[0, 1, 4]!s}<br>attribution " in text


def test_attribution_without_answers_is_hatched_as_not_computed():
    figure = attention_weights_heatmap(results.weights(answers=False), Style(weighted_by="attribution"), Selection())
    assert figure.layout.annotations[0].text == "╱ not computed"
    assert figure.data[0].hovertext[0][0].endswith("attribution not computed")


def test_a_difference_of_norms_is_signed():
    cells = attention_weights_heatmap(results.weights(), Style(show="difference"), Selection()).data[0]
    assert (cells.zmin, cells.colorbar.title.text) == (-cells.zmax, "Δ |v·W_O|")


def test_a_layer_that_the_result_does_not_hold_is_refused():
    with pytest.raises(BadSite, match="L1H0 is not in this result, which has layers 0, 3"):
        attention_weights_heatmap(results.weights(), Style(), Selection(primary=Head(1, 0)))


@pytest.mark.parametrize("by", ["value_norm", "output_norm"])
def test_a_weighted_map_is_the_pattern_times_the_norm_of_each_key(by):
    pattern, weights = results.pattern(), results.weights()
    cells = weighted_attention_heatmap(weights, pattern, Style(weighted_by=by), PRIMARY).data[0]
    np.testing.assert_array_equal(cells.z, pattern.pattern[0, 1] * getattr(weights, by)[0, 1])
    assert cells.zmin == 0
    assert cells.zmax == pytest.approx(np.max(cells.z))


def test_a_map_weighted_by_attribution_has_the_row_of_end_alone():
    pattern, weights = results.pattern(), results.weights()
    figure = weighted_attention_heatmap(weights, pattern, Style(weighted_by="attribution"), PRIMARY)
    cells = figure.data[0]
    np.testing.assert_array_equal(cells.z[-1], pattern.pattern[0, 1, -1] * weights.attribution[0, 1])
    assert np.isnan(cells.z[:-1]).all()
    assert cells.zmin == -cells.zmax
    assert figure.layout.annotations[0].text == "╱ not computed"
    assert (
        "attention × attribution +" in cells.hovertext[-1][0] or "attention × attribution −" in cells.hovertext[-1][0]
    )


def test_the_pattern_itself_is_left_as_it_was():
    pattern = results.pattern()
    before = pattern.pattern.copy()
    weighted_attention_heatmap(results.weights(), pattern, Style(weighted_by="attribution"), PRIMARY)
    np.testing.assert_array_equal(pattern.pattern, before)


def test_weights_of_another_prompt_or_other_layers_and_differences_are_refused():
    pattern, weights = results.pattern(), results.weights()
    with pytest.raises(BadInput, match="not of this prompt and L0H1"):
        weighted_attention_heatmap(results.weights(("a", "b")), pattern, Style(), PRIMARY)
    with pytest.raises(BadInput, match="the pattern's prompt and layers"):
        weighted_attention_heatmap(replace(weights, layers=(2, 3)), pattern, Style(), PRIMARY)
    with pytest.raises(BadInput, match="do not multiply; show the baseline"):
        weighted_attention_heatmap(weights, pattern, Style(show="difference"), PRIMARY)
