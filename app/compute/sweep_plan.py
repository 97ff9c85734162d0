"""What tells one kind of exact sweep from another, and what all of them do with it: begin, or go on, and fill in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Required, TypedDict, TypeVar, Unpack

from app.compute.bases import Runs, runs_of
from app.compute.memo import share_of
from app.compute.reading import Ids, ReadPrompt
from app.compute.report import Report
from app.compute.sweeping import Start, Sweep, begun, swept
from app.domain.models import Provenance
from app.domain.results import SweepResult
from app.domain.sweep_checks import SweepRecipe
from app.models.loaded import LoadedModel

R = TypeVar("R", bound=SweepRecipe)


class Asked(TypedDict, total=False):
    """How a sweep is asked for besides its recipe and what is known of it; `runs` forces an engine."""

    digest: Required[str]
    provenance: Required[Provenance]
    max_tokens: int
    runs: Runs | None


@dataclass(frozen=True, eq=False)
class Plan:
    """`start` prepares a prompt, `ahead` names the plain runs that several prompts need; the rest is said of the
    result."""

    sweep: Sweep
    prompts: Sequence[ReadPrompt]
    start: Callable[[int], Start]
    ahead: Callable[[list[int]], list[Ids]]
    method: str
    baseline: str
    reference: str = "none"


Planning = Callable[[LoadedModel, R, int, Runs], Plan]
"""Model, recipe, most tokens, engine."""


def planned(
    planning: Planning[R],
    model: LoadedModel,
    recipe: R,
    report: Report,
    resume: SweepResult | None,
    **asked: Unpack[Asked],
) -> SweepResult:
    """METRICS of every cell of every prompt, those of `resume` where it has them. `report` counts cells of prompts."""
    runs = asked.get("runs") or runs_of(model)
    plan = planning(model, recipe, asked.get("max_tokens", 512), runs)
    found = begun(
        plan.sweep, recipe, plan.prompts, resume, digest=asked["digest"], provenance=asked["provenance"],
        method=plan.method, baseline=plan.baseline, reference=plan.reference,
    )  # fmt: skip
    ahead_bytes = share_of(model) // 4  # both runs of each pair, and what else is remembered meanwhile
    return swept(plan.sweep, found, plan.start, report, lambda at: runs.ahead(plan.ahead(at)), ahead_bytes)
