"""Maps side by side are read with the same colours, where their numbers have the same unit."""

from dataclasses import replace
from typing import Any

import plotly.graph_objects as go

from app.domain.session import SweepAsked, SweepMethod
from app.domain.views import Selection, Style
from app.figures.sweep_map import sweep_heatmap
from callbacks.reading import read_as

Shown = tuple[Any, SweepMethod]
"""A sweep's result, and its method."""


def as_read(sweep: SweepAsked, method: SweepMethod | None) -> SweepAsked:
    """How the sweep of this method is read: an estimate is of the logit difference, whatever metric is chosen."""
    return replace(sweep, metric="logit_diff") if method == "estimate" else sweep


def map_beside(
    shown: Shown, others: list[Shown], sweep: SweepAsked, style: Style, selection: Selection, panel: str = "sweep"
) -> go.Figure:
    """The map of `shown`, with the colours of all of them that are in the same unit."""
    mine, *theirs = (_map(each, sweep, style, selection, panel) for each in (shown, *others))
    limit = limit_of_all(mine, theirs)
    if limit is None or limit == mine.data[0].zmax:  # pyright: ignore[reportAttributeAccessIssue]  # a heatmap
        return mine
    return _map(shown, sweep, replace(style, color_limit=limit), selection, panel)


def _map(shown: Shown, sweep: SweepAsked, style: Style, selection: Selection, panel: str) -> go.Figure:
    return sweep_heatmap(shown[0], read_as(style, as_read(sweep, shown[1])), selection, panel)


def limit_of_all(mine: go.Figure, others: list[go.Figure]) -> float | None:
    """The largest colour limit of a map and those of the others in its unit; None where there are none, or neurons are
    bars without colours."""
    own = _unit(mine)
    alike: list[Any] = [each.data[0] for each in (mine, *others) if own and _unit(each) == own]
    return max(trace.zmax for trace in alike) if len(alike) > 1 else None


def _unit(figure: go.Figure) -> tuple[str, bool] | None:
    """Unit, and whether there are negative numbers in it; None of bars."""
    cells: Any = figure.data[0]
    return (cells.colorbar.title.text, cells.zmin < 0) if cells.type == "heatmap" else None
