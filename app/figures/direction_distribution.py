"""Projections on a direction over a prompt set, by group: whether the direction tells the groups apart.

x: projection (or cosine) of one layer at one position of every prompt, line at 0; y: one row per group, largest group
first where groups are answers or labels (ascending where they are numbers), points of a row apart only so that they can
be seen; filled = clean, open = corrupted prompts. Vertical: a group's mean. The line above says AUC (the probability
that a prompt of the upper group has the larger projection: 0.5 = the groups do not differ) and d' (difference of means
over the pooled standard deviation) where there are two groups, how many prompts are too short to have the position, and
how many lack the label. Rings: the selected prompt. Hover: the prompt and full precision. `customdata` = prompt index.
What is nothing but rounding is drawn as 0, and where prompts differ by nothing else AUC and d' are said to be of
nothing (app/figures/rounding.py).

The layer is the selected one, else the direction's own, else the last. In difference mode intervened - baseline.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.direction_places import place_of
from app.domain.direction_results import DirectionDistributionResult
from app.domain.errors import BadInput
from app.domain.labels import PREFIX, in_order
from app.domain.recipes import parse_recipe
from app.domain.separation import auc, d_prime
from app.domain.sites import within
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.direction_projection import unit, what
from app.figures.rounding import alike, settled
from app.figures.scales import short, spoken
from app.figures.theme import CLEAR, NEUTRAL, dress
from app.figures.tokens import label, safe, shorten, visible

MOST_GROUPS = 8
"""Rows; prompts of smaller groups are left out, and counted."""


@dataclass(frozen=True, eq=False)
class Group:
    """Values of some prompts, each with its side (0 = clean) and the number of its pair."""

    name: str
    values: NDArray[np.float32]
    sides: NDArray[np.int64]
    prompts: NDArray[np.int64]


def direction_distribution_strip(result: DirectionDistributionResult, style: Style, selection: Selection) -> go.Figure:
    """One row per group."""
    layer = shown_layer(result, selection)
    groups = groups_of(result, layer, style)
    if not groups:
        raise BadInput(_no_groups(result, style.grouped_by))
    rows = list(enumerate(groups[:MOST_GROUPS]))
    figure = go.Figure(
        [*(_points(result, group, row) for row, group in rows), *(_mean(group, row) for row, group in rows)]
    )
    figure.update_layout(
        plot_bgcolor=CLEAR, clickmode="event", dragmode=False, showlegend=False,
        annotations=_said(groups, result, style.grouped_by),
        shapes=marks.prompt_rings(selection.prompt, _places(groups)),
        xaxis={"title": {"text": unit(result, style)}, "zeroline": True, "showgrid": True, "nticks": 6,
               **_range(groups, result)},
        yaxis=_group_axis(groups[:MOST_GROUPS], style.grouped_by),
    )  # fmt: skip
    count = len(result.projection[0])
    title = f"{what(result, style)} after layer {layer} at {_position(result)}, {result.provenance.model}"
    return dress(figure, "distribution", title, style, {"l": 8, "r": 12, "t": 36, "b": 8},
                 {"prompts": count, "layer": layer})  # fmt: skip


def _range(groups: list[Group], result: DirectionDistributionResult) -> dict[str, Any]:
    """Where prompts differ by rounding alone, one unit to both sides: the axis would be made of it."""
    values = np.concatenate([group.values for group in groups])
    if not alike(values, result.normalised):
        return {}
    middle = float(values.mean())
    return {"range": [middle - 1, middle + 1]}


def groupings_of(result: DirectionDistributionResult) -> tuple[str, ...]:
    """What its prompts can be grouped by."""
    return ("side", "answer", *result.labels)


def _no_groups(result: DirectionDistributionResult, by: str) -> str:
    if by == "answer":
        return "The prompts name no answers to group by; name them, or group by clean and corrupted."
    return f"The prompts have no {by!r}; group them by one of {', '.join(groupings_of(result))}."


def shown_layer(result: DirectionDistributionResult, selection: Selection) -> int:
    """The layer that is drawn; refuses one that the model does not have."""
    n_layers = result.projection.shape[-1]
    layer = place_of(getattr(parse_recipe(result.recipe), "direction"), selection.layers)  # noqa: B009  # of the union
    layer = n_layers - 1 if layer is None else layer
    within((layer,), n_layers, "layers", result.provenance.model)
    return layer


def groups_of(result: DirectionDistributionResult, layer: int, style: Style) -> list[Group]:
    """The prompts that have a value, by side, or by answer or label with the largest group first."""
    values = settled(result.projection[:, :, layer], result.normalised)
    side, prompt = np.nonzero(np.isfinite(values))
    if style.grouped_by == "side":
        names, order = np.array(result.sides)[side], list(result.sides)
    else:
        names = result.answers[side, prompt]
        if style.grouped_by != "answer":
            names = result.labels.get(style.grouped_by, np.full(len(result.answers[0]), ""))[prompt]
        order = in_order(names.tolist())
    rows = [(name, names == name) for name in order]
    return [Group(str(name), values[side[of], prompt[of]], side[of], prompt[of]) for name, of in rows if of.any()]


def separation(groups: list[Group]) -> tuple[float, float] | None:
    """AUC and d' of two groups; None where there are not two."""
    if len(groups) != 2:
        return None
    above, below = groups[0].values, groups[1].values
    return auc(above, below), d_prime(above, below)


