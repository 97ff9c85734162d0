"""Who writes a direction: the projection of one place of the stream as a sum.

Left: layers x heads, colour = what the head wrote along the direction (residual units), symmetric about 0, blue =
along it; empty rows are layers after the place. Right: all that was written, largest magnitude first: heads, output
biases (`L5.b_O`), MLPs, embeddings, and what interventions put there (`unwritten`). Of several prompts the mean, with
one standard deviation. The lines above say the sum of everything, the projection as it is read from the stream itself,
the largest difference of the two, and how many parts are left out and what they sum to. Hover: full precision, and of
an MLP its neurons that write most. `customdata`: `L5H1`. Frames: selected heads. In difference mode intervened -
baseline. What is nothing but rounding is drawn and said as 0 (app/figures/rounding.py); hover has it.
"""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.domain.direction_results import DirectionWritersResult
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.direction_tables import writer_rows
from app.figures.head_labels import head_labels
from app.figures.head_matrix import across_axis, layer_axis
from app.figures.rounding import settled
from app.figures.scales import colour_range, short, spoken
from app.figures.theme import CLEAR, FONT_SIZE, dress, is_export
from app.figures.tokens import label

MOST, MOST_ON_PAGE = 24, 14
_SIGN = {"cmin": -1, "cmax": 1, "autocolorscale": True, "showscale": False}
_MAP, _BARS = [0, 0.42], [0.72, 1]


def direction_writers_bars(result: DirectionWritersResult, style: Style, selection: Selection) -> go.Figure:
    """The map of heads, and everything ranked; the mean over the result's prompts."""
    rows = ranked(result)
    most = MOST if is_export(style) else MOST_ON_PAGE
    top, rest = rows.head(most), rows["value"].iloc[most:]
    delta = "Δ " if style.show == "difference" else ""
    figure = go.Figure([_map(result, style, delta), _bars(result, top)])
    names = top["component"].tolist()
    figure.update_layout(
        plot_bgcolor=CLEAR, clickmode="event", dragmode=False, bargap=0.25, showlegend=False,
        annotations=_sum(result, delta, rest),
        shapes=[*marks.head_shapes(selection), *bar_shapes(names, selection)],
        xaxis=across_axis(result.heads.shape[-1]) | {"domain": _MAP},
        yaxis=layer_axis(result.heads.shape[1]),
        xaxis2={"title": {"text": f"{delta}written, residual units"}, "domain": _BARS, "anchor": "y2",
                "zeroline": True, "showgrid": True, "nticks": 4},
        yaxis2=_component_axis(names),
    )  # fmt: skip
    title = f"{delta}who writes {result.direction} {place(result)}, {result.provenance.model}"
    return dress(figure, "writers", title, style, {"l": 36, "r": 10, "t": 52, "b": 8},
                 {"rows": names, "prompts": len(result.projection)})  # fmt: skip


def place(result: DirectionWritersResult) -> str:
    """`after L29 at 14 ·to`, or at END of several prompts."""
    same = len(result.positions) == 1
    at = f"{result.positions[0]} {label(result.tokens[0])}" if same else f"{len(result.positions)} prompts' positions"
    return f"after L{result.layer} at {at}"


def said(result: DirectionWritersResult) -> str:
    """The sum, what is read from the stream, and the difference of the two."""
    return f"Σ {_said(result.total.mean())} = resid·d̂ {_said(result.projection.mean())}, error {result.error:.1e}"


def _said(value: Any) -> str:
    return short(float(settled(value)))


def ranked(result: DirectionWritersResult) -> pd.DataFrame:
    """`component, value, sd`, mean over prompts, largest magnitude first; rows sum to the projection."""
    rows = writer_rows(result)
    rows = rows.loc[rows["kind"].isin(["head", "attn_bias", "mlp", "embed", "pos_embed", "unwritten"])]
    found = rows.groupby("component", sort=False)["value"].agg(["mean", "std"]).reset_index()
    found = found.rename(columns={"mean": "value", "std": "sd"})
    order = np.argsort(-np.abs(found["value"].to_numpy(float)), kind="stable")
    return found.iloc[order].reset_index(drop=True)


