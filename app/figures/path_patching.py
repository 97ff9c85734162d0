"""Map of direct paths into one head: layers x heads, one cell per head that writes, coloured as a sweep's map.

y: layer, downwards, all layers of the model; x: head. Cells are the heads of layers before the receiver: zero is framed
and empty, not computed is hatched. From the receiver's layer on there are no paths, so nothing is drawn: no frame, no
colour. A diamond marks the receiver, or, of keys and values that heads share, every head that reads them. Hover names
the path, `L19H4 → L23H3.q`, and then what a sweep's cell says.
Of a source, or of some heads alone, the map has the cells that there are (figures/sweep_map.py).
"""

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.domain.recipes import PathPatching, parse_recipe
from app.domain.results import SweepResult
from app.domain.sites import Head
from app.domain.views import Selection, Style
from app.figures.sweep_grid import Grid, grid_of
from app.figures.sweep_map import heatmap_on, sweep_heatmap
from app.figures.sweep_reading import read
from app.figures.sweep_words import receiver_name
from app.figures.theme import NEUTRAL

_FEW = 10
"""Layers up to which every one has a number."""
_ROOM = 3
"""Rows without paths that have room for words."""


def path_heatmap(result: SweepResult, style: Style, selection: Selection, panel: str = "paths") -> go.Figure:
    """The paths as the style reads them; `panel` tells the page whose figure this is."""
    recipe = parse_recipe(result.recipe)
    if not isinstance(recipe, PathPatching) or recipe.receiver is None or recipe.layers or recipe.heads:
        return sweep_heatmap(result, style, selection, panel)
    reading = read(result, style)
    grid = on_all_layers(grid_of(result, np.abs(reading.spread.mean), selection), result, recipe.receiver)
    figure = heatmap_on(grid, result, reading, style, selection, panel)
    into = receiver_name(result, recipe)
    cells: Any = figure.data[0]
    cells.hovertext = np.char.replace(np.asarray(cells.hovertext, str), "</b>", f" → {into}</b>", count=1)
    figure.add_trace(_receivers(result, recipe, recipe.receiver, into))
    figure.add_annotation(_nothing(grid, recipe.receiver))
    if len(grid.rows) > _FEW:
        figure.update_yaxes(tickmode="auto", nticks=len(grid.rows) // 2, tickvals=None, ticktext=None)  # by its height
    figure.layout.meta |= {"receiver": str(recipe.receiver)}
    return figure


def on_all_layers(grid: Grid, result: SweepResult, receiver: Head) -> Grid:
    """The map with the rows of all layers; those from the receiver's on have no cells."""
    last = max(receiver.layer + 1, result.provenance.n_layers or 0)
    later = tuple(range(receiver.layer, last))
    none = np.full((len(later), len(grid.columns)), -1)
    return replace(grid, rows=(*grid.rows, *later), index=np.concatenate([grid.index, none]), holes=True)


def _receivers(result: SweepResult, recipe: PathPatching, receiver: Head, into: str) -> go.Scatter:
    """A diamond on every head that reads the input."""
    size = 1 if recipe.component == "q" else result.provenance.heads_per_key_value or 1
    first = receiver.head // size * size
    readers = [Head(receiver.layer, head) for head in range(first, first + size)]
    return go.Scatter(
        x=[head.head for head in readers], y=[head.layer for head in readers], mode="markers", name="receiver",
        hovertext=[f"<b>{head}</b> reads {into}" for head in readers], hovertemplate="%{hovertext}<extra></extra>",
        showlegend=False, marker={"symbol": "diamond", "size": 7, "color": NEUTRAL},
    )  # fmt: skip


def _nothing(grid: Grid, receiver: Head) -> dict[str, Any]:
    """Why the rest is empty, where there is room to say so."""
    rows = len(grid.rows) - receiver.layer - 1
    text = f"{receiver} reads nothing from here on" if rows >= _ROOM else ""
    x, y = (len(grid.columns) - 1) / 2, receiver.layer + (rows + 1) / 2
    return {"text": text, "name": "no paths", "showarrow": False, "x": x, "y": y, "visible": bool(text)}
