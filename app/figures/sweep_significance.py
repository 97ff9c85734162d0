"""What *hide not significant* leaves of a sweep, in words, and why where it leaves nothing.

n prompts cannot give a p below 2^(1 - n) (1 / 1,001 where sign patterns are drawn at random), so that of N cells k must
reach that p for any of them to have q < 0.05: the smallest k with p N / k < 0.05.
"""

import math
import textwrap
from typing import Any

from app.domain.prompts import PromptPair
from app.domain.recipes import parse_recipe
from app.domain.spread import EXACT, FEWEST, RESAMPLES, SIGNIFICANT, Spread
from app.figures.sweep_words import AnySweep

NOTE = "nothing left"
_WIDEST = 34
"""Characters of a line, which three maps side by side have room for."""


def least_p(prompts: int) -> float:
    """The smallest p that so many prompts can give."""
    return 2.0 ** (1 - prompts) if prompts <= EXACT else 1 / (RESAMPLES + 1)


def least_cells(prompts: int, cells: int) -> int:
    """How many of these cells must have that p before any of them has q < 0.05."""
    return math.floor(least_p(prompts) * cells / SIGNIFICANT) + 1


def mirrored(prompts: tuple[PromptPair, ...]) -> int:
    """Prompts that are another one of the set with clean and corrupted exchanged: two such are one observation."""
    there = {(pair.clean, pair.corrupted) for pair in prompts}
    return sum((pair.corrupted, pair.clean) in there for pair in prompts if pair.corrupted not in (None, pair.clean))


def not_independent(result: AnySweep) -> str:
    """`8 of the prompts are 4 pairs of the same two texts, not independent`; empty where none are."""
    count = mirrored(parse_recipe(result.recipe).prompts)
    if not count:
        return ""
    return f"{count} of the prompts are {count // 2} pairs of the same two texts, so p, q and intervals are too small"


def significance(found: Spread) -> str:
    """How many of the cells that have enough prompts remain after the correction for their number, and how many are
    below the threshold without it, of which so many would be by chance."""
    tested = found.tested
    if not tested.any():
        return f"; nothing hidden: p < {SIGNIFICANT:g} needs {FEWEST} prompts"
    left, whole, untested = int((tested & ~found.insignificant).sum()), int(tested.sum()), (found.n > 0) & ~tested
    below = int((tested & (found.p_value < SIGNIFICANT)).sum())
    few = f", {untested.sum()} with fewer than {FEWEST} prompts are shown untested" if untested.any() else ""
    chance = f"{below} have p < {SIGNIFICANT:g} uncorrected, {SIGNIFICANT * whole:.3g} expected by chance"
    return f"; {left} of {whole} cells have q < {SIGNIFICANT:g} (false discovery rate; {chance}){few}"


def nothing_left(found: Spread) -> list[str]:
    """Lines for a map that hides everything: what its prompts allow, and how many would allow more."""
    tested = found.tested
    if not tested.any() or not found.insignificant[found.n > 0].all():
        return []
    prompts, cells = int(found.n.max()), int(tested.sum())
    needed = least_cells(prompts, cells)
    lines = [f"No cell has q < {SIGNIFICANT:g}."]
    if needed > 1:
        lines.append(
            f"{prompts} prompts give p ≥ {least_p(prompts):.2g}: {needed} of {cells} cells have to reach that."
        )
    if prompts < EXACT:
        lines.append(f"Add prompts: with {EXACT}, {_enough(least_cells(EXACT, cells))}.")
    return lines


def _enough(count: int) -> str:
    return "one cell is enough" if count == 1 else f"{count} cells are enough"


def note(found: Spread, prompts: str) -> list[dict[str, Any]]:
    """These lines in the middle of the map."""
    lines = [*nothing_left(found)]
    if not lines:
        return []
    lines += [f"{prompts}."] if prompts else []
    text = "<br>".join(part for line in lines for part in textwrap.wrap(line, _WIDEST))
    place = {"x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper", "xanchor": "center", "yanchor": "middle"}
    return [{"text": text, "name": NOTE, "templateitemname": NOTE, "visible": True, "showarrow": False, **place}]
