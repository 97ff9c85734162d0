"""Projections against TransformerLens' cache, and as the direct attribution that they are but for scale."""

import numpy as np
import pytest
import torch

from app.compute.direct_logit_attribution import centred_direction, direct_logit_attribution
from app.compute.head_projection import head_projection, token_direction
from app.compute.metrics import logit_direction
from app.domain.directions import TokenDirection
from app.domain.errors import BadAnswer, BadRecipe, BadSite
from app.domain.head_recipes import HeadProjection
from app.domain.interventions import Ablate
from app.domain.prompts import PromptPair
from app.domain.recipes import DirectLogitAttribution
from app.domain.sites import Site
from tests import tiny as words
from tests.loaded import tiny
from tests.unit.compute.asking import PAIR, TOLERANCE, answer, ask, cache, each_model, incorrect

SIDES = {"tokens": PAIR.answer, "minus": PAIR.incorrect_answer}


def projection(model, *interventions, **options):
    return ask(head_projection, HeadProjection, model, *interventions, **{**SIDES, **options}).projection


@each_model
def test_at_the_end_it_is_the_direct_attribution_times_the_scale_over_the_directions_length(architecture, processing):
    model, ablation = tiny(architecture, processing), Ablate(Site("z", 0, (1,)), "mean")
    direct = ask(direct_logit_attribution, DirectLogitAttribution, model, ablation).heads
    u = centred_direction(model, logit_direction(model, (answer(model),), (incorrect(model),))[0])
    ratio = projection(model, ablation) / direct
    np.testing.assert_allclose(ratio, np.full_like(ratio, ratio[0, 0, 0]), rtol=1e-3)  # one scale for every head
    scale = float(cache(model)[1]["ln_final.hook_scale"][0, -1])
    plain = ask(direct_logit_attribution, DirectLogitAttribution, model).heads
    np.testing.assert_allclose(projection(model) * float(u.norm()) / scale, plain, atol=TOLERANCE)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_at_any_position_it_is_the_heads_output_along_the_unembedding(architecture):
    model, at = tiny(architecture), 3
    bridge, cached = model.bridge, cache(model)[1]
    u = bridge.W_U[:, answer(model)] - bridge.W_U[:, incorrect(model)]
    found = projection(model, position=at)[0]
    for layer, head in np.ndindex(*found.shape):
        written = cached[f"blocks.{layer}.attn.hook_z"][0, at, head] @ bridge.blocks[layer].attn.W_O[head]
        assert found[layer, head] == pytest.approx(float(written @ u / u.norm()), abs=TOLERANCE)


@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
@pytest.mark.parametrize("processing", ["raw", "compatibility"])
def test_without_minus_it_is_from_the_mean_of_the_vocabulary_in_every_processing(architecture, processing):
    model, W_U = tiny(architecture, processing), tiny(architecture).bridge.W_U
    u = W_U[:, answer(model)] - W_U.mean(-1)
    torch.testing.assert_close(token_direction(model, (answer(model),), ()), u / u.norm(), atol=TOLERANCE, rtol=0)


def test_on_a_direction_of_tokens_it_is_the_projection_on_these_tokens():
    model, direction = tiny("gemma", "raw"), TokenDirection(PAIR.answer, PAIR.incorrect_answer)
    found = projection(model, tokens=(), minus=(), direction=direction)
    np.testing.assert_allclose(found, projection(model), atol=TOLERANCE)
    for wrong, says in (({"direction": direction}, "there are two"), ({"tokens": (), "minus": ()}, "there is none")):
        with pytest.raises(BadRecipe, match=says):
            projection(model, **wrong)


def test_the_other_way_round_is_the_negative():
    model = tiny("gemma")
    turned = projection(model, tokens=SIDES["minus"], minus=SIDES["tokens"])
    np.testing.assert_allclose(projection(model), -turned, atol=1e-6)


def test_what_is_no_direction_or_no_position_is_refused():
    model = tiny("gpt2")
    with pytest.raises(BadRecipe, match="tokens and minus are the same"):
        projection(model, minus=SIDES["tokens"])
    with pytest.raises(BadRecipe, match="there is none; give tokens"):
        projection(model, tokens=())
    with pytest.raises(BadAnswer):
        projection(model, tokens=("w1 w2",))
    with pytest.raises(BadSite, match="Prompt 1 has 3 positions"):
        projection(model, prompts=(PAIR, PromptPair("w1 w2")), position=5)
