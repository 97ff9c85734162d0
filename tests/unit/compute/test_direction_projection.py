"""Projections against slow loops over TransformerLens' cache, and the sums that they must close."""

import numpy as np
import pytest

from app.compute.direction_distribution import direction_distribution
from app.compute.direction_projection import direction_projection
from app.compute.directions import made
from app.domain.direction_recipes import DirectionDistribution, DirectionProjection
from app.domain.directions import RandomDirection, TokenDirection, Vector
from app.domain.errors import BadRecipe, BadSite
from app.domain.interventions import Ablate, Patch
from app.domain.prompts import PromptPair
from app.domain.sites import Site
from tests import tiny as words
from tests.loaded import tiny
from tests.unit.compute.asking import PAIR, TOLERANCE, ask, cache, each_model, ids

ANSWERS = TokenDirection((words.ANSWER,), (words.INCORRECT,))
SHORT = PromptPair("w5 w1 w5", "w6 w1 w5", ("w7", "w8"), ("w9",))


def projection(model, *interventions, **options):
    fields = {"direction": ANSWERS, **options}
    return ask(direction_projection, DirectionProjection, model, *interventions, **fields)


def distribution(model, *interventions, **options):
    fields = {"direction": ANSWERS, **options}
    return ask(direction_distribution, DirectionDistribution, model, *interventions, **fields)


@each_model
def test_every_cell_is_the_dot_product_with_the_cached_stream(architecture, processing):
    model = tiny(architecture, processing)
    unit, found, cosine = made(model, ANSWERS).unit, projection(model), projection(model, normalised=True)
    for layer in range(3):
        stream = cache(model)[1][f"blocks.{layer}.hook_resid_post"][0]
        for position, activation in enumerate(stream):
            dot = float(activation @ unit)
            assert found.projection[0, layer, position] == pytest.approx(dot, abs=TOLERANCE)
            length = float(activation.norm())
            assert cosine.projection[0, layer, position] == pytest.approx(dot / length, abs=TOLERANCE)


@each_model
def test_projections_of_what_is_added_to_the_stream_add_up(architecture, processing):
    model, change = tiny(architecture, processing), Ablate(Site("z", 0, (1,)))
    parts = {name: projection(model, change, activation=name).projection
             for name in ("resid_pre", "attn_out", "mlp_out", "resid_post")}  # fmt: skip
    total = parts["resid_pre"] + parts["attn_out"] + parts["mlp_out"]
    np.testing.assert_allclose(total, parts["resid_post"], atol=TOLERANCE)


def test_a_projection_is_linear_in_the_direction_and_blind_to_its_length():
    model, rng = tiny("gpt2"), np.random.default_rng(0)
    one, other = rng.normal(size=(2, 32))
    found = {name: projection(model, direction=Vector.of(tuple(vector))).projection * np.linalg.norm(vector)
             for name, vector in {"one": one, "other": other, "sum": one + 2 * other}.items()}  # fmt: skip
    np.testing.assert_allclose(found["one"] + 2 * found["other"], found["sum"], atol=TOLERANCE)
    longer = projection(model, direction=Vector.of(tuple(7 * one))).projection
    np.testing.assert_allclose(longer * np.linalg.norm(one), found["one"], atol=TOLERANCE)


def test_prompts_of_several_lengths_are_padded_and_each_is_as_if_it_were_alone():
    model, change = tiny("llama"), Ablate(Site("attn_out", 1), prompts=(1,))
    both = projection(model, change, prompts=(PAIR, SHORT, PAIR))
    alone = projection(model, Ablate(Site("attn_out", 1)), prompts=(SHORT,))
    length = len(ids(model, SHORT.clean))
    np.testing.assert_allclose(both.projection[1, :, :length], alone.projection[0], atol=TOLERANCE)
    assert np.isnan(both.projection[1, :, length:]).all()
    assert both.tokens_of(1) == alone.tokens_of(0)
    np.testing.assert_allclose(both.projection[0], projection(model).projection[0], atol=TOLERANCE)


def test_a_distribution_reads_both_prompts_of_a_pair_where_they_end():
    model, pairs = tiny("gpt2"), (PAIR, SHORT, PromptPair("w1 w2"))
    found = distribution(model, prompts=pairs)
    for at, pair in enumerate(pairs[:2]):
        for side, text in enumerate((pair.clean, pair.corrupted)):
            alone = projection(model, prompts=(PromptPair(text),)).projection[0, :, -1]
            np.testing.assert_allclose(found.projection[side, at], alone, atol=TOLERANCE)
    assert np.isnan(found.projection[1, 2]).all()
    assert found.answers.tolist() == [["w7", "w7/w8", ""], ["w11", "w9", ""]]
    third = distribution(model, prompts=pairs, position=3)
    expected = projection(model, prompts=(SHORT,)).projection[0, :, 3]
    np.testing.assert_allclose(third.projection[0, 1], expected, atol=TOLERANCE)
    assert (found.left_out, third.left_out) == (0, 1)  # w1 w2 is too short
    assert np.isnan(third.projection[:, 2]).all()


def test_interventions_hold_on_both_sides_of_a_distribution_and_patches_take_from_the_other():
    model, patch = tiny("gpt2"), Patch(Site("resid_pre", 1))
    plain, patched = distribution(model).projection, distribution(model, patch).projection
    np.testing.assert_allclose(patched[0, 0, 1:], plain[1, 0, 1:], atol=TOLERANCE)
    np.testing.assert_allclose(patched[1, 0, 1:], plain[0, 0, 1:], atol=TOLERANCE)


def test_what_is_not_there_is_refused():
    with pytest.raises(BadSite, match="no resid_mid"):
        projection(tiny("neox"), activation="resid_mid")
    with pytest.raises(BadSite, match="The longest prompt has 8 positions"):
        distribution(tiny("gpt2"), prompts=(PAIR, SHORT), position=8)
    with pytest.raises(BadRecipe, match="drop base"):
        distribution(tiny("gpt2"), base="corrupted")
    with pytest.raises(BadRecipe, match="2 numbers"):
        projection(tiny("gpt2"), direction=Vector.of((1.0, 2.0)))


def test_a_random_direction_is_a_direction_like_any_other():
    assert np.isfinite(projection(tiny("gpt2"), direction=RandomDirection(3)).projection).all()
