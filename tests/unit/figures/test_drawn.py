"""A view names its figure."""

import numpy as np
import pytest

from app.analyses import drawn
from app.domain.errors import BadInput
from app.domain.recipes import parse_recipe
from app.domain.views import Style, View, parse_view, view_dict
from tests.unit.figures import results, sweeps

ZERO, MEAN = sweeps.sweep("zero"), sweeps.sweep("mean")


def view(figure: str | None = None) -> View:
    return View(parse_recipe(MEAN.recipe), Style(width=500), figure=figure, against=parse_recipe(ZERO.recipe))


def test_a_view_with_figure_and_recipe_across_survives_json():
    assert parse_view(view_dict(view("sweep_scatter"))) == view("sweep_scatter")


@pytest.mark.parametrize(
    ("figure", "panel"),
    [(None, "sweep"), ("sweep_heatmap", "sweep"), ("prompt_strip", "strip"), ("sweep_scatter", "scatter"),
     ("head_matrix_heatmap", "head-matrix")],
)  # fmt: skip
def test_the_named_figure_is_drawn_and_without_a_name_the_analysis_own(figure, panel):
    assert drawn(view(figure), MEAN, ZERO).layout.meta["panel"] == panel


def test_a_scatter_of_two_has_the_recipe_across_across():
    assert drawn(view("sweep_scatter"), MEAN, ZERO).layout.xaxis.title.text.startswith("zero: ")


def test_a_pattern_is_drawn_weighted_by_the_weights_that_it_is_drawn_against():
    pattern, weights = results.pattern(), results.weights()
    asked = View(
        parse_recipe(pattern.recipe), figure="weighted_attention_heatmap", against=parse_recipe(weights.recipe)
    )
    np.testing.assert_array_equal(
        drawn(asked, pattern, weights).data[0].z, pattern.pattern[0, 0] * weights.output_norm[0, 0]
    )
    with pytest.raises(BadInput, match="give the recipe of the weights as `against`"):
        drawn(asked, pattern)


def test_a_figure_that_does_not_exist_is_refused_with_the_list():
    with pytest.raises(BadInput, match=r"no figure 'pie'; use one of .*component_bars, .*sweep_scatter, .*or none"):
        drawn(view("pie"), MEAN)


def test_a_scatter_of_two_without_the_second_is_refused():
    with pytest.raises(BadInput, match="give the recipe of the one across as `against`"):
        drawn(view("sweep_scatter"), MEAN)
