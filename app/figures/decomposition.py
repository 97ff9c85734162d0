"""The logit difference as ranked parts: bars that sum, with what is not drawn, to the logit difference.

x: direct logit attribution (logits, positive = towards the answer), line at 0; y: the 25 largest parts of the
level, then pale what completes the sum: all other parts, biases and whatever the level does not split. Colour: sign.
Of several prompts bars are means and points single prompts. The line below writes the sum out, with its rounding error.
Hover: full precision; `customdata`: the part's name, by which a click selects it. Difference: intervened - baseline.
The title says by which final scale parts are divided.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.parts_results import LogitDecompositionResult
from app.domain.recipes import parse_recipe
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.decomposition_levels import Parts, parts_at, ranked, same_tokens
from app.figures.scales import short, spoken
from app.figures.theme import CLEAR, NEUTRAL, dress
from app.figures.tokens import safe, shorten

MOST = 25
_LONGEST, _CHARACTER = 26, 6.6
"""Characters of a label, and the pixels that one takes."""
_NAMES = {
    "layer": "layer", "sublayer": "sublayer", "head": "head", "source": "head and source token", "neuron": "neuron",
}  # fmt: skip
SCALES = {"own": "the run's own scale", "baseline": "the baseline's scale"}


def decomposition_bars(result: LogitDecompositionResult, style: Style, selection: Selection) -> go.Figure:
    """Means over the result's prompts. By source token, where these are not equally long, of the selected one."""
    prompts = _prompts(result, style, selection)
    parts = parts_at(result, style.level, prompts)
    order = ranked(parts, MOST)
    labels, values, n_ranked = _rows(parts, order)
    total = result.logit_diff[list(prompts)]
    figure = go.Figure([_bars(labels, values, n_ranked), *_points(labels, values, prompts)])
    delta = "Δ " if style.show == "difference" else ""
    figure.update_layout(
        plot_bgcolor=CLEAR, bargap=0.25, clickmode="event", dragmode=False, showlegend=False, barmode="overlay",
        yaxis=_axis(labels), annotations=[_sum_line(values, n_ranked, total, delta)],
        shapes=_shapes(labels, selection),
        xaxis={"title": {"text": f"{delta}direct logit attribution, logits"}, "zeroline": True, "showgrid": True,
               "nticks": 6},
    )  # fmt: skip
    meta = {"level": style.level, "prompts": len(prompts), "rows": labels}
    return dress(figure, "decomposition", _title(result, style, prompts), style, _margin(labels), meta)


def _prompts(result: LogitDecompositionResult, style: Style, selection: Selection) -> tuple[int, ...]:
    """All, or the one that is shown where the level is not of the same things in all of them."""
    count = len(result.logit_diff)
    if style.level == "source" and not same_tokens(result):
        return (marks.prompt_row(selection, count),)
    if style.level == "neuron" and len(result.neurons):
        return tuple(range(len(result.neurons)))
    return tuple(range(count))


def _rows(parts: Parts, order: NDArray[np.intp]) -> tuple[list[str], NDArray[np.float64], int]:
    """Labels and `[prompt row]`: the ranked parts, all others together, and the rest."""
    named = [parts.label(int(at)) for at in order]
    shown = parts.values[:, order].astype(float)
    count = int(np.isfinite(parts.values).all(axis=0).sum()) - len(order)
    others = np.nansum(parts.values.astype(float), axis=1) - shown.sum(axis=1)
    more = [f"{count:,} others"] if count > 0 and np.any(others) else []
    columns = [shown, *([others[:, None]] if more else []), parts.rest]
    return [*named, *more, *parts.rest_labels], np.concatenate(columns, axis=1), len(named)


def _bars(labels: list[str], values: NDArray[np.float64], n_ranked: int) -> go.Bar:
    mean = values.mean(axis=0).astype(np.float32)
    rest = np.arange(len(mean)) >= n_ranked
    return go.Bar(
        x=mean, y=np.arange(len(mean)), orientation="h", customdata=labels, text=_spoken(labels, values, mean),
        textposition="none", hovertemplate="%{text}<extra></extra>", name="parts",
        marker={"color": np.where(mean >= 0, 0.8, -0.8), "cmin": -1, "cmax": 1, "autocolorscale": True,
                "showscale": False, "opacity": np.where(rest, 0.4, 1.0)},
    )  # fmt: skip


