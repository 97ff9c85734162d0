"""Neurons of one MLP: ranked bars, and the card of one.

Bars: the 20 largest by `style.quantity`: `attribution` (direct logit attribution at END), `largest` (activation of
largest magnitude over the prompt) or `activation` (at the selected position, else END). x: that number, line at 0;
colour: sign; hover: full precision; `customdata`: `L5N12`, by which a click selects it. Frame: the selected neuron.

Card: activations on the prompt's tokens as bars over the text (y from 0, colour: sign, hover: full precision); below,
as text, tokens that the output promotes and suppresses (logits per unit of activation), and tokens whose embedding
alone excites it. A difference is of activations; the text is of the weights, read
at the intervened run's final scale.
"""

from textwrap import wrap
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.parts_results import NeuronsResult
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.ranking import Ranked
from app.figures.scales import spoken
from app.figures.theme import CLEAR, dress, monospace
from app.figures.tokens import label, token_axis
from app.figures.written import lines_of, text_columns

MOST = 20
_HEADINGS = ("promotes<br>logits per unit", "suppresses<br>logits per unit", "excited by<br>(embedding alone)")
_ROOM = 12
"""Characters of a token: three columns stand in 420 pixels."""


def neuron_bars(result: NeuronsResult, style: Style, selection: Selection) -> go.Figure:
    """The layer's neurons, ranked."""
    ranked = Ranked("Neurons", "the MLP's output", result.attribution, result.activations, result.str_tokens)
    values, words = ranked.by(style, selection)
    order = np.argsort(-np.abs(values), kind="stable")[:MOST]
    names, shown = [f"L{result.layer}N{at}" for at in order], values[order].astype(np.float32)
    delta = "Δ " if style.show == "difference" else ""
    figure = go.Figure(_bars(shown, np.arange(len(order)), names, horizontal=True))
    chosen = [marks.row_outline("selected", row) for row, at in enumerate(order) if at == result.neuron]
    figure.update_layout(
        plot_bgcolor=CLEAR, bargap=0.25, clickmode="event", dragmode=False, shapes=chosen,
        xaxis={"title": {"text": f"{delta}{words}"}, "zeroline": True, "showgrid": True, "nticks": 5},
        yaxis={"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names, "zeroline": False,
               "tickfont": {"size": 10}, "range": [max(len(names), 1) - 0.5, -0.5], "fixedrange": True},
    )  # fmt: skip
    title = f"{delta}neurons of layer {result.layer} by {words}, {result.provenance.model}"
    meta = {"rows": names, "neuron": f"L{result.layer}N{result.neuron}"}
    return dress(figure, "neurons", title, style, {"l": 8, "r": 14, "t": 8, "b": 8}, meta)


def neuron_card(result: NeuronsResult, style: Style, selection: Selection) -> go.Figure:
    """One neuron on the text, and its read-outs."""
    values = result.activations[:, result.neuron].astype(np.float32)
    at = np.arange(len(values))
    delta = "Δ " if style.show == "difference" else ""
    words = [f"{place} {label(token, 24)}" for place, token in enumerate(result.str_tokens)]
    figure = go.Figure(_bars(values, at, words, horizontal=False))
    figure.update_layout(
        plot_bgcolor=CLEAR, bargap=0.15, clickmode="event", dragmode=False, showlegend=False,
        shapes=[mark | {"yref": "y domain"} for mark in marks.position_columns(selection)],
        annotations=_written(result, style),
        xaxis={**token_axis(result.str_tokens, style.width or 420, monospace(style)), "tickangle": -60, "anchor": "y"},
        yaxis={"domain": [0.62, 1], "title": {"text": f"{delta}activation"}, "zeroline": True, "showgrid": True,
               "nticks": 4},
    )  # fmt: skip
    name = f"neuron L{result.layer}N{result.neuron}"
    title = f"{name}: {delta}activations; read-outs of its weights, {result.provenance.model}"
    meta = {"neuron": result.neuron, "layer": result.layer}
    return dress(figure, "neuron-card", title, style, {"l": 8, "r": 8, "t": 8, "b": 8}, meta)


def _bars(values: NDArray[np.float32], at: NDArray[np.intp], names: list[str], *, horizontal: bool) -> go.Bar:
    place: dict[str, Any] = {"x": values, "y": at, "orientation": "h"} if horizontal else {"x": at, "y": values}
    return go.Bar(
        **place, customdata=names, text=spoken(values), textposition="none", name="neurons",
        hovertemplate="<b>%{customdata}</b> %{text}<extra></extra>",
        marker={"color": np.where(values >= 0, 0.8, -0.8), "cmin": -1, "cmax": 1, "autocolorscale": True,
                "showscale": False},
    )  # fmt: skip


def _written(result: NeuronsResult, style: Style) -> list[dict[str, Any]]:
    promoted = lines_of(result.promoted_tokens, result.promoted_logits, _ROOM)
    suppressed = lines_of(result.suppressed_tokens, result.suppressed_logits, _ROOM)
    exciting = (
        wrap(result.note, 20) if result.note else lines_of(result.exciting_tokens, result.exciting_activations, _ROOM)
    )
    return text_columns(list(zip(_HEADINGS, (promoted, suppressed, exciting), strict=True)), style, top=0.44)
