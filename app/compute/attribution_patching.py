"""Attribution patching: what patching every cell would do, estimated for all cells by one backward pass, and computed
exactly for some of them, so that nobody has to trust the estimate (docs/formulas.md).

Estimates are those of attribution_estimates.py. `denoising`: the corrupted run is patched from the clean one, positive
where that restores the answer; `noising`: the clean run from the corrupted one, negative where the cell is needed.
Exact effects are those of activation_patching.py, of the same cells and in the same units of logit difference:
the `top` cells by estimate (mean over the prompts), the `bottom` ones, which are the most negative, and a random
`sample` of the rest, drawn with `seed`. Interventions of the recipe are in force in the run that is patched.

Reports fill in: the estimates of prompt after prompt, then exact values. Where one stopped, the next goes on.
Not done: edges between components, other metrics than logit_diff.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Unpack

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from app.compute.activation_patching import activation_patching
from app.compute.attribution_estimates import Estimates, Patched, Refined, estimates
from app.compute.held import for_prompt
from app.compute.metrics import answer_metrics
from app.compute.prompts import array, need_both_answers, read_prompt
from app.compute.reading import ReadPrompt
from app.compute.report import Report, silent
from app.compute.runs import hooks_for
from app.compute.sweep_plan import Asked
from app.compute.sweeping import COMPUTED, Sweep, begun, joined
from app.domain.prompts import aligned
from app.domain.questions import same_question
from app.domain.recipes import AttributionPatching, exact_patching, patched_run, recipe_json
from app.domain.results import AttributionPatchingResult, Floats, Ints, Result, SweepResult
from app.domain.sweep_checks import check_pairs
from app.models.loaded import LoadedModel

TOP, BOTTOM, SAMPLE = 1, 2, 3
"""Groups of cells that are computed exactly; 0 is none of them."""
ESTIMATES_ONLY = "bridge: gradients"
Mask = Bool[ndarray, "prompt cell"]


def attribution_patching(
    model: LoadedModel,
    recipe: AttributionPatching,
    report: Report = silent,
    resume: AttributionPatchingResult | None = None,
    **asked: Unpack[Asked],
) -> AttributionPatchingResult:
    """Estimates of every cell of every prompt, exact effects of the chosen ones. `report` counts prompts estimated and
    cells computed; `runs` forces the engine of the exact ones."""
    prompts = _prompts(model, recipe, asked.get("max_tokens", 512))
    sweep = Sweep(recipe.cells, model.facts, tuple(len(prompt.clean) for prompt in prompts))
    begin = begun(
        sweep, exact_patching(recipe), prompts, None, digest=asked["digest"], provenance=asked["provenance"],
        method=recipe.direction, baseline=patched_run(recipe), reference="none",
    )  # fmt: skip
    found = _estimated(model, recipe, prompts, sweep, _begun(recipe, begin, resume), report)
    left = _chosen(sweep, found) & np.isnan(found.exact)
    tell = _telling(report, sweep, found, left)
    exact = activation_patching(model, exact_patching(recipe), tell, _only(begin, left), **asked)
    return _with_exact(found, left, exact)


def _prompts(model: LoadedModel, recipe: AttributionPatching, max_tokens: int) -> list[ReadPrompt]:
    """Those that are patched, with both answers, each beside the one that values come from."""
    check_pairs(recipe)
    run = patched_run(recipe)
    prompts = [read_prompt(model, pair, max_tokens, at, run) for at, pair in enumerate(recipe.prompts)]
    for prompt in prompts:
        need_both_answers(prompt)
        aligned(prompt.clean, prompt.corrupted or prompt.clean)
    return prompts


def _begun(
    recipe: AttributionPatching, begin: SweepResult, resume: AttributionPatchingResult | None
) -> AttributionPatchingResult:
    """Nothing estimated yet, or what `resume` knows where that asks the same."""
    known = {"recipe": recipe_json(recipe), "digest": begin.digest, "provenance": begin.provenance}
    if resume is not None and same_question(resume.recipe, known["recipe"]):
        return replace(resume, **known)
    nothing = np.full(begin.values.shape[1:], np.nan, np.float32)
    return AttributionPatchingResult(
        direction=recipe.direction, engine=ESTIMATES_ONLY, activation=begin.activation, cells=begin.cells,
        cell_axes=begin.cell_axes, str_tokens=begin.str_tokens, other_tokens=begin.other_tokens,
        estimate=nothing, exact=nothing, group=np.zeros(len(begin.cells), np.int32), clean=begin.clean,
        corrupted=begin.corrupted, **known,
    )  # fmt: skip


def _estimated(
    model: LoadedModel,
    recipe: AttributionPatching,
    prompts: Sequence[ReadPrompt],
    sweep: Sweep,
    found: AttributionPatchingResult,
    report: Report,
) -> AttributionPatchingResult:
    """All estimates, and which cells are computed exactly; no exact effect before that."""
    exists = np.stack([sweep.exists(at) for at in range(len(prompts))])
    left = np.flatnonzero((exists & np.isnan(found.estimate)).any(axis=1))
    for done, at in enumerate(map(int, left), len(prompts) - len(left)):
        tell = functools.partial(report, done, len(prompts), found if done else None)
        tell()
        new = _estimates(model, recipe, prompts[at], sweep.places[exists[at]], tell)
        found = _with_estimates(found, prompts[at], exists[at], new)
    return replace(found, group=_groups(recipe, np.nanmean(found.estimate, axis=0)))


def _estimates(
    model: LoadedModel, recipe: AttributionPatching, prompt: ReadPrompt, places: Ints, tell: Callable[[], None]
) -> Estimates:
    ids, source = prompt.clean.ids, prompt.corrupted_ids or ()
    mine = for_prompt(recipe.interventions, prompt.index)
    hooks = hooks_for(model, ids, mine, source, frozenset(recipe.freeze))
    patched = Patched(ids, source, (prompt.answer_ids, prompt.incorrect_ids), hooks)
    refined = Refined(recipe.softmax_correction, recipe.grad_drop, recipe.ig_steps)
    return estimates(model, patched, recipe.cells, places, refined, tell)


def _with_estimates(
    found: AttributionPatchingResult, prompt: ReadPrompt, exists: Bool[ndarray, " cell"], new: Estimates
) -> AttributionPatchingResult:
    """One more prompt's, and the metrics of its two runs."""
    at, arrays = prompt.index, {name: getattr(found, name).copy() for name in ("estimate", "clean", "corrupted")}
    arrays["estimate"][at, exists] = array(new.cells)
    names = ("clean", "corrupted") if found.direction == "noising" else ("corrupted", "clean")
    for name, metrics in zip(names, _metrics(prompt, new), strict=True):
        arrays[name][:, at] = metrics
    return replace(found, engine=joined(found.engine, new.note) if new.note else found.engine, **arrays)


