"""One query of one head, against slow loops over TransformerLens' cache."""

import numpy as np
import pytest
import torch

from app.compute.attention_weights import attention_weights
from app.compute.head_reading import head_reading
from app.domain.errors import BadRecipe, BadSite
from app.domain.interventions import Ablate, KnockOutEdge, Patch
from app.domain.prompts import PromptPair
from app.domain.recipes import AttentionWeights, HeadReading
from app.domain.sites import Head, Site
from tests.loaded import ground_truth, smollm2, tiny
from tests.unit.compute.asking import PAIR, TOLERANCE, ask, cache, each_model

HEAD = Head(1, 2)
LAYER = "blocks.1"


def reading(model, *interventions, head=HEAD, **options):
    return ask(head_reading, HeadReading, model, *interventions, head=head, **options)


def key_value_head(model, heads):
    return HEAD.head * heads.shape[-2] // model.facts.n_heads


def unrotated_scores(model, cached, query):
    """q . k at every key without any rotation, scaled as the score of the query with itself says."""
    q = cached[f"{LAYER}.attn.hook_q"][0, query, HEAD.head]
    keys = cached[f"{LAYER}.attn.hook_k"][0]
    k = keys[:, key_value_head(model, keys)]
    return torch.stack([q @ each for each in k]) / len(q) ** 0.5


@each_model
@pytest.mark.parametrize("query", [None, 4])
def test_scores_and_attention_are_those_of_transformer_lens(architecture, processing, query):
    model = tiny(architecture, processing)
    _, cached = cache(model)
    found = reading(model, query=query)
    at = 7 if query is None else query
    assert found.src_positions == tuple(range(at + 1))
    for name in ("score", "pattern"):
        hook = f"{LAYER}.attn.hook_{'attn_scores' if name == 'score' else name}"
        expected = cached[hook][0, HEAD.head, at, : at + 1]
        np.testing.assert_allclose(getattr(found, name), expected, atol=TOLERANCE)
    np.testing.assert_allclose(torch.tensor(found.score).softmax(-1), found.pattern, atol=TOLERANCE)


@pytest.mark.parametrize("processing", ["compatibility", "raw"])
@pytest.mark.parametrize("architecture", ["neox", "llama", "gemma"])
def test_the_content_of_rotary_scores_is_that_of_unrotated_queries_and_keys(architecture, processing):
    model = tiny(architecture, processing)
    _, cached = cache(model)
    expected = unrotated_scores(model, cached, 7)
    if architecture == "gemma":  # caps scores at 50
        expected = torch.tanh(expected / 50) * 50
    found = reading(model)
    np.testing.assert_allclose(found.content, expected, atol=TOLERANCE)
    np.testing.assert_allclose(found.content + found.positional, found.score, atol=TOLERANCE)
    assert found.positional[7] == pytest.approx(0, abs=TOLERANCE)
    assert np.abs(found.positional[:7]).max() > 0.01
    assert found.note == ""


@pytest.mark.parametrize("processing", ["compatibility", "raw"])
def test_the_content_of_learned_positions_is_what_is_left_without_them_at_the_runs_own_scale(processing):
    model = tiny("gpt2", processing)
    _, cached = cache(model)
    block, without = model.bridge.blocks[1], cached[f"{LAYER}.hook_resid_pre"][0] - cached["hook_pos_embed"][0]
    ln1 = block.ln1.original_component
    y = (without - without.mean(-1, keepdim=True)) / cached[f"{LAYER}.ln1.hook_scale"][0]
    if processing == "raw":
        y = y * ln1.weight + ln1.bias
    q = y[7] @ block.attn.W_Q[HEAD.head] + block.attn.b_Q.view(4, 8)[HEAD.head]
    expected = [float(q @ (each @ block.attn.W_K[HEAD.head] + block.attn.b_K.view(4, 8)[HEAD.head])) for each in y]
    found = reading(model)
    np.testing.assert_allclose(found.content, np.array(expected) / 8**0.5, atol=TOLERANCE)
    np.testing.assert_allclose(found.content + found.positional, found.score, atol=TOLERANCE)
    assert np.abs(found.positional).max() > 0.01


