"""Exact effects of ablating every cell alone: zero, mean or resample (docs/formulas.md).

What a site becomes: `zero` 0, which on z leaves b_O and, with compatibility weights, the value biases folded into it;
`mean` its mean over the reference prompts; `resample` what it is on another prompt of the reference, a new one per
draw. `values - baseline` is the effect, negative where the cell helps the answer. Interventions of the recipe hold in
the baseline and in every cell; a cell's own ablation comes after them. Each cell is a whole run; nothing is estimated.
Not done: pairs of cells.
"""

import functools
from typing import Unpack

from torch import Tensor

from app.compute.bases import Runs, in_force
from app.compute.prompts import read_prompts
from app.compute.reading import Ids, ReadPrompt
from app.compute.references import check_draws, reference_name, replacement
from app.compute.report import Report, silent
from app.compute.room import Room
from app.compute.sweep_plan import Asked, Plan, planned
from app.compute.sweeping import Draw, Start, Sweep, by_layer
from app.compute.variations import Values
from app.domain.questions import settled
from app.domain.recipes import Ablation
from app.domain.results import SweepResult
from app.domain.sites import Site
from app.models.loaded import LoadedModel


def ablation(
    model: LoadedModel,
    recipe: Ablation,
    report: Report = silent,
    resume: SweepResult | None = None,
    **asked: Unpack[Asked],
) -> SweepResult:
    """METRICS of every cell of every prompt."""
    recipe = settled(recipe)  # pyright: ignore[reportAssignmentType]  # the same kind of recipe
    return planned(ablation_plan, model, recipe, report, resume, **asked)


def ablation_plan(model: LoadedModel, recipe: Ablation, max_tokens: int, runs: Runs) -> Plan:
    """Prompts are run as the recipe's base says; the pair's other prompts are run plainly."""
    prompts = read_prompts(model, recipe, max_tokens)
    if recipe.method == "resample":
        check_draws(model, recipe.reference, recipe.draws, prompts)

    def ahead(indices: list[int]) -> list[Ids]:
        both = ((prompts[index].clean.ids, prompts[index].corrupted_ids) for index in indices)
        own = 1 if recipe.interventions else 0
        return [ids for pair in both for ids in pair[own:] if ids is not None]

    return Plan(
        Sweep(recipe.cells, model.facts, tuple(len(prompt.clean) for prompt in prompts)), prompts,
        lambda index: ablation_start(model, recipe, prompts[index], runs), ahead,
        recipe.method, recipe.base, "none" if recipe.method == "zero" else reference_name(recipe.reference),
    )  # fmt: skip


def ablation_start(model: LoadedModel, recipe: Ablation, prompt: ReadPrompt, runs: Runs) -> Start:
    """One base run for all draws; the pair's other prompt is run plainly, to be compared with. Draws that do not fit
    into their share of the memory are made again for every wave."""
    own = in_force(model, prompt, recipe.interventions, frozenset(recipe.freeze), runs)
    base = runs.base(prompt.clean.ids, *own)
    other = None if prompt.corrupted_ids is None else runs.base(prompt.corrupted_ids).logits
    n_draws = recipe.draws if recipe.method == "resample" else 1
    room = Room.of(model, recipe.cells, len(prompt.clean), n_draws)

    @functools.lru_cache(room.draws)
    def draw(index: int) -> Draw:
        return Draw(base, by_layer(_becomes(model, recipe, prompt, runs, index), room.kept), other)

    return Start(prompt.answer_ids, prompt.incorrect_ids, draw, n_draws, layers=room.layers)


def _becomes(model: LoadedModel, recipe: Ablation, prompt: ReadPrompt, runs: Runs, draw: int) -> Values:
    """What each site becomes."""
    values = functools.cache(runs.values)

    def value(site: Site) -> Tensor:
        return replacement(
            model, site.activation, site.layer, recipe.method, recipe.reference, recipe.pooled, recipe.seed, draw,
            prompt.clean.ids, values,
        )  # fmt: skip

    return value
