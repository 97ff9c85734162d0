"""A plate: several figures as one, with letters, at the exact size that it is printed in.

Sizes are millimetres and points at final size. Panels fill a grid row by row; a row is as high as its highest panel.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pydantic import ConfigDict, TypeAdapter, with_config

from app.domain.errors import BadRecipe
from app.domain.recipes import parse_json
from app.domain.views import Theme, View

_STRICT = ConfigDict(extra="forbid")
Face = Literal["sans", "serif"]
PaletteName = Literal["blue-red", "blue-orange", "purple-green"]
PresetName = Literal[
    "neurips", "icml-column", "icml-page", "iclr", "acl-column", "acl-page", "nature-column", "nature-page", "distill",
    "slides", "poster",
]  # fmt: skip


class Preset(NamedTuple):
    """What a place asks of a figure: its full width in mm, the size of its letters in pt, and their face."""

    title: str
    width_mm: float
    font_pt: float
    face: Face


PRESETS: dict[PresetName, Preset] = {
    "neurips": Preset("NeurIPS", 139.7, 8, "serif"),
    "icml-column": Preset("ICML, one column", 82.55, 8, "serif"),
    "icml-page": Preset("ICML, two columns", 171.45, 8, "serif"),
    "iclr": Preset("ICLR", 139.7, 8, "serif"),
    "acl-column": Preset("ACL, one column", 77, 8, "serif"),
    "acl-page": Preset("ACL, two columns", 160, 8, "serif"),
    "nature-column": Preset("Nature, one column", 89, 6.5, "sans"),
    "nature-page": Preset("Nature, two columns", 183, 6.5, "sans"),
    "distill": Preset("Distill, HTML", 171.45, 9, "sans"),
    "slides": Preset("Slides 16:9", 338.67, 16, "sans"),
    "poster": Preset("Poster column", 380, 24, "sans"),
}
"""Text widths of the venues' style files: NeurIPS and ICLR 5.5 in, ICML 3.25 and 6.75 in, ACL 7.7 and 16 cm, Nature 89
and 183 mm; Distill's body of 648 px at 96 per inch; slides of 13.33 in."""
GUTTER_MM = 4.0
MOST_PANELS, MOST_COLUMNS = 24, 6
_WIDTHS, _HEIGHTS, _POINTS = (20, 1200), (15, 800), (4, 72)


@with_config(_STRICT)
@dataclass(frozen=True)
class PlatePanel:
    """One figure of a plate. None keeps the figure's own words, an empty text leaves them out."""

    view: View
    span: int = 1
    """Columns of the grid."""
    height_mm: float = 55
    title: str | None = None
    x_label: str | None = None
    y_label: str | None = None
    note: str = ""
    """Written into the upper right corner of the plot."""
    tokens: tuple[tuple[str, str], ...] = ()
    """Tick labels as they are drawn -> as they are to be."""

    def __post_init__(self) -> None:
        _within("height_mm", self.height_mm, _HEIGHTS)
        _within("span", self.span, (1, MOST_COLUMNS))


@with_config(_STRICT)
@dataclass(frozen=True)
class Plate:
    """None takes the preset's."""

    preset: PresetName = "neurips"
    columns: int = 2
    width_mm: float | None = None
    font_pt: float | None = None
    face: Face | None = None
    theme: Theme = "light"
    palette: PaletteName = "blue-red"
    letters: bool = True
    one_scale: bool = True
    """Panels of one quantity have the same colours."""
    one_bar: bool = True
    """Panels of one row with the same colours have one colour bar, at the last of them; needs `one_scale`."""
    panels: tuple[PlatePanel, ...] = ()

    def __post_init__(self) -> None:
        _within("columns", self.columns, (1, MOST_COLUMNS))
        _within("number of panels", len(self.panels), (0, MOST_PANELS))
        for name, limits in (("width_mm", _WIDTHS), ("font_pt", _POINTS)):
            if (value := getattr(self, name)) is not None:
                _within(name, value, limits)

    @property
    def full_width(self) -> float:
        """In mm."""
        return self.width_mm or PRESETS[self.preset].width_mm

    @property
    def points(self) -> float:
        """Size of its letters."""
        return self.font_pt or PRESETS[self.preset].font_pt

    @property
    def drawn_face(self) -> Face:
        """The face of its letters; tokens are always monospaced."""
        return self.face or PRESETS[self.preset].face


class Place(NamedTuple):
    """Where a panel stands, in mm from the upper left corner, and in which row."""

    x: float
    y: float
    width: float
    height: float
    row: int


def placed(plate: Plate) -> tuple[tuple[Place, ...], float]:
    """One place per panel, and the height of them all in mm."""
    column = (plate.full_width - GUTTER_MM * (plate.columns - 1)) / plate.columns
    rows = _rows(plate)
    found: list[Place] = []
    top = 0.0
    for number, row in enumerate(rows):
        at = 0
        for panel in row:
            span = min(panel.span, plate.columns)
            across, width = at * (column + GUTTER_MM), span * column + (span - 1) * GUTTER_MM
            found.append(Place(across, top, width, panel.height_mm, number))
            at += span
        top += max(panel.height_mm for panel in row) + GUTTER_MM
    return tuple(found), max(top - GUTTER_MM, 0.0)


def _rows(plate: Plate) -> list[list[PlatePanel]]:
    rows: list[list[PlatePanel]] = []
    left = 0
    for panel in plate.panels:
        span = min(panel.span, plate.columns)
        if span > left:
            rows.append([])
            left = plate.columns
        rows[-1].append(panel)
        left -= span
    return rows


def letter(at: int) -> str:
    """`a`, `b`, …"""
    return chr(ord("a") + at)


def _within(name: str, value: float, limits: tuple[float, float]) -> None:
    low, high = limits
    if not low <= value <= high:
        raise BadRecipe(f"{name} = {value:g} of a figure's plate is out of bounds; give {low:g} to {high:g}.")


_PLATE: TypeAdapter[Plate] = TypeAdapter(Plate)


def parse_plate(given: str | bytes | dict[str, Any]) -> Plate:
    """JSON -> plate; refusals as for recipes."""
    return parse_json(_PLATE, given, "a plate of figures")


def plate_dict(plate: Plate) -> dict[str, Any]:
    """The plate as plain JSON values."""
    return _PLATE.dump_python(plate, mode="json")
