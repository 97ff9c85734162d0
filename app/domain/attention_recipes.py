"""Recipes that read attention: what stands behind the weights of a pattern, and why one query looks where it does."""

from dataclasses import dataclass
from typing import Literal

from app.domain.recipe_base import NamedHead, OnRuns


@dataclass(frozen=True, kw_only=True)
class AttentionWeights(OnRuns):
    """What every source token offers each head of one prompt: norms of value and output, and direct attribution at END
    (docs/formulas.md). Attention times these is what arrives. `layers=None` means all of them."""

    prompt: int = 0
    layers: tuple[int, ...] | None = None
    kind: Literal["attention_weights"] = "attention_weights"


@dataclass(frozen=True, kw_only=True)
class HeadReading(OnRuns):
    """Why the query at position `query` (None = END) of one `head` (`"L5H1"`) attends where it does, and what it writes
    there: scores in parts, and the `top_k` tokens promoted and suppressed for every source token."""

    head: NamedHead
    prompt: int = 0
    query: int | None = None
    top_k: int = 5
    kind: Literal["head_reading"] = "head_reading"
