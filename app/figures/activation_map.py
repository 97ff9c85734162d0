"""Activations as points of a plane: which of them lie together, and by what?

x, y: scores on the first two principal components (their share of the variance stands in the axis' title), or UMAP's or
t-SNE's coordinates, which have no unit and no meaning but who is near whom. `style.quantity` names what colours them:
`prompt`, `position` (both from first to last), `token`, `side` of the pair, `answer` (named colours of the most
frequent ones, grey for the rest), or a number: `logit_diff` and `projection` (signed, symmetric about 0), `norm`.
Points without a number are hollow. Hover: prompt, position and token, side, and every number in full precision.

Projections are on the direction whose card (`DirectionCardResult`) stands beside the map.

Every trace has `customdata` = the point's index in the result, so that a lasso can name prompts and positions.
"""

from collections import Counter
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.direction_card import DirectionCardResult
from app.domain.errors import BadInput
from app.domain.geometry_results import ActivationMapResult
from app.domain.recipes import parse_recipe
from app.domain.views import Selection, Style
from app.figures import cell_scatter
from app.figures.scales import limit_of, short, spoken
from app.figures.theme import NEUTRAL, dress
from app.figures.tokens import label

LABELS = ("token", "side", "answer")
NUMBERS: dict[str, tuple[str, bool]] = {
    "prompt": ("prompt", False), "position": ("position", False), "logit_diff": ("logit diff", True),
    "projection": ("projection", True), "norm": ("norm", False),
}  # fmt: skip
"""What colours points by a number: its words, and whether it has a sign."""
_MOST_COLOURS = 8
_REST = "other"
_METHODS = {"pca": "PCA", "umap": "UMAP", "tsne": "t-SNE"}


def projected(result: ActivationMapResult, card: DirectionCardResult) -> ActivationMapResult:
    """The map's points with their projections on the direction of a card."""
    asked: Any = parse_recipe(card.recipe)
    return result.along(card.vector, str(asked.direction))


def on_page(figure: go.Figure) -> go.Figure:
    """For the page, which draws all points on a canvas of its own (assets/46-points.js): of every trace Plotly draws
    one, and still answers pointer and lasso for all."""
    return figure.update_traces(marker={"maxdisplayed": 1})


def activation_map_scatter(
    result: ActivationMapResult, style: Style, selection: Selection, *beside: DirectionCardResult
) -> go.Figure:
    """One point per prompt, side and position."""
    for card in beside:
        result = projected(result, card)
    by = style.quantity or "side"
    if by not in (*LABELS, *NUMBERS):
        raise BadInput(f"Points have no {by!r}; colour them by one of {', '.join((*LABELS, *NUMBERS))}.")
    figure = go.Figure(_by_number(result, by, style) if by in NUMBERS else _by_label(result, by))
    x, y = result.coordinates.T.astype(np.float64)
    if np.isnan(x).all():
        raise BadInput("A map of activations is of one run: show Baseline or Intervened.")
    colours = _colours(result, by, style) if by in NUMBERS else {}
    axes = cell_scatter.axes(*_axes(result), _ends(x), _ends(y)) | {"dragmode": "lasso"}
    figure.update_layout(axes, showlegend=by in LABELS, **colours)
    on = f" on {result.direction}" if by == "projection" and result.direction else ""
    asked: Any = parse_recipe(result.recipe)
    where = f"L{asked.layer}.{asked.activation}"
    what = (
        f"{_METHODS[result.method]} of {len(x)} activations of {where} by {NUMBERS[by][0] if by in NUMBERS else by}{on}"
    )
    title = f"{what}, {result.provenance.model}"
    return dress(figure, "activation-map", title, style, {"l": 14, "r": 8, "t": 26, "b": 8}, _lassoed(result))


def _lassoed(result: ActivationMapResult) -> dict[str, Any]:
    """What a lasso needs: prompt, position and side of every point, and where they are read."""
    asked: Any = parse_recipe(result.recipe)
    each = zip(result.prompt, result.position, result.side, strict=True)
    points = [[int(prompt), int(position), str(side)] for prompt, position, side in each]
    return {"points": points, "activation": asked.activation, "layer": asked.layer}


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room


