"""What leaves the panels of the *Geometry* section."""

from dataclasses import replace
from typing import Any

from app.domain.errors import BadInput
from app.domain.geometry_results import ActivationMapResult
from app.domain.recipes import AnyRecipe
from app.domain.results import Result
from app.domain.views import Style
from app.export.projector import to_projector
from callbacks.exported_source import Page, Source, single
from callbacks.geometry import ONE_RUN, map_recipes
from callbacks.reading import Refused
from layouts import ids


def _drawn(page: Page, result: Result, style: Style) -> Style:
    return replace(style, quantity=page.residual.geometry.drawn)


def _recipe(page: Page, intervened: bool) -> AnyRecipe:
    found = map_recipes(page.engine, page.experiment, page.residual, page.directions)
    return found["intervened" if intervened and "intervened" in found else "baseline"]


def _points(page: Page) -> Any:
    if page.view.show == "difference":
        raise Refused(ONE_RUN)
    return page.asked(_recipe).known(page.view.show, _recipe(page, page.view.show == "intervened"))


def _coloured(page: Page, result: Result, style: Style) -> Style:
    return replace(style, quantity=page.residual.map.colour)


def projected(result: Result) -> bytes:
    """The zip for TensorBoard's projector."""
    if not isinstance(result, ActivationMapResult):
        raise BadInput("Only a map of activations leaves for TensorBoard's projector; export that panel.")
    return to_projector(result)


GEOMETRY = {
    ids.GEOMETRY: single("residual_geometry", read=_drawn, part=lambda page: page.residual.geometry.drawn),
    ids.ACTIVATION_MAP: Source(_recipe, _points, read=_coloured, part=lambda page: page.residual.map.method),
}
"""Panel -> what is behind it."""
