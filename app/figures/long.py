"""Arrays as rows of long tables."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_INTEGERS = ("layer", "head", "position", "source_position", "prompt", "rank", "neuron", "feature", "text")


def unrolled(values: NDArray[Any], labels: dict[str, Any]) -> pd.DataFrame:
    """Array -> one row per cell: its axis labels in the array's order, then `value`."""
    axes = [np.asarray(axis) for axis in labels.values()]
    grid = np.indices(values.shape).reshape(values.ndim, -1)
    columns = {name: axis[at] for name, axis, at in zip(labels, axes, grid, strict=True)}
    return pd.DataFrame({**columns, "value": values.ravel()})


def stacked(parts: list[pd.DataFrame], order: tuple[str, ...]) -> pd.DataFrame:
    """Parts below each other; the named columns that exist, in this order, integers nullable."""
    whole = pd.concat(parts, ignore_index=True)
    whole = whole.reindex(columns=[name for name in order if name in whole])
    return whole.astype({name: "Int64" for name in _INTEGERS if name in whole})
