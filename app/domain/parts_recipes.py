"""Recipes of what the logit difference is made of."""

from dataclasses import dataclass
from typing import Literal

from app.domain.recipe_base import OnRuns

Scale = Literal["own", "baseline"]
"""The final norm's scale at END that parts are divided by: the run's own, or that of the same prompt's plain run."""


@dataclass(frozen=True, kw_only=True)
class LogitDecomposition(OnRuns):
    """The logit difference as a sum at every level: layers, sublayers, heads, heads by source token, neurons
    (docs/formulas.md). With the `baseline`'s scale, parts of two runs differ by what was written alone."""

    scale: Scale = "own"
    kind: Literal["logit_decomposition"] = "logit_decomposition"


@dataclass(frozen=True, kw_only=True)
class Neurons(OnRuns):
    """The neurons of one MLP on one prompt, and the card of one of them (`neuron` None = the one of largest direct
    attribution, without two answers of largest activation): its activations, what its output promotes, which tokens
    excite it (docs/formulas.md)."""

    layer: int
    neuron: int | None = None
    prompt: int = 0
    top_k: int = 10
    kind: Literal["neurons"] = "neurons"
