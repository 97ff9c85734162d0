"""One direction: the tokens nearest to it, and how near other directions are.

Left: logits that one unit of it adds at a final scale of 1, against the vocabulary's mean, of the tokens promoted and
suppressed most; middle: cosine with the rows of W_E, largest first; right: cosine with other directions, in their
order, -1..1. Colour: sign. Above: how it was made, and how well. A direction that cannot be made here has no bar.
Hover: full precision.
"""

from typing import Any, cast

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.direction_card import SPACES, DirectionCard, DirectionCardResult, fact_said
from app.domain.direction_words import told
from app.domain.recipes import parse_recipe
from app.domain.views import Selection, Style
from app.figures.scales import spoken
from app.figures.theme import CLEAR, dress, is_export, monospace
from app.figures.tokens import label, safe, shorten

_SIGN = {"cmin": -1, "cmax": 1, "autocolorscale": True, "showscale": False}
_GAP = 0.13
"""Between the columns, for the names of the next one."""
_LINE = 15


def direction_card_bars(result: DirectionCardResult, style: Style, selection: Selection) -> go.Figure:
    """Three columns of bars, two where there is nothing to compare with."""
    columns = _columns(result)
    figure = go.Figure([_bars(at, *column[1:]) for at, column in enumerate(columns, 1)])
    figure.update_layout(_axes(columns, style), plot_bgcolor=CLEAR, bargap=0.25, dragmode=False, showlegend=False)
    above = _above(result)
    title = f"Direction {safe(shorten(str(_direction(result)), 80))}, {result.provenance.model}"
    top = 26 + (_LINE * len(above) if is_export(style) else 0)
    if is_export(style):
        for at, line in enumerate(reversed(above)):
            figure.add_annotation(text=line, x=0, y=1, yshift=22 + _LINE * at, **_PAPER)
    return dress(figure, "direction-card", title, style, {"l": 8, "r": 12, "t": top, "b": 8})


_PAPER: dict[str, Any] = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
Column = tuple[str, list[str], NDArray[np.float32]]


def _direction(result: DirectionCardResult) -> Any:
    return cast(DirectionCard, parse_recipe(result.recipe)).direction


def card_lines(result: DirectionCardResult) -> list[tuple[str, str]]:
    """Label and words: how it was made, where it lies, and its facts."""
    direction = _direction(result)
    facts = [fact_said(name, float(value)) for name, value in zip(result.fact_names, result.facts, strict=True)]
    return [*told(direction), ("space", SPACES[direction.space]), *facts]


def _above(result: DirectionCardResult) -> list[str]:
    return [f"{name}: {safe(shorten(words, 120))}" for name, words in card_lines(result)]


def _columns(result: DirectionCardResult) -> list[Column]:
    """Heading, names and values of each."""
    tokens = [*result.promoted_tokens.tolist(), *result.suppressed_tokens.tolist()[::-1]]
    logits = np.concatenate([result.promoted_logits, result.suppressed_logits[::-1]])
    found: list[Column] = [
        ("unembedding, logits per unit", [label(token, 14) for token in tokens], logits),
        (
            "embedding, cosine",
            [label(token, 14) for token in result.nearest_tokens.tolist()],
            result.nearest_cosines,
        ),
    ]
    if result.other_names:
        found.append(("other directions, cosine", [label(n, 18) for n in result.other_names], result.cosines))
    return found


def _bars(at: int, names: list[str], values: NDArray[np.float32]) -> go.Bar:
    hover = [f"<b>{name}</b> {value}" for name, value in zip(names, spoken(values), strict=True)]
    axis = "" if at == 1 else str(at)
    return go.Bar(
        x=values, y=np.arange(len(values)), orientation="h", xaxis=f"x{axis}", yaxis=f"y{axis}", hovertext=hover,
        hovertemplate="%{hovertext}<extra></extra>", marker={"color": np.where(values >= 0, 0.8, -0.8), **_SIGN},
    )  # fmt: skip


def _axes(columns: list[Column], style: Style) -> dict[str, Any]:
    width = (1 - _GAP * len(columns)) / len(columns)
    found: dict[str, Any] = {"annotations": []}
    for at, (heading, names, values) in enumerate(columns):
        number = "" if at == 0 else str(at + 1)
        left = at * (width + _GAP) + _GAP
        shared = {"zeroline": True, "showgrid": True, "nticks": 4, "anchor": f"y{number}"}
        cosines = {} if at == 0 else {"range": [-1.05, 1.05] if min(values, default=0) < 0 else [0, 1.05]}
        found[f"xaxis{number}"] = {"domain": [left, left + width], **shared, **cosines}
        found[f"yaxis{number}"] = _names(names, style) | {"anchor": f"x{number}"}
        found["annotations"].append({"text": heading, "x": left, "y": 1, **_PAPER})
    return found


def _names(names: list[str], style: Style) -> dict[str, Any]:
    return {
        "tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names, "zeroline": False,
        "range": [max(len(names), 1) - 0.5, -0.5], "fixedrange": True, "tickfont": {"family": monospace(style)},
    }  # fmt: skip


def direction_card_rows(result: DirectionCardResult) -> pd.DataFrame:
    """`metric, rank, token, direction, dimension, value`: facts, tokens by rank, cosines, and the vector."""
    parts = [pd.DataFrame({"metric": list(result.fact_names), "value": result.facts})]
    for side, what in (("promoted", "logit"), ("suppressed", "logit"), ("nearest", "cosine")):
        values = getattr(result, f"{side}_{what}s")
        tokens = getattr(result, f"{side}_tokens")
        parts.append(pd.DataFrame({"metric": f"{side}_{what}", "rank": np.arange(len(values)), "top_token": tokens,
                                   "value": values}))  # fmt: skip
    parts.append(pd.DataFrame({"metric": "cosine", "direction": list(result.other_names), "value": result.cosines}))
    parts.append(pd.DataFrame({"metric": "vector", "dimension": np.arange(len(result.vector)), "value": result.vector}))
    whole = pd.concat([part for part in parts if len(part)], ignore_index=True)
    order = [name for name in ("metric", "rank", "top_token", "direction", "dimension", "value") if name in whole]
    return whole.reindex(columns=order).astype(dict.fromkeys(("rank", "dimension"), "Int64"))
