"""An attribution is tested by the sum it must reproduce, and by TransformerLens' own attribution."""

import numpy as np
import pytest
import torch
from transformer_lens.tools.analysis import direct_logit_attribution as oracle

from app.compute.direct_logit_attribution import direct_logit_attribution
from app.compute.prediction import prediction
from app.domain.direction_interventions import Clamp, ProjectOut, Steer, SwapAlong
from app.domain.directions import RandomDirection, TokenDirection
from app.domain.errors import BadAnswer
from app.domain.interventions import Ablate, GaussianNoise, KnockOutEdge, Patch
from app.domain.prompts import PromptPair
from app.domain.recipes import DirectLogitAttribution, Prediction
from app.domain.results import difference
from app.domain.sites import Site
from tests import tiny as words
from tests.loaded import tiny
from tests.unit.compute.asking import (
    PAIR,
    TOLERANCE,
    TWO_ANSWERS,
    answer,
    ask,
    cache,
    each_model,
    incorrect,
    tokens,
)  # fmt: skip

TOKENS, STREAM = TokenDirection((words.ANSWER,), (words.INCORRECT,)), Site("resid_post", 1)
INTERVENTIONS = {
    "none": (),
    "heads zeroed": (Ablate(Site("z", 1, (0, 2))),),
    "heads meaned": (Ablate(Site("z", 0), "mean"),),
    "heads patched": (Patch(Site("z", 1)),),
    "attention zeroed": (Ablate(Site("attn_out", 1)),),
    "attention patched": (Patch(Site("attn_out", 2)),),
    "MLP patched": (Patch(Site("mlp_out", 0)),),
    "stream zeroed": (Ablate(Site("resid_post", 0)),),
    "stream patched": (Patch(Site("resid_pre", 1)),),
    "stream patched elsewhere": (Patch(Site("resid_pre", 1, None, (3, 4))),),
    "stream zeroed, then patched later": (Patch(Site("resid_pre", 2)), Ablate(Site("resid_pre", 1))),
    "stream patched, attention zeroed later": (Ablate(Site("attn_out", 2)), Patch(Site("resid_post", 0))),
    "stream meaned": (Ablate(Site("resid_pre", 1), "mean"),),
    "stream meaned, then zeroed later": (Ablate(Site("resid_pre", 1), "mean"), Ablate(Site("resid_post", 1))),
    "stream meaned, then patched later": (Ablate(Site("resid_post", 0), "mean"), Patch(Site("resid_pre", 2))),
    "stream meaned, attention meaned later": (
        Ablate(Site("resid_pre", 1), "mean"),
        Ablate(Site("attn_out", 2), "mean"),
    ),
    "attention resampled": (Ablate(Site("attn_out", 1), "resample"),),
    "stream patched from another text": (Patch(Site("resid_post", 1), "w8 w7 w6 w5 w4 w3 w2"),),
    "stream patched from another position": (Patch(Site("resid_pre", 2, None, (7,)), source_positions=(3,)),),
    "stream patched from a longer text's end": (Patch(Site("resid_pre", 2, None, (7,)), "w3 " * 9, (9,)),),
    "noise at the end": (GaussianNoise((7,)),),
    "an edge, frozen patterns and scales": (
        KnockOutEdge(1, ((7, 2),), renormalise=True, freeze=("pattern", "scale")),
        Ablate(Site("resid_pre", 1, None, (4,))),
    ),
    "neurons": (Ablate(Site("mlp_post", 1, neurons=(3, 4)), "mean"),),
    "steered": (
        Steer(Site("resid_pre", 0), TOKENS, 2.0),
        Steer(Site("resid_post", 1), RandomDirection(1), -1.0, "norm"),
    ),
    "projected out of the stream and an attention": (
        ProjectOut(Site("attn_out", 2), TOKENS),
        Clamp(STREAM, TOKENS, 3.0),
    ),
    "half swapped": (SwapAlong(STREAM, (TOKENS,), share=0.5),),
    "swapped, then steered": (SwapAlong(STREAM, (TOKENS, RandomDirection(1))), Steer(STREAM, TOKENS, 1.0)),
}


