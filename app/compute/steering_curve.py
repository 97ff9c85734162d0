"""A strength curve: metrics under one change along a direction, by strength, beside placebo directions.

Each point is a whole run. The change is at one site of one layer, so what it makes of the base run's own activation is
known before, and all strengths of a prompt run as rows of one engine (app/compute/variations.py), in as few waves as
the memory allows. Placebos get changes of the same numbers, in random directions at right angles; a swap's move the
activation as far as the swap does there. KL is
KL(base run || run of the point); the base run holds the recipe's interventions. Texts are greedy and generated one
strength after the other, under the change at every position (app/compute/generation.py says what else holds there).
Not done: several layers at once, confidence bands of texts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from app.compute.bases import Runs, in_force, runs_of
from app.compute.direction_changes import SwappedAsFar, changed
from app.compute.directions import made
from app.compute.generation import generation
from app.compute.held import taken
from app.compute.metrics import answer_metrics
from app.compute.prompts import array, read_prompts
from app.compute.reading import ReadPrompt
from app.compute.report import Report, silent
from app.compute.sweeping import joined
from app.compute.variations import Base, Held, Row
from app.domain.direction_interventions import SwapAlong
from app.domain.directions import AnyDirection
from app.domain.errors import BadRecipe
from app.domain.models import Provenance
from app.domain.questions import same_question
from app.domain.recipes import Generation, recipe_json
from app.domain.results import METRICS, Floats, Result
from app.domain.steering_recipes import SteeringCurve
from app.domain.steering_results import SteeringCurveResult
from app.models.loaded import LoadedModel

KL = METRICS.index("kl_divergence")
ROW_SHARE = 8
"""Rows that exist at once take no more than this share of the memory of sweeps: 1 / ROW_SHARE."""
Point = tuple[int, int]
"""Which direction (0 the real one, then placebos), and which strength."""


@dataclass(frozen=True, eq=False)
class _Start:
    """One prompt: its base run, the site's activation there, and in the run that a swap takes from."""

    prompt: ReadPrompt
    base: Base
    activation: Float[Tensor, "pos d_model"]
    source: Float[Tensor, "pos d_model"] | None


def steering_curve(
    model: LoadedModel,
    recipe: SteeringCurve,
    report: Report = silent,
    resume: SteeringCurveResult | None = None,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
    runs: Runs | None = None,
) -> SteeringCurveResult:
    """Every point of every prompt, those of `resume` where it has them; `report` counts points and texts."""
    prompts = read_prompts(model, recipe, max_tokens)
    runs = runs or runs_of(model)
    found = _begun(recipe, len(prompts), resume, digest=digest, provenance=provenance)
    report(*_counted(recipe, found), found)
    for prompt in prompts:
        if left := _left(found, prompt.index):
            for now in _filled(model, recipe, found, _started(model, recipe, prompt, runs), left, runs):
                found = now
                report(*_counted(recipe, found), found)
    for now in _written(model, recipe, found, max_tokens, report):
        found = now
        report(*_counted(recipe, found), found)
    return found


def _begun(recipe: SteeringCurve, n_prompts: int, resume: SteeringCurveResult | None, **of: Any) -> SteeringCurveResult:
    asked, shape = recipe_json(recipe), (len(METRICS), n_prompts)
    if resume is not None and same_question(resume.recipe, asked):
        return replace(resume, recipe=asked, **of)
    nothing = [np.full((*shape, *more), np.nan, np.float32)
               for more in ((len(recipe.strengths),), (recipe.placebos, len(recipe.strengths)), ())]  # fmt: skip
    values, placebo, clean = nothing
    return SteeringCurveResult(
        recipe=asked, engine="", strengths=np.array(recipe.strengths, np.float32), values=values, placebo=placebo,
        clean=clean, norm=clean[0].copy(), projection=clean[0].copy(), **of,
    )  # fmt: skip


def _counted(recipe: SteeringCurve, found: SteeringCurveResult) -> tuple[int, int]:
    """Done, and all there is to do."""
    cells = [each[KL] for each in (found.values, found.placebo)]
    texts = len(recipe.strengths) if recipe.max_new_tokens else 0
    return sum(int(np.isfinite(each).sum()) for each in cells) + len(found.texts), sum(e.size for e in cells) + texts


def _left(found: SteeringCurveResult, prompt: int) -> list[Point]:
    """Points that are not computed, the real direction's first."""
    every = np.concatenate([found.values[:, prompt, None], found.placebo[:, prompt]], axis=1)
    missing = np.isnan(every[KL])
    return [(int(way), int(strength)) for way, strength in zip(*np.nonzero(missing), strict=True)]


