"""Neurons of a sweep as bars: x: mean over prompts with its standard error; y: neuron, largest magnitude first.

The 30 of largest magnitude, without those that significance hides; the title says of how many. Colour: sign.
`customdata` = index of the cell in the result.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.sweep_hover import hover_lines
from app.figures.sweep_reading import Reading, title_of
from app.figures.sweep_words import AnySweep, cell_names
from app.figures.theme import CLEAR, NEUTRAL, dress

MOST = 30


def neuron_bars(result: AnySweep, reading: Reading, style: Style, selection: Selection, panel: str) -> go.Figure:
    """The strongest neurons, the selected one framed."""
    magnitude = np.abs(reading.spread.mean)
    order = np.argsort(-np.nan_to_num(magnitude, nan=-1.0), kind="stable")
    if style.significant:
        order = order[~reading.spread.insignificant[order]]
    order = order[np.isfinite(magnitude[order])]
    top = order[:MOST]
    names = cell_names(result)
    chosen = _chosen(selection, [names[i] for i in top])
    figure = go.Figure(_bars(result, reading, top))
    figure.update_layout(
        plot_bgcolor=CLEAR, bargap=0.25, clickmode="event", dragmode=False,
        xaxis={"title": {"text": reading.unit}, "zeroline": True, "showgrid": True, "nticks": 6},
        yaxis=_neuron_axis([names[i] + _of(reading, i) for i in top]), shapes=chosen,
    )  # fmt: skip
    title = title_of(result, reading, style, style.significant)
    note = _shown(len(top), len(order), int(np.isfinite(magnitude).sum()), len(magnitude))
    meta = {
        "axes": ["neuron"], "shape": [len(top)], "rows": [names[i] for i in top], "columns": [],
        "prompts": len(reading.values), "counted": reading.prompts,
    }  # fmt: skip
    return dress(figure, panel, title + note, style, {"l": 8, "r": 12, "t": 8, "b": 8}, meta)


def _shown(bars: int, left: int, computed: int, neurons: int) -> str:
    """`; strongest 30 of 1536 neurons`, of a sweep that runs `of 272 computed of 1536 neurons`, where some are hidden
    `of 31 not hidden of 1536 neurons`; nothing of all."""
    if bars == neurons:
        return ""
    parts = ((f"{left} not hidden", left < computed), (f"{computed} computed", computed < neurons))
    of = [part for part, needed in parts if needed]
    return f"; strongest {' of '.join([str(bars), *of, str(neurons)])} neurons"


def _bars(result: AnySweep, reading: Reading, top: np.ndarray) -> go.Bar:
    found = reading.spread
    values = found.mean[top].astype(np.float32)
    error = found.standard_error[top]
    return go.Bar(
        x=values, y=np.arange(len(top)), orientation="h", customdata=top, name="neurons",
        hovertext=hover_lines(result, reading, top), hovertemplate="%{hovertext}<extra></extra>", textposition="none",
        error_x={"array": np.nan_to_num(error), "visible": bool(np.isfinite(error).any()), "color": NEUTRAL,
                 "thickness": 1, "width": 2},
        marker={"color": np.where(values >= 0, 0.8, -0.8), "cmin": -1, "cmax": 1, "autocolorscale": True,
                "showscale": False},
    )  # fmt: skip


def _of(reading: Reading, cell: int) -> str:
    """How many prompts a bar is of, where others are of more."""
    return f" (n = {reading.spread.n[cell]})" if reading.fewer[cell] else ""


def _chosen(selection: Selection, names: list[str]) -> list[dict[str, Any]]:
    """A frame around the selected neuron of the last selected layer."""
    name = f"L{selection.layers[-1]}N{selection.neuron}" if selection.layers else ""
    return [marks.row_outline("primary", names.index(name))] if name in names else []


def _neuron_axis(names: list[str]) -> dict[str, Any]:
    return {
        "tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names, "zeroline": False,
        "range": [max(len(names), 1) - 0.5, -0.5], "fixedrange": True, "tickfont": {"size": 10},
    }  # fmt: skip
