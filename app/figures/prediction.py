"""Next-token prediction at the last position.

x: probability, from 0; y: the most likely tokens, most likely first. Text beside each bar: probability in three
significant digits. Hover: rank, token, probability and logit in full precision.
"""

import numpy as np
import plotly.graph_objects as go

from app.domain.results import PredictionResult
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.scales import short, spoken
from app.figures.theme import CLEAR, dress, monospace
from app.figures.tokens import label

_MARGIN = {"l": 8, "r": 12, "t": 8, "b": 8}


def prediction_bars(result: PredictionResult, style: Style, selection: Selection) -> go.Figure:
    """Top tokens of the selected prompt; in difference mode they are the intervened run's."""
    prompt = marks.prompt_row(selection, len(result.top_tokens))
    probabilities, tokens = result.top_probabilities[prompt], result.top_tokens[prompt].tolist()
    run = " of the intervened run" if style.show == "difference" else ""
    figure = go.Figure(_bars(probabilities, result.top_logits[prompt], tokens))
    figure.update_layout(
        plot_bgcolor=CLEAR, bargap=0.25, clickmode="event", dragmode=False, uniformtext={"mode": "show", "minsize": 9},
        xaxis={
            "title": {"text": f"probability{run}"}, "range": [0, 1.15 * (style.color_limit or 1.0)],
            "showgrid": True, "nticks": 5,
        },
        yaxis={
            "tickmode": "array", "tickvals": list(range(len(tokens))), "ticktext": [label(t, 16) for t in tokens],
            "range": [len(tokens) - 0.5, -0.5], "fixedrange": True, "tickfont": {"family": monospace(style)},
        },
    )  # fmt: skip
    return dress(figure, "prediction", f"Most likely next tokens{run}, {result.provenance.model}", style, _MARGIN)


def _bars(probabilities: np.ndarray, logits: np.ndarray, tokens: list[str]) -> go.Bar:
    numbers = [spoken(probabilities, signed=False), spoken(logits)]
    hover = [
        f"rank {i}: <b>{label(token, 40)}</b><br>probability {p}<br>logit {z}"
        for i, (token, p, z) in enumerate(zip(tokens, *numbers, strict=True))
    ]
    beside = [short(p, signed=False) for p in probabilities]
    return go.Bar(
        x=probabilities, y=np.arange(len(tokens)), orientation="h", text=beside,
        textposition="outside", cliponaxis=False, textfont={"size": 10}, hovertext=hover, name="next tokens",
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
