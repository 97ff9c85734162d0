"""Token trajectories: what a lens gives chosen tokens at one position, layer by layer.

Above: probability, 0..1; below: rank on a log scale, 0 (the top token) at the top. x: points of the stream, ticks are
layers. One colour per token, named at the right end of its line; with two runs the intervened one is solid and the
baseline dotted. The position is the selected one, else the last that the result has. Hover: every token's probability,
rank and logit at that point in full precision.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.errors import BadInput
from app.domain.lens_results import LogitLensResult
from app.domain.views import Selection, Style
from app.figures.scales import spoken
from app.figures.theme import CLEAR, dress, is_export, monospace
from app.figures.tokens import label

HUES = ("#2d8ad0", "#d9701a", "#1f9e77", "#b8528f", "#a08700", "#7a62c9", "#b0503f", "#7d8590")
"""One per token; each reads on light and on dark panels."""
_UPPER, _LOWER = [0.58, 1.0], [0.0, 0.44]
"""Where the two axes stand."""
_LABEL, _CHARACTER = 13, 6.2
"""Pixels that the name of a line needs: height, and width of a character."""
_HEIGHT = 300
"""Pixels that the panel usually has."""


def token_trajectory_lines(result: LogitLensResult, style: Style, selection: Selection) -> go.Figure:
    """Of one run."""
    return _lines([result], style, selection)


def token_trajectories_lines(
    baseline: LogitLensResult, intervened: LogitLensResult, style: Style, selection: Selection
) -> go.Figure:
    """Of the intervened run, the baseline behind it."""
    if (baseline.tokens, baseline.points) != (intervened.tokens, intervened.points):
        raise BadInput("The two runs have other tokens or points; give the same recipe without its interventions.")
    return _lines([baseline, intervened], style, selection)


def position_shown(result: LogitLensResult, selection: Selection) -> int:
    """Index into the result's positions: the selected one, else the last."""
    chosen = [result.positions.index(at) for at in selection.positions if at in result.positions]
    return chosen[-1] if chosen else len(result.positions) - 1


def _lines(results: list[LogitLensResult], style: Style, selection: Selection) -> go.Figure:
    last = results[-1]
    if not last.tokens:
        raise BadInput("There is no token to follow: search the vocabulary for some, or name answers in the rail.")
    at = position_shown(last, selection)
    figure, hover = go.Figure(), _hover(results, at)
    for result in results:
        for token in range(len(result.tokens)):
            behind = len(results) > 1 and result is results[0]
            figure.add_traces(_of_token(result, at, token, hover, behind))
    names = _names(last, at, style)
    room = int(max(len(each["text"]) for each in names) * _CHARACTER) + 14
    figure.update_layout(
        plot_bgcolor=CLEAR, hoverdistance=-1, showlegend=False, annotations=names, dragmode=False,
        xaxis=_layer_axis(last.points) | {"anchor": "y2"}, **_y_axes(last, results, at),
    )  # fmt: skip
    return dress(figure, "token-trajectory", _title(results, at), style, {"l": 8, "r": room, "t": 10, "b": 8})


def _title(results: list[LogitLensResult], at: int) -> str:
    last = results[-1]
    where = f"position {last.positions[at]} {label(last.str_tokens[last.positions[at]])}"
    runs = "; solid intervened, dotted baseline" if len(results) > 1 else ""
    return f"Tokens by layer at {where} ({last.lens}{runs}), {last.provenance.model}"


def _of_token(
    result: LogitLensResult, at: int, token: int, hover: list[str], behind: bool
) -> tuple[go.Scatter, go.Scatter]:
    line = {"color": HUES[token % len(HUES)], "width": 1.25 if behind else 1.9, "dash": "dot" if behind else "solid"}
    shared: dict[str, Any] = {
        "x": np.arange(len(result.points)), "mode": "lines", "line": line, "name": label(result.tokens[token]),
        "hovertext": hover, "hovertemplate": "%{hovertext}<extra></extra>", "connectgaps": False,
    }  # fmt: skip
    probability = go.Scatter(y=result.token_probabilities[:, at, token], yaxis="y", **shared)
    return probability, go.Scatter(y=_depth(result.token_ranks[:, at, token]), yaxis="y2", **shared)


def _depth(ranks: NDArray[np.float32]) -> NDArray[np.float32]:
    """log10(1 + rank): 0 for the top token."""
    return np.log10(1 + ranks).astype(np.float32)


