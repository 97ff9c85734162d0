"""How far two sweeps over the same cells agree: correlations of their effects, and the cells whose sign flips.

Pearson and Spearman are over the cells that both have computed, of means over prompts as the style reads them and as a
scatter draws them: no sign is turned. A flip is a cell whose effects differ in sign, both of them above 5 % of the
largest effect of either sweep: below that, signs are noise and nothing is said of them. Where one sweep starts from the
clean and the other from the corrupted run, opposite signs are what agreement looks like, and a flip is a cell that has
the same sign twice; not of effects on KL, a distance, which is positive from either start.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import BadInput
from app.domain.spread import pearson, sign_flips, spearman
from app.domain.views import Style
from app.figures.scales import short
from app.figures.sweep_reading import Reading, known_mean, read, turn
from app.figures.sweep_words import AnySweep, cell_names, swept, technique

THRESHOLD = 0.05
"""Share of the largest effect below which signs do not count."""
LARGE = "5 % of the largest"
"""The threshold in words."""
OPPOSITE = "opposite signs expected (starts differ)"
"""Where one sweep starts from the clean and the other from the corrupted run, for a caption."""
_EXPECTED = "Opposite signs are expected, because one starts from the clean and one from the corrupted run. "
MOST_LISTED = 3
"""Flips that a line has room for."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """The cells that both sweeps have: indices into the first, values [cell] of both, which cells are large enough for
    their signs to count, and which of these flip. `turn` is -1 where values as drawn are opposite by definition,
    `opposite` where effects are."""

    cells: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    judged: NDArray[np.bool_]
    flipped: NDArray[np.bool_]
    turn: int
    opposite: bool

    @property
    def flips(self) -> NDArray[np.int64]:
        """Places in the pairs of the cells that flip, largest on their weaker side first."""
        at = np.flatnonzero(self.flipped)
        return at[np.argsort(-np.minimum(np.abs(self.x), np.abs(self.y))[at], kind="stable")]

    @property
    def known(self) -> int:
        """Cells that both have computed."""
        return int((np.isfinite(self.x) & np.isfinite(self.y)).sum())

    @property
    def correlations(self) -> tuple[str, str]:
        """Pearson's and Spearman's of the values as they are drawn; a dash where there is none."""
        found = (correlate(self.x, self.y) for correlate in (pearson, spearman))
        linear, ranks = ("—" if np.isnan(each) else short(each) for each in found)
        return linear, ranks

    @property
    def counted(self) -> str:
        """`2 flips`, `no flips`; where opposite signs are expected `2 not opposite`, `all opposite`."""
        count = len(self.flips)
        if self.opposite:
            return f"{count} not opposite" if count or not self.judged.any() else "all opposite"
        return f"{count or 'no'} flip{'' if count == 1 else 's'}"

    @property
    def grounds(self) -> str:
        """Among how many cells flips were counted."""
        return f"among {int(self.judged.sum())} cells with both effects above {LARGE}"


def pairs_of(x: AnySweep, y: AnySweep, readings: tuple[Reading, Reading], style: Style) -> Pairs:
    """The common cells, matched by place."""
    if x.cell_axes != y.cell_axes or x.activation != y.activation:
        raise BadInput(f"These sweeps have other cells: {swept(x)} and {swept(y)}; compare two over the same ones.")
    place = {tuple(cell): at for at, cell in enumerate(y.cells.tolist())}
    common = [(at, place[tuple(cell)]) for at, cell in enumerate(x.cells.tolist()) if tuple(cell) in place]
    here, there = np.array(common, dtype=np.int64).reshape(-1, 2).T
    effects = [known_mean(reading.effects[:, at]) for reading, at in zip(readings, (here, there), strict=True)]
    shown, turned = (turn(x, y, readings[0].metric, each) for each in (style.normalised, "effect"))
    largest = max((float(np.nanmax(np.abs(e), initial=0.0)) for e in effects), default=0.0)
    judged = np.minimum(*np.abs(effects)) > THRESHOLD * largest
    flipped = sign_flips(effects[0], turned * effects[1], THRESHOLD * largest)
    values = readings[0].spread.mean[here], readings[1].spread.mean[there]
    return Pairs(here, *values, judged, flipped, shown, turned < 0)


@dataclass(frozen=True)
class Agreement:
    """In words: `short` and `flips` for a line beside a map, which names a few; `said` whole, with every flip."""

    short: str
    flips: str
    said: str


def agreement(x: AnySweep, y: AnySweep, style: Style) -> Agreement:
    """`r +0.98 · ρ +0.83 · 2 flips` or `2 not opposite`, `: L5H1, L7H3`, and the same as sentences."""
    pairs, names = pairs_of(x, y, (read(x, style), read(y, style)), style), cell_names(x)
    linear, ranks = pairs.correlations
    flips = [names[pairs.cells[at]] for at in pairs.flips]
    few = flips if len(flips) <= MOST_LISTED else [*flips[: MOST_LISTED - 1], "…"]
    kind = "The same sign" if pairs.opposite else "Sign differs"
    expected = _EXPECTED if pairs.opposite else ""
    said = (
        f"{technique(y)} and {technique(x)} over {pairs.known} cells: Pearson {linear}, Spearman {ranks}. {expected}"
        f"{kind}, {pairs.grounds}: {', '.join(flips) or 'none'}."
    )
    return Agreement(f"r {linear} · ρ {ranks} · {pairs.counted}", f": {', '.join(few)}" if flips else "", said)