def _spoken(labels: list[str], values: NDArray[np.float64], mean: NDArray[np.float32]) -> list[str]:
    several = len(values) > 1
    spread = values.std(axis=0, ddof=1) if several else mean
    return [
        f"<b>{safe(label)}</b> {said}" + (f"<br>mean of {len(values)} prompts, standard deviation {short(sd, False)}"
                                          if several else "")
        for label, said, sd in zip(labels, spoken(mean), spread, strict=True)
    ]  # fmt: skip


def _points(labels: list[str], values: NDArray[np.float64], prompts: tuple[int, ...]) -> list[go.Scatter]:
    """One point per prompt and row, where there are several prompts."""
    if len(values) < 2:
        return []
    rows = np.tile(np.arange(len(labels)), len(values))
    said = [f"prompt {prompt}" for prompt in prompts for _ in labels]
    return [go.Scatter(
        x=values.ravel().astype(np.float32), y=rows, mode="markers", name="prompts", customdata=labels * len(values),
        text=said, hovertemplate="<b>%{customdata}</b> %{x} on %{text}<extra></extra>",
        marker={"size": 4, "color": NEUTRAL, "opacity": 0.75, "line": {"width": 0}},
    )]  # fmt: skip


def _margin(labels: list[str]) -> dict[str, int]:
    """Room for the labels, reckoned instead of measured: Plotly draws a figure twice to find it out."""
    longest = max((len(shorten(label, _LONGEST)) for label in labels), default=0)
    return {"l": 10 + round(_CHARACTER * longest), "r": 14, "t": 8, "b": 46}


def _axis(labels: list[str]) -> dict[str, Any]:
    return {
        "automargin": False,
        "tickmode": "array", "tickvals": list(range(len(labels))), "zeroline": False, "fixedrange": True,
        "ticktext": [safe(shorten(label, _LONGEST)) for label in labels], "range": [max(len(labels), 1) - 0.5, -0.5],
    }  # fmt: skip


def _shapes(labels: list[str], selection: Selection) -> list[dict[str, Any]]:
    """The selected heads', layers' and neuron's rows; the page moves these (assets/40-shapes.js)."""
    heads = {str(head) for head in (*selection.heads, *filter(None, [selection.primary]))}
    wanted = heads | {f"L{layer}{end}" for layer in selection.layers for end in ("", ".attn", ".mlp")}
    if selection.neuron is not None and selection.layers:
        wanted.add(f"L{selection.layers[-1]}N{selection.neuron}")
    named = [label.partition(" ")[0] for label in labels]
    return [marks.row_outline("selected", row) for row, name in enumerate(named) if name in wanted]


def _sum_line(values: NDArray[np.float64], n_ranked: int, total: NDArray[np.float32], delta: str) -> dict[str, Any]:
    """`shown + others and biases = sum; logit diff, error`: the largest over prompts."""
    shown, rest = values[:, :n_ranked].sum(axis=1), values[:, n_ranked:].sum(axis=1)
    error = float(np.abs(shown + rest - total).max())
    left = (
        f"{short(float(shown.mean()))} drawn {_plus(float(rest.mean()))} pale = {short(float((shown + rest).mean()))}"
    )
    text = f"{left} &#160; {delta}logit diff {short(float(total.mean()))} &#160; error {error:.1g}"
    place = {"x": 1, "y": 0, "xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "top", "yshift": -30}
    return {"text": text, "name": "sum", "showarrow": False, **place}


def _plus(value: float) -> str:
    return f"{'−' if value < 0 else '+'} {short(abs(value), signed=False)}"


def _title(result: LogitDecompositionResult, style: Style, prompts: tuple[int, ...]) -> str:
    delta = "Δ " if style.show == "difference" else ""
    scale = SCALES[getattr(parse_recipe(result.recipe), "scale", "own")]
    of = f", mean of {len(prompts)} prompts" if len(prompts) > 1 else ""
    left_out = f" (the first {len(prompts)})" if 1 < len(prompts) < len(result.logit_diff) else ""
    return f"{delta}logit diff by {_NAMES[style.level]}{of}{left_out}, at {scale}, {result.provenance.model}"
