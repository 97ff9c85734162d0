"""What a sweep is said to take: counts are exact, seconds follow the work, bytes are those of what is kept."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.compute.ablation import ablation
from app.compute.activation_patching import activation_patching
from app.compute.attribution_patching import attribution_patching
from app.compute.cost import cost
from app.domain.cells import Cells
from app.domain.interventions import Ablate, GaussianNoise
from app.domain.prompts import PromptPair
from app.domain.recipes import Ablation, ActivationPatching, AttributionPatching, PathPatching, Prediction
from app.domain.results import METRICS
from app.domain.sites import Head, Site
from tests.loaded import tiny
from tests.tiny import CLEAN
from tests.unit.compute.asking import PAIR, ask


def asked(kind: type, **fields: Any) -> Any:
    return kind(model=tiny("gpt2").facts.spec, **{"prompts": (PAIR,), **fields})


@pytest.mark.parametrize(
    ("recipe", "cells"),
    [
        (asked(Ablation), 3 * 4),
        (asked(Ablation, prompts=(PAIR, PAIR), cells=Cells("mlp_out", "position")), 2 * 3 * 8),
        (asked(ActivationPatching, cells=Cells("pattern", "edge", layers=(0,))), 4 * 36),
        (asked(ActivationPatching, noise=GaussianNoise((2,)), draws=7), 3 * 4),
        (asked(AttributionPatching, top=2, bottom=2, sample=3), 7),
        (asked(AttributionPatching), 3 * 4),
        (asked(PathPatching, source=Head(0, 1), prompts=(PAIR, PAIR)), 2 * 2 * 4),
        (asked(Prediction), 0),
    ],
)
def test_cells_of_prompts_are_counted(recipe, cells):
    found = cost(tiny("gpt2"), recipe, None)
    assert (found.cells, found.done) == (cells, 0)
    assert (found.seconds > 0) == (cells > 0)
    assert (found.bytes > 0) == (cells > 0)


def test_what_is_known_costs_nothing_more():
    model = tiny("llama")
    finished = ask(ablation, Ablation, model)
    whole = cost(model, asked(Ablation), finished)
    assert (whole.done, whole.seconds) == (12, 0.0)
    values = finished.values.copy()
    values[METRICS.index("kl_divergence"), 0, :6] = float("nan")
    half = cost(model, asked(Ablation), replace(finished, values=values))
    assert half.done == 6
    assert half.seconds == pytest.approx(cost(model, asked(Ablation), None).seconds / 2)  # by count, at the same rate


def test_twice_the_prompts_or_draws_are_twice_the_seconds():
    model, noise = tiny("gemma"), GaussianNoise((2,))
    one = cost(model, asked(ActivationPatching, noise=noise), None)
    assert cost(model, asked(ActivationPatching, noise=noise, draws=2), None).seconds == pytest.approx(2 * one.seconds)
    two = cost(model, asked(ActivationPatching, noise=noise, prompts=(PAIR, PAIR)), None)
    assert two.seconds == pytest.approx(2 * one.seconds)


def test_the_draws_of_a_method_that_draws_nothing_cost_nothing():
    model = tiny("gpt2")
    for one in (asked(Ablation), asked(ActivationPatching)):
        plain, drawn = cost(model, one, None), cost(model, replace(one, draws=7), None)
        assert drawn.seconds == plain.seconds
        assert drawn.bytes == plain.bytes


NO_CELLS: dict[str, Any] = {"top": 0, "bottom": 0, "sample": 0}
"""Estimates alone."""


def passes(model: Any, **fields: Any) -> tuple[int, int]:
    """Forward and backward passes through the last block that estimates really take."""
    counted = [0, 0]

    def forward(block: Any, given: Any, output: Any) -> None:
        counted[0] += 1
        stream = output[0] if isinstance(output, tuple) else output
        if stream.requires_grad:
            stream.register_hook(backward)

    def backward(gradient: Any) -> None:
        counted[1] += 1

    handle = model.bridge.blocks[-1].register_forward_hook(forward)
    ask(attribution_patching, AttributionPatching, model, **NO_CELLS, **fields)
    handle.remove()
    return counted[0], counted[1]


def test_estimates_are_said_to_take_the_passes_that_they_take():
    model, kinds = tiny("gpt2"), [{"cells": Cells("mlp_out")}, {"cells": Cells("mlp_out"), "grad_drop": True}]
    kinds += [{"cells": Cells("mlp_out"), "ig_steps": 5}, {"cells": Cells("q")}, {"prompts": (PAIR, PAIR)}]
    for fields in kinds:  # the first ones of a model also compare, once, what is computed in two ways
        passes(model, **fields)
    counted = np.array([passes(model, **fields) for fields in kinds])
    assert len(np.unique(counted, axis=0)) == len(kinds)
    said = [cost(model, asked(AttributionPatching, **NO_CELLS, **fields), None).seconds for fields in kinds]
    each = np.linalg.solve(counted[:2], said[:2])  # seconds of a forward and of a backward pass
    np.testing.assert_allclose(counted @ each, said)
    assert 0 < each[1] < 2 * each[0], "weights get no gradients"


def test_estimates_that_are_there_take_no_time():
    model = tiny("gpt2")
    finished = ask(attribution_patching, AttributionPatching, model, **NO_CELLS)
    assert cost(model, asked(AttributionPatching, **NO_CELLS), finished).seconds == 0


def test_prompts_of_another_length_are_measured_on_their_own():
    model, long = tiny("gpt2"), PromptPair(f"{CLEAN} " * 4, None, PAIR.answer, PAIR.incorrect_answer)
    cost(model, asked(Ablation, cells=Cells("z", "position")), None)
    before = {key for key in model.memo if "rate" in key}
    cost(model, asked(Ablation, prompts=(long,), cells=Cells("z", "position")), None)
    assert len({key for key in model.memo if "rate" in key} - before) == 1


def test_bytes_hold_what_a_sweep_keeps_and_may_exceed_a_memory_that_is_too_small():
    """A layer of the pattern of 8 positions and 4 heads has 1024 bytes; a run of the tiny model more than 10 kB."""
    model, small = tiny("gpt2"), replace(tiny("gpt2"), sweep_bytes=10_000)
    n_layers, pattern = model.facts.n_layers, 4 * 4 * 8 * 8
    assert cost(small, asked(Ablation), None).bytes > 10_000
    frozen = cost(model, asked(Ablation, freeze=("pattern",)), None).bytes - cost(model, asked(Ablation), None).bytes
    assert frozen == n_layers * pattern
    freezing = Ablate(Site("z", 0), freeze=("pattern",))
    held = [
        cost(model, asked(Ablation, interventions=(each,)), None).bytes for each in (freezing, Ablate(Site("z", 0)))
    ]
    assert held[0] - held[1] == n_layers * pattern
    drawn = [cost(model, asked(Ablation, method="resample", draws=n), None).bytes for n in (1, 2)]
    values = n_layers * 4 * 8 * model.facts.n_heads * model.facts.d_head
    assert drawn[1] - drawn[0] == values  # of another draw; the base run is the same
    layers = [
        cost(replace(model, sweep_bytes=size), asked(Ablation, cells=Cells("pattern")), None).bytes
        for size in (8 * pattern, 8 * 3 * pattern)
    ]
    assert layers[1] - layers[0] >= 2 * pattern


def test_the_graph_of_an_estimate_is_counted_as_far_as_it_is_kept_at_once():
    one = Cells("resid_pre", layers=(0,))  # one row, where many would be more than the graph
    exact, estimate = asked(ActivationPatching, cells=one), asked(AttributionPatching, cells=one)
    long = PromptPair(*(f"{text} " * 4 for text in (CLEAN, PAIR.corrupted)), PAIR.answer, PAIR.incorrect_answer)
    model = tiny("gpt2")
    whole = cost(model, replace(estimate, prompts=(long,)), None).bytes
    assert whole > cost(model, replace(exact, prompts=(long,)), None).bytes
    part = cost(replace(model, sweep_bytes=400_000), replace(estimate, prompts=(long,)), None).bytes
    assert part < whole


def test_identical_pairs_are_free():
    pair = PromptPair(CLEAN, CLEAN, PAIR.answer, PAIR.incorrect_answer)
    assert cost(tiny("gpt2"), asked(ActivationPatching, prompts=(pair,)), None).seconds == 0
    found = ask(activation_patching, ActivationPatching, tiny("gpt2"), prompts=(pair,))
    assert not found.effect().any()
