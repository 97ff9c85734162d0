"""What leaves the panels of the *Geometry* section."""

from dataclasses import replace
from typing import Any

from app.domain.directions import AnyDirection
from app.domain.errors import BadInput
from app.domain.geometry_results import ActivationMapResult
from app.domain.recipes import AnyRecipe
from app.domain.results import Result
from app.domain.views import Style
from app.export.projector import to_projector
from app.figures.activation_map import projected
from callbacks.exported_source import Page, Source, single
from callbacks.geometry import ONE_RUN, map_recipes, map_shown, onto
from callbacks.reading import Refused
from layouts import ids


def _drawn(page: Page, result: Result, style: Style) -> Style:
    return replace(style, quantity=page.residual.geometry.drawn)


def _recipe(page: Page, intervened: bool) -> AnyRecipe:
    found = map_recipes(page.engine, page.experiment, page.residual, page.selection)
    return found["intervened" if intervened and "intervened" in found else "baseline"]


def _points(page: Page) -> Any:
    if page.view.show == "difference":
        raise Refused(ONE_RUN)
    result = map_shown(page.asked(_recipe), map_recipes(page.engine, page.experiment, page.residual, page.selection))
    for _, card in _cards(page):
        result = projected(result, card)
    return result


def _cards(page: Page) -> tuple[tuple[AnyRecipe, Any], ...]:
    """Of the direction that points are projected on."""
    card = onto(page.experiment, page.residual, page.directions)
    return () if card is None else ((card, page.engine.evaluate(card)),)


def _figure(page: Page) -> str | None:
    return "activation_map_scatter" if _cards(page) else None


def _onto(page: Page) -> AnyDirection | None:
    card = onto(page.experiment, page.residual, page.directions)
    return None if card is None else card.direction


def _coloured(page: Page, result: Result, style: Style) -> Style:
    return replace(style, quantity=page.residual.map.colour)


def for_projector(result: Result) -> bytes:
    """The zip for TensorBoard's projector."""
    if not isinstance(result, ActivationMapResult):
        raise BadInput("Only a map of activations leaves for TensorBoard's projector; export that panel.")
    return to_projector(result)


GEOMETRY = {
    ids.GEOMETRY: single("residual_geometry", read=_drawn, part=lambda page: page.residual.geometry.drawn),
    ids.ACTIVATION_MAP: Source(
        _recipe, _points, _figure, _coloured, part=lambda page: page.residual.map.method, beside=_cards, onto=_onto
    ),
}
"""Panel -> what is behind it."""
