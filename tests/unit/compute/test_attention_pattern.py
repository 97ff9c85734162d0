"""Patterns are TransformerLens' own; rows are queries and sum to 1."""

import numpy as np
import pytest

from app.compute import attention_pattern as pattern_module
from app.compute.attention_pattern import attention_pattern
from app.domain.errors import BadRecipe, BadSite
from app.domain.interventions import Ablate, KnockOutEdge, Patch
from app.domain.prompts import PromptPair
from app.domain.recipes import AttentionPattern
from app.domain.sites import Site
from tests.loaded import tiny
from tests.unit.compute.asking import PAIR, TOLERANCE, ask, cache, each_model


def patterns(model, *interventions, **options):
    return ask(attention_pattern, AttentionPattern, model, *interventions, **options)


@each_model
def test_patterns_are_those_of_run_with_cache_sum_to_one_and_look_back_only(architecture, processing):
    model = tiny(architecture, processing)
    _, cached = cache(model)
    found = patterns(model)
    for layer in range(3):
        np.testing.assert_allclose(found.pattern[layer], cached[f"blocks.{layer}.attn.hook_pattern"][0], atol=TOLERANCE)
    np.testing.assert_allclose(found.pattern.sum(-1), 1.0, atol=TOLERANCE)
    assert np.triu(found.pattern, 1).max() == 0


def test_asked_layers_come_in_the_asked_order():
    model = tiny("gpt2")
    found = patterns(model, layers=(2, 0))
    assert found.layers == (2, 0)
    np.testing.assert_array_equal(found.pattern, patterns(model).pattern[[2, 0]])


CHANGES = {
    "none": (),
    "values, keys and an MLP": (Ablate(Site("v", 1, (1,))), Ablate(Site("k", 0), "mean"), Ablate(Site("mlp_out", 1))),
    "the stream before and after": (
        Patch(Site("resid_pre", 2, None, (3, 4))),
        Ablate(Site("resid_post", 0, None, (1,))),
    ),
    "edges": (KnockOutEdge(2, ((7, 4), (7, 0)), (0, 2)),),
    "frozen patterns and scales": (Ablate(Site("mlp_out", 0), freeze=("pattern", "scale")),),
}


@each_model
@pytest.mark.parametrize("change", CHANGES)
def test_layer_by_layer_the_patterns_are_those_of_one_pass(architecture, processing, change):
    model = tiny(architecture, processing)
    whole = patterns(model, *CHANGES[change]).pattern
    for layer in range(3):
        one = patterns(model, *CHANGES[change], layers=(layer,)).pattern
        np.testing.assert_allclose(one[0], whole[layer], atol=1e-6)  # the same modules: rounding alone


def test_an_intervention_below_changes_the_pattern_and_a_zeroed_row_sums_to_zero():
    model = tiny("gpt2")
    plain = patterns(model).pattern
    changed = patterns(model, Ablate(Site("z", 0)), Ablate(Site("pattern", 2, (1,), (4,)))).pattern
    np.testing.assert_array_equal(changed[0], plain[0])
    assert np.abs(changed[1] - plain[1]).max() > TOLERANCE
    assert changed[2, 1, 4].sum() == 0


def test_all_layers_of_a_long_prompt_are_refused_with_how_many_fit(monkeypatch):
    model = tiny("gpt2")
    monkeypatch.setattr(pattern_module, "PATTERN_BYTES", 2 * 4 * 4 * 8 * 8)
    with pytest.raises(BadRecipe, match=r"3 layers at 8 tokens .* name at most 2 layers"):
        patterns(model)
    assert patterns(model, layers=(0, 1)).pattern.shape == (2, 4, 8, 8)


def test_a_layer_that_is_not_there_is_refused():
    with pytest.raises(BadSite, match=r"3 layers \(0 to 2\), so 3 does not exist"):
        patterns(tiny("gpt2"), layers=(3,))


def test_one_token_attends_to_itself():
    found = patterns(tiny("llama", prepend_bos=False), prompts=(PAIR, PromptPair("w1")), prompt=1)
    np.testing.assert_allclose(found.pattern, 1.0)
    assert found.str_tokens == ("w1",)
