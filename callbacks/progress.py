"""How far a sweep is and how long it still takes, in words that are as rough as what is known.

Seconds left follow from the waves that have finished. Between two of them they count down; they never rise because
nothing was heard. Cells that come at once, which need no run, say nothing of the others.
"""

from dataclasses import dataclass

AT_ONCE = 0.02
"""Seconds: what comes quicker than that after the news before was not run."""


@dataclass
class TimeLeft:
    """Told of every news with its time on a monotonic clock, it says the seconds left, None while nothing is known."""

    before: tuple[int, float] | None = None
    cells: int = 0
    """Run in `seconds`."""
    seconds: float = 0.0
    promised: float | None = None
    """Seconds that were left at the last news of new cells."""

    def heard(self, done: int, total: int, now: float) -> float | None:
        """`done` of `total` cells are there at `now`."""
        if self.before is None or done > self.before[0]:
            self._learn(done, total, now)
        if self.before is None or self.promised is None:
            return None
        return max(0.0, self.promised - (now - self.before[1]))

    def _learn(self, done: int, total: int, now: float) -> None:
        if self.before is not None and now - self.before[1] >= AT_ONCE:
            self.cells, self.seconds = self.cells + done - self.before[0], self.seconds + now - self.before[1]
        self.before = (done, now)
        if self.cells:
            self.promised = self.seconds / self.cells * (total - done)


WAITING = "waiting for its turn"
"""Before the first news."""


def progress_text(done: int, total: int, left: float | None, unit: str) -> str:
    """`142 / 270 heads · about 15 s left`."""
    return f"{done} / {total} {unit} · {_left(left)}"


def _left(seconds: float | None) -> str:
    if seconds is None:
        return "estimating"
    return f"{about(seconds)} left" if seconds > 0 else "longer than expected"


def about(seconds: float) -> str:
    """`under 1 s`, `about 4 s`, `about 50 s`, `about 10 min`: an estimate has no third digit."""
    if seconds < 1:
        return "under 1 s"
    if seconds < 10:
        return f"about {seconds:.0f} s"
    return f"about {round(seconds / 5) * 5} s" if seconds < 90 else f"about {seconds / 60:.0f} min"
