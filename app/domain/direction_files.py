"""Vectors in files: .npy and .safetensors, read without pickle, and written.

A file holds arrays by name (.npy one, without a name) of one dimension, or of two, of which a row is chosen. A header
that promises more than the file holds is refused before anything is allocated.
"""

import io
import json
import math
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from app.domain.errors import BadRecipe

Floats = NDArray[np.float32]
MOST_BYTES = 64_000_000
"""Largest file that is taken."""
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def arrays_in(name: str, raw: bytes) -> dict[str, NDArray[Any]]:
    """Array name -> array, of one dimension or two."""
    if len(raw) > MOST_BYTES:
        raise BadRecipe(f"{name} has {len(raw):,} bytes and the limit is {MOST_BYTES:,}; save the vector alone.")
    if name.lower().endswith(".npy"):
        found = {"": _npy(name, raw)}
    elif name.lower().endswith(".safetensors"):
        found = _safetensors(name, raw)
    else:
        raise BadRecipe(f"{name} is no .npy and no .safetensors file; save the vector as one of these.")
    usable = {key: array for key, array in found.items() if array.ndim in (1, 2) and array.dtype.kind in "fiu"}
    if not usable:
        shapes = ", ".join(f"{key or 'array'} {array.dtype} {list(array.shape)}" for key, array in found.items())
        raise BadRecipe(f"{name} holds {shapes or 'nothing'}; a direction is an array of numbers of 1 or 2 dimensions.")
    return usable


def row_of(arrays: dict[str, NDArray[Any]], key: str, row: int = 0) -> tuple[float, ...]:
    """The numbers of one array; of one of its rows where it has two dimensions."""
    if key not in arrays:
        raise BadRecipe(f"The file has no array {key!r}; choose one of {', '.join(arrays)}.")
    rows = np.atleast_2d(arrays[key])
    if not 0 <= row < len(rows):
        raise BadRecipe(f"Row {row} does not exist; {key or 'the array'} has {len(rows)} rows, from 0.")
    return tuple(float(value) for value in rows[row].astype(np.float32))


def _npy(name: str, raw: bytes) -> NDArray[Any]:
    stream = io.BytesIO(raw)
    try:
        shape, _, dtype = _HEADERS[npy.read_magic(stream)](stream)  # pyright: ignore[reportArgumentType]  # its stub
        if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(raw) - stream.tell():
            raise ValueError("its header does not describe its content")
        return np.load(io.BytesIO(raw), allow_pickle=False)
    except (ValueError, KeyError, EOFError, OSError, TypeError, SyntaxError, TokenError) as why:
        raise BadRecipe(f"{name} cannot be read ({why}); save an array of numbers with numpy.save.") from None


def _safetensors(name: str, raw: bytes) -> dict[str, NDArray[Any]]:
    try:
        return load(raw)
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError) as why:
        raise BadRecipe(f"{name} cannot be read ({why}); save float32 arrays with safetensors.") from None


def to_npy(vector: Floats) -> bytes:
    """The vector alone."""
    buffer = io.BytesIO()
    np.save(buffer, vector, allow_pickle=False)
    return buffer.getvalue()


def to_safetensors(vector: Floats, told: dict[str, Any]) -> bytes:
    """The vector as `direction`, and where it is from in the file's metadata."""
    said = {name: value if isinstance(value, str) else json.dumps(value) for name, value in told.items()}
    return save({"direction": np.ascontiguousarray(vector)}, metadata=said)
