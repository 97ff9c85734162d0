"""One cell of a sweep on every prompt: what its mean hides.

x: effect or recovered share of the selected cell (sweep_map.py's reading), line at 0; y: one row per prompt, downwards;
colour: sign. Solid vertical: mean over prompts; dotted: its 95 % bootstrap interval. Diamonds with their number:
outliers, further than 1.5 interquartile ranges outside the quartiles (of five prompts or more). A line above says so.
Frame: the selected prompt. Empty row: not computed yet, or left out of ratios; the title counts them. Hover: the
prompt's text and value in full precision. `customdata` = prompt index.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.recipes import parse_recipe
from app.domain.results import AttributionPatchingResult
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.scales import spoken
from app.figures.sweep_grid import selected_cell
from app.figures.sweep_reading import Reading, read
from app.figures.sweep_significance import not_independent
from app.figures.sweep_words import AnySweep, cell_names, technique, under
from app.figures.theme import CLEAR, NEUTRAL, dress
from app.figures.tokens import safe, shorten, visible

_MOST_NUMBERS = 8
"""Rows that have room for a number on the page."""
_FEWEST = 5
"""Prompts below which quartiles say little."""


def prompt_strip(result: AnySweep, style: Style, selection: Selection) -> go.Figure:
    """Per-prompt values of the selected cell."""
    reading = read(result, style)
    cell = selected_cell(result, np.abs(reading.spread.mean), selection)
    values = reading.values[:, cell]
    traces = [*_centre(reading, cell, len(values)), _points(result, values)]
    figure = go.Figure(traces)
    chosen = [marks.row_outline("prompt", selection.prompt)] if selection.prompt < len(values) > 1 else []
    figure.update_layout(
        plot_bgcolor=CLEAR, clickmode="event", dragmode=False, shapes=chosen,
        xaxis={"title": {"text": reading.unit}, "zeroline": True, "showgrid": True, "nticks": 6},
        yaxis=_prompt_axis(len(values)), annotations=_legend(traces, values),
    )  # fmt: skip
    how = f"{reading.what}, {technique(result)}{under(result.recipe)}"
    what = f"{cell_names(result)[cell]} on each prompt: {how}{_without(result, reading, cell)}"
    what += f"; {pairs}" if (pairs := not_independent(result)) else ""
    meta = {"cell": cell, "shape": [len(values)], "prompts": len(values), "counted": reading.prompts}
    return dress(
        figure, "strip", f"{what}, {result.provenance.model}", style, {"l": 14, "r": 12, "t": 22, "b": 8}, meta
    )


def outliers(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """`[prompt]`: further than 1.5 interquartile ranges outside the quartiles (Tukey)."""
    if np.isfinite(values).sum() < _FEWEST:
        return np.zeros(len(values), dtype=bool)
    low, high = np.nanquantile(values, (0.25, 0.75))
    reach = 1.5 * (high - low)
    return (values < low - reach) | (values > high + reach)


def _points(result: AnySweep, values: NDArray[np.float64]) -> go.Scatter:
    far, numbers = outliers(values), np.arange(len(values))
    return go.Scatter(
        x=values.astype(np.float32), y=numbers, customdata=numbers, name="prompts", showlegend=False,
        mode="markers+text", text=np.where(far, numbers.astype(str), ""), textposition="middle right",
        hovertext=_hover(result, values, far), hovertemplate="%{hovertext}<extra></extra>",
        marker={
            "symbol": np.where(far, "diamond", "circle"), "size": np.where(far, 10, 7), "cmin": -1, "cmax": 1,
            "color": np.where(values >= 0, 0.8, -0.8), "autocolorscale": True, "line": {"width": 0},
        },
    )  # fmt: skip


def _without(result: AnySweep, reading: Reading, cell: int) -> str:
    """How many prompts have no value: not computed yet, or left out of ratios."""
    effects = result.estimate if isinstance(result, AttributionPatchingResult) else result.effect(reading.metric)
    waiting = int(np.isnan(effects[:, cell]).sum())
    left_out = int(np.isnan(reading.values[:, cell]).sum()) - waiting
    counts = ((waiting, "not computed yet"), (left_out, "left out: clean and corrupted are too near"))
    return "".join(f", {count} of {len(effects)} {why}" for count, why in counts if count)


def _legend(traces: list[go.Scatter], values: NDArray[np.float64]) -> list[dict[str, Any]]:
    """One line above the strip for what is drawn on it."""
    drawn = {str(trace.name) for trace in traces}
    marks_of = (
        ("│ mean", len(values) > 1 and "mean" in drawn),
        ("┊ 95 % interval", "low" in drawn),
        ("◆ outlier", outliers(values).any()),
    )
    text = " &#160; ".join(said for said, there in marks_of if there)
    place = {"x": 1, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "bottom"}
    return [{"text": text, "name": "legend", "showarrow": False, **place}] if text else []


def _hover(result: AnySweep, values: NDArray[np.float64], far: NDArray[np.bool_]) -> list[str]:
    prompts = parse_recipe(result.recipe).prompts
    exact = result.exact if isinstance(result, AttributionPatchingResult) else None
    estimated = "" if exact is None else " (estimate)"
    return [
        f"prompt {at}{', outlier' if far[at] else ''}: <b>{value}</b>{estimated}"
        + (f"<br>{safe(shorten(visible(prompts[at].clean).replace('·', ' '), 90))}" if at < len(prompts) else "")
        for at, value in enumerate(spoken(values))
    ]


def _centre(reading: Reading, cell: int, count: int) -> list[go.Scatter]:
    """Mean and interval as verticals over all rows."""
    found, ends = reading.spread, [-0.5, count - 0.5]
    lines = {"mean": (found.mean[cell], "solid"), "low": (found.low[cell], "dot"), "high": (found.high[cell], "dot")}
    return [
        go.Scatter(
            x=[x, x], y=ends, mode="lines", name=name, hoverinfo="skip", showlegend=False,
            line={"color": NEUTRAL, "width": 1.5 if name == "mean" else 1, "dash": dash},
        )
        for name, (x, dash) in lines.items()
        if np.isfinite(x)
    ]  # fmt: skip


def _prompt_axis(count: int) -> dict[str, Any]:
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100) if count <= s * _MOST_NUMBERS or s == 100)
    return {
        "title": {"text": "prompt"}, "tickmode": "linear", "tick0": 0, "dtick": step, "range": [count - 0.5, -0.5],
        "fixedrange": True, "showgrid": count <= 40, "zeroline": False,
    }  # fmt: skip