def _said(groups: list[Group], result: DirectionDistributionResult, by: str) -> list[dict[str, Any]]:
    """AUC and d', and prompts that have no row, no such position, or no such label."""
    apart = separation(groups)
    parts = ["AUC and d′ compare two groups"] if apart is None else [f"AUC {apart[0]:.3f}", f"d′ {short(apart[1])}"]
    if apart is not None and min(len(group.values) for group in groups) < 2:
        parts = ["AUC and d′ need two prompts per group"]
    elif apart is not None and alike(np.concatenate([group.values for group in groups]), result.normalised):
        parts = ["AUC and d′ are of nothing: the prompts differ by rounding alone"]
    left = sum(len(group.values) for group in groups[MOST_GROUPS:])
    parts += [f"{left} prompts of smaller groups not shown"] if left else []
    has = "prompts have" if result.left_out > 1 else "prompt has"
    parts += [f"{result.left_out} {has} no position {result.position}"] if result.left_out else []
    bare = int((result.labels[by] == "").sum()) if by in result.labels else 0
    name = safe(shorten(by.removeprefix(PREFIX), 24))
    parts += [f"{bare} {'prompts have' if bare > 1 else 'prompt has'} no {name}"] if bare else []
    place = {
        "x": 1,
        "y": 1,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "right",
        "yanchor": "bottom",
        "align": "right",
    }
    text = " &#160; ".join(parts) + "<br>│ mean &#160; ● clean &#160; ○ corrupted"
    return [{"text": text, "name": "separation", "showarrow": False, **place}]


def _height(group: Group, row: int) -> NDArray[np.float64]:
    """Points of a row by the golden ratio of their prompt: apart, and the same in every redraw."""
    return row + 0.6 * ((group.prompts.astype(np.float64) * 0.618034) % 1 - 0.5)


def _places(groups: list[Group]) -> dict[int, list[tuple[float, float]]]:
    """prompt -> where its points are."""
    found: dict[int, list[tuple[float, float]]] = {}
    for row, group in enumerate(groups[:MOST_GROUPS]):
        for prompt, x, y in zip(group.prompts, group.values, _height(group, row), strict=True):
            found.setdefault(int(prompt), []).append((float(x), float(y)))
    return found


def _points(result: DirectionDistributionResult, group: Group, row: int) -> go.Scatter:
    return go.Scatter(
        x=group.values, y=_height(group, row), customdata=group.prompts, mode="markers", name=group.name,
        hovertext=_hover(result, group), hovertemplate="%{hovertext}<extra></extra>",
        marker={"size": 8, "symbol": np.where(group.sides == 0, "circle", "circle-open"), "line": {"width": 1.5},
                "opacity": 0.85},
    )  # fmt: skip


def _mean(group: Group, row: int) -> go.Scatter:
    mean = float(group.values.mean())
    return go.Scatter(
        x=[mean, mean], y=[row - 0.4, row + 0.4], mode="lines", name="mean", hoverinfo="skip",
        line={"width": 1.5, "color": NEUTRAL},
    )  # fmt: skip


def _hover(result: DirectionDistributionResult, group: Group) -> list[str]:
    texts = result.texts[group.sides, group.prompts]
    each = zip(spoken(group.values), group.sides, group.prompts, texts, strict=True)
    return [
        f"prompt {prompt}, {result.sides[side]}: <b>{value}</b><br>"
        f"{safe(shorten(visible(str(text)).replace('·', ' '), 90))}"
        for value, side, prompt, text in each
    ]


def _position(result: DirectionDistributionResult) -> str:
    return "END" if result.position is None else f"position {result.position}"


def _called(name: str, by: str) -> str:
    """Tokens with their spaces visible, labels as they were written."""
    return safe(shorten(name, 14)) if by.startswith(PREFIX) else label(name, 12)


def _group_axis(groups: list[Group], by: str) -> dict[str, Any]:
    names = [
        f"{_called(each.name, by)}<br>n = {len(each.values)}<br>{short(float(each.values.mean()))}" for each in groups
    ]
    return {
        "tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names, "zeroline": False,
        "range": [len(names) - 0.5, -0.5], "fixedrange": True, "showgrid": False,
    }  # fmt: skip
