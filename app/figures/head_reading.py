"""Why a query of a head attends where it does, and what the head writes there, source token by source token.

y: the keys that the query sees, in their order (of long prompts the most attended). Left: the score before the softmax,
content full and positional part pale, stacked, with a diamond at their sum; only differences between keys of one query
mean anything. Middle: attention, from 0. Right: the tokens that the output promotes (▲) and suppresses (▼) most.
Hover: everything in full precision, logits also times attention. Where parts are not known the score is one bar and
the note says why. `customdata` of the bars is the key's position.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.attention_results import HeadReadingResult
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.scales import short, spoken
from app.figures.theme import CLEAR, NEUTRAL, dress, is_export, monospace
from app.figures.tokens import label

MOST = 24
_TOKENS, _TOKENS_ON_PAGE = 3, 2
"""Promoted and suppressed tokens beside a bar, in an export and in a panel; the hover has all."""
_SCORES, _ATTENTION, _TEXT = [0, 0.24], [0.28, 0.38], [0.43, 1]
_SIGN = {"cmin": -1, "cmax": 1, "autocolorscale": True, "showscale": False}


def head_reading_bars(result: HeadReadingResult, style: Style, selection: Selection) -> go.Figure:
    """The shown keys of the result's head and query."""
    shown = shown_keys(result)
    delta = "Δ " if style.show == "difference" else ""
    hover = [_hover(result, at, delta) for at in shown]
    figure = go.Figure(
        [*_scores(result, shown, hover), _attention(result, shown, hover), _tokens(result, shown, style)]
    )
    positions = [result.src_positions[at] for at in shown]
    rows = [marks.row_outline("position", positions.index(at)) for at in selection.positions if at in positions]
    figure.update_layout(
        _axes(result, shown, delta, style), plot_bgcolor=CLEAR, bargap=0.25, barmode="relative", clickmode="event",
        dragmode=False, showlegend=False, shapes=rows, annotations=_notes(result, shown),
    )  # fmt: skip
    query = f"{result.query} {label(result.str_tokens[result.query])}"
    top = 22 if len(shown) == len(result.pattern) else 38  # the count of keys has a line of its own
    title = f"{delta}{result.head} reading from {query}, {result.provenance.model}"
    return dress(figure, "head-reading", title, style, {"l": 8, "r": 8, "t": top, "b": 8})


def shown_keys(result: HeadReadingResult) -> NDArray[np.int64]:
    """Indices into `src_positions`: the most attended, in the order of the prompt."""
    return np.sort(np.argsort(-np.abs(result.pattern), kind="stable")[:MOST])


def _scores(result: HeadReadingResult, shown: NDArray[np.int64], hover: list[str]) -> list[Any]:
    parts = {"content": (result.content, 1.0), "positional": (result.positional, 0.45)}
    if np.isnan(result.content).all():
        parts = {"score": (result.score, 1.0)}
    bars = [_bar(values[shown], result, shown, hover, name, opacity) for name, (values, opacity) in parts.items()]
    total = go.Scatter(
        x=result.score[shown], y=np.arange(len(shown)), mode="markers", name="sum", hoverinfo="skip",
        marker={"symbol": "diamond", "size": 6, "color": NEUTRAL},
    )  # fmt: skip
    return [*bars, total]


def _attention(result: HeadReadingResult, shown: NDArray[np.int64], hover: list[str]) -> go.Bar:
    values = result.pattern[shown]
    bar = _bar(values, result, shown, hover, "attention", 1.0)
    return bar.update(
        xaxis="x2", text=[short(v, signed=False) for v in values], textposition="outside", cliponaxis=False
    )


def _bar(
    values: NDArray[np.float32],
    result: HeadReadingResult,
    shown: NDArray[np.int64],
    hover: list[str],
    name: str,
    opacity: float,
) -> go.Bar:
    return go.Bar(
        x=values, y=np.arange(len(values)), orientation="h", name=name, opacity=opacity, hovertext=hover,
        customdata=[result.src_positions[at] for at in shown], hovertemplate="%{hovertext}<extra></extra>",
        marker={"color": np.where(values >= 0, 0.8, -0.8), **_SIGN},
    )  # fmt: skip


