"""Names of all heads of a model, as arrays."""

import numpy as np
from numpy.typing import NDArray


def head_labels(n_layers: int, n_heads: int) -> NDArray[np.str_]:
    """`[layer head]` of `L5H1`."""
    layers = np.char.add("L", np.arange(n_layers).astype(str))[:, None]
    return np.char.add(np.char.add(layers, "H"), np.arange(n_heads).astype(str)[None, :])
