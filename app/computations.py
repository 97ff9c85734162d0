"""What is being computed now: each digest once, on the compute thread, for everyone who asks for it.

Sweeps are kept as far as they have come: every few seconds, when nobody waits for them any more, and when this process
ends well. Whoever asks for the same digest later, here or on another machine with the same store, goes on from there.
"""

import functools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from app.analyses import ANALYSES
from app.answered import Answered
from app.cache import ResultCache
from app.compute.report import Report
from app.domain.cells import Cells
from app.domain.errors import Cancelled
from app.domain.models import Provenance
from app.domain.recipes import OF_ONE_PROMPT, AnyRecipe
from app.domain.results import Result
from app.jobs.shared import Shared
from app.jobs.threads import ComputeThread

MOST_LEFT = 8
"""Cancelled texts that are kept in memory as far as they came."""
CLOSING = 10.0
"""Most seconds to wait at the end for a sweep to lay down what it has."""


def job_name(recipe: AnyRecipe) -> str:
    """What is computed, in words: `Ablation sweep, zero, 8 prompts, intervened`."""
    count = 1 if isinstance(recipe, OF_ONE_PROMPT) else len(recipe.prompts)
    said = (
        ANALYSES[recipe.kind].title, *(getattr(recipe, part, "") for part in ("method", "direction")), _tried(recipe),
        f"{count} prompts" if count > 1 else "", "intervened" if recipe.interventions else "",
    )  # fmt: skip
    return ", ".join(part for part in said if isinstance(part, str) and part)


def _tried(recipe: AnyRecipe) -> str:
    """What a sweep changes, where that is not whole heads: `resid_pre by position`."""
    cells = getattr(recipe, "cells", None)
    if not isinstance(cells, Cells) or (cells.activation, cells.by) == ("z", "all"):
        return ""
    return cells.activation if cells.by == "all" else f"{cells.activation} by {cells.by}"


def told(digest: str, recipe: AnyRecipe, seconds: float | None) -> Answered:
    """How this recipe was answered, for the history of who asked."""
    return Answered(digest, job_name(recipe), seconds, ANALYSES[recipe.kind].in_parts)


class Computations:
    """Runs analyses on `thread` and puts what they find into `results`. `begun` counts them."""

    def __init__(self, thread: ComputeThread, results: ResultCache, max_tokens: int) -> None:
        self._thread, self._results, self._max_tokens = thread, results, max_tokens
        self._in_flight: dict[str, Shared[Result]] = {}
        self._left: OrderedDict[str, Result] = OrderedDict()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self.begun = 0

    def joined(
        self, digest: str, model: Any, recipe: AnyRecipe, provenance: Provenance, urgent: bool
    ) -> Shared[Result]:
        """The computation of this digest that runs or waits, or a new one; either way the caller is part of it."""
        with self._lock:
            shared = self._in_flight.get(digest)
            if shared is not None and shared.join():
                return shared
            shared = self._in_flight[digest] = Shared()
            shared.join()
        report = self._reporter(shared, urgent)
        work = functools.partial(self._compute, shared, digest, model, recipe, provenance, report)
        row = ANALYSES[recipe.kind]
        ended = functools.partial(self._ended, digest, shared, row.in_parts and not row.resumes)
        shared.begin(lambda: self._thread.submit(work, urgent, row.in_parts, job_name(recipe)), ended)
        return shared

    def partial(self, digest: str) -> Result | None:
        """The newest partial result: of the computation that runs, or kept from one that did not end: in the store
        where it can go on from there, else in memory."""
        shared = self._in_flight.get(digest)
        running = shared.partial if shared is not None else None
        if running is not None:
            return running
        left = self._left.get(digest)
        return left if left is not None else self._results.partial(digest)

    def close(self) -> None:
        """Nothing new; a sweep that runs ends at its next report, and is waited for, because it is kept."""
        self._closing.set()
        self._thread.close()
        if any(shared.partial is not None for shared in tuple(self._in_flight.values())):
            self._thread.wait(CLOSING)

    def _compute(
        self, shared: Shared[Result], digest: str, model: Any, recipe: AnyRecipe, provenance: Provenance, report: Report
    ) -> Result:
        """On the compute thread. Somebody may have finished the same between a look into the cache and now."""
        found = self._results.get(digest)
        if found is not None:
            return found
        self.begun += 1
        began = time.monotonic()
        analysis = ANALYSES[recipe.kind]
        given: dict[str, Any] = {"digest": digest, "provenance": provenance, "max_tokens": self._max_tokens}
        if analysis.resumes:
            given["resume"] = self._results.partial(digest)
        with self._kept(digest, analysis.resumes) as keep:
            result = analysis.compute(model, recipe, _keeping(keep, report), **given)
            self._results.put(digest, result)
        shared.seconds = time.monotonic() - began
        return result

    def _kept(self, digest: str, resumes: bool) -> AbstractContextManager[Callable[[Result], None] | None]:
        return self._results.keeping(digest) if resumes else nullcontext()

    def _reporter(self, shared: Shared[Result], urgent: bool) -> Report:
        """Tells who waits, and lets in what goes before: between the parts of whatever has parts, however urgent."""

        def report(done: int, total: int, partial: Result | None = None) -> None:
            if self._closing.is_set():
                raise Cancelled("Microtome is shutting down; what a sweep has computed is kept.")
            shared.tell(done, total, partial)
            if not urgent or partial is not None:
                self._thread.run_urgent(for_urgent=urgent)

        return report

    def _ended(self, digest: str, shared: Shared[Result], remembered: bool) -> None:
        """Nobody can join it any more. `remembered`: as far as it came, because nothing else keeps that."""
        with self._lock:
            if remembered and shared.partial is not None:
                self._left[digest] = shared.partial
                self._left.move_to_end(digest)
            while len(self._left) > MOST_LEFT:
                self._left.popitem(last=False)
            if self._in_flight.get(digest) is shared:
                del self._in_flight[digest]


def _keeping(keep: Callable[[Result], None] | None, report: Report) -> Report:
    """The report, after the partial result has been laid aside."""
    if keep is None:
        return report

    def kept(done: int, total: int, partial: Result | None = None) -> None:
        if partial is not None:
            keep(partial)
        report(done, total, partial)

    return kept