@each_model
def test_promoted_and_suppressed_tokens_are_those_of_the_heads_output_by_a_slow_loop(architecture, processing):
    model = tiny(architecture, processing)
    bridge, (_, cached) = model.bridge, cache(model)
    found = reading(model, query=5, top_k=3)
    final = getattr(bridge.ln_final.original_component, "weight", None)
    gain = 1 if final is None else final + bool(bridge.ln_final.uses_weight_offset)
    for key in range(6):
        values = cached[f"{LAYER}.attn.hook_v"][0, key]
        out = values[key_value_head(model, values)] @ bridge.blocks[1].attn.W_O[HEAD.head]
        if architecture == "gemma":
            post = bridge.blocks[1].ln1_post.original_component
            out = out / cached[f"{LAYER}.ln1_post.hook_scale"][0, 5] * (1 + post.weight)
        out = out if bridge.ln_final.uses_rms_norm else out - out.mean()
        logits = (out / cached["ln_final.hook_scale"][0, 5] * gain) @ bridge.W_U
        logits = logits - logits.mean()
        best, worst = logits.argsort(descending=True)[:3], logits.argsort()[:3]
        np.testing.assert_allclose(found.promoted_logits[key], logits[best], atol=TOLERANCE)
        np.testing.assert_allclose(found.suppressed_logits[key], logits[worst], atol=TOLERANCE)
        vocabulary = model.tokenizer.convert_ids_to_tokens(best.tolist())
        assert found.promoted_tokens[key].tolist() == vocabulary


def test_what_the_output_promotes_agrees_with_its_attribution():
    pair = PromptPair(PAIR.clean, None, PAIR.answer, PAIR.incorrect_answer)
    model = tiny("llama")
    found = reading(model, prompts=(pair,), top_k=50)
    logit = [dict(zip(*row, strict=True)) for row in zip(found.promoted_tokens, found.promoted_logits, strict=True)]
    expected = ask(attention_weights, AttentionWeights, model, prompts=(pair,)).attribution[1, 2]
    direct = [each[PAIR.answer[0]] - each[PAIR.incorrect_answer[0]] for each in logit]
    np.testing.assert_allclose(direct, expected, atol=TOLERANCE)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_interventions_hold_in_scores_parts_and_outputs(architecture):
    model = tiny(architecture)
    held = (Ablate(Site("k", 1)), KnockOutEdge(1, ((7, 3),)), Ablate(Site("v", 1)))
    found = reading(model, *held)
    for name in ("score", "content", "positional", "promoted_logits"):
        np.testing.assert_allclose(getattr(found, name), 0, atol=TOLERANCE)
    assert found.pattern[3] == 0
    changed, plain = reading(model, Ablate(Site("mlp_out", 0))), reading(model)
    assert np.abs(changed.content - plain.content).max() > 0.01


def test_parts_are_not_known_where_the_stream_no_longer_has_the_positions():
    found = reading(tiny("gpt2"), Patch(Site("resid_pre", 1)))
    assert "replaces the stream that L1H2 reads" in found.note
    assert np.isnan(found.content).all()
    assert np.isnan(found.positional).all()
    assert np.isfinite(found.score).all()
    assert reading(tiny("gpt2"), Patch(Site("resid_post", 1))).note == ""
    assert reading(tiny("llama"), Patch(Site("resid_pre", 1))).note == ""


def test_keys_outside_a_sliding_window_are_absent():
    model = tiny("gemma")
    found = reading(model, prompts=(PromptPair("w1 w2 w3 w4 " * 6),), head=Head(0, 1))
    assert found.src_positions == tuple(range(9, 25))
    np.testing.assert_allclose(found.pattern.sum(), 1, atol=TOLERANCE)


def test_scores_that_transformer_lens_does_not_show_are_computed_from_queries_and_keys():
    pair = PromptPair("apple river house apple", None, ("river",), ("tree",))
    for processing in ("compatibility", "raw"):
        found = reading(ground_truth(processing), prompts=(pair,), head=Head(1, 3))
        np.testing.assert_allclose(torch.tensor(found.score).softmax(-1), found.pattern, atol=TOLERANCE)
        np.testing.assert_allclose(found.content + found.positional, found.score, atol=TOLERANCE)
        assert found.note == ""


def test_scores_of_the_default_model_are_its_own():
    found = reading(smollm2(), prompts=(PromptPair("When Mary and John went to the store, John gave a drink to"),))
    np.testing.assert_allclose(torch.tensor(found.score).softmax(-1), found.pattern, atol=TOLERANCE)
    assert found.positional[-1] == pytest.approx(0, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"head": Head(3, 0)}, BadSite, "so 3 does not exist"),
        ({"head": Head(0, 4)}, BadSite, "4 heads"),
        ({"query": 8}, BadSite, "8 positions"),
        ({"query": -1}, BadSite, "so -1 does not exist"),
        ({"top_k": 51}, BadRecipe, "from 1 to 50"),
    ],
)
def test_what_is_not_there_is_refused(options, error, words):
    with pytest.raises(error, match=words):
        reading(tiny("llama"), **options)
