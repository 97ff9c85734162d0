"""Attention pattern of one head.

x: key (src_pos, across); y: query (dest_pos, down); both labelled by tokens; colour: attention, 0..1 on a sequential
scale, or intervened - baseline on a signed one (limit 0.5), fixed so that heads compare; the colour bar says where
values lie beyond. `attention_heatmap` draws exact values (exports); `attention_frame` draws axes and colour bar only,
for the page, which puts an `attention_png` in as `layout.images[0]`, and, of weighted attention, the range of colours.
`weighted_attention_heatmap` multiplies every key's column by what stands there for the head: colour from 0 to the
largest value, signed for attribution, of which only the row of END means anything (the others are hatched).
"""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.attention_results import AttentionWeightsResult
from app.domain.errors import BadInput
from app.domain.results import AttentionPatternResult
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.attention_png import attention_limit, is_signed
from app.figures.attention_reading import Reading, reading, unit_of
from app.figures.attention_weights import weighing
from app.figures.attention_windows import inside
from app.figures.scales import colour_range, spoken
from app.figures.theme import HUES, SEQUENTIAL, dress, is_export, monospace
from app.figures.theme import scale as colour_scale
from app.figures.tokens import label, token_axis

_EMPTY_PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
_HOVER_CELLS = 256 * 256
_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 20}


def attention_heatmap(result: AttentionPatternResult, style: Style, selection: Selection) -> go.Figure:
    """Exact pattern of the shown head, or of the selected heads together."""
    style = replace(style, weighted_by=None)
    return _drawn(result, reading(result, style, selection), style, selection)


def attention_difference_heatmap(
    other: AttentionPatternResult, result: AttentionPatternResult, style: Style, selection: Selection
) -> go.Figure:
    """The same minus that of the pair's other prompt."""
    style = replace(style, weighted_by=None)
    return _drawn(result, reading(result, style, selection, other), style, selection)


def _drawn(result: AttentionPatternResult, shown: Reading, style: Style, selection: Selection) -> go.Figure:
    name, scale = unit_of(style), _scale(shown.values, style)
    if style.together != "each" or shown.signed:
        return _heatmap(result, shown.of, shown.values, name, scale, style, selection)
    return _each(result, shown, style, selection)


def _each(result: AttentionPatternResult, shown: Reading, style: Style, selection: Selection) -> go.Figure:
    """One heatmap per head, of the cells where it is the largest, from the colour of 0 to its own at 1."""
    figure = _heatmap(result, shown.of, shown.values, unit_of(style), _scale(shown.values, style), style, selection)
    whole, *hatch = cast(tuple[Any, ...], figure.data)
    hues, zero = HUES[style.theme], SEQUENTIAL[style.theme][0]
    traces = []
    for at, head in enumerate(shown.heads):
        hue = hues[at % len(hues)]
        cells = np.where(shown.strongest == at, shown.values, np.nan)
        own = {"z": cells, "name": str(head), "colorscale": colour_scale((zero, hue)), "autocolorscale": False}
        traces.append(go.Heatmap(whole.to_plotly_json() | own | {"showscale": False, "hoverongaps": False}))
        point = {"color": hue, "symbol": "square", "size": 9}
        traces.append(go.Scatter(x=[None], y=[None], mode="markers", marker=point, name=str(head), showlegend=True))
    figure.data = ()
    figure.add_traces([*traces, *hatch])
    return figure


def weighted_attention_heatmap(
    weights: AttentionWeightsResult, result: AttentionPatternResult, style: Style, selection: Selection
) -> go.Figure:
    """What `attention_heatmap` draws, every head's pattern times `style.weighted_by` of its keys first."""
    if style.show == "difference" or style.minus == "corrupted":
        raise BadInput(
            "Differences of pattern and weights do not multiply; show the baseline or the intervened run of one prompt."
        )
    style = replace(style, weighted_by=weighing(style))
    return _drawn(result, reading(result, style, selection, weights=weights), style, selection)


