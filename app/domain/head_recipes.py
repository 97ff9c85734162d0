"""Recipes of attention heads: numbers of every head, and how heads read."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from app.domain.directions import Direction
from app.domain.errors import BadRecipe
from app.domain.models import ModelFacts
from app.domain.recipe_base import OnModel, OnRuns, OnTexts
from app.domain.sites import within


def _as_tokens(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


@dataclass(frozen=True, kw_only=True)
class HeadStatistics(OnTexts):
    """How every head attends and how much it writes (docs/formulas.md)."""

    kind: Literal["head_statistics"] = "head_statistics"


@dataclass(frozen=True, kw_only=True)
class CopyingScores(OnModel):
    """Whether each head's OV circuit raises what it attends to: eigenvalues of weights alone (docs/formulas.md)."""

    kind: Literal["copying_scores"] = "copying_scores"


@dataclass(frozen=True, kw_only=True)
class BehaviourScores(OnModel):
    """How every head attends on random tokens that come twice, `length` of them (None = 50, or what fits a shorter
    context twice) in each of `sequences` sequences.
    `definition`: `repeats` averages over the second half alone; `demo` as TransformerLens' Exploratory Analysis demo,
    without separator and diluted by length / (length + 1) (docs/formulas.md)."""

    length: int | None = None
    sequences: int = 4
    seed: int = 0
    definition: Literal["repeats", "demo"] = "repeats"
    kind: Literal["behaviour_scores"] = "behaviour_scores"

    def repeated(self, n_ctx: int) -> int:
        """How many tokens come twice in a model that reads `n_ctx`."""
        return min(USUAL_REPEAT, longest_repeat(n_ctx)) if self.length is None else self.length


@dataclass(frozen=True, kw_only=True)
class HeadProjection(OnRuns):
    """What each head writes at `position` (None = END) along a `direction`, or along that of the unembedding of
    `tokens` minus that of `minus` (none = the mean of the vocabulary), at length 1."""

    tokens: Annotated[tuple[str, ...], BeforeValidator(_as_tokens)] = ()
    minus: Annotated[tuple[str, ...], BeforeValidator(_as_tokens)] = ()
    direction: Direction | None = None
    position: int | None = None
    kind: Literal["head_projection"] = "head_projection"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.direction is not None and (self.tokens or self.minus):
            raise BadRecipe("A projection is on one direction, and there are two: give either tokens or a direction.")
        if self.direction is None and not self.tokens:
            raise BadRecipe("A projection is on a direction, and there is none; give tokens, or a direction.")


@dataclass(frozen=True, kw_only=True)
class HeadTokens(OnRuns):
    """The `top_k` tokens that each head's output at `position` (None = END) promotes and suppresses most."""

    position: int | None = None
    top_k: int = 5
    kind: Literal["head_tokens"] = "head_tokens"


USUAL_REPEAT, MOST_SEQUENCES = 50, 64


def longest_repeat(n_ctx: int) -> int:
    """The largest `length` that fits a context twice, with a separator before it."""
    return (n_ctx - 1) // 2


def check_heads(facts: ModelFacts, recipe: object, lengths: tuple[int, ...]) -> None:
    """Refuse sequences that this model cannot read, and positions that a prompt of these lengths does not have."""
    if isinstance(recipe, BehaviourScores):
        _check_sequences(facts, recipe)
    if isinstance(recipe, HeadProjection | HeadTokens) and recipe.position is not None:
        for at, length in enumerate(lengths):
            within((recipe.position,), length, "positions", f"Prompt {at}")


def _check_sequences(facts: ModelFacts, recipe: BehaviourScores) -> None:
    most, length = longest_repeat(facts.n_ctx), recipe.repeated(facts.n_ctx)
    if not 2 <= length <= most:
        raise BadRecipe(
            f"length = {length} makes sequences of {2 * length + 1} tokens, and {facts.title} reads "
            f"{facts.n_ctx}; give a number from 2 to {most}."
        )
    for name, value, most in (("sequences", recipe.sequences, MOST_SEQUENCES), ("seed", recipe.seed, 2**32 - 1)):
        least = 0 if name == "seed" else 1
        if not least <= value <= most:
            raise BadRecipe(f"{name} = {value} is not possible; give a number from {least} to {most}.")
