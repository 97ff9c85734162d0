"""Features of a sparse autoencoder: ranked bars beside the error at each token, and the card of one.

Left: the 20 largest by `style.quantity`: `attribution` (direct logit attribution at END), `largest` (activation of
largest magnitude over the prompt) or `activation` (at the selected position, else END); named by number and the token
that each promotes most. x: that number, line at 0; colour: sign; hover: full precision. Frame: the card's feature.
Right: |x - x^| / |x| at every token (0 = reconstructed exactly), hover: how many features are active there.

Card: activations on the prompt's tokens (y from 0), below what it promotes and suppresses (logits per unit of
activation), and where it is most active in the prompts and background texts: that token in bold between its
neighbours. A difference is of activations; ranks, tokens and texts are of the intervened run.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.directions import MOST_NAME
from app.domain.sae_results import BEFORE, EACH, SaeFeaturesResult
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.ranking import Ranked
from app.figures.scales import short, spoken
from app.figures.theme import CLEAR, dress, monospace
from app.figures.tokens import label, safe, shorten, thinned, token_axis, visible
from app.figures.written import lines_of, text_columns


def sae_feature_bars(result: SaeFeaturesResult, style: Style, selection: Selection) -> go.Figure:
    """The features that matter most, and what the autoencoder loses."""
    ranked = Ranked(
        "Features", "the stream after them", result.attribution, result.activations, result.str_tokens, result.first
    )
    values, words = ranked.by(style, selection)
    order = [at for at in np.argsort(-np.abs(values), kind="stable")[:EACH] if values[at]]
    ids, shown = result.feature_ids[order].tolist(), values[order].astype(np.float32)
    tokens: list[str] = result.promoted[order].tolist()
    names = [f"{each} {label(token, 10)}" for each, token in zip(ids, tokens, strict=True)]
    said = [f"feature {each}, promotes {label(token, 24)}:" for each, token in zip(ids, tokens, strict=True)]
    delta = "Δ " if style.show == "difference" else ""
    figure = go.Figure([_across(shown, said), _errors(result, delta)])
    figure.update_layout(
        plot_bgcolor=CLEAR, bargap=0.25, clickmode="event", dragmode=False, showlegend=False,
        shapes=[marks.row_outline("selected", at) | {"x1": 0.6} for at, each in enumerate(ids)
                if each == result.feature],
        xaxis={"domain": [0, 0.6], "title": {"text": f"{delta}{words}"}, "zeroline": True, "showgrid": True,
               "nticks": 4},
        yaxis=_rows(names, style), xaxis2={"domain": [0.8, 1], "title": {"text": f"{delta}error"}, "zeroline": True,
                                           "showgrid": True, "nticks": 3, "anchor": "y2"},
        yaxis2={**_token_rows(result, style), "anchor": "x2"},
    )  # fmt: skip
    title = f"{delta}features of {place(result)} by {words}, {result.provenance.model}"
    return dress(figure, "sae-features", title, style, {"l": 8, "r": 10, "t": 4, "b": 8}, {"rows": ids})


def sae_feature_card(result: SaeFeaturesResult, style: Style, selection: Selection) -> go.Figure:
    """One feature on the text, its read-outs, and where it is most active."""
    values = result.feature_activations
    at, delta = np.arange(len(values)), "Δ " if style.show == "difference" else ""
    words = [f"{place} {label(token, 24)}" for place, token in enumerate(result.str_tokens)]
    figure = go.Figure(_upright(values, at, words))
    figure.update_layout(
        plot_bgcolor=CLEAR, bargap=0.15, clickmode="event", dragmode=False, showlegend=False,
        shapes=marks.position_columns(selection), annotations=_tokens(result, style) + _contexts(result, style),
        xaxis={**token_axis(result.str_tokens, style.width or 420, monospace(style)), "tickangle": -60, "anchor": "y"},
        yaxis={"domain": [0.7, 1], "title": {"text": f"{delta}activation"}, "zeroline": True, "showgrid": True,
               "nticks": 3},
    )  # fmt: skip
    name = f"feature {result.feature} of {place(result)}"
    title = f"{name}: {delta}activations; read-outs of its weights, {result.provenance.model}"
    known = [*result.plain_feature_activations.tolist(), *result.context_activations[:, BEFORE].tolist()]
    meta = {
        "feature": result.feature, "layer": result.layer, "activation": result.activation,
        "name": f"feature {result.feature} of {result.autoencoder}"[:MOST_NAME],
        "written": max([0.0, *(each for each in known if each == each)]) * result.written,
    }  # fmt: skip
    return dress(figure, "sae-card", title, style, {"l": 8, "r": 8, "t": 4, "b": 4}, meta)


def place(result: SaeFeaturesResult) -> str:
    """`L15.resid_post (name)`"""
    return f"L{result.layer}.{result.activation} ({safe(result.autoencoder)})"


def reconstruction_said(result: SaeFeaturesResult, style: Style) -> str:
    """`L0 31.2 · FVU 0.18 · loss 3.21 → 3.44 (zero: 9.80)`; of a difference, what each changes by."""
    counted, signed = slice(result.first, None), style.show == "difference"
    run, reconstruction, zero = (_number(value, signed) for value in result.losses)
    own, replaced, _ = result.logit_diffs
    parts = [f"L0 {_number(result.active[counted].mean(), signed)}", f"FVU {_number(result.fvu[0], signed)}"]
    parts += [f"loss {run} → {reconstruction} (zero: {zero})"] if not np.isnan(result.losses[0]) else []
    parts += [f"logit diff {short(float(own))} → {short(float(replaced))}"] if not np.isnan(own) else []
    return " · ".join(parts)


def _number(value: Any, signed: bool) -> str:
    return short(float(value), signed)


def _rows(names: list[str], style: Style) -> dict[str, Any]:
    return {
        "tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names, "zeroline": False,
        "tickfont": {"family": monospace(style), "size": 10}, "range": [max(len(names), 1) - 0.5, -0.5],
        "fixedrange": True,
    }  # fmt: skip


def _token_rows(result: SaeFeaturesResult, style: Style) -> dict[str, Any]:
    at = thinned(len(result.str_tokens), style.height or 260)
    labels = [label(result.str_tokens[each], 9) for each in at]
    return _rows(labels, style) | {"tickvals": at.tolist(), "range": [len(result.str_tokens) - 0.5, -0.5]}


_SIGNED: dict[str, Any] = {"cmin": -1, "cmax": 1, "autocolorscale": True, "showscale": False}


def _colours(values: NDArray[np.float32]) -> dict[str, Any]:
    return {"color": np.where(values >= 0, 0.8, -0.8), **_SIGNED}


def _across(values: NDArray[np.float32], said: list[str]) -> go.Bar:
    return go.Bar(
        x=values, y=np.arange(len(values)), orientation="h", customdata=said, text=spoken(values), textposition="none",
        name="features", hovertemplate="<b>%{customdata}</b> %{text}<extra></extra>", marker=_colours(values),
    )  # fmt: skip


def _errors(result: SaeFeaturesResult, delta: str) -> go.Bar:
    said = [
        f"{at} {label(token, 24)}: {delta}error {error}<br>{delta}{count} features active"
        for at, (token, error, count) in enumerate(
            zip(result.str_tokens, spoken(result.errors, bool(delta)), spoken(result.active, bool(delta)), strict=True)
        )
    ]
    return go.Bar(
        x=result.errors, y=np.arange(len(result.errors)), orientation="h", customdata=said, xaxis="x2", yaxis="y2",
        name="error", hovertemplate="%{customdata}<extra></extra>", marker={"color": "rgba(128, 128, 128, 0.7)"},
    )  # fmt: skip


def _upright(values: NDArray[np.float32], at: NDArray[np.intp], words: list[str]) -> go.Bar:
    return go.Bar(
        x=at, y=values, customdata=words, text=spoken(values), textposition="none", name="activations",
        hovertemplate="<b>%{customdata}</b> %{text}<extra></extra>", marker=_colours(values),
    )  # fmt: skip


def _tokens(result: SaeFeaturesResult, style: Style) -> list[dict[str, Any]]:
    promoted = lines_of(result.promoted_tokens, result.promoted_logits, 7)
    suppressed = lines_of(result.suppressed_tokens, result.suppressed_logits, 7)
    return text_columns(
        [("promotes<br>logits per unit", promoted), ("suppresses<br>logits per unit", suppressed)],
        style,
        top=0.5,
        across=(0, 0.44),
    )


def _contexts(result: SaeFeaturesResult, style: Style) -> list[dict[str, Any]]:
    """Most active first; nothing where it is active nowhere."""
    values = [short(float(row[BEFORE]), signed=False) for row in result.context_activations]
    lines = [f"{value:>6} {_line(row.tolist())}" for value, row in zip(values, result.context_tokens, strict=True)]
    heading = f"most active in {result.texts} texts, {float(result.density[0]):.2%} of tokens"
    return text_columns([(heading, lines or ["on no token of these texts"])], style, top=0.5, across=(0.45, 1))


_SIDE = 11
"""Characters on each side of a token."""


def _line(words: list[str]) -> str:
    """The token in bold, and as much of both sides as stands in one line."""
    before, after = ("".join(part).replace("\n", " ") for part in (words[:BEFORE], words[BEFORE + 1 :]))
    before = before if len(before) <= _SIDE else "…" + before[-_SIDE:]
    return f"{safe(before)}<b>{safe(visible(words[BEFORE]))}</b>{safe(shorten(after, _SIDE))}"
