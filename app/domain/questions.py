"""What a recipe asks: on which prompts, and when two ask the same: spelled alike, whatever their models are called."""

import json
from dataclasses import replace
from typing import Any

from app.domain.head_recipes import HeadStatistics
from app.domain.prompts import PromptPair
from app.domain.recipes import ActivationPatching, AnyRecipe


def pairs_of(recipe: AnyRecipe, background: tuple[str, ...]) -> tuple[PromptPair, ...]:
    """The prompts that a recipe is computed on: its own, or the background texts that come with the model."""
    if isinstance(recipe, HeadStatistics) and recipe.corpus:
        return tuple(PromptPair(text) for text in background)
    return recipe.prompts


def same_question(one: str, other: str) -> bool:
    """Whether two recipes as JSON text ask the same; the model may have another name in each."""
    asked, also = ({**json.loads(text), "model": None} for text in (one, other))
    return asked == also


_IGNORED: dict[str, dict[str, Any]] = {
    "zero": {"reference": "background", "pooled": True, "seed": 0, "draws": 1, "draw": 0},
    "mean": {"seed": 0, "draws": 1, "draw": 0},
    "resample": {"pooled": True},
    "no noise": {"draws": 1},
}
"""Method -> the options that it does not read, at their defaults."""


def settled(recipe: AnyRecipe) -> AnyRecipe:
    """The recipe with references to its own prompts spelled out and options that its methods do not read at their
    defaults, so that equal questions have equal digests."""
    own = {
        "prompts": tuple(pair.clean for pair in recipe.prompts),
        "corrupted": tuple(pair.corrupted for pair in recipe.prompts if pair.corrupted is not None),
    }

    def spelled(asks: Any) -> Any:
        noiseless = isinstance(asks, ActivationPatching) and asks.noise is None
        ignored = _IGNORED.get("no noise" if noiseless else getattr(asks, "method", ""), {})
        asks = replace(asks, **{name: value for name, value in ignored.items() if hasattr(asks, name)})
        reference = getattr(asks, "reference", None)
        return replace(asks, reference=own[reference]) if isinstance(reference, str) and reference in own else asks

    return spelled(replace(recipe, interventions=tuple(spelled(each) for each in recipe.interventions)))
