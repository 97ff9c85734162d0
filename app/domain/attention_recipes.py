"""Recipes that read attention: what stands behind the weights of a pattern."""

from dataclasses import dataclass
from typing import Literal

from app.domain.recipe_base import OnRuns


@dataclass(frozen=True, kw_only=True)
class AttentionWeights(OnRuns):
    """What every source token offers each head of one prompt: norms of value and output, and direct attribution at END
    (docs/formulas.md). Attention times these is what arrives. `layers=None` means all of them."""

    prompt: int = 0
    layers: tuple[int, ...] | None = None
    kind: Literal["attention_weights"] = "attention_weights"
