"""How a long computation tells of its progress and learns that it was cancelled."""

from typing import Protocol

from app.domain.results import Result


class Report(Protocol):
    """Called between batches, never inside a hooked pass. Raises `Cancelled` when nobody waits any more.

    While it runs, urgent short computations may run on the same thread, so no model state may be open.
    """

    def __call__(self, done: int, total: int, partial: Result | None = None) -> None: ...


def silent(done: int, total: int, partial: Result | None = None) -> None:
    """Report to nobody."""
