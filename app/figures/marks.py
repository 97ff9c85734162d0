"""Marks that figures share: selection shapes, cell hairlines, hatch strokes of cells that are not computed.

The page draws the same selection shapes by `Plotly.relayout` when the selection changes (assets/40-shapes.js); a full
redraw from here must agree in names, places and widths. All take the accent colour from the template.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.errors import BadInput
from app.domain.sites import Head
from app.domain.views import Selection
from app.figures.theme import HAIRLINE, NEUTRAL

_LINE: dict[str, dict[str, Any]] = {
    "selected": {"width": 1.5}, "primary": {"width": 3}, "pinned": {"width": 2, "dash": "dot"},
    "position": {"width": 1.5}, "prompt": {"width": 1.5}, "layer": {"width": 1.5},
}  # fmt: skip
_BAR = 56
"""Width of a colour bar with its numbers."""
_CHARACTER = 6.5
"""Pixels of one character of a note."""


def _outline(name: str, **sides: Any) -> dict[str, Any]:
    """One rectangle; its colour comes from the template."""
    return {"type": "rect", "name": name, "xref": "x", "yref": "y", "line": _LINE[name], **sides}


def head_shapes(selection: Selection) -> list[dict[str, Any]]:
    """Selected heads, then the pinned one, the primary one on top."""
    return [cell_outline(name, at.layer, at.head) for name, at in _named_heads(selection)]


def _named_heads(selection: Selection) -> list[tuple[str, Head]]:
    named = [("selected", head) for head in selection.heads if head != selection.primary]
    named += [("pinned", selection.pinned)] if selection.pinned else []
    return named + ([("primary", selection.primary)] if selection.primary else [])


def head_rings(selection: Selection, places: Mapping[str, tuple[float, float]]) -> list[dict[str, Any]]:
    """The same on a scatter of heads: rings of one size on screen around the points that there are, by name."""
    named = [(name, places.get(str(head))) for name, head in _named_heads(selection)]
    return [_ring(name, *place) for name, place in named if place is not None]


def prompt_rings(prompt: int, places: Mapping[int, list[tuple[float, float]]]) -> list[dict[str, Any]]:
    """Around the points of one prompt."""
    return [_ring("prompt", *place) for place in places.get(prompt, [])]


def layer_rows(selection: Selection) -> list[dict[str, Any]]:
    """Selected layers as rows over the whole width."""
    return [row_outline("layer", layer) for layer in selection.layers]


def _ring(name: str, x: float, y: float) -> dict[str, Any]:
    size = {"xsizemode": "pixel", "ysizemode": "pixel", "xanchor": x, "yanchor": y}
    return {
        "type": "circle", "name": name, "xref": "x", "yref": "y", **size, "x0": -8, "x1": 8, "y0": -8, "y1": 8,
        "line": _LINE[name],
    }  # fmt: skip


def cell_outline(name: str, row: int, column: int) -> dict[str, Any]:
    """One cell of a matrix, as `selected`, `primary` or `pinned`."""
    return _outline(name, x0=column - 0.5, x1=column + 0.5, y0=row - 0.5, y1=row + 0.5)


def row_outline(name: str, row: int) -> dict[str, Any]:
    """One row over the whole width."""
    return _outline(name, xref="paper", x0=0, x1=1, y0=row - 0.5, y1=row + 0.5)


def bar_outline(name: str, row: int) -> dict[str, Any]:
    """One row of bars that stand in the second plot of a figure, over its width."""
    sides: dict[str, Any] = {"x0": 0, "x1": 1, "y0": row - 0.5, "y1": row + 0.5}
    return _outline(name, **sides) | {"xref": "x2 domain", "yref": "y2"}


def position_columns(selection: Selection) -> list[dict[str, Any]]:
    """Selected positions as columns over the whole height."""
    return [_outline("position", x0=p - 0.5, x1=p + 0.5, yref="paper", y0=0, y1=1) for p in selection.positions]


def position_rows(selection: Selection) -> list[dict[str, Any]]:
    """Selected positions as rows (queries) over the whole width."""
    return [row_outline("position", p) for p in selection.positions]


def layer_lines(selection: Selection, layer_x: list[int]) -> list[dict[str, Any]]:
    """Selected layers, and the layers of selected heads, as dotted vertical lines at `layer_x[layer]`."""
    layers = sorted({*selection.layers, *(head.layer for head in selection.heads)})
    primary = selection.primary.layer if selection.primary else None
    return [
        {
            "type": "line", "name": "layer", "xref": "x", "yref": "paper", "x0": layer_x[at], "x1": layer_x[at],
            "y0": 0, "y1": 1, "line": {"width": 2 if at == primary else 1, "dash": "dot"},
        }
        for at in layers
        if at < len(layer_x)
    ]  # fmt: skip


def hairlines(rows: int, columns: int) -> go.Scatter:
    """Lines between the cells of a matrix as one vector path, so that they stay sharp in print."""
    x, y = np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5
    across = np.stack([np.full_like(y, -0.5), np.full_like(y, columns - 0.5), np.full_like(y, np.nan)], -1)
    down = np.stack([np.full_like(x, -0.5), np.full_like(x, rows - 0.5), np.full_like(x, np.nan)], -1)
    return go.Scatter(
        x=np.concatenate([across.ravel(), np.repeat(x, 3)]).astype(np.float32),
        y=np.concatenate([np.repeat(y, 3), down.ravel()]).astype(np.float32),
        mode="lines", line={"color": HAIRLINE, "width": 1}, hoverinfo="skip", showlegend=False, name="cells",
    )  # fmt: skip


def frames(exists: NDArray[np.bool_]) -> go.Scatter:
    """Lines around the cells that exist, for matrices that are not full (causal attention)."""
    above = np.pad(exists, ((1, 0), (0, 0))) | np.pad(exists, ((0, 1), (0, 0)))
    beside = np.pad(exists, ((0, 0), (1, 0))) | np.pad(exists, ((0, 0), (0, 1)))
    (across_y, across_x), (down_y, down_x) = np.nonzero(above), np.nonzero(beside)
    along, still = np.array([-0.5, 0.5, np.nan]), np.array([-0.5, -0.5, np.nan])
    x = np.concatenate([across_x[:, None] + along, down_x[:, None] + still])
    y = np.concatenate([across_y[:, None] + still, down_y[:, None] + along])
    return go.Scatter(
        x=x.ravel().astype(np.float32), y=y.ravel().astype(np.float32), mode="lines", hoverinfo="skip",
        line={"color": HAIRLINE, "width": 1}, showlegend=False, name="cells",
    )  # fmt: skip


def hatch(values: NDArray[np.floating[Any]]) -> go.Scatter:
    """A diagonal stroke on every cell that is not computed (NaN): one vector path, which a box cannot select."""
    rows, columns = np.nonzero(np.isnan(values))
    ends = np.array([-0.2, 0.2, np.nan])
    return go.Scatter(
        x=(columns[:, None] + ends).ravel().astype(np.float32), y=(rows[:, None] - ends).ravel().astype(np.float32),
        mode="lines", hoverinfo="skip", showlegend=False, name="not computed", connectgaps=False, opacity=0.7,
        line={"color": NEUTRAL, "width": 1},
    )  # fmt: skip


def not_computed_note(values: NDArray[np.floating[Any]], line: int = 0) -> list[dict[str, Any]]:
    """The legend of the hatch, where there is any: under the colour bar, which is not there without any number."""
    missing = np.isnan(values)
    return [note("╱ not computed", "not computed", line, 0 if missing.all() else _BAR)] if missing.any() else []


def note(text: str, name: str, line: int = 0, beyond: int = _BAR) -> dict[str, Any]:
    """A line of legend below the matrix, reaching `beyond` pixels over its right edge."""
    return {
        "text": text, "name": name, "showarrow": False, "xref": "paper", "yref": "paper",
        "x": 1, "xanchor": "right", "xshift": beyond, "y": 0, "yanchor": "top", "yshift": -4 - 14 * line,
    }  # fmt: skip


def note_above(text: str, name: str, before: int = 0) -> dict[str, Any]:
    """A word of legend above the matrix, right-aligned; `before` characters of others stand right of it."""
    place = {"y": 1, "yanchor": "bottom", "yshift": 3, "xshift": -round(_CHARACTER * before)}
    return note(text, name) | place


def prompt_row(selection: Selection, count: int) -> int:
    """Index of the prompt that is shown: the only one there is, else the selected one; refuses one that the result
    does not have."""
    if selection.prompt < count:
        return selection.prompt
    if count == 1:
        return 0  # of a prompt set the page computes the selected one alone
    raise BadInput(
        f"Prompt {selection.prompt} is selected, but this result has {count} (counted from 0); select a lower one."
    )