def bar_shapes(names: list[str], selection: Selection) -> list[dict[str, Any]]:
    """Rows of the bars that are selected heads."""
    primary = selection.primary
    chosen = {str(head): "selected" for head in selection.heads}
    chosen |= {} if primary is None else {str(primary): "primary"}
    return [marks.bar_outline(chosen[name], row) for row, name in enumerate(names) if name in chosen]


def _map(result: DirectionWritersResult, style: Style, delta: str) -> go.Heatmap:
    values = result.heads.mean(axis=0)[: result.layer + 1]
    labels = head_labels(*values.shape)
    drawn = settled(values)
    scale = colour_range(drawn, style, signed=True, unit="")
    scale["colorbar"] |= {"x": _MAP[1], "xpad": 6}
    hover = np.char.add(np.char.add(np.char.add("<b>", labels), f"</b><br>{delta}written "), spoken(values))
    return go.Heatmap(
        z=drawn, customdata=labels, hovertext=hover, hovertemplate="%{hovertext}<extra></extra>", name="heads",
        **scale,
    )  # fmt: skip


def _bars(result: DirectionWritersResult, top: pd.DataFrame) -> go.Bar:
    values, sd = settled(top["value"].to_numpy()), settled(top["sd"].to_numpy())
    spread = {"type": "data", "array": sd, "thickness": 1, "width": 2} if len(result.projection) > 1 else None
    return go.Bar(
        x=values, y=np.arange(len(top)), orientation="h", xaxis="x2", yaxis="y2", name="written",
        customdata=top["component"].tolist(), hovertext=_hover(result, top),
        hovertemplate="%{hovertext}<extra></extra>", marker={"color": np.where(values >= 0, 0.8, -0.8), **_SIGN},
        error_x=spread,
    )  # fmt: skip


def _hover(result: DirectionWritersResult, top: pd.DataFrame) -> list[str]:
    each = zip(top["component"].tolist(), top["value"].tolist(), top["sd"].tolist(), strict=True)
    return [f"<b>{name}</b> {spoken(value)}{_spread(result, sd)}{_neurons(result, name)}" for name, value, sd in each]


def _spread(result: DirectionWritersResult, sd: Any) -> str:
    return f"<br>standard deviation over {len(result.projection)} prompts {spoken(sd, signed=False)}" * (
        len(result.projection) > 1
    )


def _neurons(result: DirectionWritersResult, component: str) -> str:
    """Of one prompt: the neurons of an MLP that write most, and the rest of it."""
    if not component.endswith(".mlp") or len(result.projection) > 1 or np.isnan(result.neurons).all():
        return ""
    layer = int(component[1:].removesuffix(".mlp"))
    if (result.neuron_index[0, layer] < 0).all():
        return "<br>  put there by an intervention, by no neuron"
    each = zip(result.neuron_index[0, layer], spoken(result.neurons[0, layer]), strict=True)
    whole = float(result.components[0, result.component_labels.index(component)])
    rest = whole - float(result.neurons[0, layer].sum())
    return "".join(f"<br>  N{index} {value}" for index, value in each) + f"<br>  the rest {short(rest)}"


def _sum(result: DirectionWritersResult, delta: str, rest: pd.Series) -> list[dict[str, Any]]:
    place = {"xref": "paper", "yref": "paper", "x": 1, "y": 1, "xanchor": "right", "yanchor": "bottom", "yshift": 2}
    n = len(result.projection)
    several = f" (mean of {n} prompts)" if n > 1 else ""
    text = f"{delta}{said(result)}{several}{_left_out(rest)}"
    return [{"text": text, "name": "sum", "showarrow": False, "align": "right", **place}]


def _left_out(rest: pd.Series) -> str:
    return f"<br>{len(rest)} not shown sum to {_said(rest.sum())}" if len(rest) else ""


def _component_axis(names: list[str]) -> dict[str, Any]:
    return {
        "tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names, "zeroline": False, "anchor": "x2",
        "range": [max(len(names), 1) - 0.5, -0.5], "fixedrange": True, "tickfont": {"size": FONT_SIZE},
    }  # fmt: skip
