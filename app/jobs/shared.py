"""One computation and everyone who waits for it, so that identical requests are computed once.

Progress and partial results go to all who wait. Each waits in its own thread, and leaves by raising `Cancelled` from
its report. The computation itself is cancelled, at its next report, only when nobody waits any more.
"""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any, Generic, TypeVar

from app.domain.errors import Cancelled, MicrotomeError

T = TypeVar("T")
PULSE = 0.25
"""Seconds after which somebody who waits is asked again whether it still does."""


class Shared(Generic[T]):
    """A computation that several wait for. `begin` queues the work and is called once, by whoever came first."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiters = 0
        self._news: tuple[int, int, Any] | None = None
        self._count = 0  # of news
        self._future: Future[T] | None = None
        self._closed = False
        self.seconds: float | None = None
        """That the computation took, once it has ended; None where its result was there already."""

    @property
    def partial(self) -> Any:
        """The newest partial result, None before the first."""
        return self._news[2] if self._news else None

    def join(self) -> bool:
        """One more waits; False where the last one has just left, so that this computation ends unfinished."""
        with self._changed:
            self._waiters += 0 if self._closed else 1
            return not self._closed

    def begin(self, submit: Callable[[], Future[T]], ended: Callable[[], None]) -> None:
        """Queue the work; when it is done, call `ended` and wake everyone."""
        try:
            future = submit()
        except MicrotomeError as refused:  # the queue is full: everyone who joined meanwhile hears it too
            future = Future[T]()
            future.set_exception(refused)
        self._future = future
        future.add_done_callback(lambda _: ended())
        future.add_done_callback(lambda _: self._wake())

    def tell(self, done: int, total: int, partial: Any = None) -> None:
        """News from the computation; raises `Cancelled` in it when nobody waits any more."""
        with self._changed:
            if self._closed:
                raise Cancelled("Everybody who waited for this computation has cancelled it.")
            self._news = (done, total, partial if partial is not None else self.partial)
            self._count += 1
            self._changed.notify_all()

    def wait(self, report: Callable[[int, int, Any], None] | None) -> T:
        """Wait, passing news to `report`; whatever that raises leaves the computation to the others."""
        seen = 0
        try:
            while self._future is None or not self._future.done():
                seen = self._pass_on(seen, report)
            if report is not None and self._news is not None and self._count > seen:
                report(*self._news)
            return self._future.result()
        except CancelledError as error:
            raise Cancelled("The computation was dropped before it began.") from error
        finally:
            self._leave()

    def _pass_on(self, seen: int, report: Callable[[int, int, Any], None] | None) -> int:
        """Wait for news or for one pulse, then report; 0 of 1 means that nothing has been reported yet."""
        with self._changed:
            self._changed.wait_for(lambda: self._count > seen or self._ended, PULSE)
            news, count = self._news, self._count
        if self._ended:
            return seen  # the last news is passed on once more, by `wait`
        if report is not None:
            report(*(news or (0, 1, None)))
        return count

    @property
    def _ended(self) -> bool:
        return self._future is not None and self._future.done()

    def _leave(self) -> None:
        with self._changed:
            self._waiters -= 1
            self._closed = self._closed or not self._waiters
            dropped = self._future if self._closed else None
        if dropped is not None:  # outside the lock: `ended` takes its owner's lock, under which others join
            dropped.cancel()  # only where it has not begun; otherwise `tell` raises

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
