"""How far apart two groups of numbers are."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def _known(values: ArrayLike) -> NDArray[np.float64]:
    numbers = np.asarray(values, dtype=np.float64).ravel()
    return numbers[np.isfinite(numbers)]


def auc(above: ArrayLike, below: ArrayLike) -> float:
    """The probability that a number of `above` is larger than one of `below`, ties counting half (area under the ROC
    curve): 1 = always, 0.5 = no difference, 0 = never. NaN where a group is empty."""
    more, less = _known(above), _known(below)
    if not more.size or not less.size:
        return float("nan")
    gap = more[:, None] - less[None, :]
    return float(((gap > 0) + 0.5 * (gap == 0)).mean())


def d_prime(above: ArrayLike, below: ArrayLike) -> float:
    """`(mean above - mean below) / sqrt((variance above + variance below) / 2)`, sample variances; 0 = no difference.
    NaN where a group has fewer than two numbers, or neither varies."""
    more, less = _known(above), _known(below)
    if min(more.size, less.size) < 2:
        return float("nan")
    spread = float(np.sqrt((more.var(ddof=1) + less.var(ddof=1)) / 2))
    return float((more.mean() - less.mean()) / spread) if spread else float("nan")
