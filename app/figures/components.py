"""Components, ranked: direct logit attributions, largest magnitude first.

x: direct logit attribution (logits, positive = towards the answer), line at 0; y: component; colour: sign. Heads,
the output bias of each attention layer (`L5.b_O`), MLPs, embeddings and the unembedding bias, so that all rows together
sum to the logit difference; the note says how many are left out and what they sum to. Hover: full precision.
"""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.domain.results import DirectLogitAttributionResult
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.scales import short, spoken
from app.figures.tables import attribution_rows, by_magnitude
from app.figures.theme import CLEAR, dress

MOST = 30
_SHARE_AXIS = {"zeroline": True, "showgrid": True, "nticks": 6}
_SIGN_COLOURS = {"cmin": -1, "cmax": 1, "autocolorscale": True, "showscale": False}


def component_bars(result: DirectLogitAttributionResult, style: Style, selection: Selection) -> go.Figure:
    """The 30 components of largest magnitude of the selected prompt."""
    rows = attribution_rows(result, marks.prompt_row(selection, len(result.heads)))
    rows = rows.loc[(rows["kind"] != "attn") & rows["direct"].notna()]
    rows = by_magnitude(rows)
    top, rest = rows.head(MOST), rows["direct"].iloc[MOST:]
    delta = "Δ " if style.show == "difference" else ""
    figure = go.Figure(_bars(top))
    figure.update_layout(
        plot_bgcolor=CLEAR, bargap=0.25, clickmode="event", dragmode=False,
        yaxis=_component_axis(top, selection),
        xaxis={"title": {"text": f"{delta}direct logit attribution, logits{_rest(rest)}"}, **_SHARE_AXIS},
    )  # fmt: skip
    title = f"{delta}direct logit attribution, components of {result.provenance.model}"
    return dress(figure, "components", title, style, {"l": 8, "r": 12, "t": 8, "b": 8})


def _bars(top: pd.DataFrame) -> go.Bar:
    values = top["direct"].to_numpy(np.float32)
    return go.Bar(
        x=values, y=np.arange(len(top)), orientation="h", customdata=top["component"].tolist(), text=spoken(values),
        textposition="none", hovertemplate="<b>%{customdata}</b> %{text}<extra></extra>", name="components",
        marker={"color": np.where(values >= 0, 0.8, -0.8), **_SIGN_COLOURS},
    )  # fmt: skip


def _component_axis(top: pd.DataFrame, selection: Selection) -> dict[str, Any]:
    selected = {str(head) for head in (*selection.heads, *filter(None, [selection.primary]))}
    text = [f"<b>{name} ◂</b>" if name in selected else name for name in top["component"]]
    return {
        "tickmode": "array", "tickvals": list(range(len(text))), "ticktext": text, "zeroline": False,
        "range": [max(len(text), 1) - 0.5, -0.5], "fixedrange": True,
    }  # fmt: skip


def _rest(rest: pd.Series) -> str:
    return f" ({len(rest)} not shown sum to {short(float(rest.sum()))})" if len(rest) else ""
