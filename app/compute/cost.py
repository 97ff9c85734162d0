"""What a sweep will take on this device, before it starts.

Seconds are floating-point operations (`Base.cost`) over a rate, which is measured once per model, engine, kind of
cells and length of prompts by running some of them, and for estimates the forward and backward passes of the bridge,
one of which is timed. Only a spread of the cells of the first prompt is laid out; others count by their number and the
prompt's length. Bytes are the base runs, the values that cells become, frozen patterns, the largest wave, the graph of
the gradients and the result; where even one row or layer is larger than the memory of sweeps, they exceed it.
Not counted: seconds of base runs.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import cast

import numpy as np

from app.compute.ablation import ablation_plan
from app.compute.activation_patching import patching_plan
from app.compute.bases import runs_of
from app.compute.graph_parts import layer_bytes, layers_at_once, looked_at
from app.compute.hooks import shape_of
from app.compute.passes import passed, wave_tokens
from app.compute.path_patching import path_plan
from app.compute.room import Room, frozen_bytes, run_bytes
from app.compute.sweep_plan import Plan
from app.compute.sweeping import COMPUTED, Start, Sweep
from app.compute.variations import Base, Row
from app.domain.cost import Cost
from app.domain.questions import settled
from app.domain.recipes import (
    Ablation,
    ActivationPatching,
    AnyRecipe,
    AttributionPatching,
    PathPatching,
    exact_patching,
)
from app.domain.results import AttributionPatchingResult, Result, SweepResult
from app.domain.sites import Site
from app.domain.sweep_checks import SweepRecipe
from app.models.loaded import LoadedModel

PLANS: dict[type, Callable[..., Plan]] = {
    Ablation: ablation_plan,
    ActivationPatching: patching_plan,
    PathPatching: path_plan,
}
SPREAD = 128
"""Cells that are laid out to estimate the operations of all."""
CALIBRATION = 2e10
"""Floating-point operations that measure a rate: a fifth of a second on two cores, and enough rows for the rate of a
whole wave."""
BACKWARD = 0.6
"""A backward pass beside a forward pass: weights get no gradient, and hooks and unembedding do not run again (0.4 to
0.6 on SmolLM2 and two cores)."""


def cost(model: LoadedModel, recipe: AnyRecipe, known: Result | None, max_tokens: int = 512) -> Cost:
    """Of computing what `known` lacks. Anything but a sweep costs one run, which is not worth a preview."""
    if not isinstance(recipe, SweepRecipe):
        return Cost(0, 0, 0.0, 0)
    recipe = cast(SweepRecipe, settled(recipe))  # draws are those that are run
    sweep, start = _started(model, recipe, max_tokens)
    cells = _cells(recipe, sweep)
    done = min(_done(known), cells)
    rows, base = _spread(sweep, start), start.draw(0).base
    scale = sum(sweep.lengths) / (len(sweep.lengths) * sweep.lengths[0])
    operations = base.cost(rows) / max(1, len(rows)) * (cells - done) * scale * getattr(recipe, "draws", 1)
    seconds = operations / _rate(model, sweep, base, rows) if operations else 0.0
    seconds += _gradient_seconds(model, recipe, sweep, known)
    return Cost(cells, done, seconds, _bytes(model, recipe, sweep, base, rows))


def _started(model: LoadedModel, recipe: SweepRecipe, max_tokens: int) -> tuple[Sweep, Start]:
    """The sweep, and its first prompt ready, in one draw."""
    recipe = _one_draw(recipe)
    plan = PLANS[type(recipe)](model, recipe, max_tokens, runs_of(model))
    return plan.sweep, plan.start(0)


def _one_draw(recipe: SweepRecipe) -> SweepRecipe:
    """An exact sweep whose cells are as dear as the recipe's."""
    if isinstance(recipe, Ablation):
        return replace(recipe, method="zero")
    if isinstance(recipe, AttributionPatching):
        return exact_patching(recipe)
    return replace(recipe, draws=1) if isinstance(recipe, ActivationPatching) else recipe


def _cells(recipe: SweepRecipe, sweep: Sweep) -> int:
    """Cells of prompts that are run."""
    count = sum(int(sweep.exists(prompt).sum()) for prompt in range(len(sweep.lengths)))
    if not isinstance(recipe, AttributionPatching):
        return count
    return min(count, (recipe.top + recipe.bottom + recipe.sample) * len(sweep.lengths))


def _done(known: Result | None) -> int:
    if isinstance(known, SweepResult):
        return int(np.isfinite(known.values[COMPUTED]).sum())
    return int(np.isfinite(known.exact).sum()) if isinstance(known, AttributionPatchingResult) else 0


def _spread(sweep: Sweep, start: Start) -> list[Row]:
    """Rows of the first prompt, evenly spread over its cells; cells without effect are rows that cost nothing."""
    there = np.flatnonzero(sweep.exists(0))
    chosen = there[np.unique(np.linspace(0, len(there) - 1, min(SPREAD, len(there))).astype(int))]
    return [sweep.row(place, start.draw(0).value) for place in sweep.places[chosen]]


