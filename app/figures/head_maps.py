"""Two numbers of every head beside each other: two head matrices (app/figures/head_matrix.py) with one layer axis.

The left map is of the result that the style names, the right one of the other (`style.across`). Colours: each with its
own limit (or the locked one) and bar below; with `style.one_scale` one limit and one bar for both, the larger of the
two, where they have the same sign and unit (a logit difference and an effect on it are both in logits). Marks of the
selection are on both.
Traces 0 to 3 are the left map's, 4 to 7 the right one's.
"""

import textwrap
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.domain.results import Result
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.head_matrix import across_axis, head_map, layer_axis
from app.figures.head_numbers import HeadNumbers, head_numbers, of_the_same_heads
from app.figures.scales import limit_of
from app.figures.theme import dress, is_export

_GAP = 0.05
_SIDES = ((0.0, 0.5 - _GAP / 2), (0.5 + _GAP / 2, 1.0))
_MOST_TICKS = 10
"""Heads that are labelled on one map."""


def head_maps(beside: Result, result: Result, style: Style, selection: Selection) -> go.Figure:
    """`result` on the left, `beside` on the right; refuses heads of two models."""
    left, right = head_numbers(result, style, selection), head_numbers(beside, style.across, selection)
    of_the_same_heads(result, left, beside, right)
    shared = _together(left, right) if style.one_scale else None
    limits = _limits(left, right, style, shared)
    figure = go.Figure()
    for at, (numbers, limit) in enumerate(zip((left, right), limits, strict=True)):
        figure.add_traces(_map(numbers, replace(style, color_limit=limit), at, shared))
    rows, columns = left.values.shape
    figure.update_layout(
        shapes=_on_both(marks.head_shapes(selection)), annotations=_legend(left, right, style),
        dragmode="select", clickmode="event", yaxis=layer_axis(rows),
        xaxis=across_axis(columns, _MOST_TICKS) | {"domain": _SIDES[0]},
        xaxis2=across_axis(columns, _MOST_TICKS) | {"domain": _SIDES[1], "anchor": "y"},
    )  # fmt: skip
    title = f"{left.name} beside {right.name}, heads of {result.provenance.model}"
    margin = {"l": 36, "r": 10, "t": 58 if is_export(style) else 34, "b": 46}
    return dress(figure, "head-matrix", title, style, margin, {"drawn": "maps"})


def _together(left: HeadNumbers, right: HeadNumbers) -> str | None:
    """What one colour bar for both is of; None where their numbers cannot be compared."""
    if (_base(left.unit), left.signed) != (_base(right.unit), right.signed):
        return None
    return " and ".join(dict.fromkeys((left.unit, right.unit)))


def _base(unit: str) -> str:
    return unit.replace("Δ ", "")


def _limits(left: HeadNumbers, right: HeadNumbers, style: Style, shared: str | None) -> tuple[float, float]:
    own = [style.color_limit or numbers.limit or limit_of(numbers.values, style) for numbers in (left, right)]
    return (max(own), max(own)) if shared else (own[0], own[1])


def _map(numbers: HeadNumbers, style: Style, at: int, shared: str | None) -> list[Any]:
    """One map on its own x axis; the scale that is shared is drawn once, in the middle."""
    cells, *others = head_map(numbers, style)
    middle = 0.5 if shared else sum(_SIDES[at]) / 2
    own = {"uid": f"map{at}", "showscale": not (shared and at == 1)}  # of the same uid Plotly keeps the upright bar
    cells.update(colorbar=_bar(cells, middle, shared or numbers.unit), **own)
    return [trace.update(xaxis="x2" if at else "x", yaxis="y") for trace in (cells, *others)]


def _bar(cells: Any, middle: float, unit: str) -> dict[str, Any]:
    """The colour bar lying below its map, with the ends and the middle named."""
    bar = cells.colorbar
    return {
        "orientation": "h", "x": middle, "xanchor": "center", "y": 0, "yanchor": "top", "ypad": 4, "len": 0.42,
        "title": {"text": unit, "side": "bottom"}, "tickmode": "array", "tickvals": bar.tickvals[::2],
        "ticktext": [text.strip() for text in bar.ticktext[::2]],
    }  # fmt: skip


def _on_both(shapes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*shapes, *({**shape, "xref": "x2"} for shape in shapes)]


def _legend(left: HeadNumbers, right: HeadNumbers, style: Style) -> list[dict[str, Any]]:
    """The legend of the hatch once; in exports the name of each map, which the page has in its controls."""
    missing = marks.not_computed_note(np.concatenate([left.values, right.values]), 2)
    missing = [note | {"xshift": 0} for note in missing]
    if not is_export(style):
        return missing
    width = int((style.width or 500) / 2 / 6.2)
    return missing + [
        {
            "text": "<br>".join(textwrap.wrap(numbers.name, width)), "name": "map", "showarrow": False,
            "xref": "paper", "yref": "paper", "x": sum(side) / 2, "xanchor": "center", "y": 1, "yanchor": "bottom",
            "yshift": 38,
        }
        for numbers, side in zip((left, right), _SIDES, strict=True)
    ]  # fmt: skip
