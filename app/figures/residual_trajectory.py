"""Residual trajectory: the logit difference, read from the residual stream after each sublayer, at END.

x: point in the stream (ticks are layers, at the layer's `resid_pre`); y: logit difference, line at 0. Two named lines
that differ early and meet at the end: *logit lens* (final norm recomputed on each stream) solid, *cumulative direct
attribution* (divided by the final scale, so every step is a direct attribution) dashed. Dotted verticals: layers that
are selected or hold selected heads; `meta.layer_x` tells the page their x. Hover: point and both values in full
precision. Points that are not computed leave a gap. In difference mode both lines are intervened - baseline.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.results import ResidualTrajectoryResult
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.scales import spoken
from app.figures.theme import CLEAR, dress

_SPOKEN = {"pre": "resid_pre", "mid": "resid_mid"}


def residual_trajectory_lines(result: ResidualTrajectoryResult, style: Style, selection: Selection) -> go.Figure:
    """Both read-outs of the selected prompt over the points of the stream."""
    prompt = marks.prompt_row(selection, len(result.lens))
    delta = "Δ " if style.show == "difference" else ""
    names, layer_x = [_point_name(point) for point in result.points], _starts(result.points)
    figure = go.Figure(
        [
            _line(result.lens[prompt], names, f"{delta}logit lens", "solid"),
            _line(result.cumulative[prompt], names, f"{delta}cumulative direct attribution", "5px,3px"),
        ]
    )
    figure.update_layout(
        plot_bgcolor=CLEAR, hovermode="x unified", shapes=marks.layer_lines(selection, layer_x), showlegend=True,
        xaxis=_layer_axis(result.points),
        yaxis={"title": {"text": f"{delta}logit diff"}, "zeroline": True, "showgrid": True, "nticks": 7},
    )  # fmt: skip
    title = f"{delta}logit difference by layer, residual stream of {result.provenance.model}"
    margin = {"l": 8, "r": 18, "t": 26, "b": 8}
    return dress(figure, "trajectory", title, style, margin, {"layer_x": layer_x})


def _line(values: NDArray[np.float32], names: list[str], name: str, dash: str) -> go.Scatter:
    return go.Scatter(
        x=np.arange(len(values)), y=values, customdata=names, text=spoken(values), name=name,
        mode="lines+markers" if len(values) <= 16 else "lines", line={"dash": dash, "width": 1.75}, marker={"size": 5},
        hovertemplate=f"{name} <b>%{{text}}</b><extra></extra>", connectgaps=False,
    )  # fmt: skip


def _point_name(point: str) -> str:
    """`5_mid` -> `L5 resid_mid`; `final` stays."""
    layer, _, place = point.partition("_")
    return f"L{layer} {_SPOKEN[place]}" if place else point


def _starts(points: tuple[str, ...]) -> list[int]:
    """Index of every layer's `resid_pre`."""
    return [i for i, point in enumerate(points) if point.endswith("_pre")]


def _layer_axis(points: tuple[str, ...]) -> dict[str, Any]:
    starts = _starts(points)
    step = next(s for s in (1, 2, 5, 10, 20) if len(starts) <= s * 12 or s == 20)
    shown = {layer: i for layer, i in enumerate(starts) if layer % step == 0}
    return {
        "title": {"text": "layer"}, "tickmode": "array", "tickvals": [*shown.values(), len(points) - 1],
        "ticktext": [*map(str, shown), "end"], "range": [-0.5, len(points) - 0.5], "zeroline": False,
        "unifiedhovertitle": {"text": "<b>%{customdata}</b>"}, "tickangle": 0,
    }  # fmt: skip
