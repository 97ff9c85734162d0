"""Projection on a direction: layers x positions of one prompt.

x: position, labelled by the prompt's tokens; y: layer, downwards from 0 (of the activation that is read); colour: the
projection (residual units), or the cosine where normalised, symmetric about 0: blue = along the direction, red =
against it. The limit is the largest magnitude after the first position, which is far longer than the others in many
models; what lies beyond is drawn at the limit, and the colour bar says so. In difference mode intervened - baseline.
Hover: layer, position, token, full precision; what is
nothing but rounding is 0 (app/figures/rounding.py). Frames mark selected positions and layers.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.direction_results import DirectionProjectionResult
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.head_matrix import layer_axis
from app.figures.rounding import settled
from app.figures.scales import colour_range, limit_of
from app.figures.theme import dress, is_export, monospace
from app.figures.tokens import label, token_axis

_MOST_GAPPED = 48


def direction_projection_heatmap(result: DirectionProjectionResult, style: Style, selection: Selection) -> go.Figure:
    """Of the selected prompt."""
    prompt = marks.prompt_row(selection, len(result.projection))
    tokens = result.tokens_of(prompt)
    values = settled(result.projection[prompt, :, : len(tokens)], result.normalised)
    figure = go.Figure(_cells(result, values, tokens, style))
    width = (style.width or 660) - 120 if is_export(style) else 420
    figure.update_layout(
        shapes=[*marks.layer_rows(selection), *marks.position_columns(selection)], clickmode="event", dragmode=False,
        xaxis=token_axis(tokens, width, monospace(style), room=9, step=22) | {"tickangle": -45, "fixedrange": True},
        yaxis=layer_axis(len(values)),
    )  # fmt: skip
    title = f"{what(result, style)}, {result.provenance.model}"
    return dress(figure, "projection", title, style, {"l": 36, "r": 8, "t": 8, "b": 20}, {"prompts": 1})


def what(result: Any, style: Style) -> str:
    """`Δ projection of resid_post on ·Mary − ·John in W_U`."""
    delta = "Δ " if style.show == "difference" else ""
    return f"{delta}{'cosine' if result.normalised else 'projection'} of {result.activation} on {result.direction}"


def unit(result: Any, style: Style) -> str:
    """Of axes and colour bars."""
    delta = "Δ " if style.show == "difference" else ""
    return f"{delta}cosine" if result.normalised else f"{delta}projection, residual units"


def _cells(
    result: DirectionProjectionResult, values: NDArray[np.float32], tokens: tuple[str, ...], style: Style
) -> go.Heatmap:
    limit = limit_of(values[:, 1:] if values.shape[1] > 1 else values, style)
    gap = 1 if len(tokens) <= _MOST_GAPPED else 0  # many narrow cells would be nothing but gaps
    # one text per token and nothing of the value, which the browser writes: long prompts have 30 cells to a token
    named = [f"position {at} <b>{label(token, 24)}</b>" for at, token in enumerate(tokens)]
    word = "cosine" if result.normalised else "projection"
    delta = "Δ " if style.show == "difference" else ""
    hover = f"{result.activation} of layer %{{y}}, %{{text}}<br>{delta}{word} %{{z:+.8~g}}<extra></extra>"
    scale = colour_range(values, style, signed=True, unit=unit(result, style), limit=limit)
    return go.Heatmap(
        z=values, text=[named] * len(values), hovertemplate=hover, name="projection", xgap=gap, ygap=gap, **scale,
    )  # fmt: skip
