"""Who reads a direction: layers x the inputs of every layer, queries, keys and values of each head, then the MLP.

x: one column per reader, in groups (q, k, v by head, key-value heads once; mlp and gate); y: layer, downwards from 0.
Colour: how many standard deviations a reader's norm is away from random directions (`style.reading_as` = z, symmetric
about 0, blue = reads more of it than of a random direction), or the norm as a multiple of theirs (norm, from 0).
The note says the band in which 95 % of random directions lie. Hover: norm, z, the reader's own band. `customdata`
names the reader: `L5H1.q`.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.direction_results import DirectionReadersResult
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.direction_tables import reader_names
from app.figures.head_matrix import layer_axis
from app.figures.scales import colour_range, spoken
from app.figures.theme import CLEAR, FONT_SIZE, dress

GROUPS = ("q", "k", "v", "mlp", "gate")
_GAP = 1
"""Columns between groups."""


def direction_readers_heatmap(result: DirectionReadersResult, style: Style, selection: Selection) -> go.Figure:
    """Every reader of every layer."""
    columns = reader_columns(result)
    width = max(at + count for at, count in columns.values())
    figure = go.Figure([_cells(result, columns, width, style)])
    shared = result.provenance.heads_per_key_value or 1
    n_layers = int(result.layers.max()) + 1
    figure.update_layout(
        plot_bgcolor=CLEAR, clickmode="event", dragmode=False, annotations=[*_headings(columns), _band(result)],
        shapes=[mark for head in _marked(selection) for mark in _outlines(columns, shared, *head)],
        xaxis=_column_axis(columns, width), yaxis=layer_axis(n_layers) | {"showgrid": False},
    )  # fmt: skip
    title = f"who reads {result.direction} (weights alone), {result.provenance.model}"
    meta = {"columns": {name: list(place) for name, place in columns.items()}, "shared": shared}
    return dress(figure, "readers", title, style, {"l": 36, "r": 8, "t": 34, "b": 22}, meta)


def reader_columns(result: DirectionReadersResult) -> dict[str, tuple[int, int]]:
    """Group -> its first column and how many it has."""
    inputs, found, at = np.array(result.inputs), {}, 0
    for name in GROUPS:
        heads = result.heads[inputs == name]
        if len(heads):
            count = max(int(heads.max()) + 1, 1)
            found[name] = (at, count)
            at += count + (0 if name == "mlp" else _GAP)
    return found


def _places(result: DirectionReadersResult, columns: dict[str, tuple[int, int]]) -> NDArray[np.int64]:
    """`[reader]` column."""
    first = np.array([columns[name][0] for name in result.inputs])
    return first + np.maximum(result.heads, 0)


def _cells(result: DirectionReadersResult, columns: dict[str, tuple[int, int]], width: int, style: Style) -> go.Heatmap:
    at = result.layers, _places(result, columns)
    shape = (int(result.layers.max()) + 1, width)
    values = np.full(shape, np.nan, np.float32)
    signed = style.reading_as == "z"
    values[at] = result.z if signed else result.norm
    names, hover = np.full(shape, "", dtype=object), np.full(shape, "", dtype=object)
    names[at], hover[at] = reader_names(result), _hover(result)
    unit = "standard deviations from random" if signed else "norm / that of a random direction"
    return go.Heatmap(
        z=values, customdata=names, hovertext=hover, hovertemplate="%{hovertext}<extra></extra>", name="readers",
        hoverongaps=False, **colour_range(values, style, signed=signed, unit=unit),
    )  # fmt: skip


def _hover(result: DirectionReadersResult) -> list[str]:
    each = zip(reader_names(result), spoken(result.norm, signed=False), spoken(result.z), result.random_low,
               result.random_high, strict=True)  # fmt: skip
    return [
        f"<b>{name}</b><br>norm {norm}, z {z}<br>95 % of {result.draws} random directions: {low:.3g} to {high:.3g}"
        for name, norm, z, low, high in each
    ]


def _headings(columns: dict[str, tuple[int, int]]) -> list[dict[str, Any]]:
    place = {"y": 1, "xref": "x", "yref": "paper", "yanchor": "bottom", "yshift": 16, "showarrow": False}
    return [
        {"text": name.upper(), "x": at + (count - 1) / 2, "name": "group", **place}
        for name, (at, count) in columns.items()
        if name != "gate"
    ]


def _band(result: DirectionReadersResult) -> dict[str, Any]:
    """The legend: where random directions lie, of the middle reader."""
    low, high = np.median(result.random_low), np.median(result.random_high)
    text = f"95 % of {result.draws} random: norm {low:.2f}–{high:.2f}, |z| < 2"
    return marks.note(text, "band")


def _column_axis(columns: dict[str, tuple[int, int]], width: int) -> dict[str, Any]:
    """Heads from 0 in every group, thinned; MLPs by name: `in/g` is over the columns of W_in and W_gate."""
    ticks = [(at + head, str(head)) for name, (at, count) in columns.items() if name in "qkv"
             for head in range(0, count, max(1, -(-count // 5)))]  # fmt: skip
    mlp = [columns[name][0] for name in ("mlp", "gate") if name in columns]
    ticks += [(sum(mlp) / len(mlp), "in/g" if len(mlp) > 1 else "in")] if mlp else []
    return {
        "tickmode": "array", "tickvals": [at for at, _ in ticks], "ticktext": [text for _, text in ticks],
        "side": "top", "range": [-0.5, width - 0.5], "fixedrange": True, "tickfont": {"size": FONT_SIZE},
        "linecolor": CLEAR, "tickangle": 0,
    }  # fmt: skip


def _marked(selection: Selection) -> list[tuple[str, int, int]]:
    primary = selection.primary
    found = [("selected", head.layer, head.head) for head in selection.heads if head != primary]
    return found + ([("primary", primary.layer, primary.head)] if primary else [])


def _outlines(
    columns: dict[str, tuple[int, int]], shared: int, name: str, layer: int, head: int
) -> list[dict[str, Any]]:
    """A head's queries, and the keys and values that it reads."""
    places = {"q": head, "k": head // shared, "v": head // shared}
    return [marks.cell_outline(name, layer, columns[group][0] + at) for group, at in places.items() if group in columns]