def attribution(model, *interventions, **options):
    return ask(direct_logit_attribution, DirectLogitAttribution, model, *interventions, **options)


def component(result, label):
    return result.components[:, result.component_labels.index(label)]


def attention(result):
    """[prompt layer]"""
    layers = range(result.heads.shape[1])
    return np.stack([component(result, f"L{layer}.attn") for layer in layers], axis=1)


@each_model
@pytest.mark.parametrize("case", INTERVENTIONS)
def test_components_add_up_to_the_logit_difference_and_heads_to_attention(architecture, processing, case):
    found = attribution(tiny(architecture, processing), *INTERVENTIONS[case])
    np.testing.assert_allclose(found.components.sum(-1), found.logit_diff, atol=TOLERANCE)
    np.testing.assert_allclose(found.heads.sum(-1) + found.attn_bias, attention(found), atol=TOLERANCE)


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma"])
def test_the_sum_holds_when_the_stream_is_changed_between_attention_and_mlp(architecture):
    middle = Site("resid_mid", 1)
    for change in (Ablate(middle), Patch(middle), Ablate(middle, "mean")):
        found = attribution(tiny(architecture), change)
        np.testing.assert_allclose(found.components.sum(-1), found.logit_diff, atol=TOLERANCE)
        np.testing.assert_allclose(found.heads.sum(-1) + found.attn_bias, attention(found), atol=TOLERANCE)


@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_heads_before_a_projection_along_the_answer_write_nothing_towards_it_and_steering_takes_nothing(architecture):
    """The answer direction is what attribution reads along, so nothing of what was written before is left of it."""
    model = tiny(architecture)
    plain, out, steered = (
        attribution(model, *each).heads[:, :2]
        for each in ((), (ProjectOut(STREAM, TOKENS),), (Steer(STREAM, TOKENS, 1.0),))
    )
    assert abs(plain).max() > 1e-3
    np.testing.assert_allclose(out, 0, atol=1e-6)
    ratio = steered / plain  # the final scale alone
    np.testing.assert_allclose(ratio, ratio.flatten()[0], rtol=1e-3)


@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_components_equal_transformer_lens_direct_logit_attribution(architecture):
    model = tiny(architecture)
    options = {"answer_tokens": answer(model), "incorrect_tokens": incorrect(model), "unit": "component"}
    expected = oracle(model.bridge, tokens(model), **options)
    found = attribution(model)
    np.testing.assert_allclose(found.components[0, :-1], expected.attribution.flatten(), atol=TOLERANCE)


@pytest.mark.parametrize("architecture", ["gpt2", "neox", "llama"])
def test_heads_equal_transformer_lens_stack_head_results(architecture):
    model = tiny(architecture)
    _, cached = cache(model)
    stack = cached.stack_head_results(layer=-1, pos_slice=-1)
    expected = cached.logit_attrs(stack, answer(model), incorrect_tokens=incorrect(model), pos_slice=-1)
    np.testing.assert_allclose(attribution(model).heads[0].flatten(), expected.flatten(), atol=TOLERANCE)


@pytest.mark.parametrize("processing", ["compatibility", "raw"])
def test_heads_of_a_post_norm_model_are_what_the_norm_lets_through(processing):
    model = tiny("gemma", processing)
    bridge = model.bridge
    _, cached = cache(model)
    found = attribution(model)
    gain = 1 + bridge.ln_final.original_component.weight
    along = (
        gain * (bridge.W_U[:, answer(model)] - bridge.W_U[:, incorrect(model)]) / cached["ln_final.hook_scale"][0, -1]
    )
    for layer, head in np.ndindex(3, 4):
        written = cached[f"blocks.{layer}.attn.hook_z"][0, -1, head] @ bridge.blocks[layer].attn.W_O[head]
        post = bridge.blocks[layer].ln1_post.original_component
        added = written / cached[f"blocks.{layer}.ln1_post.hook_scale"][0, -1] * (1 + post.weight)
        assert found.heads[0, layer, head] == pytest.approx(float(added @ along), abs=TOLERANCE)


