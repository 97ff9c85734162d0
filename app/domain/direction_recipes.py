"""Recipes of one direction of the residual stream: where it is, on which prompts, who writes it, who reads it."""

from dataclasses import dataclass
from typing import Literal

from app.domain.directions import Direction
from app.domain.errors import BadRecipe
from app.domain.models import ModelFacts
from app.domain.recipe_base import OnModel, OnRuns
from app.domain.samples import Stream
from app.domain.seeds import check_seed
from app.domain.sites import Site, check_site, within

MOST_DRAWS = 1000
"""Random directions that readers are compared with."""
MOST_NEURONS = 100
"""Of each MLP that a decomposition names."""


@dataclass(frozen=True, kw_only=True)
class DirectionProjection(OnRuns):
    """`a . d` of every layer and position; `normalised` divides by the activation's length (docs/formulas.md)."""

    direction: Direction
    activation: Stream = "resid_post"
    normalised: bool = False
    kind: Literal["direction_projection"] = "direction_projection"


@dataclass(frozen=True, kw_only=True)
class DirectionDistribution(OnRuns):
    """The same of every layer at one `position` (None = END) of both prompts of each pair; a prompt that is too short
    to have it is left out. The interventions hold in both runs."""

    direction: Direction
    activation: Stream = "resid_post"
    normalised: bool = False
    position: int | None = None
    kind: Literal["direction_distribution"] = "direction_distribution"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.base != "clean":
            raise BadRecipe("A distribution is of both prompts of each pair, and base is corrupted; drop base.")


@dataclass(frozen=True, kw_only=True)
class DirectionWriters(OnRuns):
    """What every component wrote along the direction into the stream after `layer` (None = after the last) at
    `position` (None = END), and the `neurons` of each MLP that wrote most."""

    direction: Direction
    layer: int | None = None
    position: int | None = None
    neurons: int = 3
    kind: Literal["direction_writers"] = "direction_writers"


@dataclass(frozen=True, kw_only=True)
class DirectionReaders(OnModel):
    """How much of the direction each head's queries, keys and values and each MLP read, by their weights alone, beside
    `draws` random directions."""

    direction: Direction
    draws: int = 200
    seed: int = 0
    kind: Literal["direction_readers"] = "direction_readers"


OfDirection = DirectionProjection | DirectionDistribution | DirectionWriters | DirectionReaders


def check_place(facts: ModelFacts, recipe: object, lengths: tuple[int, ...]) -> None:
    """Refuse layers, positions and counts that this model, or a prompt of these lengths, does not have."""
    if isinstance(recipe, DirectionProjection | DirectionDistribution):
        check_site(facts, Site(recipe.activation, 0), 1)
    if isinstance(recipe, DirectionDistribution) and recipe.position is not None:
        within((recipe.position,), max(lengths), "positions", "The longest prompt")  # shorter ones are left out
    if isinstance(recipe, DirectionWriters) and recipe.position is not None:
        for at, length in enumerate(lengths):
            within((recipe.position,), length, "positions", f"Prompt {at}")
    if isinstance(recipe, DirectionWriters):
        within(() if recipe.layer is None else (recipe.layer,), facts.n_layers, "layers", facts.title)
        _count("neurons", recipe.neurons, 0, MOST_NEURONS)
    if isinstance(recipe, DirectionReaders):
        _count("draws", recipe.draws, 2, MOST_DRAWS)
        check_seed(recipe.seed)


def _count(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BadRecipe(f"{name} = {value} is not possible; give a number from {least} to {most}.")
