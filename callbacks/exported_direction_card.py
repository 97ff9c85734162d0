"""What the card of a direction leaves as; its vector leaves alone, too, as it was made."""

from typing import Any

from app.domain.direction_files import to_npy, to_safetensors
from app.domain.recipes import AnyRecipe
from app.domain.results import Result
from callbacks.direction_card import card_recipe
from callbacks.exported_source import Page, Source

VECTORS = ("npy", "safetensors")
"""Forms of the vector alone."""


def _recipe(page: Page, intervened: bool) -> AnyRecipe:
    return card_recipe(page.experiment, page.directions, page.residual)


def _result(page: Page) -> Result:
    recipe = _recipe(page, False)
    return page.asked(_recipe).known("baseline", recipe)


def vector(page: Page, form: str) -> bytes:
    """At its own length; safetensors name the recipe, the model and its weights in their metadata."""
    result: Any = _result(page)
    if form == "npy":
        return to_npy(result.vector)
    provenance = result.provenance
    told = {"recipe": result.recipe, "model": provenance.model, "identity": provenance.identity}
    return to_safetensors(result.vector, told | {"processing": provenance.processing})


DIRECTION_CARD = Source(_recipe, _result, run=lambda page: "baseline")
