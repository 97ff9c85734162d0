"""What components write, as tokens: by a slow loop over TransformerLens' cache, and by the sums that must close."""

import numpy as np
import pytest
import torch

from app.compute.component_lens import component_lens
from app.compute.direct_logit_attribution import direct_logit_attribution
from app.compute.head_tokens import head_tokens
from app.domain.errors import BadRecipe, BadSite
from app.domain.head_recipes import HeadTokens
from app.domain.interventions import Ablate, GaussianNoise, Patch
from app.domain.lens_recipes import ComponentLens
from app.domain.prompts import PromptPair
from app.domain.recipes import DirectLogitAttribution
from app.domain.sites import Site
from tests.loaded import tiny
from tests.unit.compute.asking import PAIR, TOLERANCE, ask, cache, each_model

CHANGES = {
    "none": (),
    "zero stream": (Ablate(Site("resid_mid", 1)),),
    "patched stream": (Patch(Site("resid_pre", 1)), Ablate(Site("attn_out", 2), "mean")),
    "noise": (GaussianNoise((2, 3), 2.0),),
}


def lens(model, *interventions, **options):
    return ask(component_lens, ComponentLens, model, *interventions, **options)


def total(found):
    """Everything but whole attention layers, whose heads and bias are rows of their own."""
    parts = [not label.endswith(".attn") for label in found.component_labels]
    return found.token_logits[parts].sum(0) + found.remainders.sum(0)


@each_model
@pytest.mark.parametrize("options", [{}, {"layer": 1, "position": 4}])
def test_contributions_and_bias_sum_to_the_logits_before_the_cap(architecture, processing, options):
    model = tiny(architecture, processing)
    found = lens(model, tokens=("w3", "w7", "w40"), **options)
    with torch.no_grad():
        _, cached = model.bridge.run_with_cache(
            torch.tensor([model.tokenizer.encode("<|endoftext|> " + PAIR.clean)]), names_filter="unembed.hook_out"
        )
    logits = cached["unembed.hook_out"][0, options.get("position", -1)]
    ids = [model.tokenizer.convert_tokens_to_ids(word) for word in found.tokens]
    np.testing.assert_allclose(found.logits, (logits - logits.mean())[ids], atol=TOLERANCE)
    np.testing.assert_allclose(total(found), found.logits, atol=TOLERANCE)
    np.testing.assert_allclose(found.remainders[1], 0, atol=TOLERANCE)  # no intervention


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("architecture", ["gpt2", "gemma"])
def test_the_sums_close_under_interventions_too(architecture, change):
    found = lens(tiny(architecture), *change, most=4)
    size = max(1.0, np.abs(found.token_logits).sum())  # a zeroed stream has a scale near 0
    np.testing.assert_allclose(total(found) / size, found.logits / size, atol=TOLERANCE)


@each_model
def test_a_layers_parts_are_a_slow_loop_over_what_was_added_to_the_stream(architecture, processing):
    model = tiny(architecture, processing)
    _, cached = cache(model)
    found = lens(model, layer=1, top_k=3)
    bridge = model.bridge
    weight = getattr(bridge.ln_final.original_component, "weight", None)
    gain = 1 if weight is None else weight + bool(bridge.ln_final.uses_weight_offset)
    for label, hook in (("L1.attn", "hook_attn_out"), ("L1.mlp", "hook_mlp_out")):
        out = cached[f"blocks.1.{hook}"][0, -1]
        out = out if bridge.ln_final.uses_rms_norm else out - out.mean()
        logits = (out / cached["ln_final.hook_scale"][0, -1] * gain) @ bridge.W_U
        logits = logits - logits.mean()
        row = found.component_labels.index(label)
        np.testing.assert_allclose(found.promoted_logits[row], logits.topk(3).values, atol=TOLERANCE)
        np.testing.assert_allclose(found.suppressed_logits[row], logits.topk(3, largest=False).values, atol=TOLERANCE)


def test_heads_say_what_head_tokens_say():
    model = tiny("llama")
    found, heads = lens(model, layer=2, position=3), ask(head_tokens, HeadTokens, model, position=3)
    for head in range(4):
        row = found.component_labels.index(f"L2H{head}")
        assert found.promoted_tokens[row].tolist() == heads.promoted_tokens[0, 2, head].tolist()
        np.testing.assert_allclose(found.suppressed_logits[row], heads.suppressed_logits[0, 2, head], atol=TOLERANCE)


def test_the_top_components_are_those_of_the_largest_direct_attribution():
    model = tiny("gpt2", "raw")
    found, direct = lens(model, most=6), ask(direct_logit_attribution, DirectLogitAttribution, model)
    named = dict(zip(direct.component_labels[:-1], direct.components[0, :-1], strict=True))
    named = {label: value for label, value in named.items() if not label.endswith(".attn")}
    named |= {f"L{layer}H{head}": value for (layer, head), value in np.ndenumerate(direct.heads[0])}
    named |= {f"L{layer}.b_O": value for layer, value in enumerate(direct.attn_bias[0])}
    expected = sorted(named, key=lambda label: -abs(named[label]))[:6]
    assert list(found.component_labels) == expected
    np.testing.assert_allclose(found.logit_diff, [named[label] for label in expected], atol=TOLERANCE)


def test_without_answers_the_longest_come_first_and_there_are_no_tokens_to_add_up():
    found = lens(tiny("llama"), prompts=(PromptPair("w1 w2 w3"),), most=5)
    assert (np.diff(found.norm) <= 0).all()
    assert found.token_logits.shape == (5, 0)
    assert np.isnan(found.logit_diff).all()


def test_what_does_not_exist_is_refused():
    model = tiny("gpt2")
    with pytest.raises(BadSite, match="8 positions"):
        lens(model, position=8)
    with pytest.raises(BadSite, match="3 layers"):
        lens(model, layer=3)
    with pytest.raises(BadRecipe, match="most = 0"):
        lens(model, most=0)
