"""Weights of source tokens are what TransformerLens' cache gives in a slow loop, and attention brings them to the
direct attribution of the head."""

import numpy as np
import pytest
import torch

from app.compute.attention_pattern import attention_pattern
from app.compute.attention_weights import attention_weights
from app.compute.direct_logit_attribution import direct_logit_attribution
from app.compute.passes import quiet_scales
from app.domain.errors import BadSite
from app.domain.interventions import Ablate, KnockOutEdge, Patch
from app.domain.prompts import PromptPair
from app.domain.recipes import AttentionPattern, AttentionWeights, DirectLogitAttribution
from app.domain.sites import Site
from tests.loaded import ground_truth, smollm2, tiny
from tests.unit.compute.asking import PAIR, TOLERANCE, answer, ask, cache, each_model, incorrect

CHANGES = {
    "none": (),
    "values of a head zeroed": (Ablate(Site("v", 1, (1,))),),
    "keys meaned, an MLP zeroed": (Ablate(Site("k", 0), "mean"), Ablate(Site("mlp_out", 1))),
    "stream patched before END": (Patch(Site("resid_pre", 1, None, (3, 4))),),
    "edges": (KnockOutEdge(2, ((7, 4), (7, 0)), (0, 2)),),
    "frozen patterns and scales": (Ablate(Site("mlp_out", 0), freeze=("pattern", "scale")),),
}
REPLACED = {
    "a head's z": (Ablate(Site("z", 1, (0, 2))), [(1, 0), (1, 2)]),
    "a layer's z before END": (Ablate(Site("z", 1, None, (2,))), []),
    "a layer's attention": (Patch(Site("attn_out", 1)), [(1, h) for h in range(4)]),
    "the stream before a layer": (Ablate(Site("resid_pre", 1)), [(0, h) for h in range(4)]),
    "the stream after a layer": (Patch(Site("resid_post", 1)), [(n, h) for n in (0, 1) for h in range(4)]),
}


def weights(model, *interventions, **options):
    return ask(attention_weights, AttentionWeights, model, *interventions, **options)


def direct(model, *interventions):
    return ask(direct_logit_attribution, DirectLogitAttribution, model, *interventions).heads[0]


def brought_to_end(model, *interventions):
    """Attention at END times attribution, summed over source tokens: `[layer head]`."""
    pattern = ask(attention_pattern, AttentionPattern, model, *interventions).pattern[:, :, -1]
    return (pattern * weights(model, *interventions).attribution).sum(-1)


def added(model, cached, layer, head, v):
    """What this value would add to the stream at END."""
    block = model.bridge.blocks[layer]
    out = v @ block.attn.W_O[head]
    if f"blocks.{layer}.ln1_post.hook_scale" not in cached:
        return out
    return out / cached[f"blocks.{layer}.ln1_post.hook_scale"][0, -1] * (1 + block.ln1_post.original_component.weight)


@each_model
def test_weights_are_those_of_a_slow_loop_over_transformer_lens_cache(architecture, processing):
    model = tiny(architecture, processing)
    _, cached = cache(model)
    found = weights(model)
    stream = cached["blocks.2.hook_resid_post"][0, -1]
    for layer, head, key in np.ndindex(found.value_norm.shape):
        values = cached[f"blocks.{layer}.attn.hook_v"][0, key]
        v = values[head * len(values) // 4]
        out = added(model, cached, layer, head, v)
        assert found.value_norm[layer, head, key] == pytest.approx(float(v.norm()), abs=TOLERANCE)
        assert found.output_norm[layer, head, key] == pytest.approx(float(out.norm()), abs=TOLERANCE)
        without = linear_logit_diff(model, cached, stream - out)
        whole = linear_logit_diff(model, cached, stream)
        assert found.attribution[layer, head, key] == pytest.approx(whole - without, abs=TOLERANCE)


def linear_logit_diff(model, cached, stream):
    """Of a stream at END at the scale of the run, by the model's own final norm and unembedding."""
    norm, scale = model.bridge.ln_final, cached["ln_final.hook_scale"][0, -1]
    hooks = [("ln_final.hook_scale", lambda found, hook: torch.ones_like(found) * scale)]
    with torch.no_grad(), quiet_scales(), model.bridge.hooks(fwd_hooks=hooks):
        logits = model.bridge.unembed(norm(stream[None, None]))[0, 0]
    return float(logits[answer(model)] - logits[incorrect(model)])


@each_model
@pytest.mark.parametrize("change", CHANGES)
def test_attention_times_attribution_sums_to_the_direct_attribution_of_the_head(architecture, processing, change):
    model = tiny(architecture, processing)
    np.testing.assert_allclose(brought_to_end(model, *CHANGES[change]), direct(model, *CHANGES[change]), atol=TOLERANCE)


@pytest.mark.parametrize("model", [ground_truth, smollm2])
def test_the_sum_holds_on_the_shipped_models(model):
    pair = PromptPair("apple river house apple", None, ("river",), ("tree",))
    if model is smollm2:
        pair = PromptPair("When Mary and John went to the store, John gave a drink to", None, (" Mary",), (" John",))
    (found, pattern, heads) = (
        ask(compute, kind, model(), prompts=(pair,))
        for compute, kind in (
            (attention_weights, AttentionWeights),
            (attention_pattern, AttentionPattern),
            (direct_logit_attribution, DirectLogitAttribution),
        )
    )
    total = (pattern.pattern[:, :, -1] * found.attribution).sum(-1)
    np.testing.assert_allclose(total, heads.heads[0], atol=TOLERANCE)


@pytest.mark.parametrize("case", REPLACED)
def test_where_something_else_stands_at_end_no_source_token_wrote_it(case):
    change, heads = REPLACED[case]
    found = weights(tiny("llama"), change)
    expected = np.zeros((3, 4), bool)
    for layer, head in heads:
        expected[layer, head] = True
    np.testing.assert_array_equal(np.isnan(found.attribution).all(-1), expected)
    np.testing.assert_array_equal(np.isnan(found.attribution).any(-1), expected)
    left = ~expected
    np.testing.assert_allclose(
        brought_to_end(tiny("llama"), change)[left], direct(tiny("llama"), change)[left], atol=TOLERANCE
    )


def test_without_both_answers_norms_are_known_and_attribution_is_not():
    found = weights(tiny("gpt2"), prompts=(PromptPair("w1 w2", None, PAIR.answer),))
    assert np.isfinite(found.value_norm).all()
    assert np.isfinite(found.output_norm).all()
    assert np.isnan(found.attribution).all()


def test_asked_layers_come_in_the_asked_order():
    model = tiny("gemma")
    found, every = weights(model, layers=(2, 0)), weights(model)
    assert found.layers == (2, 0)
    for name in ("value_norm", "output_norm", "attribution"):
        np.testing.assert_array_equal(getattr(found, name), getattr(every, name)[[2, 0]])


def test_replaced_heads_are_found_among_asked_layers_in_any_order():
    found = weights(tiny("gpt2"), Ablate(Site("z", 2, (1, 3))), layers=(2, 0))
    assert np.isnan(found.attribution).all(-1).tolist() == [[False, True, False, True], [False] * 4]


def test_a_layer_that_is_not_there_is_refused():
    with pytest.raises(BadSite, match=r"3 layers \(0 to 2\), so 7 does not exist"):
        weights(tiny("gpt2"), layers=(7,))
