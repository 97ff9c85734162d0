"""Scatter of cells against cells: what two figures share.

Markers with names beside the ones that matter, the diagonal where both sides are equal, and axes of one range.
"""

import textwrap
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.figures.theme import CLEAR, NEUTRAL

Numbers = NDArray[np.float64]
_LONGEST = 18
"""Characters of a line of the upright title, which is as long as the plot is high."""
MARGIN = {"l": 14, "r": 12, "t": 26, "b": 8}


def limits(*values: Numbers) -> tuple[float, float]:
    """One range for both axes, with a little room."""
    numbers = np.concatenate([v[np.isfinite(v)] for v in values] + [np.zeros(1)])
    low, high = float(numbers.min()), float(numbers.max())
    room = 0.1 * (high - low) or 1.0
    return low - room, high + room


def diagonal(ends: tuple[float, float], slope: int = 1, at_zero: float = 0.0, said: bool = False) -> go.Scatter:
    """Where both sides are equal (or opposite, or add up to `at_zero`); `said`: the legend has its equation."""
    name = "y = x" if slope > 0 else f"y = {at_zero:g} − x" if at_zero else "y = −x"
    return go.Scatter(
        x=list(ends), y=[slope * end + at_zero for end in ends], mode="lines", hoverinfo="skip", showlegend=said,
        name=name, line={"color": NEUTRAL, "width": 1, "dash": "dot"},
    )  # fmt: skip


def named(x: Numbers, y: Numbers, names: list[str]) -> go.Scatter:
    """Names beside the markers at x, y, on the side where there is room."""
    return go.Scatter(
        x=x, y=y, mode="text", text=[f"\u2002{name}\u2002" for name in names], hoverinfo="skip", showlegend=False,
        name="names", textposition=_sides(x, y), textfont={"size": 10}, cliponaxis=False,
    )  # fmt: skip


def _sides(x: Numbers, y: Numbers) -> list[str]:
    """Towards the middle; on the other side of a name that is there already."""
    middle, sides = (x.min() + x.max()) / 2 if len(x) else 0.0, list[str]()
    for at in range(len(x)):
        left = bool(x[at] > middle)
        close = [k for k in range(at) if abs(y[at] - y[k]) < 0.04 * np.ptp(y) and abs(x[at] - x[k]) < 0.2 * np.ptp(x)]
        left = (sides[close[0]] != "middle left") if close else left
        sides.append("middle left" if left else "middle right")
    return sides


def apart(x: Numbers, y: Numbers, order: NDArray[np.int64], most: int, share: float = 0.045) -> NDArray[np.int64]:
    """The first `most` of `order` whose names do not collide: further apart vertically than `share` of the range."""
    kept: list[int] = []
    span = float(np.ptp(y[np.isfinite(y)])) if np.isfinite(y).any() else 1.0
    wide = float(np.ptp(x[np.isfinite(x)])) if np.isfinite(x).any() else 1.0
    for at in order.tolist():
        clear = all(abs(y[at] - y[k]) > share * span or abs(x[at] - x[k]) > 6 * share * wide for k in kept)
        if clear and len(kept) < most:
            kept.append(at)
    return np.array(kept, dtype=np.int64)


def axes(
    x_title: str, y_title: str, ends: tuple[float, float], down: tuple[float, float] | None = None
) -> dict[str, Any]:
    """Both axes with lines at 0 and their ranges; the upright title is in lines."""
    upright = "<br>".join(
        textwrap.wrap(y_title.replace("Δ logit diff", "Δ\u00a0logit\u00a0diff"), _LONGEST)
    )  # a unit stays whole
    each: dict[str, Any] = {"zeroline": True, "showgrid": True, "nticks": 6}
    return {
        "plot_bgcolor": CLEAR, "clickmode": "event", "dragmode": "select",
        "xaxis": {"title": {"text": x_title}, "range": list(ends), **each},
        "yaxis": {"title": {"text": upright}, "range": list(down or ends), **each},
    }  # fmt: skip
