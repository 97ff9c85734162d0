"""What of projections on a direction is nothing but rounding, and is drawn as 0.

Results of a direction do not know how long the stream is, so the floor is absolute: 1e-5 residual units (streams are up
to some hundred units long and float32 keeps 1e-7 of them), of cosines 1e-6. Tables and exported numbers keep it all.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROUND_OFF = 1e-5
"""Residual units."""
_OF_COSINES = 1e-6
_RELATIVE = 1e-6


def _floor(normalised: bool) -> float:
    return _OF_COSINES if normalised else ROUND_OFF


def settled(values: ArrayLike, normalised: bool = False) -> NDArray[np.float32]:
    """0 where nothing but rounding stands; NaN stays."""
    numbers: NDArray[Any] = np.asarray(values, dtype=np.float32)
    return np.where(np.abs(numbers) <= _floor(normalised), np.float32(0), numbers)


def alike(values: ArrayLike, normalised: bool = False) -> bool:
    """Whether these differ by rounding alone, as after projecting out and clamping."""
    numbers = np.asarray(values, dtype=np.float64)
    return bool(np.ptp(numbers) <= 2 * (_floor(normalised) + _RELATIVE * np.abs(numbers).max()))
