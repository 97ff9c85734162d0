"""Recipes of attention heads: numbers of every head, and how heads read."""

from dataclasses import dataclass
from typing import Literal

from app.domain.errors import BadRecipe
from app.domain.recipe_base import OnRuns, Prompts


@dataclass(frozen=True, kw_only=True)
class HeadStatistics(OnRuns):
    """How every head attends and how much it writes (docs/formulas.md), on the prompts, or with `corpus` on the
    background texts that come with the model instead."""

    prompts: Prompts = ()
    corpus: bool = False
    kind: Literal["head_statistics"] = "head_statistics"

    def __post_init__(self) -> None:
        if not self.corpus:
            super().__post_init__()
        elif self.prompts or self.base != "clean":
            raise BadRecipe(
                f"corpus = true reads the background texts that come with the model, and the recipe has "
                f"{len(self.prompts)} prompts and base = {self.base}; drop both, or corpus."
            )
