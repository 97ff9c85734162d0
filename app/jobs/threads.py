"""One thread per device that does all the computing, behind a bounded queue.

`ComputeThread` runs one thing at a time: clicks ("urgent") first, then urgent work that has parts (generated text, by
the token), then sweeps; of each the first that came. Between two parts, what goes before and has come in meanwhile runs
at once, on the same thread, so a click stays quick while a text or a sweep lasts. Work of one rank never runs inside
another of it: the last that came would be done first. The bridge is never used by two threads: that fails silently.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from app.domain.errors import Busy, Cancelled

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class _Task:
    """Work, the future its outcome goes into, and what it is in words."""

    work: Callable[[], Any]
    future: Future[Any]
    name: str

    def do(self) -> None:
        """Put the outcome, be it a result or an error, into the future."""
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            outcome = self.work()
        except BaseException as error:  # noqa: BLE001  # it belongs to whoever waits, with its traceback
            self.future.set_exception(error)
        else:
            self.future.set_result(outcome)


_CLICK, _PARTS, _SWEEP = range(3)
"""Ranks: which queue."""


def _rank(urgent: bool, in_parts: bool) -> int:
    return _SWEEP if not urgent else _PARTS if in_parts else _CLICK


class ComputeThread:
    """A thread, the queues it empties, one per rank, and how many may wait in them."""

    def __init__(self, name: str = "compute", limit: int = 64) -> None:
        self._limit = limit
        self._queues: tuple[deque[_Task], ...] = (deque(), deque(), deque())
        self._changed = threading.Condition()
        self._closed = False
        self._doing: list[str] = []
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Computations that have not begun."""
        return sum(map(len, self._queues))

    @property
    def running(self) -> int:
        """Computations that have begun: more than one where one lets others in."""
        return len(self._doing)

    @property
    def names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What runs, the innermost first, and what waits, in the order of its turns."""
        with self._changed:
            waiting = tuple(task.name for queue in self._queues for task in queue)
            return tuple(reversed(self._doing)), waiting

    def submit(
        self, work: Callable[[], T], urgent: bool = True, in_parts: bool = False, name: str = "a computation"
    ) -> Future[T]:
        """Queue `work`, which may let others in between its parts; `Busy` where the queue is full."""
        future: Future[T] = Future()
        with self._changed:
            if self._closed:
                raise Cancelled("Microtome is shutting down; nothing new is computed.")
            if self.waiting >= self._limit:
                raise Busy(f"{self.waiting} computations are waiting already; try again when some have finished.")
            self._queues[_rank(urgent, in_parts)].append(_Task(work, future, name))
            self._changed.notify()
        return future

    def run_urgent(self, for_urgent: bool = False) -> None:
        """Between two parts, on this thread: do the urgent work that waits; where what lets it in is urgent itself
        (`for_urgent`), only what has no parts."""
        last = _CLICK if for_urgent else _PARTS
        while threading.current_thread() is self._thread and (task := self._waiting_to(last)) is not None:
            self._do(task)

    def close(self) -> None:
        """Take nothing new, drop what waits, and end after the computation that runs."""
        with self._changed:
            self._closed = True
            dropped = [task for queue in self._queues for task in queue]
            for queue in self._queues:
                queue.clear()
            self._changed.notify()
        for task in dropped:
            task.future.cancel()

    def wait(self, seconds: float) -> None:
        """After `close`: for the computation that runs, at most so long."""
        if threading.current_thread() is not self._thread:
            self._thread.join(seconds)

    def _run(self) -> None:
        while (task := self._next()) is not None:
            self._do(task)
            del task  # or the last result would stay in memory until the next computation

    def _next(self) -> _Task | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self.waiting)
            if self._closed:
                return None
        return self._waiting_to(_SWEEP)

    def _waiting_to(self, last: int) -> _Task | None:
        """The next task of this rank or one before it."""
        with self._changed:
            return next((queue.popleft() for queue in self._queues[: last + 1] if queue), None)

    def _do(self, task: _Task) -> None:
        self._doing.append(task.name)
        try:
            task.do()
        finally:
            self._doing.pop()