def _metrics(prompt: ReadPrompt, found: Estimates) -> tuple[Floats, Floats]:
    """`[metric]` of the run that is patched and of the other one, whose KL is against the first."""

    def of(logits: Float[Tensor, " d_vocab"], baseline: Tensor | None) -> Floats:
        return array(answer_metrics(logits[None], prompt.answer_ids, prompt.incorrect_ids, baseline))[:, 0]

    return of(found.base_logits, None), of(found.source_logits, found.base_logits.log_softmax(-1))


def _groups(recipe: AttributionPatching, mean: Floats) -> Ints:
    """`[cell]` why each cell is computed exactly, given its estimate's mean over the prompts."""
    order = np.argsort(-mean, kind="stable")
    group = np.zeros(len(mean), np.int32)
    group[order[max(0, len(order) - recipe.bottom) :]] = BOTTOM
    group[order[: recipe.top]] = TOP
    rest = np.flatnonzero(group == 0)
    random = np.random.default_rng(recipe.seed)
    group[random.choice(rest, min(recipe.sample, len(rest)), replace=False)] = SAMPLE
    return group


def _chosen(sweep: Sweep, found: AttributionPatchingResult) -> Mask:
    """What is to be computed exactly."""
    exists = np.stack([sweep.exists(prompt) for prompt in range(len(sweep.lengths))])
    return exists & (found.group > 0)


def _telling(report: Report, sweep: Sweep, found: AttributionPatchingResult, left: Mask) -> Report:
    """The exact sweep's reports as this analysis' own."""
    chosen = int(_chosen(sweep, found).sum())

    def tell(done: int, total: int, partial: Result | None = None) -> None:
        now = _with_exact(found, left, partial) if isinstance(partial, SweepResult) else found
        missing = int((left & np.isnan(now.exact)).sum())
        report(len(sweep.lengths) + chosen - missing, len(sweep.lengths) + chosen, now)

    return tell


def _only(begin: SweepResult, left: Mask) -> SweepResult:
    """The exact sweep as if every other cell were known."""
    return replace(begin, values=np.broadcast_to(np.where(left, np.nan, 0), begin.values.shape).astype(np.float32))


def _with_exact(found: AttributionPatchingResult, left: Mask, sweep: SweepResult) -> AttributionPatchingResult:
    """The effects that the exact sweep has found so far."""
    new = left & ~np.isnan(sweep.values[COMPUTED])
    exact = np.where(new, sweep.effect(), found.exact).astype(np.float32)
    return replace(found, exact=exact, engine=_engines(found.engine, sweep.engine))


def _engines(estimates: str, exact: str) -> str:
    """The engine of the exact effects stands for both, with what is to be said of the estimates."""
    if not exact or ESTIMATES_ONLY not in estimates:
        return joined(estimates, exact) if exact else estimates
    return estimates.replace(ESTIMATES_ONLY, exact)