def _rate(model: LoadedModel, sweep: Sweep, base: Base, rows: Sequence[Row]) -> float:
    """Operations per second of rows of this kind."""
    kind = (base.engine, sweep.changes, sweep.cells.by, _length_class(sweep), model.facts.spec.prepend_bos)
    return _once(model, ("rate", *kind), lambda: _measured(base, rows))


def _once(model: LoadedModel, key: tuple[object, ...], measure: Callable[[], float]) -> float:
    with model.lock:
        known = model.memo.get(key)
    if known is None:
        known = measure()
        with model.lock:
            model.memo[key] = known
    return known


def _length_class(sweep: Sweep) -> int:
    """Prompts of like lengths run at like rates: within a factor of two."""
    return sweep.lengths[0].bit_length()


def _measured(base: Base, rows: Sequence[Row]) -> float:
    """Rows from the middle wave of those that cost anything, spread over its layers, CALIBRATION operations of them or
    half, after one row has warmed up what a first pass touches."""
    waves = [wave for wave in ([rows[i] for i in wave] for wave in base.waves(rows)) if base.cost(wave)]
    wave = [row for row in waves[len(waves) // 2] if base.cost([row])]
    some = wave[:: max(2, round(base.cost(wave) / CALIBRATION))]
    base.run(some[:1])
    return base.cost(some) / _seconds(lambda: base.run(some))


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return max(time.perf_counter() - began, 1e-6)


def _gradient_seconds(model: LoadedModel, recipe: AnyRecipe, sweep: Sweep, known: Result | None) -> float:
    """Of the estimates that are left: the source's forward pass, another for recomputed attention rows and another for
    what steps go towards, and per step a forward pass and a backward pass, with GradDrop one more per layer."""
    if not isinstance(recipe, AttributionPatching):
        return 0.0
    tokens = sum(n for n, left in zip(sweep.lengths, _unestimated(sweep, known), strict=True) if left)
    rows = len(looked_at(recipe.cells, recipe.softmax_correction)) > 1
    backward = BACKWARD * (1 + recipe.grad_drop * model.facts.n_layers)
    passes = 1 + rows + (recipe.ig_steps > 1) + recipe.ig_steps * (1 + backward)
    return passes * tokens * _pass_seconds(model, sweep) if tokens else 0.0


def _unestimated(sweep: Sweep, known: Result | None) -> Sequence[bool]:
    """`[prompt]`"""
    if not isinstance(known, AttributionPatchingResult):
        return [True] * len(sweep.lengths)
    return [bool(np.isnan(each).all()) for each in known.estimate]


def _pass_seconds(model: LoadedModel, sweep: Sweep) -> float:
    """Of one token in a pass of the bridge, which has been warmed up by another."""
    ids = tuple(at % model.facts.d_vocab for at in range(sweep.lengths[0]))

    def measure() -> float:
        passed(model, ids)
        return _seconds(lambda: passed(model, ids)) / len(ids)

    return _once(model, ("pass", _length_class(sweep)), measure)


def _bytes(model: LoadedModel, recipe: SweepRecipe, sweep: Sweep, base: Base, rows: Sequence[Row]) -> int:
    facts, n, draws = model.facts, max(sweep.lengths), getattr(recipe, "draws", 1)
    drawn = run_bytes(facts, n) if getattr(recipe, "noise", None) else 0  # other draws share one base run
    room = Room.of(model, sweep.cells, n, draws, drawn)
    values = room.draws * min(room.kept, facts.n_layers) * _layer_bytes(model, sweep)
    runs = 2 * run_bytes(facts, n) + (room.draws - 1) * drawn + frozen_bytes(facts, recipe, n)
    most = max((len(wave) for wave in base.waves(rows)), default=0)
    most = max(most, min(len(sweep.places), wave_tokens(facts.device) // n))
    wave = most * (n * (8 * facts.d_model + 4 * (facts.d_mlp or 0) + 2 * facts.n_heads * n) + 2 * facts.d_vocab)
    result = 4 * 5 * len(sweep.lengths) * len(sweep.places)
    graph = _graph_bytes(model, recipe, n) if isinstance(recipe, AttributionPatching) else 0
    return max(graph, runs + values + 4 * wave) + result


def _layer_bytes(model: LoadedModel, sweep: Sweep) -> int:
    """Of the activation in one layer."""
    return 4 * prod(shape_of(model.facts, Site(sweep.cells.activation, 0), max(sweep.lengths)))


def _graph_bytes(model: LoadedModel, recipe: AttributionPatching, n_positions: int) -> int:
    """What a forward pass with gradients keeps of the layers that go through together."""
    seen = looked_at(recipe.cells, recipe.softmax_correction)
    layers = min(model.facts.n_layers, layers_at_once(model, seen, n_positions))
    return layers * layer_bytes(model.facts, seen, n_positions)
