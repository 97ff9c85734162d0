"""Norms, cosines or norm scales of the residual stream by layer, at one position: the last selected one, else END.

x: layer; y: Euclidean norms on a logarithmic axis (`norms`, the default: the stream before and after each block, and
what attention and MLP write), cosines from -1 to 1 (`cosines`), or what the norms divide by, logarithmic (`scales`).
`style.quantity` names which. Named lines; dotted verticals: layers that are selected or hold selected heads. Hover:
layer and values in full precision. Lines that an architecture does not have are left out. In difference mode values
are intervened - baseline on a linear axis.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.domain.errors import BadInput
from app.domain.geometry_results import COSINES, NORMS, SCALES, ResidualGeometryResult
from app.domain.results import Floats
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.scales import spoken
from app.figures.theme import CLEAR, dress
from app.figures.tokens import label

DRAWN: dict[str, tuple[str, tuple[str, ...]]] = {
    "norms": ("norm", NORMS), "cosines": ("cosine", COSINES), "scales": ("norm scale", SCALES),
}  # fmt: skip
"""What can be drawn: the words of its axis, and its lines."""
_DASHES = ("solid", "solid", "solid", "5px,3px")


def residual_geometry_lines(result: ResidualGeometryResult, style: Style, selection: Selection) -> go.Figure:
    """One line per activation, pair or norm."""
    drawn = style.quantity or "norms"
    if drawn not in DRAWN:
        raise BadInput(f"Residual geometry has no {drawn!r}; draw one of {', '.join(DRAWN)}.")
    at, signed = position_of(result.str_tokens, selection), style.show == "difference"
    words, names = DRAWN[drawn]
    delta = "Δ " if signed else ""
    values: Floats = getattr(result, drawn)[:, :, at]
    there = [row for row in range(len(names)) if not np.isnan(values[row]).all()]
    figure = go.Figure([_line(values[row], names[row], dash, drawn == "cosines" or signed)
                        for row, dash in zip(there, _DASHES, strict=False)])  # fmt: skip
    layers = list(range(values.shape[1]))
    logarithmic = drawn != "cosines" and not signed
    figure.update_layout(
        plot_bgcolor=CLEAR, hovermode="x unified", dragmode=False, clickmode="event", showlegend=True,
        shapes=marks.layer_lines(selection, layers),
        xaxis={"title": {"text": "layer"}, "range": [-0.5, len(layers) - 0.5], "zeroline": False, "nticks": 16},
        yaxis={
            "title": {"text": f"{delta}{words}"}, "type": "log" if logarithmic else "linear", "showgrid": True,
            "nticks": 7, "zeroline": not logarithmic, "dtick": 1 if logarithmic and _decades(values) >= 1 else None,
            "range": [-1.04, 1.04] if drawn == "cosines" and not signed else None,
        },
    )  # fmt: skip
    title = f"{delta}{words}s by layer at {named_position(result.str_tokens, at)}, {result.provenance.model}"
    return dress(figure, "geometry", title, style, {"l": 8, "r": 14, "t": 26, "b": 8}, {"layer_x": layers})


def _decades(values: Floats) -> float:
    """Powers of ten that they span; of less than one, an axis needs more numbers than those."""
    return float(np.log10(np.nanmax(values) / max(np.nanmin(values), 1e-12)))


def position_of(str_tokens: tuple[str, ...], selection: Selection) -> int:
    """The last selected position that there is, else the last."""
    there = [at for at in selection.positions if at < len(str_tokens)]
    return there[-1] if there else len(str_tokens) - 1


def named_position(str_tokens: tuple[str, ...], at: int) -> str:
    """`14 ·to`"""
    return f"{at} {label(str_tokens[at])}"


def _line(values: Floats, name: str, dash: str, signed: bool) -> go.Scatter:
    line: dict[str, Any] = {"dash": dash, "width": 1.75}
    return go.Scatter(
        x=np.arange(len(values)), y=values, name=name, mode="lines", line=line, connectgaps=False,
        hovertext=np.char.add(f"{name} ", spoken(values, signed)), hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
