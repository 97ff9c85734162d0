"""What the panels of a direction leave as."""

from dataclasses import replace
from typing import Any

from app.domain.recipes import AnyRecipe
from app.domain.results import Result
from app.domain.views import Style
from callbacks.direction_views import VIEWS, DirectionView, OnScreen
from callbacks.exported_source import Page, Source


def on_screen(page: Page) -> OnScreen:
    """The section's view of the page."""
    return OnScreen(page.engine, page.experiment, page.view, page.directions, page.residual, page.selection)


def _source(row: DirectionView) -> Source:
    def recipe(page: Page, intervened: bool) -> AnyRecipe:
        return row.recipe(on_screen(page), intervened)

    def result(page: Page) -> Result:
        return row.shown(on_screen(page), page.digests(recipe))

    def read(page: Page, result: Any, style: Style) -> Style:
        return row.style(on_screen(page), replace(style, show="baseline") if row.model else style)

    return Source(recipe, result, read=read, run=lambda page: "baseline" if row.model else page.view.show)


DIRECTION = {row.id: _source(row) for row in VIEWS}
