"""The card of a direction against a slow loop over tokens."""

import numpy as np
import pytest
import torch

from app.compute.direction_card import direction_card
from app.compute.directions import made
from app.domain.direction_card import DirectionCard
from app.domain.directions import (
    MeanDifference,
    NamedDirection,
    Placebo,
    RandomDirection,
    SingularVector,
    TokenDirection,
    Vector,
)
from app.domain.errors import BadRecipe
from app.domain.samples import Sample
from app.domain.sites import Head
from app.models.tokens import token_string
from tests import tiny as words
from tests.loaded import tiny
from tests.unit.compute.asking import TOLERANCE, ask, each_model

MEANS = MeanDifference("resid_post", 1, (Sample("w1 w2"),), (Sample("w5 w9"),))
OTHERS = (
    NamedDirection("itself", MEANS),
    NamedDirection("across", Placebo(MEANS)),
    NamedDirection("too narrow", Vector.of((1.0, 2.0))),
)


def card(model, direction=MEANS, **fields):
    return ask(direction_card, DirectionCard, model, prompts=(), direction=direction, **fields)


def read_by_hand(model, d):
    """Logits of every token, one at a time: what the final norm (scale 1) and the unembedding make of `d`."""
    norm = model.bridge.ln_final
    weight = getattr(norm.original_component, "weight", None)
    gain = torch.ones_like(d) if weight is None else weight.float() + (1 if norm.uses_weight_offset else 0)
    d = (d if norm.uses_rms_norm else d - d.mean()) * gain
    logits = [float(sum(d * model.bridge.W_U[:, token].float())) for token in range(model.facts.d_vocab)]
    return np.array(logits) - np.mean(logits)


@each_model
def test_tokens_by_unembedding_and_embedding_are_those_of_a_slow_loop(architecture, processing):
    model = tiny(architecture, processing)
    result = card(model, top_k=4)
    unit = made(model, MEANS).unit
    logits, order = (found := read_by_hand(model, unit)), np.argsort(found)
    np.testing.assert_allclose(result.promoted_logits, logits[order[::-1][:4]], atol=TOLERANCE)
    np.testing.assert_allclose(result.suppressed_logits, logits[order[:4]], atol=TOLERANCE)
    assert result.promoted_tokens.tolist() == [token_string(model, int(at)) for at in order[::-1][:4]]
    rows = model.bridge.W_E.float()
    cosines = [float(torch.cosine_similarity(row, unit, dim=0)) for row in rows]
    nearest = np.argsort(cosines)[::-1][:4]
    np.testing.assert_allclose(result.nearest_cosines, np.array(cosines)[nearest], atol=TOLERANCE)
    assert result.nearest_tokens.tolist() == [token_string(model, int(at)) for at in nearest]


def test_a_token_is_nearest_to_its_own_direction():
    model = tiny("llama")
    by_embedding = card(model, TokenDirection((words.ANSWER,), (), "W_E"))
    assert by_embedding.nearest_tokens[0] == words.ANSWER
    assert by_embedding.nearest_cosines[0] == pytest.approx(1, abs=1e-5)


def test_cosines_with_other_directions_and_why_one_has_none():
    result = card(tiny("llama"), others=OTHERS)
    np.testing.assert_allclose(result.cosines[:2], [1, 0], atol=1e-5)
    assert np.isnan(result.cosines[2])
    assert result.other_notes[:2] == ("", "")
    assert "has 2 numbers" in result.other_notes[2]


def test_the_vector_and_its_facts_are_those_that_were_made():
    model, direction = tiny("gpt2"), SingularVector(Head(1, 2), 1)
    result, found = card(model, direction), made(model, direction)
    np.testing.assert_array_equal(result.vector, found.vector.numpy())
    assert result.fact_names == ("length", "singular_value")
    np.testing.assert_allclose(result.facts, [1, found.facts["singular_value"]], rtol=1e-5)


def test_a_direction_that_cannot_be_made_and_too_many_tokens_are_refused():
    with pytest.raises(BadRecipe, match="has 2 numbers"):
        card(tiny("llama"), Vector.of((1.0, 2.0)))
    with pytest.raises(BadRecipe, match="top_k"):
        card(tiny("llama"), RandomDirection(), top_k=1000)
