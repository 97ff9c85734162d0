"""One attention pattern as a palette PNG, by the standard library alone (`zlib`, `struct`).

Rows are queries (dest_pos, down), columns are keys (src_pos, across). 8 bits: palette entry 0 is "not computed", 1..255
run over 0..limit (sequential) or -limit..limit (signed, 128 = exactly 0). Values beyond the limit are clipped. The file
states its limit in a `tEXt` chunk; exact values are in the `.f32` file and in exports.
"""

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.views import Style, Theme
from app.figures.theme import DIVERGING, MISSING, SEQUENTIAL
from app.png import chunk

ATTENTION_LIMIT, DIFFERENCE_LIMIT = 1.0, 0.5
_STEPS = 254


def attention_limit(style: Style) -> float:
    """Colour limit of a pattern: 1, of a difference of patterns: 0.5, so that heads compare; the style may lock it."""
    if style.color_limit is not None:
        return style.color_limit
    return DIFFERENCE_LIMIT if is_signed(style) else ATTENTION_LIMIT


def is_signed(style: Style) -> bool:
    """Whether something is taken away from attention (the baseline, another prompt or another head), or its weights
    have a sign."""
    return style.show == "difference" or style.minus is not None or style.weighted_by == "attribution"


def palette(signed: bool, theme: Theme) -> NDArray[np.uint8]:
    """`[256, rgb]`: the missing colour, then 255 colours from the scale's low to its high end."""
    anchors = np.array([_rgb(c) for c in (DIVERGING if signed else SEQUENTIAL)[theme]])
    at, places = np.linspace(0, 1, _STEPS + 1), np.linspace(0, 1, len(anchors))
    colours = np.stack([np.interp(at, places, channel) for channel in anchors.T], axis=-1)
    return np.concatenate([[_rgb(MISSING[theme])], colours]).round().astype(np.uint8)


def indices(pattern: NDArray[Any], limit: float, signed: bool) -> NDArray[np.uint8]:
    """`[dest src]` values -> palette entries; 0 where not computed."""
    low = -limit if signed else 0.0
    steps = np.rint((np.asarray(pattern, dtype=float) - low) / (limit - low) * _STEPS) + 1
    return np.where(np.isnan(steps), 0, np.clip(steps, 1, _STEPS + 1)).astype(np.uint8)


def attention_png(pattern: NDArray[Any], limit: float, signed: bool, theme: Theme) -> bytes:
    """`[dest src]` -> PNG, one pixel per cell."""
    pixels = indices(pattern, limit, signed)
    height, width = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels], axis=1)  # [dest, filter byte + src]
    stated = f"limit\0{-limit if signed else 0:g}..{limit:g}, {_STEPS} steps".encode("latin-1")
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            chunk(b"tEXt", stated),
            chunk(b"PLTE", palette(signed, theme).tobytes()),
            chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)),
            chunk(b"IEND", b""),
        ]
    )


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
