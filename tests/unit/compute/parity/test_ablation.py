"""Ablation, cell by cell, against `transformer_lens.patching` given a cache that holds what the ablation puts there:
zeros, means over reference prompts, or another prompt's activations, each made by hand from TransformerLens' caches."""

from typing import Any

import numpy as np
import pytest
import torch
from transformer_lens import patching

from app.compute.ablation import ablation
from app.domain.recipes import Ablation
from app.domain.results import SweepResult
from app.domain.sites import Site
from tests.tiny import ARCHITECTURES
from tests.unit.compute.asking import TOLERANCE, ask, tokens
from tests.unit.compute.parity import sets

REFERENCE = ("w14 w3 w9 w30", "w5 w5 w18 w2", "w40 w7 w1 w1")
SOME = (
    "get_act_patch_resid_pre", "get_act_patch_attn_out", "get_act_patch_mlp_out",
    "get_act_patch_attn_head_out_all_pos", "get_act_patch_attn_head_q_by_pos", "get_act_patch_attn_head_k_all_pos",
    "get_act_patch_attn_head_v_by_pos", "get_act_patch_attn_head_pattern_by_pos",
)  # fmt: skip
POOLED = [name for name in SOME if "pattern" not in name]
each_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)


def ablated(asked: sets.Batch, name: str, **options: Any) -> SweepResult:
    cells, _ = sets.FUNCTIONS[name]
    return ask(ablation, Ablation, asked.model, prompts=sets.SETS["5 tokens"], cells=cells, **options)


def made(asked: sets.Batch, make: Any) -> Any:
    """A cache of the clean batch with what can be ablated replaced by `make(hook name)`, one for both prompts."""
    cache = asked.cache(asked.clean)
    for activation in {cells.activation for cells, _ in sets.FUNCTIONS.values()}:
        for layer in range(asked.model.facts.n_layers):
            name = Site(activation, layer).hook_name
            if name not in cache:  # resid_mid of parallel blocks
                continue
            cache.cache_dict[name] = make(name).expand_as(cache[name])
    return cache


def reference_caches(asked: sets.Batch) -> list[Any]:
    return [asked.cache(tokens(asked.model, text)) for text in REFERENCE]


def same(asked: sets.Batch, found: SweepResult, cache: Any, name: str) -> None:
    sets.same_cells(found, sets.theirs(asked, asked.clean, cache, getattr(patching, name)), sets.FUNCTIONS[name][1])


@sets.each_function
def test_zero_ablation_is_patching_zeros(name, architecture):
    asked = sets.batch(architecture, "5 tokens")
    zeros = made(asked, lambda each: torch.zeros_like(asked.clean_cache[each]))
    same(asked, ablated(asked, name), zeros, name)


@each_architecture
@pytest.mark.parametrize("name", POOLED)
def test_mean_ablation_is_patching_the_mean_over_prompts_and_positions_without_bos(name, architecture):
    asked = sets.batch(architecture, "5 tokens")
    others = reference_caches(asked)
    means = made(asked, lambda each: torch.cat([other[each][:, 1:] for other in others]).mean((0, 1)))
    same(asked, ablated(asked, name, method="mean", reference=REFERENCE), means, name)


@each_architecture
@pytest.mark.parametrize("name", SOME)
def test_position_wise_mean_ablation_is_patching_the_mean_over_prompts(name, architecture):
    asked = sets.batch(architecture, "5 tokens")
    others = reference_caches(asked)
    means = made(asked, lambda each: torch.cat([other[each] for other in others]).mean(0, keepdim=True))
    same(asked, ablated(asked, name, method="mean", reference=REFERENCE, pooled=False), means, name)


@each_architecture
@pytest.mark.parametrize("name", SOME)
def test_resample_ablation_is_patching_from_the_other_prompt(name, architecture):
    asked = sets.batch(architecture, "5 tokens")
    (other,) = reference_caches(asked)[:1]
    found = ablated(asked, name, method="resample", reference=REFERENCE[:1])
    same(asked, found, made(asked, lambda each: other[each]), name)


@pytest.mark.parametrize("architecture", ["gpt2", "gemma"])
def test_as_many_draws_as_prompts_are_the_mean_over_all_of_them(architecture):
    asked, name = sets.batch(architecture, "5 tokens"), "get_act_patch_attn_head_out_all_pos"
    function, order = getattr(patching, name), sets.FUNCTIONS[name][1]
    caches = [made(asked, lambda each, other=other: other[each]) for other in reference_caches(asked)]
    expected = [sets.cells_first(sets.theirs(asked, asked.clean, cache, function).values) for cache in caches]
    found = ablated(asked, name, method="resample", reference=REFERENCE, draws=3, seed=5)
    np.testing.assert_allclose(sets.grid(found, order, sets.compared(found)), np.mean(expected, axis=0), atol=TOLERANCE)
