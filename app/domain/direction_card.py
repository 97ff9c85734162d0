"""One direction as it is looked at: the recipe of its card, its result, and what its numbers are called."""

from dataclasses import dataclass
from typing import Literal

from app.domain.directions import Direction, NamedDirection
from app.domain.recipe_base import OnModel
from app.domain.results import Floats, Result, Strings, axes


@dataclass(frozen=True, kw_only=True)
class DirectionCard(OnModel):
    """How a direction was made, the `top_k` tokens nearest to it, and its cosine with each of `others`."""

    direction: Direction
    others: tuple[NamedDirection, ...] = ()
    top_k: int = 10
    kind: Literal["direction_card"] = "direction_card"


@dataclass(frozen=True, eq=False, kw_only=True)
class DirectionCardResult(Result):
    """A direction at length 1 but for `vector`. Logits are those that one unit of it adds at a final scale of 1,
    against the vocabulary's mean; cosines -1..1, 0 = at right angles; NaN where another direction cannot be made."""

    fact_names: tuple[str, ...]
    other_names: tuple[str, ...]
    other_notes: tuple[str, ...]
    """Why another direction cannot be made here; empty where it can."""
    vector: Floats = axes("dimension")
    """At its own length."""
    facts: Floats = axes("fact")
    """How well it says what it says; names in FACTS."""
    promoted_tokens: Strings = axes("rank")
    promoted_logits: Floats = axes("rank")
    suppressed_tokens: Strings = axes("rank")
    suppressed_logits: Floats = axes("rank")
    nearest_tokens: Strings = axes("rank")
    """By the cosine with their rows of W_E."""
    nearest_cosines: Floats = axes("rank")
    cosines: Floats = axes("other")
    """With the other directions."""


FACTS: dict[str, tuple[str, str]] = {
    "length": ("length", "{:.3g}"),
    "held_out_accuracy": ("held-out accuracy", "{:.1%}"),
    "control_accuracy": ("with shuffled labels", "{:.1%}"),
    "chance": ("larger group's share", "{:.1%}"),
    "train_accuracy": ("accuracy in training", "{:.1%}"),
    "n_train": ("samples trained on", "{:.0f}"),
    "n_held_out": ("samples held out", "{:.0f}"),
    "variance_explained": ("variance explained", "{:.1%}"),
    "singular_value": ("singular value", "{:.3g}"),
}
"""Fact -> its name and how it is written."""
SPACES = {
    "unembedding": "unembedding, final norm folded in",
    "embedding": "embedding",
    "residual": "residual stream",
    "free": "any: numbers from elsewhere, or random",
}
"""Where a vector lies, in words."""


def fact_said(name: str, value: float) -> tuple[str, str]:
    """`("held-out accuracy", "93.8%")`; facts without a name of their own are named as they are."""
    label, form = FACTS.get(name, (name.replace("_", " "), "{:.3g}"))
    return label, form.format(value)
