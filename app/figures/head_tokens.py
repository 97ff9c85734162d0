"""What every head writes, as tokens: layers x heads, one cell per head.

x: head; y: layer, downwards from 0; colour: the logit by which the head's output promotes its first token against the
vocabulary's mean, of the selected prompt; the cell prints that token. Hover: the tokens most promoted and most
suppressed with their logits. Refused in difference mode: ranks of two runs are not of the same tokens.
"""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.errors import BadInput
from app.domain.head_results import HeadTokensResult
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.head_labels import head_labels, heads_handles
from app.figures.head_matrix import heads_axis
from app.figures.scales import colour_range, spoken
from app.figures.theme import dress, is_export, monospace
from app.figures.tokens import label

_CHARACTER = 6.0
"""Pixels of one character of the cells' text."""


def head_tokens_heatmap(result: HeadTokensResult, style: Style, selection: Selection) -> go.Figure:
    """The most promoted token of every head of the selected prompt."""
    if style.show == "difference":
        raise BadInput("Tokens that heads promote are ranks, which have no difference; show one of the two runs.")
    prompt = marks.prompt_row(selection, len(result.promoted_logits))
    values = result.promoted_logits[prompt, :, :, 0]
    rows, columns = values.shape
    figure = go.Figure([_cells(result, prompt, style), heads_handles(range(rows), range(columns))])
    figure.update_layout(
        shapes=marks.head_shapes(selection), dragmode="select", clickmode="event",
        xaxis=heads_axis(columns, "head", 16) | {"side": "top", "range": [-0.5, columns - 0.5]},
        yaxis=heads_axis(rows, "layer", 16) | {"range": [rows - 0.5, -0.5]},
    )  # fmt: skip
    title = f"Token that each head promotes most, {result.provenance.model}"
    return dress(figure, "head-tokens", title, style, {"l": 36, "r": 8, "t": 34, "b": 20})


def _cells(result: HeadTokensResult, prompt: int, style: Style) -> go.Heatmap:
    values, tokens = result.promoted_logits[prompt, :, :, 0], result.promoted_tokens[prompt, :, :, 0]
    labels = head_labels(*values.shape)
    width = (style.width or 720) - 120 if is_export(style) else 540
    room = int(np.clip(width / values.shape[1] / _CHARACTER, 3, 12))
    return go.Heatmap(
        z=values, customdata=labels, hovertext=_hover(result, prompt, labels),
        hovertemplate="%{hovertext}<extra></extra>", name="heads", xgap=1, ygap=1,
        text=[[label(token, room) for token in row] for row in tokens.tolist()], texttemplate="%{text}",
        textfont={"family": monospace(style), "size": 9},
        **colour_range(values, style, signed=False, unit="logits above the vocabulary's mean"),
    )  # fmt: skip


def _hover(result: HeadTokensResult, prompt: int, labels: NDArray[np.str_]) -> list[list[str]]:
    sides = [
        (side, getattr(result, f"{side}_tokens")[prompt].tolist(), spoken(getattr(result, f"{side}_logits")[prompt]))
        for side in ("promoted", "suppressed")
    ]
    return [
        [f"<b>{name}</b>" + "".join(_line(side, tokens[i][j], said[i, j]) for side, tokens, said in sides)
         for j, name in enumerate(row)]
        for i, row in enumerate(labels.tolist())
    ]  # fmt: skip


def _line(side: str, tokens: list[str], logits: NDArray[np.str_]) -> str:
    return f"<br>{side} " + ", ".join(f"{label(token, 20)} {at}" for token, at in zip(tokens, logits, strict=True))
