"""The patterns of all heads as thumbnails, layers x heads: palette entries for the page, and the figure of exports.

A thumbnail has at most `CELLS` cells per side; longer prompts are reduced as in attention_windows. Colours, limits and
"not computed" are those of `attention_png`. In the figure x is the head, y the layer, downwards; inside a thumbnail
keys run across and queries down, as in the large pattern.
"""

import base64
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.results import AttentionPatternResult
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.attention_png import attention_limit, attention_png, indices
from app.figures.attention_windows import reduced
from app.figures.scales import colour_range
from app.figures.theme import CLEAR, FONT_SIZE, dress

CELLS = 64
_SIDE = 26
"""CSS pixels of one thumbnail in an exported figure."""


def thumbnails(pattern: NDArray[Any], style: Style) -> NDArray[np.uint8]:
    """`[layer head dest src]` -> palette entries of every head's thumbnail, `[layer head row column]`."""
    signed = style.show == "difference"
    return indices(reduced(pattern, signed, (CELLS, CELLS)), _limit(style), signed)


def _limit(style: Style) -> float:
    """That of attention itself: thumbnails are never weighted, and nothing but the baseline is taken away."""
    return attention_limit(replace(style, weighted_by=None, minus=None))


def thumbnails_size(result: AttentionPatternResult) -> tuple[int, int]:
    """Width and height of the exported figure in CSS pixels, for square thumbnails."""
    layers, heads = result.pattern.shape[:2]
    return max(320, heads * _SIDE + 120), max(240, layers * _SIDE + 120)


def attention_thumbnails(result: AttentionPatternResult, style: Style, selection: Selection) -> go.Figure:
    """Every head of the result; selected heads are outlined as on the head matrix."""
    signed, limit = style.show == "difference", _limit(style)
    small = reduced(result.pattern, signed, (CELLS, CELLS))
    rows, columns, side, _ = small.shape
    atlas = small.transpose(0, 2, 1, 3).reshape(rows * side, columns * side)
    figure = go.Figure([marks.hairlines(rows, columns), _colour_bar()])
    figure.update_layout(
        images=[_image(attention_png(atlas, limit, signed, style.theme), rows, columns)],
        shapes=_outlines(selection, result.layers),
        xaxis=_axis("head", range(columns)) | {"side": "top", "range": [-0.5, columns - 0.5]},
        yaxis=_axis("layer", result.layers) | {"range": [rows - 0.5, -0.5]}, dragmode=False,
        coloraxis=_bar(result, style),
    )  # fmt: skip
    title = f"{'Δ attention' if signed else 'Attention'} of all heads, {result.provenance.model}"
    return dress(figure, "thumbnails", title, style, {"l": 36, "r": 8, "t": 34, "b": 8})


def _outlines(selection: Selection, layers: tuple[int, ...]) -> list[dict[str, Any]]:
    """The heads' outlines, each in the row in which its layer stands among those of the result."""
    rows = {layer - 0.5: row for row, layer in enumerate(layers)}
    there = [shape for shape in marks.head_shapes(selection) if shape["y0"] in rows]
    return [shape | {"y0": rows[shape["y0"]] - 0.5, "y1": rows[shape["y0"]] + 0.5} for shape in there]


def _image(png: bytes, rows: int, columns: int) -> dict[str, Any]:
    return {
        "source": f"data:image/png;base64,{base64.b64encode(png).decode()}", "xref": "x", "yref": "y", "x": -0.5,
        "y": -0.5, "sizex": columns, "sizey": rows, "sizing": "stretch", "layer": "below", "name": "patterns",
    }  # fmt: skip


def _bar(result: AttentionPatternResult, style: Style) -> dict[str, Any]:
    signed = style.show == "difference"
    unit = "Δ attention" if signed else "attention"
    scale = colour_range(result.pattern, style, signed=signed, unit=unit, limit=_limit(style))
    return {"cmin": scale["zmin"], "cmax": scale["zmax"], "colorbar": scale["colorbar"]}


def _colour_bar() -> go.Scatter:
    return go.Scatter(
        x=[0], y=[0], mode="markers", hoverinfo="skip", showlegend=False, name="colour bar",
        marker={"color": [0], "coloraxis": "coloraxis", "opacity": 0},
    )  # fmt: skip


def _axis(title: str, names: Any) -> dict[str, Any]:
    every = -(-len(names) // 16)
    at = list(range(0, len(names), every))
    return {
        "title": {"text": title}, "tickmode": "array", "tickvals": at, "ticktext": [str(names[i]) for i in at],
        "tickfont": {"size": FONT_SIZE}, "ticklabelstandoff": 2, "linecolor": CLEAR, "fixedrange": True,
    }  # fmt: skip
