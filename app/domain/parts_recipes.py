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
