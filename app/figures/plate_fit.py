"""What makes words fit the small figures of a plate: titles in lines, tokens that do not touch, bars as high as maps.

Sizes are estimated, since only the browser that draws a figure measures letters: a monospaced one is `_LETTER` as wide
as high, one of a title `_TITLE_LETTER` on average.
"""

import math
import textwrap
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.figures.theme import FONT_SIZE

_LETTER, _TITLE_LETTER = 0.62, 0.52
_LINE = 1.0
"""From one line to the next over the size of its letters: lines touch, letters do not."""
_BAR, _AXIS_TITLE, _NUMBERS = 58, 18, 26
"""Pixels of a colour bar with its words, of an axis' title, of labels that are numbers."""
_LEAST = 7
"""The smallest letters of tick labels in pixels; where these touch, every n-th label is left."""
_MOST_LINES, _MOST_LEFT_OUT = 2, 64


def in_lines(text: str, pixels: float, size: float) -> str:
    """A title in at most two lines; what is left over is cut at a word."""
    across = max(int(pixels / (size * _TITLE_LETTER)), 8)
    lines = textwrap.wrap(text, across, break_long_words=False, max_lines=_MOST_LINES, placeholder=" …")
    return "<br>".join(lines)


def fit_ticks(figure: go.Figure) -> None:
    """Labels of tokens as large as they can be without touching, all of one size; a bar beside a square as high as it.
    Labels of several lines shrink, numbers are thinned. The figure knows its width and height."""
    axes = [axis for axis in (*figure.select_xaxes(), *figure.select_yaxes()) if _step(axis)]
    named = [axis for axis in axes if _step(axis) == 1]
    size, room = _fitting(figure, named)
    for axis in axes:
        own = size if axis in named else FONT_SIZE
        every = _every(axis, room, own) if _lines(axis) == 1 else 1
        axis.tickvals, axis.ticktext = axis.tickvals[::every], axis.ticktext[::every]
        axis.tickfont.size = min(axis.tickfont.size or FONT_SIZE, own)
    if named and _is_square(figure):
        figure.update_traces({"colorbar": {"lenmode": "pixels", "len": max(room[0], 60)}}, {"type": "heatmap"})


def _fitting(figure: go.Figure, axes: list[Any]) -> tuple[int, tuple[float, float]]:
    """The largest size at which as few labels as possible are left out, and what room the plot has then."""
    for most in range(1, _MOST_LEFT_OUT + 1):
        for size in range(FONT_SIZE, _LEAST - 1, -1):
            room = _plot(figure, axes, size)
            if all(_every(axis, room, size) <= most for axis in axes):
                return size, room
    return _LEAST, _plot(figure, axes, _LEAST)


def _step(axis: Any) -> int:
    """Places from one label to the next, where all are named in even steps; else 0."""
    if axis.ticktext is None or axis.range is None or len(axis.tickvals) < 2:
        return 0
    steps = set(np.diff(axis.tickvals).tolist())
    return int(steps.pop()) if len(steps) == 1 else 0


def _lines(axis: Any) -> int:
    return max(str(text).count("<br>") + 1 for text in axis.ticktext)


def _is_x(axis: Any) -> bool:
    return axis.plotly_name.startswith("x")


def _slope(axis: Any) -> float:
    """Sine of the angle between a label and the axis: how much of the way to the next one is across it."""
    return abs(math.sin(math.radians(axis.tickangle or 90))) if _is_x(axis) else 1.0


def _every(axis: Any, room: tuple[float, float], size: float) -> int:
    """Of how many labels one is left so that none touch."""
    low, high = axis.domain or (0, 1)
    along = room[0] if _is_x(axis) else room[1]
    each = along * (high - low) / max(abs(axis.range[1] - axis.range[0]), 1) * _slope(axis) * _step(axis)
    return max(1, math.ceil(size * _LINE * _lines(axis) / max(each, 0.1)))


def _is_square(figure: go.Figure) -> bool:
    layout: Any = figure.layout
    return layout.yaxis.scaleanchor is not None or layout.xaxis.scaleanchor is not None


def _plot(figure: go.Figure, axes: list[Any], size: float) -> tuple[float, float]:
    """Width and height that labels of this size, titles and a colour bar leave."""
    layout: Any = figure.layout
    traces: Any = figure.data
    bar = _BAR * any(trace.type == "heatmap" and trace.showscale is not False for trace in traces)
    beside = _labels([axis for axis in axes if not _is_x(axis)], size) + _AXIS_TITLE * bool(layout.yaxis.title.text)
    below = _labels([axis for axis in axes if _is_x(axis)], size) + _AXIS_TITLE * bool(layout.xaxis.title.text)
    across = layout.width - layout.margin.l - layout.margin.r - beside - bar
    down = layout.height - layout.margin.t - layout.margin.b - below
    return (min(across, down),) * 2 if _is_square(figure) else (across, down)


def _labels(axes: list[Any], size: float) -> float:
    """Pixels that their labels take beside the plot."""
    lines = [(line, axis) for axis in axes for text in axis.ticktext for line in str(text).split("<br>")]
    return max((len(line) * _LETTER * size * _slope(axis) for line, axis in lines), default=_NUMBERS)