@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_raw_and_folded_weights_give_the_same_attributions(architecture):
    raw, folded = attribution(tiny(architecture, "raw")), attribution(tiny(architecture))
    assert raw.component_labels == folded.component_labels
    np.testing.assert_allclose(raw.components, folded.components, atol=TOLERANCE)


def test_labels_name_every_component_in_the_order_of_the_forward_pass():
    blocks = ("L0.attn", "L0.mlp", "L1.attn", "L1.mlp", "L2.attn", "L2.mlp", "bias")
    assert attribution(tiny("gpt2")).component_labels == ("embed", "pos_embed", *blocks)
    assert attribution(tiny("neox")).component_labels == ("embed", *blocks)


@each_model
def test_the_logit_difference_is_the_models_own_before_its_soft_cap(architecture, processing):
    model = tiny(architecture, processing)
    logits, cached = cache(model)
    linear = cached["unembed.hook_out"][0, -1]
    found = attribution(model).logit_diff[0]
    assert found == pytest.approx(float(linear[answer(model)] - linear[incorrect(model)]), abs=TOLERANCE)
    capped = float(logits[0, -1, answer(model)] - logits[0, -1, incorrect(model)])
    assert (found == pytest.approx(capped, abs=1e-6)) == (architecture != "gemma")


def test_several_answers_are_averaged_and_prompts_keep_their_order():
    model = tiny("llama")
    found = attribution(model, prompts=(PAIR, TWO_ANSWERS))
    alone = attribution(model, prompts=(TWO_ANSWERS,))
    singles = [PromptPair(TWO_ANSWERS.clean, None, (one,), TWO_ANSWERS.incorrect_answer) for one in TWO_ANSWERS.answer]
    expected = attribution(model, prompts=tuple(singles)).components.mean(0)
    np.testing.assert_allclose(found.components[1], alone.components[0], atol=TOLERANCE)
    np.testing.assert_allclose(found.components[1], expected, atol=TOLERANCE)


def test_a_zeroed_head_writes_nothing_and_the_difference_says_so():
    model = tiny("gpt2")
    baseline, ablated = attribution(model), attribution(model, Ablate(Site("z", 2, (1,))))
    assert ablated.heads[0, 2, 1] == 0
    assert difference(ablated, baseline).heads[0, 2, 1] == pytest.approx(-baseline.heads[0, 2, 1])


def test_a_stream_patched_at_the_end_is_the_corrupted_runs_attribution():
    model = tiny("neox")
    swapped = PromptPair(words.CORRUPTED, None, PAIR.answer, PAIR.incorrect_answer)
    patched = attribution(model, Patch(Site("resid_post", 2)))
    corrupted = attribution(model, prompts=(swapped,))
    np.testing.assert_allclose(patched.components, corrupted.components, atol=TOLERANCE)
    np.testing.assert_allclose(patched.heads, corrupted.heads, atol=TOLERANCE)


def test_the_logit_difference_is_the_predictions():
    model = tiny("llama", "raw")
    metrics = ask(prediction, Prediction, model).metrics
    assert attribution(model).logit_diff[0] == pytest.approx(metrics[0, 0], abs=TOLERANCE)


@pytest.mark.parametrize(
    ("pair", "missing"),
    [
        (PromptPair("w1 w2"), "an answer and an incorrect_answer"),
        (PromptPair("w1 w2", answer=("w7",)), "an incorrect_answer"),
        (PromptPair("w1 w2", incorrect_answer=("w7",)), "an answer"),
    ],
)
def test_a_prompt_without_both_answers_is_refused_and_told_which_to_name(pair, missing):
    with pytest.raises(BadAnswer, match=f"name {missing} for the prompt"):
        attribution(tiny("llama"), prompts=(PAIR, pair))


def test_numbers_leave_as_float32_without_gradients():
    found = attribution(tiny("gpt2"))
    assert {found.components.dtype, found.heads.dtype, found.attn_bias.dtype, found.logit_diff.dtype} == {
        np.dtype("float32")
    }
    assert torch.is_grad_enabled()
