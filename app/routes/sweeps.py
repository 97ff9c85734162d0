"""A sweep's cells by address, prompt by prompt."""

from typing import Any

from flask import Response

from app.domain.errors import BadInput
from app.domain.results import METRICS, AttributionPatchingResult, SweepResult, difference
from app.engine import Engine
from app.routes.answering import FOR_EVER, Digests, NotThere, raw, whole


def effects(engine: Engine, digests: Digests, metric: str, read: str) -> Response:
    """`[prompt cell]` of a sweep: `read` as effect, or as the recovered share; of an estimate, the estimates."""
    if metric not in METRICS or read not in ("effect", "recovered"):
        raise BadInput(f"A sweep has no {metric!r} read as {read!r}; metrics are {', '.join(METRICS)}.")
    keep = FOR_EVER if whole(engine, digests) else "no-store"  # asked first: it may end meanwhile
    first, *rest = (_swept(engine, digest) for digest in digests if digest is not None)
    if rest and _tried(rest[0]) != _tried(first):
        raise BadInput("These two sweeps have different cells or prompts, so their difference means nothing.")
    result = difference(first, rest[0]) if rest else first
    if isinstance(result, AttributionPatchingResult):
        return raw(result.estimate, keep)
    return raw(getattr(result, read)(metric), keep)


def _tried(sweep: SweepResult | AttributionPatchingResult) -> tuple[Any, ...]:
    """What two sweeps must have in common for a difference: kind of numbers, prompts, cells."""
    return type(sweep), len(sweep.str_tokens), sweep.cell_axes, sweep.cells.tolist()


def _swept(engine: Engine, digest: str) -> SweepResult | AttributionPatchingResult:
    result = engine.result(digest) or engine.partial(digest)
    if not isinstance(result, SweepResult | AttributionPatchingResult):
        raise NotThere("There is no sweep of this digest in the cache; ask for it again.")
    return result
