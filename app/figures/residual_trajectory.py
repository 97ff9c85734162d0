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
from app.figures.theme import CLEAR, NEUTRAL, dress

_CUMULATIVE = "cumulative direct attribution"
_DASHES = ("solid", "5px,3px")
_SPIKE: dict[str, Any] = {
    "showspikes": True, "spikemode": "across", "spikethickness": 1, "spikedash": "solid", "spikecolor": NEUTRAL,
}  # fmt: skip
_SPOKEN = {"pre": "resid_pre", "mid": "resid_mid"}


def residual_trajectory_lines(result: ResidualTrajectoryResult, style: Style, selection: Selection) -> go.Figure:
    """Both read-outs of the selected prompt over the points of the stream."""
    prompt = marks.prompt_row(selection, len(result.lens))
    delta = "Δ " if style.show == "difference" else ""
    lines = {f"{delta}logit lens": result.lens[prompt], f"{delta}{_CUMULATIVE}": result.cumulative[prompt]}
    hover, layer_x = _hover(result.points, lines), _starts(result.points)
    figure = go.Figure([_line(lines[name], name, dash, hover) for name, dash in zip(lines, _DASHES, strict=True)])
    figure.update_layout(
        plot_bgcolor=CLEAR, hoverdistance=-1, shapes=marks.layer_lines(selection, layer_x), showlegend=True,
        xaxis=_layer_axis(result.points) | _SPIKE, dragmode=False, clickmode="event",
        yaxis={"title": {"text": f"{delta}logit diff"}, "zeroline": True, "showgrid": True, "nticks": 7},
    )  # fmt: skip
    title = f"{delta}logit difference by layer, residual stream of {result.provenance.model}"
    return dress(figure, "trajectory", title, style, {"l": 8, "r": 18, "t": 26, "b": 8}, {"layer_x": layer_x})


def _line(values: NDArray[np.float32], name: str, dash: str, hover: NDArray[np.str_]) -> go.Scatter:
    return go.Scatter(
        x=np.arange(len(values)), y=values, hovertext=hover, name=name, hovertemplate="%{hovertext}<extra></extra>",
        mode="lines+markers" if len(values) <= 16 else "lines", line={"dash": dash, "width": 1.75}, marker={"size": 5},
        connectgaps=False,
    )  # fmt: skip


def _hover(points: tuple[str, ...], lines: dict[str, NDArray[np.float32]]) -> NDArray[np.str_]:
    """Per point: its name, then every line's name and value."""
    text = np.array([f"<b>{_point_name(point)}</b>" for point in points])
    for name, values in lines.items():
        text = np.char.add(text, np.char.add(f"<br>{name} ", spoken(values)))
    return text


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
        "tickangle": 0,
    }  # fmt: skip