def _tokens(result: HeadReadingResult, shown: NDArray[np.int64], style: Style) -> go.Scatter:
    most, room = (_TOKENS, 9) if is_export(style) else (_TOKENS_ON_PAGE, 6)
    sides = (("▲", result.promoted_tokens), ("▼", result.suppressed_tokens))
    lines = ["  ".join(f"{mark} {_listed(tokens[at, :most], room)}" for mark, tokens in sides) for at in shown]
    return go.Scatter(
        x=np.zeros(len(shown)), y=np.arange(len(shown)), xaxis="x3", mode="text", text=lines, name="tokens",
        textposition="middle right", hoverinfo="skip", textfont={"size": 10, "family": monospace(style)},
    )  # fmt: skip


def _listed(tokens: NDArray[np.str_], room: int) -> str:
    return " ".join(label(token, room) for token in tokens.tolist())


def _hover(result: HeadReadingResult, at: int, delta: str) -> str:
    position = result.src_positions[at]
    key = f"<b>{result.head}</b><br>key {position} <b>{label(result.str_tokens[position], 24)}</b>"
    named = {"score": result.score, "content": result.content, "positional": result.positional}
    numbers = [f"{delta}{name} {spoken(values[at])}" for name, values in named.items()]
    numbers.append(f"{delta}attention {spoken(result.pattern[at], signed=bool(delta))}")
    sides = ((result.promoted_tokens, result.promoted_logits), (result.suppressed_tokens, result.suppressed_logits))
    weight = float("nan") if delta else float(result.pattern[at])
    written = [_written(tokens[at], logits[at], weight) for tokens, logits in sides]
    return "<br>".join(
        [key, *numbers, "promotes, logits per attention (× attention)", written[0], "suppresses", written[1]]
    )


def _written(tokens: NDArray[np.str_], logits: NDArray[np.float32], weight: float) -> str:
    each = zip(tokens.tolist(), spoken(logits), logits.tolist(), strict=True)
    times = "" if np.isnan(weight) else " ({})"
    return "<br>".join(
        f"  {label(token, 24)} {number}{times.format(short(value * weight))}" for token, number, value in each
    )


def _axes(result: HeadReadingResult, shown: NDArray[np.int64], delta: str, style: Style) -> dict[str, Any]:
    names = [f"{i} {label(result.str_tokens[i])}" for i in (result.src_positions[at] for at in shown)]
    shared: dict[str, Any] = {"zeroline": True, "showgrid": True, "nticks": 5}
    most = float(np.nanmax(np.abs(result.pattern), initial=0.0)) or 1.0
    return {
        "xaxis": {"title": {"text": f"{delta}attn score"}, "domain": _SCORES, **shared},
        "xaxis2": {"title": {"text": f"{delta}attention"}, "domain": _ATTENTION, **shared, "nticks": 3, "tickangle": 0,
                   "range": [-1.35 * most if delta else 0, 1.35 * most]},
        "xaxis3": {"domain": _TEXT, "range": [0, 1], "visible": False, "fixedrange": True},
        "yaxis": {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names, "fixedrange": True,
                  "zeroline": False, "range": [len(names) - 0.5, -0.5], "tickfont": {"family": monospace(style)}},
    }  # fmt: skip


def _notes(result: HeadReadingResult, shown: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Headings, how many keys are not shown, and why there are no parts."""
    parts = "score" if result.note else "content, positional (pale), sum ◆"
    left = len(result.pattern) - len(shown)
    keys = f"{len(shown)} most attended of {left + len(shown)} keys<br>" if left else ""
    found = [_heading(keys + parts, _SCORES[0]), _heading("promoted ▲, suppressed ▼", _TEXT[0])]
    return [*found, marks.note(result.note, "note")] if result.note else found


def _heading(text: str, x: float) -> dict[str, Any]:
    return {"text": text, "x": x, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom",
            "align": "left"}  # fmt: skip
