"""What the strength curve leaves as."""

from dataclasses import replace
from typing import Any

from app.domain.recipes import AnyRecipe
from app.domain.steering_results import SteeringCurveResult
from app.domain.views import Style
from callbacks import strength
from callbacks.exported_directions import on_screen
from callbacks.exported_source import Page, Source
from layouts.strength import PRESS_RUN


def _recipe(page: Page, intervened: bool) -> AnyRecipe:
    return strength.recipe(on_screen(page), intervened)


def _result(page: Page) -> Any:
    return page.asked(_recipe).swept(PRESS_RUN, (SteeringCurveResult,))


def _read(page: Page, result: Any, style: Style) -> Style:
    return replace(style, metric=page.residual.strength.metric)


STRENGTH = Source(_recipe, _result, read=_read)
