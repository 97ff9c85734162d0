"""Windows of large attention patterns: which queries and keys, and how many cells a picture may have.

A window is cut out exactly. Where it has more rows or columns than a picture may have, blocks of queries or keys become
one cell, the largest of the block (of signed numbers the one of largest magnitude), so that nothing strong vanishes;
all blocks have the same size, the last ones may be smaller.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import BadInput

SIDE = 1024
"""Cells per side of the largest picture of a pattern."""
_SPAN, _FIT = re.compile(r"(\d{1,6})-(\d{1,6})"), re.compile(r"(\d{1,6})x(\d{1,6})")
Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """Queries `rows` and keys `columns`, each first and one past the last, None = all; `most` rows and columns of a
    picture."""

    rows: Pair | None = None
    columns: Pair | None = None
    most: Pair = (SIDE, SIDE)

    def cut(self, pattern: NDArray[Any]) -> NDArray[Any]:
        """`[dest src]` -> this part of it; refuses what lies outside."""
        spans = [inside(span, n) for span, n in zip((self.rows, self.columns), pattern.shape, strict=True)]
        return pattern[tuple(slice(*span) for span in spans)]


def window(rows: str | None = None, columns: str | None = None, fit: str | None = None) -> Window:
    """From an address: `rows=0-512&columns=0-512&fit=128x512`."""
    spans = [_pair(text, _SPAN, "positions as first and one past the last: 0-512") for text in (rows, columns)]
    most = _pair(fit, _FIT, "rows and columns of the picture as 128x512") or (SIDE, SIDE)
    return Window(spans[0], spans[1], (max(1, min(SIDE, most[0])), max(1, min(SIDE, most[1]))))


def _pair(text: str | None, form: re.Pattern[str], instead: str) -> Pair | None:
    if text is None:
        return None
    found = form.fullmatch(text)
    if not found:
        raise BadInput(f"{text[:20]!r} cannot be read; write {instead}.")
    return int(found[1]), int(found[2])


def inside(span: Pair | None, n: int) -> Pair:
    """First and one past the last of `n` positions, None = all; refuses what lies outside."""
    first, stop = span or (0, n)
    if not 0 <= first < stop <= n:
        raise BadInput(f"Positions {first} to {stop - 1} are not in a prompt of {n} tokens; count from 0 to {n - 1}.")
    return first, stop


def reduced(pattern: NDArray[Any], signed: bool, most: Pair) -> NDArray[Any]:
    """`[... dest src]` with at most so many rows and columns. NaN only where a whole block is."""
    starts = [np.arange(0, n, -(-n // limit)) for n, limit in zip(pattern.shape[-2:], most, strict=True)]
    if tuple(map(len, starts)) == pattern.shape[-2:]:
        return pattern
    top = _blocks(np.fmax, pattern, starts)
    if not signed:
        return top
    low = _blocks(np.fmin, pattern, starts)
    return np.where(-low > top, low, top)


def _blocks(of: np.ufunc, pattern: NDArray[Any], starts: list[NDArray[Any]]) -> NDArray[Any]:
    return of.reduceat(of.reduceat(pattern, starts[0], axis=-2), starts[1], axis=-1)
