"""The figures of a plate, each at the size that it has there: shared scales and bars, letters' room, own words.

A figure is drawn for letters of FONT_SIZE pixels and put on the plate smaller or larger (`scale_of`), so that these
have the plate's size in points and everything else keeps its measure beside them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import plotly.graph_objects as go

from app.domain.plates import Place, Plate, PlatePanel, letter, placed
from app.domain.views import View
from app.figures.palettes import plate_template
from app.figures.plate_fit import fit_ticks, in_lines
from app.figures.theme import FONT_SIZE, INK, PANEL
from app.figures.tokens import safe

PIXELS_PER_MM = 96 / 25.4
LETTERS = 1.2
"""Size of a panel's letter over that of the plate's letters."""
_LETTER_ROOM = 18
_TITLE_LINE = 16


class Drawn(NamedTuple):
    """A figure and where it stands, in CSS pixels of the plate; it is drawn `1 / scale` as large."""

    figure: go.Figure
    x: float
    y: float
    width: float
    height: float
    scale: float


def scale_of(plate: Plate) -> float:
    """What figures are put on the plate by: size of its letters, in CSS pixels, over theirs."""
    return plate.points * 96 / 72 / FONT_SIZE


def size_of(plate: Plate) -> tuple[float, float]:
    """Width and height in CSS pixels, 1/96 inch."""
    return plate.full_width * PIXELS_PER_MM, placed(plate)[1] * PIXELS_PER_MM


def composition(plate: Plate, drawn: Sequence[Drawn]) -> dict[str, Any]:
    """What a plate is drawn from: figures in their places, letters, paper and ink; lengths in CSS pixels."""
    width, height = size_of(plate)
    panels = [
        {**each._asdict(), "figure": each.figure.to_plotly_json(), "letter": letter(at) if plate.letters else ""}
        for at, each in enumerate(drawn)
    ]
    layout: Any = plate_template(plate).layout
    return {
        "panels": panels, "width": width, "height": height, "background": PANEL[plate.theme], "ink": INK[plate.theme],
        "family": layout.font.family, "size": plate.points * 96 / 72 * LETTERS,
    }  # fmt: skip


def sized(plate: Plate, panel: PlatePanel, place: Place) -> View:
    """The panel's view in the size that it is drawn in."""
    pixels = PIXELS_PER_MM / scale_of(plate)
    style = replace(
        panel.view.style, theme=plate.theme, width=round(place.width * pixels), height=round(place.height * pixels)
    )
    return replace(panel.view, style=style)


def arranged(plate: Plate, draw: Callable[[View], go.Figure]) -> list[Drawn]:
    """Every panel's figure; `draw` makes that of a view. Panels of one quantity are drawn again with the largest of
    their limits."""
    places, _ = placed(plate)
    views = [sized(plate, panel, place) for panel, place in zip(plate.panels, places, strict=True)]
    figures = [draw(view) for view in views]
    shared = _shared(figures) if plate.one_scale else {}
    for at, limit in shared.items():
        figures[at] = draw(replace(views[at], style=replace(views[at].style, color_limit=limit)))
    if plate.one_bar:
        _leave_one_bar([figure if at in shared else None for at, figure in enumerate(figures)], places)
    scale = scale_of(plate)
    return [
        Drawn(_dressed(figure, plate, panel), *_in_pixels(place), scale)
        for figure, panel, place in zip(figures, plate.panels, places, strict=True)
    ]


def _in_pixels(place: Place) -> tuple[float, float, float, float]:
    return tuple(side * PIXELS_PER_MM for side in (place.x, place.y, place.width, place.height))  # pyright: ignore[reportReturnType]


def _quantity(figure: go.Figure | None) -> tuple[Any, ...] | None:
    """What its colours mean: the words at the colour bar, and whether they have a sign; None without one map."""
    maps = [] if figure is None else _maps(figure)
    if len(maps) != 1 or maps[0].zmax is None:
        return None
    return (maps[0].colorbar.title.text, maps[0].zmin < 0)


def _maps(figure: go.Figure) -> list[Any]:
    traces: Any = figure.data
    return [trace for trace in traces if trace.type == "heatmap" and trace.showscale is not False]


def _shared(figures: list[go.Figure]) -> dict[int, float]:
    """Panel -> the limit of all panels of its quantity, where there are several."""
    of: dict[Any, list[int]] = {}
    for at, figure in enumerate(figures):
        if (quantity := _quantity(figure)) is not None:
            of.setdefault(quantity, []).append(at)
    limit = {quantity: max(float(_maps(figures[at])[0].zmax) for at in group) for quantity, group in of.items()}
    return {at: limit[quantity] for quantity, group in of.items() if len(group) > 1 for at in group}


def _leave_one_bar(figures: list[go.Figure | None], places: tuple[Place, ...]) -> None:
    """Of neighbours in a row with the same colours the last keeps its bar."""
    for at in range(len(figures) - 1):
        here, after = figures[at], figures[at + 1]
        same = _quantity(here) is not None and _quantity(here) == _quantity(after)
        if here is not None and same and places[at].row == places[at + 1].row:
            _maps(here)[0].showscale = False


def _dressed(figure: go.Figure, plate: Plate, panel: PlatePanel) -> go.Figure:
    """Its own words in place of the figure's, and the plate's colours and face."""
    _entitle(figure, panel.title, plate.letters)
    for axes, said in (("xaxis", panel.x_label), ("yaxis", panel.y_label)):
        if said is not None:
            figure.update_layout({axes: {"title": {"text": safe(said)}}})
    _rename_ticks(figure, dict(panel.tokens))
    fit_ticks(figure)
    if panel.note:
        place = {"xref": "paper", "yref": "paper", "x": 1, "y": 1, "xanchor": "right", "yanchor": "top"}
        figure.add_annotation(text=safe(panel.note), showarrow=False, **place)
    return figure.update_layout(template=plate_template(plate))


def _entitle(figure: go.Figure, said: str | None, letters: bool) -> None:
    """Beside the letter: a text of its own, what its figure shows (the caption says of what), or none."""
    layout: Any = figure.layout
    lines = (layout.title.text or "").count("<br>") + 1
    above = layout.margin.t - 2 - _TITLE_LINE * lines - (10 if lines == 1 else 18)
    text, left = layout.meta["title"].split(",")[0] if said is None else safe(said), _LETTER_ROOM if letters else 4
    text = in_lines(text, layout.width - left - 4, FONT_SIZE + 1)
    more = _TITLE_LINE * text.count("<br>")
    own = _TITLE_LINE + 6 + more if text or letters else 4
    figure.update_layout(
        title={"text": text, "pad": {"t": 6 + more / 2, "l": left}, "font": {"size": FONT_SIZE + 1}},
        margin={"t": max(above, 0) + own},
    )


def _rename_ticks(figure: go.Figure, names: dict[str, str]) -> None:
    """Labels of the ticks of every axis that are named."""
    for axis in figure.select_xaxes() if names else ():
        _rename(axis, names)
    for axis in figure.select_yaxes() if names else ():
        _rename(axis, names)


def _rename(axis: Any, names: dict[str, str]) -> None:
    if axis.ticktext is not None:
        axis.ticktext = [safe(names[text]) if text in names else text for text in axis.ticktext]
