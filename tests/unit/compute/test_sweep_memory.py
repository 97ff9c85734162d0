"""What a sweep keeps while it runs is bounded: tensors are counted where they are handed out, because Python's own
counters do not see torch's memory."""

import weakref
from collections import OrderedDict
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from app.compute.ablation import ablation
from app.compute.activation_patching import activation_patching
from app.compute.bases import BridgeRuns, Runs, runs_of
from app.compute.replay_rows import replay_traces
from app.compute.replay_verify import replay_weights
from app.compute.room import BASE_SHARE, check_room, run_bytes
from app.compute.variations import Values
from app.domain.cells import Cells
from app.domain.errors import BadRecipe
from app.domain.interventions import GaussianNoise
from app.domain.models import Provenance
from app.domain.recipes import Ablation, ActivationPatching
from app.domain.sites import Site
from app.models.loaded import LoadedModel
from tests.loaded import tiny
from tests.unit.compute.asking import PAIR, TOLERANCE
from tests.unit.compute.patched import denoising, estimated
from tests.unit.compute.test_sweeping import OTHERS

LAYER = 4 * 4 * 8 * 8
"""Bytes of one layer's pattern of eight tokens: float32, four heads."""


class Weighed:
    """An engine whose values are counted from when they are made to when nobody holds them any more."""

    def __init__(self, runs: Runs) -> None:
        self._runs, self.base, self.ahead = runs, runs.base, runs.ahead
        self.alive = self.peak = self.made = 0

    def values(self, *asked: Any) -> Values:
        values = self._runs.values(*asked)

        def value(site: Site) -> Tensor:
            found = values(site).clone()
            self.alive, self.made = self.alive + found.nbytes, self.made + 1
            self.peak = max(self.peak, self.alive)
            weakref.finalize(found, self._gone, found.nbytes)
            return found

        return value

    def _gone(self, n: int) -> None:
        self.alive -= n


ASKED = {
    "patching of patterns": (activation_patching, ActivationPatching, {"cells": Cells("pattern")}),
    "patching of edges": (activation_patching, ActivationPatching, {"cells": Cells("pattern", "edge", positions=(7,))}),
    "three draws": (
        ablation, Ablation,
        {"cells": Cells("pattern"), "method": "resample", "draws": 3, "reference": OTHERS},
    ),
    "three draws of noise": (
        activation_patching, ActivationPatching,
        {"cells": Cells("pattern"), "noise": GaussianNoise((2,)), "draws": 3, "direction": "noising"},
    ),
}  # fmt: skip


def sweep(model: LoadedModel, name: str, runs: Any) -> Any:
    compute, kind, options = ASKED[name]
    recipe = kind(model=model.facts.spec, prompts=(PAIR,), **options)
    return compute(model, recipe, digest="d", provenance=Provenance.of(model.facts, {}), runs=runs)


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("engine", ["replay", "bridge"])
def test_values_of_one_layer_are_kept_where_more_do_not_fit_and_the_cells_are_the_same(engine, name):
    model = replace(tiny("llama"), sweep_bytes=8 * LAYER, memo=OrderedDict())
    weighed = Weighed(runs_of(model) if engine == "replay" else BridgeRuns(model))
    found = sweep(model, name, weighed)
    assert weighed.peak <= 2 * LAYER  # one is made before the oldest is dropped
    plenty = Weighed(runs_of(tiny("llama")))
    np.testing.assert_allclose(found.values, sweep(tiny("llama"), name, plenty).values, atol=TOLERANCE)
    assert plenty.peak > weighed.peak


def test_what_the_memory_has_room_for_is_made_once():
    weighed = Weighed(runs_of(tiny("llama")))
    sweep(tiny("llama"), "patching of patterns", weighed)
    assert weighed.made == 3


