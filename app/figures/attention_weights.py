"""What every source token offers the heads of one layer, before attention weighs it.

x: key (src_pos), labelled by its token; y: the heads of the shown head's layer; colour: `style.weighted_by`, norms from
0 to the largest of the layer, attribution signed; hover: all three in full precision. NaN attribution (no answers, or
something else stands at END) is hatched.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.attention_results import AttentionWeightsResult
from app.domain.sites import Head
from app.domain.views import Selection, Style, WeightedBy
from app.figures import marks
from app.figures.head_labels import shown_head
from app.figures.scales import colour_range, spoken
from app.figures.theme import dress, monospace
from app.figures.tokens import label, token_axis

WEIGHTS: dict[WeightedBy, str] = {"value_norm": "|v|", "output_norm": "|v·W_O|", "attribution": "attribution"}
_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 20}


def attention_weights_heatmap(result: AttentionWeightsResult, style: Style, selection: Selection) -> go.Figure:
    """Heads of the shown layer by source token."""
    shown = shown_head(result.layers, result.value_norm.shape[1], selection)
    values = weights_of(result, shown.layer, style)
    delta = style.show == "difference"
    unit = f"{'Δ ' * delta}{WEIGHTS[weighing(style)]}"
    scale = colour_range(values, style, signed=delta or style.weighted_by == "attribution", unit=unit)
    cells = go.Heatmap(z=values, name="weights", hovertext=_hover(result, shown.layer, delta),
                       hovertemplate="%{hovertext}<extra></extra>", **scale)  # fmt: skip
    figure = go.Figure([cells, marks.hatch(values)])
    primary = [marks.row_outline("primary", shown.head)] if selection.primary else []
    figure.update_layout(
        _axes(result, shown.layer, style), annotations=marks.not_computed_note(values),
        shapes=[*marks.position_columns(selection), *primary],
    )  # fmt: skip
    title = f"{unit} of every source token, heads of layer {shown.layer}, {result.provenance.model}"
    return dress(figure, "attention-weights", title, style, _MARGIN)


def weighing(style: Style) -> WeightedBy:
    """What the style weighs by."""
    return style.weighted_by or "output_norm"


def weights_of(result: AttentionWeightsResult, layer: int, style: Style) -> NDArray[np.float32]:
    """`[head src]` of what the style weighs by."""
    return getattr(result, weighing(style))[result.layers.index(layer)]


def _axes(result: AttentionWeightsResult, layer: int, style: Style) -> dict[str, Any]:
    heads = range(result.value_norm.shape[1])
    across = token_axis(result.str_tokens, (style.width or 420) - 140, monospace(style), step=22)
    return {
        "xaxis": across | {"title": {"text": "key (source)"}, "tickangle": -60},
        "yaxis": {"tickmode": "array", "tickvals": list(heads), "ticktext": [str(Head(layer, head)) for head in heads],
                  "range": [len(heads) - 0.5, -0.5], "fixedrange": True},
        "dragmode": False, "clickmode": "event",
    }  # fmt: skip


def _hover(result: AttentionWeightsResult, layer: int, delta: bool) -> NDArray[np.str_]:
    at = result.layers.index(layer)
    heads = np.array([f"<b>{Head(layer, head)}</b>" for head in range(result.value_norm.shape[1])])
    keys = np.array([f"<br>key {i} <b>{label(token, 24)}</b>" for i, token in enumerate(result.str_tokens)])
    text = np.char.add(heads[:, None], keys[None, :])
    for name, shown in WEIGHTS.items():
        numbers = spoken(getattr(result, name)[at], signed=delta or name == "attribution")
        text = np.char.add(text, np.char.add(f"<br>{'Δ ' * delta}{shown} ", numbers))
    return text
