"""Thumbnails of all heads: reduction by blocks, palette entries, and the exported figure."""

import base64
from dataclasses import replace

import numpy as np
import pytest

from app.domain.sites import Head
from app.domain.views import Selection, Style
from app.figures.attention_png import attention_png, indices
from app.figures.attention_thumbnails import attention_thumbnails, thumbnails, thumbnails_size
from app.figures.attention_windows import reduced
from tests.unit.figures import results


def test_a_short_prompt_is_not_reduced():
    pattern = results.pattern().pattern
    np.testing.assert_array_equal(thumbnails(pattern, Style()), indices(pattern, 1, False))


def test_a_cell_of_a_long_prompt_is_the_largest_value_of_its_block():
    pattern = np.zeros((1, 1, 5, 5), np.float32)
    pattern[0, 0, 3, 2], pattern[0, 0, 4, 4] = 0.7, 0.2
    expected = [[0, 0, 0], [0, 0.7, 0], [0, 0, 0.2]]
    np.testing.assert_allclose(reduced(pattern, signed=False, most=(3, 3))[0, 0], expected)


def test_of_a_difference_the_largest_magnitude_stays_with_its_sign():
    pattern = np.array([[0.1, -0.4], [0.3, np.nan]], np.float32)
    assert reduced(pattern, signed=True, most=(1, 1)).tolist() == [[np.float32(-0.4)]]
    assert reduced(-pattern, signed=True, most=(1, 1)).tolist() == [[np.float32(0.4)]]


def test_a_block_is_missing_only_where_all_of_it_is():
    pattern = np.full((4, 4), np.nan, np.float32)
    pattern[0, 0] = 0.5
    np.testing.assert_array_equal(reduced(pattern, signed=False, most=(2, 2)), [[0.5, np.nan], [np.nan, np.nan]])


def test_thumbnails_have_at_most_64_cells_per_side():
    assert thumbnails(np.zeros((1, 2, 200, 200), np.float32), Style()).shape == (1, 2, 50, 50)


@pytest.mark.parametrize("reading", [{"weighted_by": "attribution"}, {"minus": "pinned"}])
def test_thumbnails_are_plain_attention_however_the_large_pattern_is_read(reading):
    result = results.pattern()
    style = Style(**reading)
    np.testing.assert_array_equal(thumbnails(result.pattern, style), thumbnails(result.pattern, Style()))
    axis = attention_thumbnails(result, style, Selection()).layout.coloraxis
    assert (axis.cmin, axis.cmax) == (0, 1)


def test_the_exported_figure_has_layers_down_and_heads_across_and_marks_the_selection():
    result = results.pattern()
    layers, heads, n, _ = result.pattern.shape
    selection = Selection(heads=(Head(0, 1),), primary=Head(0, 1))
    figure = attention_thumbnails(result, Style(width=400, height=300), selection)
    assert figure.layout.yaxis.range == (layers - 0.5, -0.5)
    assert figure.layout.xaxis.range == (-0.5, heads - 0.5)
    (mark,) = figure.layout.shapes
    assert (mark.name, mark.x0, mark.y0) == ("primary", 0.5, -0.5)
    atlas = result.pattern.transpose(0, 2, 1, 3).reshape(layers * n, heads * n)
    png = base64.b64decode(figure.layout.images[0].source.split(",")[1])
    assert png == attention_png(atlas, 1.0, False, "light")


def test_of_a_result_of_some_layers_only_those_are_drawn_and_marked():
    result = replace(results.pattern(n_layers=2), layers=(7, 9))
    selection = Selection(heads=(Head(9, 0), Head(3, 0)))
    figure = attention_thumbnails(result, Style(), selection)
    assert figure.layout.yaxis.ticktext == ("7", "9")
    assert [(mark.x0, mark.y0) for mark in figure.layout.shapes] == [(-0.5, 0.5)]
    assert thumbnails_size(result)[1] >= 240
