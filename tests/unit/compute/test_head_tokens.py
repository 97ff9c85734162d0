"""Promoted and suppressed tokens of every head, by a slow loop over TransformerLens' cache."""

import numpy as np
import pytest

from app.compute.direct_logit_attribution import direct_logit_attribution
from app.compute.head_tokens import head_tokens
from app.domain.errors import BadRecipe, BadSite
from app.domain.head_recipes import HeadTokens
from app.domain.interventions import Ablate
from app.domain.recipes import DirectLogitAttribution
from app.domain.sites import Site
from tests.loaded import tiny
from tests.unit.compute.asking import PAIR, TOLERANCE, ask, cache, each_model


def found_tokens(model, *interventions, **options):
    return ask(head_tokens, HeadTokens, model, *interventions, **options)


def logits_of_head(model, cached, layer, head, at):
    """What the head writes at a position, through the final norm at the run's own scale."""
    bridge = model.bridge
    out = cached[f"blocks.{layer}.attn.hook_z"][0, at, head] @ bridge.blocks[layer].attn.W_O[head]
    if f"blocks.{layer}.ln1_post.hook_scale" in cached:
        post = bridge.blocks[layer].ln1_post.original_component
        out = out / cached[f"blocks.{layer}.ln1_post.hook_scale"][0, at] * (1 + post.weight)
    final = getattr(bridge.ln_final.original_component, "weight", None)
    gain = 1 if final is None else final + bool(bridge.ln_final.uses_weight_offset)
    out = out if bridge.ln_final.uses_rms_norm else out - out.mean()
    logits = (out / cached["ln_final.hook_scale"][0, at] * gain) @ bridge.W_U
    return logits - logits.mean()


@each_model
@pytest.mark.parametrize("position", [None, 3])
def test_every_heads_tokens_are_those_of_a_slow_loop(architecture, processing, position):
    model = tiny(architecture, processing)
    _, cached = cache(model)
    found = found_tokens(model, position=position, top_k=3)
    for layer, head in np.ndindex(*found.promoted_logits.shape[1:3]):
        logits = logits_of_head(model, cached, layer, head, -1 if position is None else position)
        best, worst = logits.argsort(descending=True)[:3], logits.argsort()[:3]
        np.testing.assert_allclose(found.promoted_logits[0, layer, head], logits[best], atol=TOLERANCE)
        np.testing.assert_allclose(found.suppressed_logits[0, layer, head], logits[worst], atol=TOLERANCE)
        vocabulary = model.tokenizer.convert_ids_to_tokens
        assert found.promoted_tokens[0, layer, head].tolist() == vocabulary(best.tolist())
        assert found.suppressed_tokens[0, layer, head].tolist() == vocabulary(worst.tolist())


def test_the_answers_logits_differ_by_the_direct_attribution():
    model = tiny("llama")
    found = found_tokens(model, top_k=50)
    direct = ask(direct_logit_attribution, DirectLogitAttribution, model).heads[0]
    for layer, head in np.ndindex(*direct.shape):
        ranked = zip(found.promoted_tokens[0, layer, head], found.promoted_logits[0, layer, head], strict=True)
        logit = dict(ranked)
        difference = logit[PAIR.answer[0]] - logit[PAIR.incorrect_answer[0]]
        assert difference == pytest.approx(direct[layer, head], abs=TOLERANCE)


def test_interventions_hold_and_what_does_not_exist_is_refused():
    model = tiny("gpt2")
    removed = found_tokens(model, Ablate(Site("z", 1, (2,))))
    np.testing.assert_allclose(removed.promoted_logits[0, 1, 2], 0, atol=TOLERANCE)
    with pytest.raises(BadSite):
        found_tokens(model, position=99)
    with pytest.raises(BadRecipe, match="top_k"):
        found_tokens(model, top_k=0)
