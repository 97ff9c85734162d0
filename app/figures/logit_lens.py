"""Logit lens and tuned lens: what the residual stream after each layer would predict at each position.

x: position, labelled by the prompt's tokens; y: layer, downwards from 0 (`resid_post`, or the points asked for).
Colour: what the style asks (figures/lens_colours.py), by default the probability of the cell's top token, 0..1. Cells
print the top token where it fits (up to 24 positions x 40 rows). In difference mode colour is signed and the text is
the intervened run's top token. Hatched grey = not computed. Hover: top tokens with probabilities, rank of the answer,
logit diff, entropy and KL(final || lens) in nats; in difference mode the tokens are the intervened run's and the
numbers below them say Δ. Frames mark selected positions. On the page `meta.colours` holds every choice of colour.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.lens_results import LogitLensResult
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.lens_colours import WORDS, Coloured, chosen_colour, coloured, every_colour
from app.figures.scales import spoken
from app.figures.theme import dress, is_export, monospace
from app.figures.tokens import label, token_axis

_MOST_POSITIONS, _MOST_LAYERS = 24, 40
_MOST_LINES = 20_000
_MOST_GAPPED = 48
_CHARACTER = 0.65 * 9
"""Width in pixels that Plotly allows one character of 9 px text in a cell."""


def logit_lens_heatmap(result: LogitLensResult, style: Style, selection: Selection) -> go.Figure:
    """Top token of every layer and position of the result's prompt, coloured as the style asks."""
    shown = coloured(result, style)
    tokens = tuple(result.str_tokens[at] for at in result.positions)
    figure = go.Figure([_cells(result, shown, style), marks.hatch(shown.z)])
    ticks = _width(style) if is_export(style) else 300  # the panel may be the narrow one
    whole = len(tokens) == len(result.str_tokens)
    figure.update_layout(
        shapes=marks.position_columns(selection) if whole else [], annotations=marks.not_computed_note(shown.z),
        clickmode="event", dragmode=False,
        xaxis=token_axis(tokens, ticks, monospace(style), room=9, step=22) | {"tickangle": -45},
        yaxis=_layer_axis(result.points),
    )  # fmt: skip
    meta = {} if is_export(style) else {"coloured": chosen_colour(style), "colours": every_colour(result, style)}
    return dress(figure, "lens", _title(result, style), style, {"l": 36, "r": 8, "t": 8, "b": 20}, meta)


def _title(result: LogitLensResult, style: Style) -> str:
    delta = "Δ " if style.show == "difference" else ""
    what = (
        ""
        if style.coloured_by == "probability" and not delta
        else f", coloured by {delta}{WORDS[chosen_colour(style)]}"
    )
    return f"Top token by layer and position ({result.lens}){what}, {result.provenance.model}"


def _cells(result: LogitLensResult, shown: Coloured, style: Style) -> go.Heatmap:
    delta = "Δ " if style.show == "difference" else ""
    gap = 1 if shown.z.shape[1] <= _MOST_GAPPED else 0  # many narrow cells would be nothing but gaps
    return go.Heatmap(
        z=shown.z, hovertext=_hover(result, delta), hovertemplate="%{hovertext}<extra></extra>", name=result.lens,
        xgap=gap, ygap=gap, **shown.scale, **_text(result.top_tokens[:, :, 0], style),
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


def _layer_axis(points: tuple[str, ...]) -> dict[str, Any]:
    """Rows; the layer is said where its resid_post stands, or its first point."""
    layers = {int(point.split("_")[0]): row for row, point in reversed([*enumerate(points)])}
    layers |= {int(point.split("_")[0]): row for row, point in enumerate(points) if point.endswith("_post")}
    step = next(s for s in (1, 2, 5, 10, 20) if len(layers) <= s * 16 or s == 20)
    shown = {layer: row for layer, row in sorted(layers.items()) if layer % step == 0}
    return {
        "title": {"text": "layer"}, "tickmode": "array", "tickvals": [*shown.values()],
        "ticktext": [*map(str, shown)], "range": [len(points) - 0.5, -0.5], "fixedrange": True,
    }  # fmt: skip


def _point_name(point: str) -> str:
    """`5_post` -> `layer 5`, `5_mid` -> `layer 5 resid_mid`."""
    layer, place = point.split("_")
    return f"layer {layer}" + ("" if place == "post" else f" resid_{place}")


def _hover(result: LogitLensResult, delta: str) -> list[list[str]]:
    """`[layer][position]` of lines of text; large maps list fewer tokens per cell, to stay light."""
    kept = max(1, _MOST_LINES // result.entropy.size)
    ranked = np.char.add(" ", spoken(result.top_probabilities[..., :kept], signed=False)).tolist()
    tokens, tail = result.top_tokens[..., :kept].tolist(), _tail(result, delta).tolist()
    here = [f"position {i} <b>{label(result.str_tokens[i], 24)}</b>" for i in result.positions]
    return [
        [
            f"{_point_name(result.points[at])}, {here[i]}<br>"
            + "".join(f"{k + 1} <b>{label(t, 24)}</b>{p}<br>" for k, (t, p) in enumerate(zip(*cell, strict=True)))
            + tail[at][i]
            for i, cell in enumerate(zip(tokens[at], ranked[at], strict=True))
        ]
        for at in range(len(tokens))
    ]


def _tail(result: LogitLensResult, delta: str) -> NDArray[np.str_]:
    """Entropy, and the answers' numbers where there are answers; `delta` says that they are differences, with sign."""
    named = {
        "entropy": result.entropy,
        "KL": result.kl_divergence,
        "rank": result.answer_rank,
        "probability": result.answer_probability,
    }
    text = {name: spoken(values, signed=bool(delta)) for name, values in named.items()}
    lines = np.char.add(f"{delta}entropy ", np.char.add(text["entropy"], " nats"))
    lines = np.char.add(np.char.add(lines, f", {delta}KL to final "), np.char.add(text["KL"], " nats"))
    answers = np.char.add(f"<br>{delta}answer rank ", np.char.replace(text["rank"], ".0", ""))
    answers = np.char.add(answers, np.char.add(f", {delta}probability ", text["probability"]))
    answers = np.char.add(answers, np.char.add(f"<br>{delta}logit diff ", spoken(result.logit_diff)))
    return np.char.add(lines, np.where(np.isnan(result.answer_probability), "", answers))
