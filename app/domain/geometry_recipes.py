"""Recipes of the geometry of activations: how long they are, which way they turn, and maps of many of them."""

import math
from dataclasses import dataclass
from typing import Literal

from app.domain.errors import BadRecipe
from app.domain.models import ModelFacts
from app.domain.recipe_base import OnRuns
from app.domain.samples import Stream
from app.domain.seeds import check_seed
from app.domain.sites import Site, check_site, within

Reduction = Literal["pca", "umap", "tsne"]
LEAST_POINTS = 4
MOST_POINTS: dict[Reduction, int] = {"pca": 20_000, "umap": 5_000, "tsne": 5_000}
"""Of one map; PCA is exact and quick, the others take minutes for more."""
_APPROXIMATE_FROM, _APPROXIMATING_S = 4096, 24
"""umap-learn looks for neighbours approximately from so many points on: 4,256 took 40.8 s where 1,216 took 2.4."""
_SECONDS_PER_POINT: dict[Reduction, float] = {"pca": 0.0, "umap": 0.004, "tsne": 0.006}
"""Of two cores; what compiles UMAP the first time is not in it."""


@dataclass(frozen=True, kw_only=True)
class ResidualGeometry(OnRuns):
    """Norms, cosines and norm scales of one prompt's residual stream by layer and position (docs/formulas.md)."""

    prompt: int = 0
    kind: Literal["residual_geometry"] = "residual_geometry"


@dataclass(frozen=True, kw_only=True)
class ActivationMap(OnRuns):
    """Activations at `layer` of every prompt (with `both`, of the pair's other prompts too), as points of a plane.

    `positions`: each prompt's last, all but a prepended separator, or these. PCA is exact; UMAP and t-SNE are drawn
    with `seed`, and keep neighbourhoods, not distances. `neighbours` is UMAP's n_neighbors or t-SNE's perplexity
    (None = 15 or 30, fewer where there are few points). A projection of its points on a direction needs no map of its
    own (`ActivationMapResult.along`).
    """

    layer: int
    activation: Stream = "resid_post"
    positions: Literal["end", "all"] | tuple[int, ...] = "end"
    both: bool = False
    method: Reduction = "pca"
    neighbours: int | None = None
    min_dist: float = 0.1
    seed: int = 0
    kind: Literal["activation_map"] = "activation_map"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_seed(self.seed)
        if self.both and any(pair.corrupted is None for pair in self.prompts):
            raise BadRecipe("both reads the pair's other prompts too, and not every prompt has one; give them.")
        if not 0 <= self.min_dist <= 1 or (self.neighbours is not None and self.neighbours < 2):
            raise BadRecipe(
                f"min_dist = {self.min_dist:g} must lie between 0 and 1, and neighbours = {self.neighbours} be 2 or "
                f"more; give others."
            )


def check_geometry(facts: ModelFacts, recipe: object, lengths: tuple[int, ...]) -> None:
    """Refuse places that this model or these prompts do not have, and maps of too few or too many points."""
    if not isinstance(recipe, ActivationMap):
        return
    check_site(facts, Site(recipe.activation, recipe.layer), min(lengths))
    if isinstance(recipe.positions, tuple):
        for at, length in enumerate(lengths):
            within(recipe.positions, length, "positions", f"Prompt {at}")
    _check_points(recipe, points_of(recipe, lengths))


def points_of(recipe: ActivationMap, lengths: tuple[int, ...]) -> int:
    """How many points a map of prompts of these lengths has; pairs are of one length, or it is an estimate."""
    each = {"end": len(lengths), "all": sum(lengths)}
    count = each[recipe.positions] if isinstance(recipe.positions, str) else len(recipe.positions) * len(lengths)
    return count * (2 if recipe.both else 1)


def seconds_of(method: Reduction, points: int) -> int:
    """About how long so many points take beyond the passes."""
    approximate = _APPROXIMATING_S if method == "umap" and points >= _APPROXIMATE_FROM else 0
    return math.ceil(_SECONDS_PER_POINT[method] * points) + approximate


def _check_points(recipe: ActivationMap, count: int) -> None:
    most = MOST_POINTS[recipe.method]
    if not LEAST_POINTS <= count <= most:
        what = "all positions, or more prompts" if count < LEAST_POINTS else "the last positions, or fewer prompts"
        raise BadRecipe(f"A map by {recipe.method} has {LEAST_POINTS} to {most:,} points, not {count:,}; take {what}.")
    if recipe.neighbours is not None and recipe.neighbours >= count:
        raise BadRecipe(f"{count} points do not have {recipe.neighbours} neighbours each; give fewer.")
