"""Map of a sweep: one cell per experiment, coloured by its mean over prompts.

y: layer, downwards (heads grouped by layer where the sweep has heads and positions; queries for edges); x: head,
position labelled by its token (italic where the prompts differ there), or key; colour: effect or recovered share,
signed and symmetric about 0 (KL: from 0), the limit being the largest magnitude, hidden or not, or a locked one.
A `−` marks negative cells of at least a quarter of that limit, for greyscale. Neurons are bars, largest first.
Hatched grey = not computed; ring = computed on fewer prompts than the rest, so far; dot on background = hidden,
q >= 0.05 (p-values corrected for the number of cells); where all are, the map says why. Hover: cell, mean ± standard
error, 95 % interval, p- and q-value, number of prompts, clean and corrupted values, in full precision.

Trace 0 holds the cells: `customdata` = index of the cell in the result, -1 where there is none. `meta` tells the page
the axes, their shape, what rows and columns stand for, and how many heads one cell of a head stands for (key-value
heads are shared; null = unknown).
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.views import Selection, Style
from app.figures import marks, sweep_axes
from app.figures.head_labels import heads_handles
from app.figures.scales import colour_range, limit_of, short
from app.figures.sweep_bars import neuron_bars
from app.figures.sweep_grid import Grid, grid_of, on_cells
from app.figures.sweep_hover import hover_lines
from app.figures.sweep_reading import Reading, read, title_of
from app.figures.sweep_significance import not_independent, note
from app.figures.sweep_words import AnySweep
from app.figures.theme import CLEAR, NEUTRAL, dress

_MOST_FRAMED = 64
"""Queries up to which edges have lines between them."""
_MOST_MARKED = 48
"""Rows or columns up to which cells have room for a sign."""


def sweep_heatmap(result: AnySweep, style: Style, selection: Selection, panel: str = "sweep") -> go.Figure:
    """The sweep as the style reads it; `panel` is `sweep`, or `against` beside it."""
    reading, selection = read(result, style), on_cells(result, selection)
    if result.cell_axes == ("layer", "neuron"):
        return neuron_bars(result, reading, style, selection, panel)
    return heatmap_on(grid_of(result, np.abs(reading.spread.mean), selection), result, reading, style, selection, panel)


def heatmap_on(
    grid: Grid, result: AnySweep, reading: Reading, style: Style, selection: Selection, panel: str
) -> go.Figure:
    """The cells where the grid places them; the selection is one `on_cells`."""
    hidden = (grid.index >= 0) & np.append(reading.spread.insignificant, False)[grid.index] & style.significant
    values = grid.pick(reading.spread.mean)
    figure = go.Figure(_traces(result, reading, grid, values, hidden, style))
    figure.update_layout(
        sweep_axes.axes_of(result, grid, style, selection), shapes=sweep_axes.shapes_of(grid, selection),
        annotations=[*_notes(reading, grid, hidden), *_emptied(result, reading, style)], clickmode="event",
        dragmode="select" if grid.axes == ("layer", "head") else False,
    )  # fmt: skip
    if grid.holes:
        figure.update_layout(plot_bgcolor=CLEAR)
    title = title_of(result, reading, style, style.significant) + (f"; {grid.note}" if grid.note else "")
    return dress(figure, panel, title, style, sweep_axes.margins(grid), _meta(result, reading, grid))


def _meta(result: AnySweep, reading: Reading, grid: Grid) -> dict[str, Any]:
    shared = result.provenance.heads_per_key_value if result.activation in ("k", "v") else 1
    return {
        "prompts": len(result.str_tokens), "counted": reading.prompts, "heads_per_cell": shared,
        "axes": list(grid.axes), "shape": list(grid.index.shape), "rows": list(grid.rows),
        "columns": list(grid.columns),
    }  # fmt: skip


def _traces(
    result: AnySweep, reading: Reading, grid: Grid, values: NDArray[Any], hidden: NDArray[np.bool_], style: Style
) -> list[Any]:
    cells = _cells(result, reading, grid, values, hidden, style)
    missing = np.where(grid.index >= 0, values, 0.0)
    after = [marks.hatch(missing), _dots(hidden), _rings(_fewer(reading, grid))]
    handles = [heads_handles(grid.rows, grid.columns)] if grid.axes == ("layer", "head") else []
    if grid.holes:
        return [cells, *handles, *after, *([marks.frames(grid.index >= 0)] if len(values) <= _MOST_FRAMED else [])]
    return [cells, *handles, marks.hairlines(*values.shape), *after]


def _cells(
    result: AnySweep, reading: Reading, grid: Grid, values: NDArray[Any], hidden: NDArray[np.bool_], style: Style
) -> go.Heatmap:
    shown = np.where(hidden, 0.0, values)
    limit = limit_of(values, style, reading.rounding)
    text = _text(grid, shown, reading, limit)
    return go.Heatmap(
        z=shown.astype(np.float32), customdata=grid.index, hovertext=hover_lines(result, reading, grid.index, hidden),
        hovertemplate="%{hovertext}<extra></extra>", name="cells", text=text,
        texttemplate="%{text}", textfont={"size": 9 if len(values) <= 32 else 7}, hoverongaps=False,
        **colour_range(values, style, signed=reading.signed, unit=reading.unit, limit=limit),
    )  # fmt: skip


def _text(grid: Grid, shown: NDArray[Any], reading: Reading, limit: float) -> NDArray[np.str_]:
    """A sign on strong negative cells; a single column prints its values."""
    if grid.axes[1] == "" and shown.size <= _MOST_MARKED:
        return np.array([[short(v, reading.signed) if np.isfinite(v) and v else ""] for v in shown[:, 0]])
    if not reading.signed or max(shown.shape) > _MOST_MARKED:
        return np.full(shown.shape, "")
    return np.where(shown <= -limit / 4, "−", "")


def _dots(hidden: NDArray[np.bool_]) -> go.Scatter:
    """One small dot on every hidden cell."""
    rows, columns = np.nonzero(hidden)
    return go.Scatter(
        x=columns, y=rows, mode="markers", hoverinfo="skip", showlegend=False, name="hidden",
        marker={"size": 2.5, "color": NEUTRAL},
    )  # fmt: skip


def _fewer(reading: Reading, grid: Grid) -> NDArray[np.bool_]:
    """`[row column]`: cells computed on fewer prompts than others."""
    return (grid.index >= 0) & np.append(reading.fewer, False)[grid.index]


def _rings(fewer: NDArray[np.bool_]) -> go.Scatter:
    """A small ring in a corner of every cell of fewer prompts."""
    rows, columns = np.nonzero(fewer)
    return go.Scatter(
        x=columns + 0.3, y=rows - 0.3, mode="markers", hoverinfo="skip", showlegend=False, name="fewer prompts",
        marker={"size": 5, "color": NEUTRAL, "symbol": "circle-open", "line": {"width": 1}},
    )  # fmt: skip


def _notes(reading: Reading, grid: Grid, hidden: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """What hatch, dots and rings mean, where there are any: below the map, or above it where tokens are below."""
    there = grid.index >= 0
    missing, fewer = there & ~np.isfinite(grid.pick(reading.spread.mean)), _fewer(reading, grid)
    notes = marks.not_computed_note(np.where(missing, np.nan, 0.0)[there])
    for text, name, any_ in (("· q ≥ 0.05", "hidden", hidden.any()), ("○ fewer prompts", "fewer", fewer.any())):
        notes += [marks.note(text, name, len(notes))] if any_ else []
    return _above(notes) if "position" in grid.axes[1] else notes


def _emptied(result: AnySweep, reading: Reading, style: Style) -> list[dict[str, Any]]:
    """Why nothing is left, where significance hides everything."""
    return note(reading.spread, not_independent(result)) if style.significant else []


def _above(notes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same notes beside each other."""
    ends = np.cumsum([0, *(len(note["text"]) + 2 for note in notes)]).tolist()
    return [marks.note_above(note["text"], note["name"], end) for note, end in zip(notes, ends, strict=False)]
