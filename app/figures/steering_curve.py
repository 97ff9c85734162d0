"""A strength curve: one metric (`style.metric`) against the strength of a change along a direction.

x: strength; y: the metric. The direction is one line, the mean over prompts, with a band of one standard error around
it where there are several; every placebo is a thin grey line, its mean over prompts. Dotted horizontal: the run without
the change. Markers where the points are few; points that are not computed leave a gap. Hover: strength, values in full
precision, and the beginning of the text where there are texts; `meta.texts` has them whole, by strength.
In difference mode all is intervened - baseline.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.domain.errors import BadInput
from app.domain.recipes import parse_recipe
from app.domain.results import METRICS, Floats
from app.domain.steering_recipes import SteeringCurve
from app.domain.steering_results import SteeringCurveResult
from app.domain.views import Selection, Style
from app.figures.scales import spoken
from app.figures.theme import CLEAR, NEUTRAL, dress
from app.figures.tokens import safe

WORDS = {"logit_diff": "logit diff", "answer_log_prob": "answer log-prob", "probability": "probability", "rank": "rank",
         "kl_divergence": "KL"}  # fmt: skip
_ACROSS = {"steer": "strength", "clamp": "projection set to", "project_out": "share projected out",
           "swap_along": "share swapped"}  # fmt: skip
_LONGEST = 60
_MARGIN = {"l": 8, "r": 14, "t": 26, "b": 8}


def steering_curve_lines(result: SteeringCurveResult, style: Style, selection: Selection) -> go.Figure:
    """The direction's line over those of its placebos. The selection changes nothing here."""
    if style.metric not in METRICS:
        raise BadInput(f"There is no metric {style.metric!r}; use one of {', '.join(METRICS)}.")
    recipe, at = _recipe(result), METRICS.index(style.metric)
    order = np.argsort(result.strengths)
    x, values = result.strengths[order], result.values[at][:, order]
    placebos = [_placebo(x, line, way == 0) for way, line in enumerate(result.placebo[at][:, :, order].mean(0))]
    texts = [result.texts[each] if each < len(result.texts) else "" for each in order]
    figure = go.Figure([*placebos, *_band(x, values), _line(x, values.mean(0), str(recipe.direction), texts)])
    delta = "Δ " if style.show == "difference" else ""
    figure.update_layout(
        plot_bgcolor=CLEAR, dragmode=False, clickmode="event", hovermode="closest", showlegend=bool(placebos),
        shapes=[_without(float(result.clean[at].mean()))],
        xaxis={"title": {"text": _across(recipe)}, "zeroline": True, "nticks": 9},
        yaxis={"title": {"text": f"{delta}{WORDS[style.metric]}"}, "zeroline": True, "showgrid": True, "nticks": 7},
    )  # fmt: skip
    written = [[float(at), text] for at, text in zip(x, texts, strict=True) if text]
    meta = {"texts": written, "prompts": len(values)}
    title = f"{delta}{WORDS[style.metric]} by {_across(recipe)} along {recipe.direction} at {recipe.site}"
    return dress(figure, "strength", f"{title}, {result.provenance.model}", style, _MARGIN, meta)


def _recipe(result: SteeringCurveResult) -> SteeringCurve:
    recipe = parse_recipe(result.recipe)
    if not isinstance(recipe, SteeringCurve):
        raise BadInput(f"A strength curve is of a steering_curve, and this is a {recipe.kind}; compute that.")
    return recipe


def _across(recipe: SteeringCurve) -> str:
    return _ACROSS[recipe.change] + (" (× norm of a)" if recipe.change == "steer" and recipe.unit == "norm" else "")


def _line(x: Floats, y: Floats, name: str, texts: list[str]) -> go.Scatter:
    said = np.char.add(np.char.add("<b>", spoken(x)), np.char.add("</b><br>", spoken(y)))
    said = [f"{each}<br>{safe(text[:_LONGEST])}" if text else each for each, text in zip(said, texts, strict=True)]
    return go.Scatter(
        x=x, y=y, name=name, mode="lines+markers" if len(x) <= 25 else "lines", line={"width": 2}, marker={"size": 5},
        hovertext=said, hovertemplate="%{hovertext}<extra></extra>", connectgaps=False,
    )  # fmt: skip


def _placebo(x: Floats, y: Floats, first: bool) -> go.Scatter:
    return go.Scatter(
        x=x, y=y, name="placebo", mode="lines", line={"width": 1, "color": NEUTRAL}, opacity=0.5, showlegend=first,
        hovertext=np.char.add("placebo ", spoken(y)), hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip


def _band(x: Floats, values: Floats) -> list[go.Scatter]:
    """Mean ± one standard error over prompts."""
    if len(values) < 2:
        return []
    mean, error = values.mean(0), values.std(0, ddof=1) / np.sqrt(len(values))
    outline: dict[str, Any] = {"mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
    return [
        go.Scatter(x=x, y=mean - error, **outline),
        go.Scatter(x=x, y=mean + error, fill="tonexty", fillcolor="rgba(127, 127, 127, 0.2)", **outline),
    ]


def _without(value: float) -> dict[str, Any]:
    """The run without the change."""
    return {
        "type": "line", "name": "without", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value,
        "layer": "below", "line": {"width": 1, "dash": "dot", "color": NEUTRAL},
    }  # fmt: skip
