"""What a recipe asks: on which prompts, and when two ask the same: spelled alike, whatever their models are called."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.domain.cells import Cells
from app.domain.direction_interventions import ProjectOut
from app.domain.direction_recipes import DirectionDistribution
from app.domain.geometry_recipes import ActivationMap
from app.domain.prompts import PromptPair
from app.domain.recipe_base import OnTexts
from app.domain.recipes import ActivationPatching, AnyRecipe, AttributionPatching, Generation, LogitLens, PathPatching


def pairs_of(recipe: AnyRecipe, background: tuple[str, ...]) -> tuple[PromptPair, ...]:
    """The prompts that a recipe is computed on: its own, or the background texts that come with the model."""
    if isinstance(recipe, OnTexts) and recipe.corpus:
        return tuple(PromptPair(text) for text in background)
    return recipe.prompts


def same_question(one: str, other: str) -> bool:
    """Whether two recipes as JSON text ask the same; the model may have another name in each."""
    asked, also = ({**json.loads(text), "model": None} for text in (one, other))
    return asked == also


def _method(name: str) -> Callable[[Any], bool]:
    return lambda asks: getattr(asks, "method", None) == name


_IGNORED: tuple[tuple[Callable[[Any], bool], dict[str, Any]], ...] = (
    (_method("zero"), {"reference": "background", "pooled": True, "seed": 0, "draws": 1, "draw": 0}),
    (_method("mean"), {"seed": 0, "draws": 1, "draw": 0}),
    (_method("resample"), {"pooled": True}),
    (lambda asks: isinstance(asks, ProjectOut) and asks.to == "zero", {"reference": "background", "pooled": True}),
    (lambda asks: isinstance(asks, ActivationPatching) and asks.noise is None, {"draws": 1}),
    (lambda asks: isinstance(asks, AttributionPatching) and asks.cells.activation not in ("q", "k"),
     {"softmax_correction": True}),
    (lambda asks: isinstance(asks, AttributionPatching) and asks.sample == 0, {"seed": 0}),
    (lambda asks: isinstance(asks, Generation) and asks.temperature == 0, {"seed": 0}),
)  # fmt: skip
"""Who does not read which options, at their defaults."""
_SETS: dict[type, tuple[str, ...]] = {
    Cells: ("layers", "heads", "positions", "neurons"),
    PathPatching: ("layers", "heads"),
    LogitLens: ("positions", "points"),
}
"""Whose fields are sets, whatever their order; `freeze` is one wherever it is."""
_LABELLED = (ActivationMap, DirectionDistribution)
"""What is drawn by labels of prompts, which their results keep."""


def _ordered(asks: Any) -> Any:
    """Its sets ascending, each member once."""
    named = {name: getattr(asks, name, None) for name in (*_SETS.get(asks.__class__, ()), "freeze")}
    chosen = {name: tuple(sorted(set(values))) for name, values in named.items() if values is not None}
    return replace(asks, **chosen)


def settled(recipe: AnyRecipe) -> AnyRecipe:
    """The recipe with references to its own prompts spelled out, options that its methods do not read at their
    defaults, no labels that nothing is drawn by, and sets in order, so that equal questions have equal digests."""
    if not isinstance(recipe, _LABELLED):
        recipe = replace(recipe, prompts=tuple(replace(pair, labels=()) for pair in recipe.prompts))
    own = {
        "prompts": tuple(pair.clean for pair in recipe.prompts),
        "corrupted": tuple(pair.corrupted for pair in recipe.prompts if pair.corrupted is not None),
    }

    def spelled(asks: Any) -> Any:
        for unread, ignored in _IGNORED:
            if unread(asks):
                asks = replace(asks, **{name: value for name, value in ignored.items() if hasattr(asks, name)})
        parts = {name: _ordered(part) for name in ("cells", "noise") if (part := getattr(asks, name, None)) is not None}
        asks = replace(_ordered(asks), **parts)
        reference = getattr(asks, "reference", None)
        return replace(asks, reference=own[reference]) if isinstance(reference, str) and reference in own else asks

    return spelled(replace(recipe, interventions=tuple(spelled(each) for each in recipe.interventions)))
