"""Self-repair: what makes up for what an intervention takes away (docs/formulas.md).

Left: the heads whose direct attribution to the logit difference changes most, largest change first; pale = before,
full = after, colour = sign. Right: from the logit difference before to the one after: what the intervention removes
directly, then each part of the repair (rescaling by the final norm, other heads, MLPs, the rest). The two ends are
logit differences, the steps add up exactly. Means over prompts. Hover: full precision. `customdata` of the heads:
`L5H1`.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.results import SelfRepairResult
from app.domain.views import Selection, Style
from app.figures.head_labels import head_labels
from app.figures.scales import short, spoken
from app.figures.sweep_words import under
from app.figures.theme import CLEAR, NEUTRAL, dress, is_export

MOST, MOST_ON_PAGE = 15, 8
"""Heads in an export, and in a panel beside others, which has room for the names of so many."""
_SIGN = {"cmin": -1, "cmax": 1, "autocolorscale": True, "showscale": False}
_SPLIT = 0.52


def self_repair_bars(result: SelfRepairResult, style: Style, selection: Selection) -> go.Figure:
    """Heads before and after, and the split of the repair: both runs are in it, whichever is shown elsewhere."""
    style = replace(style, show="baseline") if style.show == "intervened" else style
    delta = "Δ " if style.show == "difference" else ""
    top = _most_changed(result, MOST if is_export(style) else MOST_ON_PAGE)
    figure = go.Figure([*_heads(result, top), *_steps(result)])
    figure.update_layout(_axes(result, top, selection, delta), plot_bgcolor=CLEAR, bargap=0.25, barmode="overlay",
                         clickmode="event", dragmode=False, showlegend=False)  # fmt: skip
    return dress(figure, "self-repair", _title(result, delta), style, {"l": 8, "r": 52, "t": 22, "b": 8},
                 {"prompts": len(result.removed)})  # fmt: skip


def _title(result: SelfRepairResult, delta: str) -> str:
    """What was removed, what came back, and the ratio of the scales."""
    n = len(result.removed)
    prompts = "1 prompt" if n == 1 else f"mean of {n} prompts"
    scale = f"{delta}final scale before / after {result.scale_ratio.mean():.3f}"
    return (
        f"{delta}direct change {_change(result, bool(delta))}{under(result.recipe)}; "
        f"{scale}; {prompts}, {result.provenance.model}"
    )


def _change(result: SelfRepairResult, difference: bool) -> str:
    """`−2.23, of which the rest undoes +1.8 (81 %)`; where the rest has the same sign it repairs nothing."""
    removed, rest = float(result.removed.mean()), float(result.parts.sum(axis=1).mean())
    if difference or not removed:
        return f"{short(removed)}, change by the rest {short(rest)}"
    share = f"{short(rest)} ({100 * abs(rest / removed):.0f} %)"
    if removed * rest > 0:
        return f"{short(removed)}, and the rest changes {share} the same way: no repair"
    return f"{short(removed)}, of which the rest undoes {share}"


def _most_changed(result: SelfRepairResult, most: int) -> NDArray[np.int64]:
    change = np.abs((result.heads_after - result.heads_before).mean(axis=0)).ravel()
    return np.argsort(-np.nan_to_num(change, nan=-1.0), kind="stable")[:most]


def _heads(result: SelfRepairResult, top: NDArray[np.int64]) -> list[go.Bar]:
    """Bars of these heads, before and after."""
    names = head_labels(*result.heads_before.shape[1:]).ravel()[top]
    before, after = (part.mean(axis=0).ravel()[top] for part in (result.heads_before, result.heads_after))
    change = zip(names, spoken(before), spoken(after), spoken(after - before), strict=True)
    hover = [f"<b>{n}</b><br>before {b}<br>after {a}<br>change {c}" for n, b, a, c in change]
    return [_bars(values, names, hover, name) for name, values in (("before", before), ("after", after))]


def _bars(values: NDArray[np.float32], names: NDArray[np.str_], hover: list[str], name: str) -> go.Bar:
    wide = name == "before"
    return go.Bar(
        x=values, y=np.arange(len(values)), orientation="h", name=name, customdata=names, hovertext=hover,
        hovertemplate="%{hovertext}<extra></extra>", width=0.8 if wide else 0.4, opacity=0.35 if wide else 1.0,
        marker={"color": np.where(values >= 0, 0.8, -0.8), **_SIGN},
    )  # fmt: skip


def _steps(result: SelfRepairResult) -> list[Any]:
    """Ends as grey bars from 0, steps as coloured bars between them."""
    before, after = float(result.before.mean()), float(result.after.mean())
    steps = np.array([result.removed.mean(), *result.parts.mean(axis=0)], dtype=np.float64)
    reached = before + np.concatenate([[0.0], np.cumsum(steps)])
    where = np.arange(1, len(steps) + 1)
    hover = [f"{name} {value}" for name, value in zip(_labels(result), spoken(steps), strict=True)]
    moves = go.Bar(
        x=steps, base=reached[:-1], y=where, orientation="h", xaxis="x2", yaxis="y2", name="steps", hovertext=hover,
        hovertemplate="%{hovertext}<extra></extra>", width=0.7,
        marker={"color": np.where(steps >= 0, 0.8, -0.8), **_SIGN},
    )  # fmt: skip
    ends = go.Bar(
        x=[before, after], y=[0, len(steps) + 1], orientation="h", xaxis="x2", yaxis="y2", name="ends", width=0.7,
        marker={"color": NEUTRAL}, hovertext=[f"logit diff {spoken(before)}", f"logit diff {spoken(after)}"],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    return [moves, ends]


def _labels(result: SelfRepairResult) -> list[str]:
    return ["removed", *result.part_labels]


def _axes(result: SelfRepairResult, top: NDArray[np.int64], selection: Selection, delta: str) -> dict[str, Any]:
    names = head_labels(*result.heads_before.shape[1:]).ravel()[top].tolist()
    chosen = {str(head) for head in (*selection.heads, *filter(None, [selection.primary]))}
    shared: dict[str, Any] = {"zeroline": True, "showgrid": True, "nticks": 5}
    return {
        "xaxis": {"title": {"text": f"{delta}direct attribution"}, "domain": [0, _SPLIT - 0.12], **shared},
        "yaxis": _ticks([f"<b>{name} ◂</b>" if name in chosen else name for name in names]),
        "xaxis2": {"title": {"text": f"{delta}logit diff"}, "domain": [_SPLIT + 0.1, 1], "anchor": "y2",
                   "range": _reach(result), **shared},
        "yaxis2": _ticks(["before", *_labels(result), "after"]) | {"anchor": "x2"},
        "annotations": [
            _heading("before (pale) and after", 0), _heading("what changes it", _SPLIT + 0.1), *_values(result),
        ],
    }  # fmt: skip


def _reach(result: SelfRepairResult) -> list[float]:
    """Range of the right axis, with 0 in it."""
    steps = np.array([0.0, result.removed.mean(), *result.parts.mean(axis=0)])
    reached = np.append(float(result.before.mean()) + np.cumsum(steps), 0.0)
    room = 0.04 * float(np.ptp(reached)) or 1.0
    return [float(reached.min()) - room, float(reached.max()) + room]


def _values(result: SelfRepairResult) -> list[dict[str, Any]]:
    """Both ends and every step in a column on the right: beside the bars they would lie on names and on each other."""
    numbers = [result.before.mean(), result.removed.mean(), *result.parts.mean(axis=0), result.after.mean()]
    place = {"x": 1, "xref": "paper", "yref": "y2", "xanchor": "left", "xshift": 4, "showarrow": False}
    return [{"text": short(float(value)), "y": at, "name": "value", **place} for at, value in enumerate(numbers)]


def _ticks(names: list[str]) -> dict[str, Any]:
    return {
        "tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names, "zeroline": False,
        "range": [max(len(names), 1) - 0.5, -0.5], "fixedrange": True,
    }  # fmt: skip


def _heading(text: str, x: float) -> dict[str, Any]:
    return {"text": text, "x": x, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
