"""Names of techniques, and what hover tells of a cell's runs."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.interventions import Ablate
from app.domain.recipes import parse_recipe, recipe_json
from app.domain.results import difference
from app.domain.sites import Site
from app.domain.views import Selection, Style
from app.figures.head_matrix import head_matrix_heatmap
from app.figures.sweep_map import sweep_heatmap
from app.figures.sweep_words import technique
from tests.unit.figures import sweeps

THREE = (sweeps.TOKENS[:4],) * 3


def hover(result, **style) -> str:
    """Of the first cell."""
    return sweep_heatmap(result, Style(**style), Selection()).data[0].hovertext[0, 0]


def test_an_ablation_of_the_corrupted_run_says_so():
    result = sweeps.sweep("zero")
    corrupted = replace(result, baseline="corrupted")
    assert (technique(result), technique(corrupted)) == ("zero ablation", "zero ablation in the corrupted run")
    assert ", ablated corrupted run " in hover(corrupted)
    assert ", ablated " in hover(result)
    assert "corrupted run" not in hover(result)


@pytest.mark.parametrize(
    ("activation", "options", "said"),
    [
        ("z", {}, "denoising, estimated"),
        ("z", {"grad_drop": True}, "denoising, estimated, GradDrop"),
        ("q", {}, "denoising, estimated, softmax correction"),
        ("q", {"grad_drop": True}, "denoising, estimated, softmax correction, GradDrop"),
        ("k", {"softmax_correction": False}, "denoising, estimated"),
        ("z", {"grad_drop": True, "ig_steps": 5}, "denoising, estimated, GradDrop, 5 integration steps"),
    ],
)
def test_an_estimate_names_its_corrections_where_they_do_something(activation, options, said):
    result = sweeps.estimate(size=(2, 3), activation=activation)
    recipe = recipe_json(replace(parse_recipe(result.recipe), **options))
    assert technique(replace(result, recipe=recipe)) == f"attribution patching ({said})"


def test_baselines_beside_a_recovered_share_are_of_the_prompts_that_it_is_of():
    result = sweeps.sweep("denoising", tokens=THREE)
    result.clean[0], result.corrupted[0] = [4, 2, 100], [1, 1, 100]  # the last prompt is left out
    result.values[0, :, 0] = [4, 1, 7]
    text = hover(result, normalised="recovered")
    assert "recovered logit diff +0.75 " in text  # (2.5 − 1) / (3 − 1)
    assert "clean +3.0, corrupted +1.0, patched +2.5" in text


def test_baselines_beside_a_partial_mean_are_of_the_prompts_that_it_is_of():
    result = sweeps.sweep("zero", tokens=THREE)
    result.clean[0] = [4, 2, 100]
    result.values[0, :, 0] = [3, 2, np.nan]
    assert "Δ logit diff −0.5 " in hover(result)
    assert "clean +3.0, " in hover(result)
    assert ", ablated +2.5" in hover(result)


def test_a_difference_says_of_its_runs_too_that_they_are_differences():
    one, other = sweeps.sweep("zero"), sweeps.sweep("zero", seed=7)
    assert "<br>Δ logit diff: clean 0.0, ablated " in hover(difference(one, other), show="difference")
    assert "<br>logit diff: clean " in hover(one)
    estimated = difference(sweeps.estimate(), sweeps.estimate())
    figure = sweep_heatmap(estimated, Style(show="difference"), Selection())
    exact = next(text for text in figure.data[0].hovertext.ravel() if "exact" in text)
    assert "exact Δ Δ logit diff 0.0" in exact


def test_titles_name_the_interventions_in_force_and_count_them_where_they_are_many():
    result = sweeps.sweep("zero")
    ablated = [Ablate(Site("z", layer, (1,))) for layer in range(3)]

    def title(*interventions) -> str:
        recipe = recipe_json(replace(parse_recipe(result.recipe), interventions=interventions))
        return sweep_heatmap(replace(result, recipe=recipe), Style(), Selection()).layout.meta["title"]

    assert f", under {ablated[0]} and {ablated[1]}, " in title(*ablated[:2])
    assert ", under 3 interventions, " in title(*ablated)
    assert "under" not in title()


@pytest.mark.parametrize(
    ("method", "said"), [("causal tracing", "restored"), ("noising", "patched"), ("zero", "ablated")]
)
def test_the_head_matrix_and_the_map_say_the_same_of_what_happened_to_a_cell(method, said):
    result = sweeps.sweep(method)
    drawn = [draw(result, Style(), Selection()) for draw in (head_matrix_heatmap, sweep_heatmap)]
    hovers = [figure.data[0].hovertext[0][0] for figure in drawn]
    assert all(f" {said} " in hover for hover in hovers)