def _heatmap(
    result: AttentionPatternResult,
    of: str,
    values: NDArray[Any],
    name: str,
    scale: dict[str, Any],
    style: Style,
    selection: Selection,
) -> go.Figure:
    """`[dest src]` of a head or of several; `name` is what a value is."""
    trace = go.Heatmap(z=values, name=of, **scale, **_hover(values, result.str_tokens, of, name))
    figure = go.Figure([trace, marks.hatch(values)])
    figure.update_layout(
        _axes(result.str_tokens, style),
        shapes=marks.position_rows(selection),
        annotations=marks.not_computed_note(values),
    )
    return dress(figure, "attention", f"{name} of {of}, {result.provenance.model}", style, _MARGIN)


def attention_frame(str_tokens: tuple[str, ...], style: Style) -> go.Figure:
    """Axes and colour bar for these tokens, with an empty image that fills the plot, queries down, keys across."""
    scale, n = _scale(np.zeros(0), style), len(str_tokens)
    coloraxis = {"cmin": scale["zmin"], "cmax": scale["zmax"], "colorbar": scale["colorbar"]}
    unseen = go.Scatter(
        x=[0], y=[0], mode="markers", hoverinfo="skip", showlegend=False, name="colour bar",
        marker={"color": [0], "coloraxis": "coloraxis", "opacity": 0},
    )  # fmt: skip
    figure = go.Figure(unseen)
    image = {
        "source": _EMPTY_PIXEL, "xref": "x", "yref": "y", "x": -0.5, "y": -0.5, "sizex": n, "sizey": n,
        "sizing": "stretch", "layer": "below", "name": "pattern",
    }  # fmt: skip
    figure.update_layout(
        _axes(str_tokens, style),
        images=[image],
        coloraxis=coloraxis | {"showscale": style.together != "each" or is_signed(style)},
    )
    named = unit_of(style)
    return dress(figure, "attention", named[0].upper() + named[1:], style, _MARGIN)


def _scale(pattern: NDArray[Any], style: Style) -> dict[str, Any]:
    limit = None if style.weighted_by else attention_limit(style)
    return colour_range(pattern, style, signed=is_signed(style), unit=unit_of(style), limit=limit)


def _axes(str_tokens: tuple[str, ...], style: Style) -> dict[str, Any]:
    family = monospace(style)
    (top, bottom), (left, right) = (inside(span, len(str_tokens)) for span in (style.rows, style.columns))
    across = token_axis(str_tokens[left:right], (style.width or 420) - 140, family, step=22, first=left)
    down = token_axis(str_tokens[top:bottom], (style.height or 300) - 110, family, first=top)
    frame = {"showline": True, "mirror": True}
    square: dict[str, Any] = {"scaleanchor": "x", "constrain": "domain"} if is_export(style) else {}
    return {
        "xaxis": across | {"title": {"text": "key (source)"}, "tickangle": -60, "constrain": "domain", **frame},
        "yaxis": down
        | {"title": {"text": "query (destination)"}, "range": [bottom - 0.5, top - 0.5], **frame, **square},
        "dragmode": False, "clickmode": "event",
    }  # fmt: skip


def _hover(pattern: NDArray[Any], str_tokens: tuple[str, ...], of: str, name: str) -> dict[str, Any]:
    """Query, key and exact value; long prompts leave the text to Plotly to keep the figure small."""
    if pattern.size > _HOVER_CELLS:
        return {"hovertemplate": f"<b>{of}</b><br>query %{{y}}, key %{{x}}<br>%{{z}}<extra></extra>"}
    tokens = np.array([f"{i} <b>{label(token, 24)}</b>" for i, token in enumerate(str_tokens)])
    pairs = np.char.add(np.char.add("query ", tokens)[:, None], np.char.add("<br>key ", tokens)[None, :])
    text = np.char.add(
        np.char.add(f"<b>{of}</b><br>", pairs), np.char.add(f"<br>{name} ", spoken(pattern, signed=False))
    )
    return {"hovertext": text, "hovertemplate": "%{hovertext}<extra></extra>"}