def _axes(result: ActivationMapResult) -> tuple[str, str]:
    if result.method != "pca":
        name = _METHODS[result.method]
        return f"{name} 1", f"{name} 2"
    first, second = (f"{100 * share:.3g} % of variance" for share in result.variance_explained)
    return f"PC0, {first}", f"PC1, {second}"


def _points(result: ActivationMapResult, chosen: NDArray[np.intp], name: str, marker: dict[str, Any]) -> go.Scatter:
    x, y = result.coordinates[chosen].T
    return go.Scatter(
        x=x, y=y, customdata=chosen, name=name, mode="markers", hovertext=_hover(result, chosen),
        hovertemplate="%{hovertext}<extra></extra>",
        marker={"size": 7, "opacity": 0.9, "line": {"color": NEUTRAL, "width": 0.5}, **marker},
    )  # fmt: skip


_LOOKS: dict[str, dict[str, Any]] = {
    "corrupted": {"symbol": "circle-open", "size": 11, "line": {"width": 1.5}},
}
"""Rings: up to the first difference of a pair, its points lie on each other."""


def _by_label(result: ActivationMapResult, by: str) -> list[go.Scatter]:
    """A trace per label, the most frequent first; all others together."""
    values = getattr(result, by)
    common = [value for value, _ in Counter(values.tolist()).most_common()]
    alone = common if len(common) <= _MOST_COLOURS else common[: _MOST_COLOURS - 1]
    traces = [
        _points(result, np.flatnonzero(values == value), label(value) if value else "none", _LOOKS.get(value, {}))
        for value in alone
    ]
    rest = np.flatnonzero(~np.isin(values, alone))
    return [*traces, *([_points(result, rest, _REST, {"color": NEUTRAL})] if len(rest) else [])]


def _by_number(result: ActivationMapResult, by: str, style: Style) -> list[go.Scatter]:
    values = np.asarray(getattr(result, by), dtype=float)
    known, unknown = np.flatnonzero(np.isfinite(values)), np.flatnonzero(~np.isfinite(values))
    traces = [_points(result, known, NUMBERS[by][0], {"color": values[known], "coloraxis": "coloraxis"})]
    hollow = {"symbol": "circle-open", "color": NEUTRAL}
    return traces + ([_points(result, unknown, "without a number", hollow)] if len(unknown) else [])


def _colours(result: ActivationMapResult, by: str, style: Style) -> dict[str, Any]:
    words, signed = NUMBERS[by]
    top = limit_of(getattr(result, by), style)
    bar = {"title": {"text": words}, "nticks": 7}
    return {"coloraxis": {"cmin": -top if signed else 0, "cmax": top, "autocolorscale": True, "colorbar": bar}}


def _hover(result: ActivationMapResult, chosen: NDArray[np.intp]) -> list[str]:
    """Where it is, then every number."""
    numbers = {"norm": ("norm", False), "logit_diff": ("logit diff", True), "projection": ("projection", True)}
    tails = np.full(len(chosen), "", dtype=object)
    for name, (words, signed) in numbers.items():
        values = getattr(result, name)[chosen]
        lines = np.char.add(f"<br>{words} ", spoken(values, signed)).astype(object)
        tails = tails + np.where(np.isnan(values), "", lines)
    heads = [f"prompt {result.prompt[i]} ({result.side[i]}), position {result.position[i]} "
             f"<b>{label(str(result.token[i]), 24)}</b>" for i in chosen]  # fmt: skip
    return [f"{head}{tail}" for head, tail in zip(heads, tails, strict=True)]


def spread(result: ActivationMapResult) -> str:
    """What the first two components hold together: `58.2 % of the variance`; empty of other maps."""
    if result.method != "pca":
        return ""
    return f"{short(100 * float(result.variance_explained.sum()), signed=False)} % of the variance"
