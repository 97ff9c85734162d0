"""Generated text against TransformerLens' own generation and against loops of hooked passes written by hand."""

import numpy as np
import pytest
import torch

from app.compute.generation import generation
from app.compute.runs import forward
from app.domain.errors import BadPrompt
from app.domain.interventions import Ablate, GaussianNoise, KnockOutEdge, Patch
from app.domain.models import Provenance
from app.domain.prompts import PromptPair
from app.domain.recipes import Generation
from app.domain.sites import Site
from app.models.tokens import token_string
from tests import tiny as words
from tests.loaded import tiny
from tests.unit.compute.asking import PAIR, ask, cache, each_model, ids, tokens

CLOSE = {"atol": 1e-5, "rtol": 0}  # float32; the oracle computes the logits of all positions


def generated(model, *interventions, **fields):
    return ask(generation, Generation, model, *interventions, **{"max_new_tokens": 6, **fields})


def by_hand(model, hooks_at, steps=6):
    """Greedy tokens and their log-probabilities, one hooked pass per token."""
    found, log_probs, so_far = [], [], tokens(model)
    for _ in range(steps):
        with torch.no_grad():
            logits = model.bridge.run_with_hooks(so_far, fwd_hooks=hooks_at(so_far.shape[1]))[0, -1]
        found.append(int(logits.argmax()))
        log_probs.append(float(logits.log_softmax(-1)[found[-1]]))
        so_far = torch.cat([so_far, torch.tensor([[found[-1]]])], 1)
        if found[-1] == model.tokenizer.eos_token_id:
            break
    return [token_string(model, token) for token in found], log_probs


def agree(result, expected):
    found, log_probs = expected
    assert list(result.generated) == found
    np.testing.assert_allclose(result.log_probs, log_probs, **CLOSE)


@each_model
def test_greedy_text_is_transformer_lens_own(architecture, processing):
    model = tiny(architecture, processing)
    theirs = model.bridge.generate(
        tokens(model), max_new_tokens=6, do_sample=False, stop_at_eos=False, verbose=False, return_type="tokens"
    )
    result = generated(model)
    expected = [token_string(model, int(token)) for token in theirs[0, len(ids(model)) :]]
    assert list(result.generated) == expected[: len(result.generated)]
    assert len(result.generated) == 6 or result.generated[-1] == "<|endoftext|>"
    assert result.str_tokens == ("<|endoftext|>", *words.CLEAN.split())


@each_model
def test_a_zero_without_positions_holds_at_generated_positions_too(architecture, processing):
    model, site = tiny(architecture, processing), Site("attn_out", 1)
    expected = by_hand(model, lambda n: [(site.hook_name, lambda out, hook: out * 0)])
    agree(generated(model, Ablate(site)), expected)


@pytest.mark.parametrize("activation", ["resid_pre", "z", "pattern"])
@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_a_patch_holds_at_the_prompts_positions_alone(architecture, activation):
    model, site = tiny(architecture), Site(activation, 1)
    source = cache(model, words.CORRUPTED)[1][site.hook_name]

    def taking(out, hook):
        out = out.clone()
        if activation == "pattern":
            out[:, :, :8, :8] = source
        else:
            out[:, :8] = source
        return out

    agree(generated(model, Patch(site)), by_hand(model, lambda n: [(site.hook_name, taking)]))


def test_noise_and_edges_stay_where_they_are_as_the_text_goes_on():
    model = tiny("llama")
    noise, edge = GaussianNoise((3,), seed=2), KnockOutEdge(1, ((6, 2),), renormalise=True)
    result = generated(model, noise, edge)
    so_far = ids(model)
    for text in result.generated:
        token = int(forward(model, so_far, (), (noise, edge)).argmax())
        assert token_string(model, token) == text
        so_far = (*so_far, token)


def test_frozen_parts_are_those_of_the_plain_run_of_the_text_so_far():
    model = tiny("gemma")
    change = Ablate(Site("resid_pre", 1), "mean", freeze=("pattern", "scale"))
    result = generated(model, change)
    so_far = ids(model)
    for text in result.generated:
        token = int(forward(model, so_far, (), (change,)).argmax())
        assert token_string(model, token) == text
        so_far = (*so_far, token)


def test_every_report_has_the_text_so_far():
    model, heard = tiny("gpt2"), []
    recipe = Generation(model=model.facts.spec, prompts=(PAIR,), max_new_tokens=6)
    told = {"digest": "d", "provenance": Provenance.of(model.facts, {})}
    result = generation(model, recipe, lambda *said: heard.append((*said[:2], list(said[2].generated))), **told)
    assert heard == [(n, 6, list(result.generated[:n])) for n in range(len(result.generated) + 1)]
    assert list(result.generated) == list(generated(model).generated)


def test_the_base_run_and_restrictions_to_prompts_are_kept():
    model = tiny("llama")
    corrupted = ask(generation, Generation, model, prompts=(PAIR,), base="corrupted", max_new_tokens=3)
    assert corrupted.str_tokens[4] == "w9"
    other_prompt = generated(model, Ablate(Site("attn_out", 0), prompts=(1,)))
    assert list(other_prompt.generated) == list(generated(model).generated)


def test_sampling_follows_its_seed_and_its_temperature():
    model = tiny("gpt2")
    once, again, other = (generated(model, temperature=2.0, seed=seed, max_new_tokens=20) for seed in (1, 1, 2))
    assert list(once.generated) == list(again.generated)
    assert list(once.generated) != list(other.generated)
    cold = generated(model, temperature=1e-4)
    assert list(cold.generated) == list(generated(model).generated)


def test_log_probabilities_are_at_temperature_1():
    model = tiny("gpt2")
    result = generated(model, temperature=3.0, max_new_tokens=1, seed=5)
    log_probs = forward(model, ids(model)).log_softmax(-1)
    token = model.tokenizer.convert_tokens_to_ids(result.generated[0])
    np.testing.assert_allclose(result.log_probs[0], log_probs[token], atol=1e-6)  # the same pass


def test_text_ends_where_the_context_is_full():
    model = tiny("gpt2")
    result = ask(generation, Generation, model, prompts=(PromptPair("w1 " * 62),), max_new_tokens=20)
    assert len(result.generated) <= 64 - 63


def test_what_a_run_refuses_generation_refuses_too():
    with pytest.raises(BadPrompt, match="there is none"):
        ask(generation, Generation, tiny("gpt2"), Patch(Site("z", 0)), prompts=(PromptPair("w1 w2"),))