def _y_axes(last: LogitLensResult, results: list[LogitLensResult], at: int) -> dict[str, Any]:
    deepest = max(float(np.nanmax(_depth(result.token_ranks[:, at]), initial=1.0)) for result in results)
    every = (0, 1, 3, 10) if deepest < 1.5 else (0, 10, 100, 1000, 10_000, 100_000)
    powers = [rank for rank in every if np.log10(1 + rank) <= deepest]
    grid = {"showgrid": True, "zeroline": False, "fixedrange": True}
    return {
        "yaxis": {"title": {"text": "probability"}, "domain": _UPPER, "range": [-0.03, 1.03], "nticks": 5, **grid},
        "yaxis2": {
            "title": {"text": "rank"}, "domain": _LOWER, "range": [deepest * 1.06, -0.06 * deepest],
            "tickmode": "array", "tickvals": [float(np.log10(1 + rank)) for rank in powers],
            "ticktext": [f"{rank:,}" for rank in powers], **grid,
        },
    }  # fmt: skip


def _names(last: LogitLensResult, at: int, style: Style) -> list[dict[str, Any]]:
    """Each token beside the end of its lines, moved apart where they would cover each other."""
    height = (style.height or 340) - 60 if is_export(style) else _HEIGHT
    probability, ranks = last.token_probabilities[-1, at], _depth(last.token_ranks[-1, at])
    deepest = max(float(np.nanmax(_depth(last.token_ranks[:, at]), initial=1.0)), 1.0)
    found: list[dict[str, Any]] = []
    for down, (low, high) in ((1 - probability, _UPPER), (ranks / deepest, _LOWER)):
        places = _apart(np.asarray(down, float), _LABEL / (height * (high - low)))
        for token, place in enumerate(places):
            found.append({
                "text": label(last.tokens[token]), "xref": "paper", "x": 1, "xanchor": "left", "xshift": 5,
                "yref": "paper", "y": high - place * (high - low), "yanchor": "middle", "showarrow": False,
                "font": {"color": HUES[token % len(HUES)], "family": monospace(style), "size": 10.5},
            })  # fmt: skip
    return found


def _apart(places: NDArray[np.float64], least: float) -> list[float]:
    """Places in 0..1 at least so far apart, in their order, moved down and then back up."""
    order = np.argsort(places, kind="stable")
    moved = places[order].copy()
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + least)
    moved -= max(0.0, float(moved[-1]) - 1.0)
    found = np.empty_like(moved)
    found[order] = moved
    return found.tolist()


def _layer_axis(points: tuple[str, ...]) -> dict[str, Any]:
    named = {row: point.split("_") for row, point in enumerate(points)}
    layers = [(row, layer) for row, (layer, place) in named.items() if place == "post"]
    step = next(s for s in (1, 2, 5, 10, 20) if len(layers) <= s * 12 or s == 20)
    shown = [(row, layer) for row, layer in layers if int(layer) % step == 0] or [(0, points[0])]
    return {
        "title": {"text": "after layer"}, "tickmode": "array", "tickvals": [row for row, _ in shown],
        "ticktext": [layer for _, layer in shown], "range": [-0.3, len(points) - 0.7], "zeroline": False,
        "tickangle": 0, "fixedrange": True,
    }  # fmt: skip


def _hover(results: list[LogitLensResult], at: int) -> list[str]:
    """Per point: every token, run by run."""
    runs = ("baseline", "intervened") if len(results) > 1 else ("",)
    parts = [_spoken(result, at, run) for result, run in zip(results, runs, strict=True)]
    names = [f"<b>L{layer} resid_{place}</b>" for layer, place in (point.split("_") for point in results[-1].points)]
    return ["<br>".join([name, *(part[i] for part in parts)]) for i, name in enumerate(names)]


def _spoken(result: LogitLensResult, at: int, run: str) -> list[str]:
    probability, logits = (
        spoken(values[:, at], signed=signed)
        for values, signed in ((result.token_probabilities, False), (result.token_logits, True))
    )
    ranks = result.token_ranks[:, at].astype(int)
    names = [label(token, 20) for token in result.tokens]
    head = f"{run}<br>" if run else ""
    return [
        head + "<br>".join(f"{name} {probability[i, k]}, rank {ranks[i, k]:,}, logit {logits[i, k]}"
                           for k, name in enumerate(names))
        for i in range(len(ranks))
    ]  # fmt: skip
