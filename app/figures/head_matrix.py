"""Head matrix: layers x heads, one cell per attention head.

x: head; y: layer, downwards from 0; colour: one of the numbers per head that the result has (`style.quantity`, None =
its first; app/domain/head_quantities.py), as app/figures/head_numbers.py reads it. Of a sweep it is changed - the run
that it starts from, so negative = an ablated head helped. Signed colours are symmetric about 0; the limit is the
largest magnitude shown, or 1 where a number cannot be larger, unless the style locks it, and the colour bar states it.
A `−` marks negative cells of at least a quarter of the limit, for greyscale. Hatched grey = not computed. Hover: the
head, the value in full precision, for sweeps both runs, for estimates the exact effect where it was computed.

Trace 0 is the heatmap (`customdata` = `L5H1`); trace 1 has one invisible marker per head, so that box and lasso can
select; then hairlines and hatch.
"""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.results import Result
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.head_labels import head_labels, heads_handles
from app.figures.head_numbers import HeadNumbers, head_numbers
from app.figures.scales import colour_range
from app.figures.theme import CLEAR, FONT_SIZE, dress


def head_matrix_heatmap(result: Result, style: Style, selection: Selection) -> go.Figure:
    """One number of every head of the selected prompt; refuses a result that has none."""
    matrix = head_numbers(result, style, selection)
    rows, columns = matrix.values.shape
    figure = go.Figure(head_map(matrix, style))
    figure.update_layout(
        shapes=marks.head_shapes(selection), annotations=marks.not_computed_note(matrix.values),
        dragmode="select", clickmode="event", xaxis=across_axis(columns), yaxis=layer_axis(rows),
    )  # fmt: skip
    return dress(figure, "head-matrix", matrix.title, style, {"l": 36, "r": 8, "t": 34, "b": 20}, {"drawn": "map"})


def head_map(matrix: HeadNumbers, style: Style) -> list[go.Heatmap | go.Scatter]:
    """The four traces of one map."""
    rows, columns = matrix.values.shape
    handles = heads_handles(range(rows), range(columns))
    return [_cells(matrix, style), handles, marks.hairlines(rows, columns), marks.hatch(matrix.values)]


def across_axis(columns: int, most: int = 16) -> dict[str, object]:
    """Heads from 0, above the map."""
    return heads_axis(columns, "head", most) | {"side": "top", "range": [-0.5, columns - 0.5]}


def layer_axis(rows: int) -> dict[str, object]:
    """Layers from 0 downwards."""
    return heads_axis(rows, "layer", 12) | {"range": [rows - 0.5, -0.5]}


def _cells(matrix: HeadNumbers, style: Style) -> go.Heatmap:
    limit = matrix.limit if style.color_limit is None else None
    scale = colour_range(matrix.values, style, signed=matrix.signed, unit=matrix.unit, limit=limit)
    labels = head_labels(*matrix.values.shape)
    strong = matrix.signed & (matrix.values <= -scale["zmax"] / 4)
    return go.Heatmap(
        z=matrix.values, customdata=labels, hovertext=_hover(labels, matrix.hover), text=np.where(strong, "−", ""),
        texttemplate="%{text}", textfont={"size": 9 if len(labels) <= 32 else 7},
        hovertemplate="%{hovertext}<extra></extra>", name="heads", uid="map", **scale,
    )  # fmt: skip


def _hover(labels: NDArray[np.str_], lines: NDArray[np.str_]) -> NDArray[np.str_]:
    return np.char.add(np.char.add(np.char.add("<b>", labels), "</b><br>"), lines)


def heads_axis(count: int, title: str, most: int) -> dict[str, object]:
    """Numbers from 0, as many as `most` have room for."""
    step = next(s for s in (1, 2, 5, 10, 20) if count <= s * most or s == 20)
    return {
        "title": {"text": title}, "tickmode": "linear", "tick0": 0, "dtick": step, "fixedrange": True,
        "tickfont": {"size": FONT_SIZE}, "ticklabelstandoff": 2, "linecolor": CLEAR,
    }  # fmt: skip
