"""Figures that come in several readings of one result: all of them travel with the one that is drawn, so that the page
switches between them without asking anybody (assets/44-readings.js).

`meta.readings`: name -> {data, layout, said}, of those that there are; `meta.reading` names the one that is drawn.
`said` is the title without the model, which the page names elsewhere. What is the same of every point in all readings
travels once: the page fills it in by the points' `customdata`.
"""

from collections.abc import Callable, Iterable
from typing import Any

import plotly.graph_objects as go

from app.domain.errors import BadInput

Drawing = Callable[[str], go.Figure]
"""Name of a reading -> its figure; refuses one that the result cannot show."""


def with_readings(
    chosen: str, names: Iterable[str], drawing: Drawing, model: str, once: tuple[str, ...] = ()
) -> go.Figure:
    """The chosen reading with all others beside it. Those that are refused are left out: the page asks for one that it
    misses, and is told why. `once`: properties of points that do not differ."""
    figure = drawing(chosen)
    readings = {chosen: _carried(figure, model, once)}
    for name in names:
        if name != chosen and (found := _drawn(drawing, name)) is not None:
            readings[name] = _carried(found, model, once)
    figure.layout.meta = {**figure.layout.meta, "reading": chosen, "readings": readings}
    return figure


def _drawn(drawing: Drawing, name: str) -> go.Figure | None:
    try:
        return drawing(name)
    except BadInput:
        return None


def _carried(figure: go.Figure, model: str, once: tuple[str, ...]) -> dict[str, Any]:
    """What differs from reading to reading; the template is that of the figure on screen."""
    spoken = figure.to_plotly_json()
    layout = {name: value for name, value in spoken["layout"].items() if name != "template"}
    traces = [{name: value for name, value in trace.items() if name not in once} for trace in spoken["data"]]
    return {"data": traces, "layout": layout, "said": said(figure, model)}


def said(figure: go.Figure, model: str) -> str:
    """What a figure says of itself: its title, which only exports draw, without the model."""
    return str(figure.layout.meta["title"]).replace(f", {model}", "")
