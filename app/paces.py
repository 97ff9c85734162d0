"""How long sweeps really took beside what had been quoted for them, so that the next quote is nearer.

A quote is a short calibration times the operations that are left; waves, other work and the machine's other users make
it wrong by a factor, which is much the same for the next sweep of the same kind. The factor is the mean, on a scale of
ratios, of what was there and what the last sweep took.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from app.compute.report import Report
from app.domain.cost import Cost
from app.domain.recipes import AnyRecipe
from app.domain.results import Result

KEPT = 64
"""Quotes that are remembered."""
SHORTEST = 0.5
"""Seconds below which a sweep says nothing of the next."""
WIDEST = 10.0
"""Factor above which something else was going on."""
Kind = tuple[object, ...]


@dataclass(frozen=True)
class Quote:
    """What a sweep of this kind was to take, without the factor, for each of the cells that were left."""

    kind: Kind
    seconds_per_cell: float


class Paces:
    """Factors by kind of sweep, and the newest quotes by digest."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._factors: dict[Kind, float] = {}
        self._quotes: OrderedDict[str, Quote] = OrderedDict()

    def quoted(self, digest: str, recipe: AnyRecipe, cost: Cost) -> Cost:
        """The cost with what the last sweep of this kind has taught."""
        kind = kind_of(recipe)
        with self._lock:
            if cost.seconds and cost.cells > cost.done:
                self._quotes[digest] = Quote(kind, cost.seconds / (cost.cells - cost.done))
            while len(self._quotes) > KEPT:
                self._quotes.popitem(last=False)
            return replace(cost, seconds=cost.seconds * self._factors.get(kind, 1.0))

    @contextmanager
    def watched(self, digest: str, report: Report | None) -> Iterator[Report | None]:
        """The report of a sweep, timed from its first news to its end where it comes to one."""
        begun: list[tuple[float, int]] = []

        def timed(done: int, total: int, partial: Result | None = None) -> None:
            if not begun and total > 1:
                begun.append((self._clock(), total - done))
            if report is not None:
                report(done, total, partial)

        yield None if report is None else timed
        for at, cells in begun:
            self._learn(digest, cells, self._clock() - at)

    def _learn(self, digest: str, cells: int, seconds: float) -> None:
        with self._lock:
            quote = self._quotes.pop(digest, None)
            if quote is None or cells == 0 or seconds < SHORTEST:
                return
            factor = min(WIDEST, max(1 / WIDEST, seconds / (cells * quote.seconds_per_cell)))
            known = self._factors.get(quote.kind)
            self._factors[quote.kind] = factor if known is None else (known * factor) ** 0.5


def kind_of(recipe: AnyRecipe) -> Kind:
    """Sweeps that are expected to be off by the same factor."""
    cells = getattr(recipe, "cells", None)
    return (recipe.model, recipe.kind, getattr(cells, "activation", None), getattr(cells, "by", None))
