"""How each of the sweeps side by side is read: as the page asks, with the colours of those beside it."""

from dataclasses import replace
from typing import Any

from app.domain.sweep_asked import SweepAsked, SweepMethod
from app.domain.views import Selection, Style
from app.figures.one_scale import shared_limit
from callbacks.reading import read_as

Shown = tuple[Any, SweepMethod]
"""A sweep's result, and its method."""


def read_together(style: Style, sweep: SweepAsked, *methods: SweepMethod) -> Style:
    """Where one of several is an estimate, all are read as estimates are: of the logit difference, whatever metric is
    chosen."""
    return read_as(style, replace(sweep, metric="logit_diff") if "estimate" in methods else sweep)


def style_beside(shown: Shown, others: list[Shown], sweep: SweepAsked, style: Style, selection: Selection) -> Style:
    """The style of the map of `shown`, with the colours of all of them that are in the same unit."""
    read = [(result, read_together(style, sweep, method)) for result, method in (shown, *others)]
    return replace(read[0][1], color_limit=shared_limit(read, selection))