ESTIMATED = {
    "heads": (Cells("z"), False, False),
    "windows": (Cells("attn_out", "position", window=2), False, False),
    "the middle of the stream": (Cells("resid_mid", "position"), False, False),
    "layers that are not the first": (Cells("resid_pre", "position", (1, 2)), False, True),
    "rows of queries": (Cells("q", "position"), True, False),
    "rows of keys": (Cells("k", "position"), True, True),
    "dropped layers": (Cells("z", "position"), False, True),
    "dropped layers and windows": (Cells("mlp_out", window=2), False, True),
    "steps": (Cells("z", "position"), False, False, 3),
    "steps, rows and dropped layers": (Cells("k", "position"), True, True, 3),
}


@pytest.mark.parametrize("name", ESTIMATED)
@pytest.mark.parametrize("architecture", ["gpt2", "gemma"])
def test_estimates_of_a_few_layers_at_a_time_are_those_of_all_at_once(architecture, name):
    model = tiny(architecture)
    cells, *refined = ESTIMATED[name]
    whole = estimated(model, denoising(model), cells, *refined)
    parts = estimated(replace(model, sweep_bytes=1), denoising(model), cells, *refined)
    # the same float32 operations; one layer's gradient is rounded where it would have been passed on
    np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-6)
    assert np.abs(whole).max() > 1e-3


class Saved:
    """What autograd saves for the backward pass, weights apart, counted while anybody holds it."""

    def __init__(self, model: LoadedModel) -> None:
        self._weights = {parameter.untyped_storage().data_ptr() for parameter in model.bridge.parameters()}
        self.alive = self.peak = 0

    def pack(self, tensor: Tensor) -> "_Packed":
        return _Packed(self, tensor, 0 if tensor.untyped_storage().data_ptr() in self._weights else tensor.nbytes)

    def count(self, n: int) -> None:
        self.alive += n
        self.peak = max(self.peak, self.alive)


class _Packed:
    def __init__(self, saved: Saved, tensor: Tensor, n: int) -> None:
        self.tensor = tensor.detach()  # an output of its own node would keep that alive
        saved.count(n)
        weakref.finalize(self, saved.count, -n)


def test_the_graph_of_a_few_layers_keeps_that_much_less():
    peaks = []
    for sweep_bytes in (1, 2**30):
        model = replace(tiny("llama"), sweep_bytes=sweep_bytes)
        saved = Saved(model)
        with torch.autograd.graph.saved_tensors_hooks(saved.pack, lambda packed: packed.tensor):
            estimated(model, denoising(model), Cells("pattern"))
        assert saved.alive == 0
        peaks.append(saved.peak)
    assert peaks[0] < 0.45 * peaks[1]  # one of three layers, and what lies behind the last


@pytest.mark.parametrize("architecture", ["gpt2", "neox", "llama", "gemma"])
def test_what_a_base_run_is_said_to_keep_is_what_its_trace_keeps(architecture: str) -> None:
    model = tiny(architecture)
    weights = replay_weights(model)
    assert not isinstance(weights, str)
    ids = tuple(range(2, 34))
    kept = replay_traces(model, weights, [ids])[ids].nbytes
    assert 0.9 * kept <= run_bytes(model.facts, len(ids)) <= 1.5 * kept


def test_a_sweep_whose_base_runs_do_not_fit_is_refused_with_the_setting_that_makes_room() -> None:
    model = tiny("gpt2")
    recipe = Ablation(model=model.facts.spec, prompts=(PAIR,), freeze=("pattern",))
    n_tokens = 8
    needed = 2 * run_bytes(model.facts, n_tokens) + model.facts.n_layers * LAYER
    check_room(replace(model, sweep_bytes=int(needed / BASE_SHARE) + 1), recipe, 64)
    with pytest.raises(BadRecipe, match=r"a sweep of 8 tokens .* sweep_memory = 1 or more"):
        check_room(replace(model, sweep_bytes=int(needed / BASE_SHARE) - 1), recipe, 64)
