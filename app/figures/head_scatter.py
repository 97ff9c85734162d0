"""One number of every head against another: is what a head writes what the model needs, do two methods agree?

x: the number of the other result (`style.across`); y: that of the result; one point per head that has both, coloured
by layer (faint = early). Above: Pearson's and Spearman's correlation over these heads, as they are plotted, and how
many they are. Dotted: where both are equal, for numbers of one technique and unit, and for effects, exact or estimated;
where they are opposite, for effects that have opposite signs by definition (one starts from the clean and the other
from the corrupted run), and for zero ablation against direct attribution: what is taken away is what was written, if
nothing else reads it. None for two numbers of two runs: only one number before and after compares. Lines at 0. Named:
the heads furthest from the middle, in standard deviations of each axis. Rings: the selection. Hover: the head and both
numbers in full precision.

Trace 0 are the points (`customdata` = `L5H1`), so that box and lasso can select.
"""

import textwrap
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.domain.results import AttributionPatchingResult, DirectLogitAttributionResult, Result, SweepResult
from app.domain.spread import pearson, spearman
from app.domain.views import Selection, Style
from app.figures import cell_scatter, marks
from app.figures.cell_scatter import Numbers
from app.figures.head_labels import head_labels
from app.figures.head_numbers import HeadNumbers, head_numbers, of_the_same_heads
from app.figures.scales import short, spoken
from app.figures.sweep_reading import turn
from app.figures.theme import NEUTRAL, dress

_MOST_NAMED = 8
_LONGEST = 42
"""Characters of a line of an axis' title."""
_EXACT = (SweepResult, AttributionPatchingResult)


def head_scatter(across: Result, result: Result, style: Style, selection: Selection) -> go.Figure:
    """`result` up, `across` across; refuses heads of two models."""
    x, y = head_numbers(across, style.across, selection), head_numbers(result, style, selection)
    of_the_same_heads(across, x, result, y)
    both = np.isfinite(x.values) & np.isfinite(y.values)
    at, up = x.values[both].astype(float), y.values[both].astype(float)
    names = head_labels(*both.shape)[both].tolist()
    ends = (cell_scatter.limits(at), cell_scatter.limits(up))
    slope = _slope(across, x, result, y) if style.across.show == style.show or x.name == y.name else 0
    figure = go.Figure([_points(x, y, both), *([cell_scatter.diagonal(ends[0], slope)] if slope else [])])
    figure.add_trace(_names(at, up, names))
    runs = ["", ""] if style.across.show == style.show else [f", {style.across.show}", f", {style.show}"]
    title, said = f"{y.name}{runs[1]} against {x.name}{runs[0]}", _agreement(at, up, both.size)
    figure.update_layout(
        cell_scatter.axes(_axis(x, runs[0]), "", *ends), annotations=[_caption(said, slope)],
        shapes=marks.head_rings(selection, dict(zip(names, zip(at, up, strict=True), strict=True))),
        coloraxis=_layers(len(both)), yaxis={"title": {"text": _axis(y, runs[1])}},
    )  # fmt: skip
    said = {"drawn": "scatter", "said": f"{title}: {said}"}
    named = style if not runs[0] else replace(style, show="baseline")  # the title says both runs
    margin = {"l": 14, "r": 8, "t": 24, "b": 8}
    return dress(figure, "head-matrix", f"{title}, heads of {result.provenance.model}", named, margin, said)


def _points(x: HeadNumbers, y: HeadNumbers, both: Any) -> go.Scatter:
    names, layers = head_labels(*both.shape)[both], np.nonzero(both)[0]
    lines = [np.char.add(f"<br>{each.brief} ", spoken(each.values[both], each.signed)) for each in (y, x)]
    return go.Scatter(
        x=x.values[both], y=y.values[both], customdata=names, mode="markers", name="heads", showlegend=False,
        hovertext=[f"<b>{name}</b>{up}{across}" for name, up, across in zip(names, *lines, strict=True)],
        hovertemplate="%{hovertext}<extra></extra>",
        marker={
            "color": layers, "coloraxis": "coloraxis", "size": 7, "opacity": 0.9,
            "line": {"color": NEUTRAL, "width": 0.75},
        },
    )  # fmt: skip


def _layers(count: int) -> dict[str, Any]:
    """The template's sequential colours, from the first layer to the last."""
    bar = {"title": {"text": "layer"}, "nticks": 7}
    return {"cmin": 0, "cmax": max(count - 1, 1), "autocolorscale": True, "colorbar": bar}


def _names(x: Numbers, y: Numbers, names: list[str]) -> go.Scatter:
    """The heads furthest out whose names do not collide."""
    order = np.argsort(-np.hypot(_standard(x), _standard(y)), kind="stable")
    shown = cell_scatter.apart(x, y, order, _MOST_NAMED) if len(x) else order
    return cell_scatter.named(x[shown], y[shown], [f"\u2002{names[at]}\u2002" for at in shown])  # clear of rings


def _standard(values: Numbers) -> Numbers:
    """Distance from the median in standard deviations; 0 where all are alike."""
    spread = float(values.std()) if len(values) else 0.0
    return (values - np.median(values)) / spread if spread else np.zeros_like(values)


def _slope(across: Result, x: HeadNumbers, result: Result, y: HeadNumbers) -> int:
    """1 where two numbers of one run would be equal, -1 where opposite, 0 where they cannot be compared."""
    sides = (across, result)
    direct = any(isinstance(side, DirectLogitAttributionResult) for side in sides)
    if direct and any(isinstance(side, SweepResult) and side.method == "zero" for side in sides):
        return -1
    if x.unit != y.unit:
        return 0
    if isinstance(across, _EXACT) and isinstance(result, _EXACT):
        return turn(across, result, "kl_divergence" if "KL" in y.unit else "logit_diff", "effect")
    return int(type(across) is type(result))


def _axis(numbers: HeadNumbers, run: str) -> str:
    """What it is, of which run where the two are of different ones, and its unit."""
    named = f"{numbers.brief}{run}"
    short_enough = len(named) + len(numbers.unit) < _LONGEST
    return f"{named}, {numbers.unit}" if short_enough else "<br>".join([*textwrap.wrap(named, _LONGEST), numbers.unit])


def _agreement(x: Numbers, y: Numbers, heads: int) -> str:
    """`Pearson +0.98 · Spearman +0.83 · 270 heads`."""
    found = ("—" if np.isnan(value) else short(value) for value in (pearson(x, y), spearman(x, y)))
    counted = f"{len(x)} heads" if len(x) == heads else f"{len(x)} of {heads} heads"
    return "Pearson {} · Spearman {} · {}".format(*found, counted)


def _caption(said: str, slope: int) -> dict[str, Any]:
    """Left above the plot, with what the dotted line is."""
    line = {1: " · dotted: y = x", -1: " · dotted: y = −x", 0: ""}[slope]
    text = said.replace("Pearson", "r").replace("Spearman", "ρ") + line
    return {
        "text": text, "name": "agreement", "showarrow": False, "xref": "paper", "yref": "paper",
        "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "yshift": 4,
    }  # fmt: skip