def _started(model: LoadedModel, recipe: SteeringCurve, prompt: ReadPrompt, runs: Runs) -> _Start:
    own = in_force(model, prompt, recipe.interventions, frozenset(), runs)
    ids = prompt.clean.ids
    one = recipe.changed(recipe.direction, recipe.strengths[0])
    source = taken(model, one, ids, prompt.corrupted_ids, runs.values) if isinstance(one, SwapAlong) else None
    return _Start(prompt, runs.base(ids, *own), runs.values(ids, *own)(recipe.site).float(), source)


def _filled(
    model: LoadedModel, recipe: SteeringCurve, found: SteeringCurveResult, start: _Start, left: Sequence[Point],
    runs: Runs,
) -> Iterator[SteeringCurveResult]:  # fmt: skip
    """The result after each wave of one prompt."""
    found = _with_base(model, recipe, found, start)
    directions = (recipe.direction, *(each.direction for each in recipe.others))
    most = max(1, model.sweep_bytes // (ROW_SHARE * start.activation.nbytes))
    for at in range(0, len(left), most):
        points = left[at : at + most]
        rows = [
            _row(model, recipe, start, directions[way], recipe.strengths[strength], runs) for way, strength in points
        ]
        for wave in start.base.waves(rows):
            metrics = _metrics(start, start.base.run([rows[each] for each in wave]))
            _check_finite(recipe, [points[each] for each in wave], metrics)
            found = _with_points(found, start.prompt.index, [points[each] for each in wave], metrics)
            yield found


def _row(
    model: LoadedModel, recipe: SteeringCurve, start: _Start, direction: AnyDirection, strength: float, runs: Runs
) -> Row:
    """What the site's activation becomes."""
    if start.source is not None and direction != recipe.direction:
        real, unit = made(model, recipe.direction).unit, made(model, direction).unit
        change = SwappedAsFar(real, unit, start.source, strength)
    else:
        one = recipe.changed(direction, strength)
        change = changed(model, one, start.prompt.clean.ids, runs.values, start.source)
    return (Held(recipe.site, change(start.activation[None])[0]),)


def _metrics(start: _Start, logits: Float[Tensor, "row d_vocab"], against_base: bool = True) -> Floats:
    """`[metric row]`"""
    base = start.base.logits.log_softmax(-1) if against_base else None
    return array(answer_metrics(logits, start.prompt.answer_ids, start.prompt.incorrect_ids, base))


def _check_finite(recipe: SteeringCurve, points: Sequence[Point], metrics: Floats) -> None:
    """Refuse strengths after which the logits are no numbers any more."""
    lost = [recipe.strengths[at] for (_, at), kl in zip(points, metrics[KL], strict=True) if not np.isfinite(kl)]
    if lost:
        raise BadRecipe(f"At strength {lost[0]:g} the model's logits are no finite numbers; give smaller strengths.")


def _with_base(
    model: LoadedModel, recipe: SteeringCurve, found: SteeringCurveResult, start: _Start
) -> SteeringCurveResult:
    """The prompt's run without the change. Norm and projection are means over the changed positions; of all of them a
    prepended separator is left out, whose stream is many times longer than any other."""
    at, index = recipe.site.positions, start.prompt.index
    here = start.activation[int(start.prompt.clean.bos) :] if at is None else start.activation[list(at)]
    clean, norm, projection = found.clean.copy(), found.norm.copy(), found.projection.copy()
    clean[:, index] = _metrics(start, start.base.logits[None], against_base=False)[:, 0]
    norm[index] = float(here.norm(dim=-1).mean())
    projection[index] = float((here @ made(model, recipe.direction).unit.to(here)).mean())
    engine = joined(found.engine, start.base.engine)
    return replace(found, clean=clean, norm=norm, projection=projection, engine=engine)


def _with_points(
    found: SteeringCurveResult, prompt: int, points: Sequence[Point], metrics: Floats
) -> SteeringCurveResult:
    values, placebo = found.values.copy(), found.placebo.copy()
    for (way, strength), column in zip(points, metrics.T, strict=True):
        if way:
            placebo[:, prompt, way - 1, strength] = column
        else:
            values[:, prompt, strength] = column
    return replace(found, values=values, placebo=placebo)


def _written(
    model: LoadedModel, recipe: SteeringCurve, found: SteeringCurveResult, max_tokens: int, report: Report
) -> Iterator[SteeringCurveResult]:
    """The result after each text; `report` hears after each token that there is no more yet, and may end it."""

    def alive(done: int, total: int, partial: Result | None = None) -> None:
        report(*_counted(recipe, found), found)

    for strength in recipe.strengths[len(found.texts) :] if recipe.max_new_tokens else ():
        run = recipe.at(strength)
        asked = Generation(
            model=run.model, prompts=run.prompts, interventions=run.interventions, base=run.base, prompt=run.prompt,
            max_new_tokens=run.max_new_tokens,
        )  # fmt: skip
        text = generation(model, asked, alive, digest=found.digest, provenance=found.provenance, max_tokens=max_tokens)
        found = replace(found, texts=(*found.texts, "".join(text.generated.tolist())))
        yield found
