"""Palettes that a plate can have, and whether they still read without some of their colours.

The check is on what a palette is for: the two arms of a diverging scale must not be taken for each other, each must
grow steadily away from 0, and lines must stay apart. Distances are ΔE (CIE76 in CIELAB, D65), after simulation of
dichromacy in linear RGB (Machado et al. 2009, severity 1) or in grey (L* alone).
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.plates import PaletteName, Plate
from app.domain.views import Theme
from app.figures.theme import DIVERGING, EXPORT_FONT, INK, LINES, PANEL, SEQUENTIAL, export_template, scale

SERIF_FONT = "Liberation Serif, Times New Roman, Times, serif"
_ARMS: dict[PaletteName, dict[Theme, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "blue-red": {theme: (DIVERGING[theme][:5], DIVERGING[theme][6:]) for theme in PANEL},
    "blue-orange": {
        "light": (("#7f3b08", "#b35806", "#e08214", "#fdb863", "#fee0b6"), DIVERGING["light"][6:]),
        "dark": (("#ffc27d", "#e8964a", "#bd6f2b", "#864d1c", "#4d2f15"), DIVERGING["dark"][6:]),
    },
    "purple-green": {
        "light": (("#40004b", "#762a83", "#9970ab", "#c2a5cf", "#e7d4e8"),
                  ("#d0ecc9", "#96d190", "#4ba356", "#15702f", "#003014")),
        "dark": (("#dcb8ea", "#b48ac6", "#8a5fa0", "#5f3d72", "#382545"),
                 ("#1d4026", "#2c6b3a", "#46995a", "#7cc98a", "#c4f2c8")),
    },
}  # fmt: skip
"""Negative arm from its end to 0, positive arm from 0 to its end."""
Colour = NDArray[np.float64]
_SEEN: dict[str, Colour] = {
    "as it is": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = _XYZ.sum(axis=1)
APART = 20.0
"""ΔE from which two colours of a figure are not taken for each other; 2.3 is just noticeable side by side."""


@dataclass(frozen=True)
class Seen:
    """How a palette reads in one way of seeing: the least ΔE of the arms at half strength and beyond, the least ΔE of
    two lines, and whether it will do."""

    how: str
    arms: float
    lines: float
    reads: bool


def diverging(palette: PaletteName, theme: Theme) -> tuple[str, ...]:
    """-limit .. 0 .. +limit, 0 having the colour of the paper."""
    negative, positive = _ARMS[palette][theme]
    return (*negative, PANEL[theme], *positive)


def checked(palette: PaletteName, theme: Theme) -> list[Seen]:
    """Every way of seeing; in grey, arms are told apart by the minus signs in strong negative cells, so there each of
    them has to grow steadily and no more."""
    found = []
    for how, matrix in _SEEN.items():
        negative, positive = (_lab(arm, matrix) for arm in _ARMS[palette][theme])
        arms = min(_distance(a, b) for a, b in zip(negative[::-1][2:], positive[2:], strict=True))
        lines = min(_distance(a, b) for a, b in combinations(_lab(LINES[theme], matrix), 2))
        found.append(Seen(how, arms, lines, arms >= APART and lines >= APART))
    return [*found, _in_grey(palette, theme)]


def _in_grey(palette: PaletteName, theme: Theme) -> Seen:
    middle = _lab((PANEL[theme],), np.eye(3))[0, 0]
    away = [np.abs(_lab(arm, np.eye(3))[:, 0] - middle) for arm in _ARMS[palette][theme]]
    steady = all(bool((np.diff(each) > 0).all()) for each in (away[0][::-1], away[1]))
    lightness = [_lab((colour,), np.eye(3))[0, 0] for colour in LINES[theme]]
    lines = float(min(abs(a - b) for a, b in combinations(lightness, 2)))
    return Seen("grey", min(float(each.max()) for each in away) if steady else 0.0, lines, steady)


def _linear(colours: tuple[str, ...]) -> Colour:
    given = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in colours]) / 255
    return np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)


def _lab(colours: tuple[str, ...], matrix: Colour) -> Colour:
    """`[colour 3]`: L*, a*, b* of sRGB hex colours as they are seen."""
    xyz = np.clip(_linear(colours) @ matrix.T, 0, 1) @ _XYZ.T / _WHITE
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def _distance(a: Colour, b: Colour) -> float:
    return float(np.linalg.norm(a - b))


def plate_template(plate: Plate) -> go.layout.Template:
    """That of an export in the plate's colours and face."""
    arms, sequential = scale(diverging(plate.palette, plate.theme)), scale(_sequential(plate))
    family = EXPORT_FONT if plate.drawn_face == "sans" else SERIF_FONT
    colours = {"diverging": arms, "sequential": sequential, "sequentialminus": sequential}
    font = {"family": family, "color": INK[plate.theme]}
    return export_template(plate.theme, colours, font)


def _sequential(plate: Plate) -> tuple[str, ...]:
    """The positive arm of other palettes."""
    if plate.palette == "blue-red":
        return SEQUENTIAL[plate.theme]
    return (PANEL[plate.theme], *_ARMS[plate.palette][plate.theme][1])
