"""Exact effects of patching every cell alone (docs/formulas.md).

Denoising runs the corrupted prompt and takes each cell from the clean one: positive where the cell is enough to restore
the answer. Noising runs the clean prompt and takes each cell from the corrupted one: negative where the cell is needed.
They are not mirror images (Heimersheim and Nanda 2024, https://arxiv.org/abs/2404.15255). Interventions of the recipe
are in force in the run that is patched; what is patched in comes from the plain run of the other prompt.

Causal tracing (Meng et al. 2022, https://arxiv.org/abs/2202.05262): with `noise` the corrupted run is the clean prompt
under that noise, metrics are means over `draws` draws of it, and where a prompt names no answer it is the clean run's
most likely token. What the noise freezes is frozen as what the recipe freezes, in every run of the sweep. Each cell is
a whole run; nothing is estimated.
Not done: other positions than the cell's own; a corrupted prompt with another count of tokens.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Unpack

from app.compute.bases import NOTHING, Freeze, Runs, in_force
from app.compute.held import held
from app.compute.prompts import read_prompt
from app.compute.reading import Ids, ReadPrompt
from app.compute.report import Report, silent
from app.compute.room import Room, run_bytes
from app.compute.sweep_plan import Asked, Plan, planned
from app.compute.sweeping import Draw, Start, Sweep, by_layer
from app.compute.variations import Row
from app.domain.interventions import frozen
from app.domain.prompts import aligned, first_difference
from app.domain.recipes import ActivationPatching, patched_run
from app.domain.results import SweepResult
from app.domain.sweep_checks import check_pairs
from app.models.loaded import LoadedModel


def activation_patching(
    model: LoadedModel,
    recipe: ActivationPatching,
    report: Report = silent,
    resume: SweepResult | None = None,
    **asked: Unpack[Asked],
) -> SweepResult:
    """METRICS of every cell of every prompt."""
    return planned(patching_plan, model, recipe, report, resume, **asked)


def patching_plan(model: LoadedModel, recipe: ActivationPatching, max_tokens: int, runs: Runs) -> Plan:
    """Pairs in the order that the direction says."""
    pairs = patched_prompts(model, recipe, max_tokens)

    def start(index: int) -> Start:
        return patching_start(model, recipe, pairs[index], runs)

    sweep = Sweep(recipe.cells, model.facts, lengths(pairs))
    ahead = functools.partial(runs_ahead, pairs, not (recipe.noise or recipe.interventions))
    method = "causal tracing" if recipe.noise else recipe.direction
    return Plan(sweep, [pair.patched for pair in pairs], start, ahead, method, patched_run(recipe))


@dataclass(frozen=True, eq=False)
class Ends:
    """`patched.clean` is the prompt that is run and `source.clean` the one that values come from; they are equal left
    of `first_change`."""

    patched: ReadPrompt
    source: ReadPrompt
    first_change: int


def lengths(pairs: Sequence[Ends]) -> tuple[int, ...]:
    """In tokens."""
    return tuple(len(pair.patched.clean) for pair in pairs)


def runs_ahead(pairs: Sequence[Ends], plain: bool, indices: list[int]) -> list[Ids]:
    """The runs that values come from, and those that are patched where these are `plain` too."""
    ends = [pairs[index].source for index in indices]
    ends += [pairs[index].patched for index in indices] if plain else []
    return [prompt.clean.ids for prompt in ends]


def patched_prompts(model: LoadedModel, recipe: ActivationPatching, max_tokens: int) -> list[Ends]:
    """The recipe's pairs, each in the order that its direction says."""
    check_pairs(recipe)
    return [_ends(model, recipe, index, max_tokens) for index in range(len(recipe.prompts))]


def _ends(model: LoadedModel, recipe: ActivationPatching, index: int, max_tokens: int) -> Ends:
    """Which run of a pair is patched, and from which."""
    pair = recipe.prompts[index]
    clean = read_prompt(model, pair, max_tokens, index)
    if recipe.noise is not None:
        return Ends(clean, clean, min(recipe.noise.positions))
    corrupted = read_prompt(model, pair, max_tokens, index, "corrupted")
    aligned(clean.clean, corrupted.clean)
    change = first_difference(clean.clean, corrupted.clean)
    ends = (corrupted, clean) if recipe.direction == "denoising" else (clean, corrupted)
    return Ends(*ends, len(clean.clean) if change is None else change)


def patching_start(model: LoadedModel, recipe: ActivationPatching, ends: Ends, runs: Runs) -> Start:
    """A prompt's base runs, one per draw of the noise, and what its cells take from the other run. As many stay as fit
    into a quarter of the memory for sweeps; others are made again for every wave."""
    freeze = frozenset(recipe.freeze) | frozen(() if recipe.noise is None else (recipe.noise,))
    own, freeze = in_force(model, ends.patched, recipe.interventions, freeze, runs)
    noises = _noises(model, recipe, ends, runs)
    n_positions = len(ends.patched.clean)
    room = Room.of(model, recipe.cells, n_positions, len(noises), run_bytes(model.facts, n_positions))

    @functools.lru_cache(room.draws)
    def draw(index: int) -> Draw:
        return _draw(recipe, ends, own, noises[index], freeze, runs, room.kept)

    answers = ends.patched.answer_ids
    if recipe.noise is not None and not answers:
        answers = (int(runs.base(ends.source.clean.ids).logits.argmax()),)
    first_change = 0 if own else ends.first_change
    return Start(answers, ends.patched.incorrect_ids, draw, len(noises), first_change, room.layers)


def _noises(model: LoadedModel, recipe: ActivationPatching, ends: Ends, runs: Runs) -> list[Row]:
    """What each draw adds to the run that is the corrupted one; nothing where that is a prompt of its own."""
    if recipe.noise is None:
        return [()]
    draws = [replace(recipe.noise, draw=recipe.noise.draw + draw) for draw in range(recipe.draws)]
    return [held(model, ends.patched, (noise,), runs.values) for noise in draws]


def _draw(recipe: ActivationPatching, ends: Ends, own: Row, noise: Row, freeze: Freeze, runs: Runs, kept: int) -> Draw:
    """What is frozen is frozen in both runs, where noise alone tells them apart."""
    here, there = (noise, ()) if recipe.direction == "denoising" else ((), noise)
    source, also = ends.source.clean.ids, freeze if there else NOTHING
    base = runs.base(ends.patched.clean.ids, (*here, *own), freeze)
    return Draw(base, by_layer(runs.values(source, there, also), kept), runs.base(source, there, also).logits)
