"""Logit lens: what the residual stream after each layer would predict at each position.

x: position, labelled by the prompt's tokens; y: layer, downwards from 0 (`resid_post`); colour: probability of the
layer's top token, 0..1. Cells print the top token where it fits (up to 24 positions x 40 layers). In difference mode
colour is Δ logit diff (intervened - baseline, symmetric about 0; refused without answers) and the text is the
intervened run's top token. Hatched grey = not computed. Hover: top tokens with probabilities, rank of the answer, logit
diff, entropy in nats; in difference mode the tokens are the intervened run's and the numbers below them say Δ.
Frames mark selected positions.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.errors import BadInput
from app.domain.results import LogitLensResult
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.scales import colour_range, spoken
from app.figures.theme import dress, is_export, monospace
from app.figures.tokens import label, token_axis

_MOST_POSITIONS, _MOST_LAYERS = 24, 40
_MOST_LINES = 20_000
_MOST_GAPPED = 48
_CHARACTER = 0.65 * 9
"""Width in pixels that Plotly allows one character of 9 px text in a cell."""


def logit_lens_heatmap(result: LogitLensResult, style: Style, selection: Selection) -> go.Figure:
    """Top token and its probability for every layer and position of the result's prompt."""
    signed = style.show == "difference"
    if signed and np.isnan(result.logit_diff).all():
        raise BadInput("The logit lens shows a difference as one of logit differences; name both answers.")
    values = result.logit_diff if signed else result.top_probabilities[:, :, 0]
    unit = "Δ logit diff" if signed else "probability of top token"
    scale = colour_range(values, style, signed=signed, unit=unit, limit=None if signed else style.color_limit or 1.0)
    figure = go.Figure([_cells(result, values, scale, style), marks.hatch(values)])
    ticks = _width(style) if is_export(style) else 300  # the panel may be the narrow one
    figure.update_layout(
        shapes=marks.position_columns(selection), annotations=marks.not_computed_note(values),
        clickmode="event", dragmode=False,
        xaxis=token_axis(result.str_tokens, ticks, monospace(style), room=9, step=22) | {"tickangle": -45},
        yaxis=_layer_axis(len(values)),
    )  # fmt: skip
    what = "Δ logit difference" if signed else "Top token"
    title = f"{what} by layer and position (logit lens), {result.provenance.model}"
    return dress(figure, "lens", title, style, {"l": 36, "r": 8, "t": 8, "b": 20})


def _cells(result: LogitLensResult, values: NDArray[np.float32], scale: dict[str, Any], style: Style) -> go.Heatmap:
    delta = "Δ " if style.show == "difference" else ""
    gap = 1 if values.shape[1] <= _MOST_GAPPED else 0  # many narrow cells would be nothing but gaps
    return go.Heatmap(
        z=values, hovertext=_hover(result, delta), hovertemplate="%{hovertext}<extra></extra>", name="logit lens",
        xgap=gap, ygap=gap, **scale, **_text(result.top_tokens[:, :, 0], style),
    )  # fmt: skip


def _text(top: NDArray[np.str_], style: Style) -> dict[str, Any]:
    """Token text sized by Plotly to the cell; cut to what a cell of the expected width holds at 9 px."""
    n_layers, n_positions = top.shape
    if n_layers > _MOST_LAYERS or n_positions > _MOST_POSITIONS:
        return {}
    room = int(np.clip(_width(style) / n_positions / _CHARACTER, 3, 10))
    text = [[label(token, room) for token in row] for row in top.tolist()]
    return {"text": text, "texttemplate": "%{text}", "textfont": {"family": monospace(style)}}


def _width(style: Style) -> int:
    """Pixels along the position axis: the export's width, or what the page's panel usually has."""
    return max((style.width or 660) - 120, 120) if is_export(style) else 540


def _layer_axis(n_layers: int) -> dict[str, Any]:
    step = next(s for s in (1, 2, 5, 10, 20) if n_layers <= s * 16 or s == 20)
    return {
        "title": {"text": "layer"}, "tickmode": "linear", "tick0": 0, "dtick": step, "range": [n_layers - 0.5, -0.5],
        "fixedrange": True,
    }  # fmt: skip


def _hover(result: LogitLensResult, delta: str) -> list[list[str]]:
    """`[layer][position]` of lines of text; large maps list fewer tokens per cell, to stay light."""
    kept = max(1, _MOST_LINES // result.entropy.size)
    ranked = np.char.add(" ", spoken(result.top_probabilities[..., :kept], signed=False)).tolist()
    tokens, tail = result.top_tokens[..., :kept].tolist(), _tail(result, delta).tolist()
    here = [f"position {i} <b>{label(token, 24)}</b>" for i, token in enumerate(result.str_tokens)]
    return [
        [
            f"layer {at}, {here[i]}<br>"
            + "".join(f"{k + 1} <b>{label(t, 24)}</b>{p}<br>" for k, (t, p) in enumerate(zip(*cell, strict=True)))
            + tail[at][i]
            for i, cell in enumerate(zip(tokens[at], ranked[at], strict=True))
        ]
        for at in range(len(tokens))
    ]


def _tail(result: LogitLensResult, delta: str) -> NDArray[np.str_]:
    """Entropy, and the answers' numbers where there are answers; `delta` says that they are differences, with sign."""
    named = {"entropy": result.entropy, "rank": result.answer_rank, "probability": result.answer_probability}
    text = {name: spoken(values, signed=bool(delta)) for name, values in named.items()}
    lines = np.char.add(f"{delta}entropy ", np.char.add(text["entropy"], " nats"))
    answers = np.char.add(f"<br>{delta}answer rank ", np.char.replace(text["rank"], ".0", ""))
    answers = np.char.add(answers, np.char.add(f", {delta}probability ", text["probability"]))
    answers = np.char.add(answers, np.char.add(f"<br>{delta}logit diff ", spoken(result.logit_diff)))
    return np.char.add(lines, np.where(np.isnan(result.answer_probability), "", answers))
