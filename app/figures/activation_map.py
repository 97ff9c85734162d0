"""Activations as points of a plane: which of them lie together, and by what?

x, y: scores on the first two principal components (their share of the variance stands in the axis' title), or UMAP's or
t-SNE's coordinates, which have no unit and no meaning but who is near whom. `style.quantity` names what colours them:
`prompt`, `position` (both from first to last), `token`, `side` of the pair, `answer` (named colours of the most
frequent ones, grey for the rest), or a number: `logit_diff` and `projection` (signed, symmetric about 0), `norm`.
`label:topic` is a label of the prompts: named colours, or where all its values are numbers a scale from below the
smallest to the largest (symmetric about 0 where both signs are among them). Points without a number or label are
hollow. Hover: prompt, position and token, side, labels, every number in full precision.

Projections are on the direction whose card (`DirectionCardResult`) stands beside the map.

Every trace has `customdata` = the point's index in the result, so that a lasso can name prompts and positions.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.direction_card import DirectionCardResult
from app.domain.errors import BadInput
from app.domain.geometry_results import ActivationMapResult
from app.domain.labels import PREFIX, as_numbers, in_order, labels_of
from app.domain.recipes import parse_recipe
from app.domain.views import Selection, Style
from app.figures import cell_scatter
from app.figures.scales import limit_of, short, spoken
from app.figures.theme import NEUTRAL, dress
from app.figures.tokens import label, safe, shorten

LABELS = ("token", "side", "answer")
NUMBERS: dict[str, tuple[str, bool]] = {
    "prompt": ("prompt", False), "position": ("position", False), "logit_diff": ("logit diff", True),
    "projection": ("projection", True), "norm": ("norm", False),
}  # fmt: skip
"""What colours points by a number: its words, and whether it has a sign."""
_MOST_COLOURS = 8
_REST, _BARE = "other", "none"
_HOLLOW: dict[str, Any] = {"symbol": "circle-open", "color": NEUTRAL}
_MOST_TICKS = 7
_METHODS = {"pca": "PCA", "umap": "UMAP", "tsne": "t-SNE"}


@dataclass(frozen=True, eq=False)
class _Scale:
    """Numbers that colour points, in words, the ends of their colours, and what is written beside them (None = what
    Plotly finds)."""

    words: str
    values: NDArray[np.float64]
    low: float
    high: float
    ticks: tuple[float, ...] | None = None


def colours_of(result: ActivationMapResult) -> tuple[str, ...]:
    """What its points can be coloured by."""
    return (*LABELS, *NUMBERS, *result.labels)


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
    if by not in colours_of(result):
        raise BadInput(f"Points have no {by!r}; colour them by one of {', '.join(colours_of(result))}.")
    scale = _scale(result, by, style)
    figure = go.Figure(_by_label(result, by) if scale is None else _by_number(result, scale))
    x, y = result.coordinates.T.astype(np.float64)
    if np.isnan(x).all():
        raise BadInput("A map of activations is of one run: show Baseline or Intervened.")
    colours = {} if scale is None else _colours(scale)
    axes = cell_scatter.axes(*_axes(result), _ends(x), _ends(y)) | {"dragmode": "lasso"}
    figure.update_layout(axes, showlegend=scale is None, **colours)
    on = f" on {result.direction}" if by == "projection" and result.direction else ""
    asked: Any = parse_recipe(result.recipe)
    words = _named(by) if scale is None else scale.words
    what = f"{_METHODS[result.method]} of {len(x)} activations of L{asked.layer}.{asked.activation} by {words}{on}"
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


def _named(by: str) -> str:
    return safe(shorten(by.removeprefix(PREFIX), 24))


def _by_label(result: ActivationMapResult, by: str) -> list[go.Scatter]:
    """A trace per label, the most frequent first; all others together, grey. Labels of prompts stand in their order in
    the prompt set, as they do where prompts are grouped by them; points without one are apart."""
    if by in LABELS:
        values = getattr(result, by)
        common, bare = [value for value, _ in Counter(values.tolist()).most_common()], ()
        called = {value: label(value) if value else _BARE for value in common}
    else:
        values, common, bare = result.labels[by], in_order(labels_of(result.recipe)[by]), ("",)
        called = {value: safe(shorten(value, 24)) for value in common}
    alone = common if len(common) <= _MOST_COLOURS else common[: _MOST_COLOURS - 1]
    looks = _LOOKS if by == "side" else {}
    traces = [_points(result, np.flatnonzero(values == value), called[value], looks.get(value, {})) for value in alone]
    rest, none = np.flatnonzero(~np.isin(values, [*alone, *bare])), np.flatnonzero(np.isin(values, bare))
    apart = ((rest, _REST, {"color": NEUTRAL}), (none, _BARE, _HOLLOW))
    return [*traces, *(_points(result, at, name, look) for at, name, look in apart if len(at))]


def _scale(result: ActivationMapResult, by: str, style: Style) -> _Scale | None:
    """None of what colours by name."""
    if by in NUMBERS:
        words, signed = NUMBERS[by]
        values = np.asarray(getattr(result, by), dtype=float)
        top = limit_of(values, style)
        return _Scale(words, values, -top if signed else 0, top)
    numbers = None if by in LABELS else as_numbers(result.labels[by])
    return None if numbers is None else _labelled(_named(by), np.array(numbers))


def _labelled(words: str, values: NDArray[np.float64]) -> _Scale:
    """Of one sign the smallest is a third of the range above the palest colour: it is no number that is missing."""
    found = np.unique(values[np.isfinite(values)])
    low, high = float(found[0]), float(found[-1])
    if low < 0 < high:
        low, high = -max(-low, high), max(-low, high)
    else:
        low -= (high - low) / 3 or 1
    return _Scale(words, values, low, high, tuple(map(float, found)) if len(found) <= _MOST_TICKS else None)


def _by_number(result: ActivationMapResult, scale: _Scale) -> list[go.Scatter]:
    values = scale.values
    known, unknown = np.flatnonzero(np.isfinite(values)), np.flatnonzero(~np.isfinite(values))
    traces = [_points(result, known, scale.words, {"color": values[known], "coloraxis": "coloraxis"})]
    return traces + ([_points(result, unknown, "without a number", _HOLLOW)] if len(unknown) else [])


def _colours(scale: _Scale) -> dict[str, Any]:
    bar: dict[str, Any] = {"title": {"text": scale.words}, "nticks": _MOST_TICKS}
    if scale.ticks is not None:
        bar |= {"tickmode": "array", "tickvals": scale.ticks}
    return {"coloraxis": {"cmin": scale.low, "cmax": scale.high, "autocolorscale": True, "colorbar": bar}}


def _hover(result: ActivationMapResult, chosen: NDArray[np.intp]) -> list[str]:
    """Where it is, then every label and number."""
    numbers = {"norm": ("norm", False), "logit_diff": ("logit diff", True), "projection": ("projection", True)}
    tails = np.full(len(chosen), "", dtype=object)
    for name, values in result.labels.items():
        tails = tails + np.array(
            [f"<br>{_named(name)} {safe(value)}" if value else "" for value in values[chosen]], object
        )
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
