"""Changes of an activation a along a direction d of the residual stream, position by position.

Everything is along the unit vector d̂, so numbers are in the activation's own units, and d's length plays no part. Steer
adds, `a + strength d̂`; Clamp sets the projection, `a + (value - a·d̂) d̂`; ProjectOut takes it out, or leaves the
reference's mean of it, `a + share (m - a·d̂) d̂`; SwapAlong puts another run's activation in place within a subspace,
`a + share P (a_source - a)`, P the orthogonal projector on the span of the directions.
ClampFeature sets a feature of a sparse autoencoder, `a + (value - f(a)) scale W_dec[feature]`, so that what the
autoencoder does not explain stays as it is; f and scale are those of app.models.sparse_autoencoder.
Source: docs/formulas.md, Directions; Geiger et al. 2024, https://arxiv.org/abs/2303.02536 (interchange).
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from app.domain.directions import Direction, SaeFeature
from app.domain.errors import BadRecipe, BadSite
from app.domain.intervention_base import Frozen, Reference
from app.domain.samples import Stream
from app.domain.sites import Site

MOST_DIRECTIONS = 64
"""Of one subspace."""


def _check_stream(site: Site) -> None:
    if site.activation not in get_args(Stream):
        raise BadSite(
            f"`{site.activation}` does not have the width of the residual stream, so it has no part along a direction "
            f"of it; use one of {', '.join(get_args(Stream))}."
        )


def _check_finite(**values: float) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise BadRecipe(f"{name} = {value} is not a number that can be set; give a finite one.")


@dataclass(frozen=True)
class Steer:
    """Add `strength` along the direction: `absolute` in the activation's own units, `norm` times the activation's norm
    at each position. The sign is the direction's."""

    site: Site
    direction: Direction
    strength: float
    unit: Literal["absolute", "norm"] = "absolute"
    freeze: tuple[Frozen, ...] = ()
    prompts: tuple[int, ...] | None = None
    kind: Literal["steer"] = "steer"

    def __post_init__(self) -> None:
        _check_stream(self.site)
        _check_finite(strength=self.strength)

    def __str__(self) -> str:
        return f"steer {self.strength:+g}{'‖a‖' if self.unit == 'norm' else ''} along {self.direction} at {self.site}"


@dataclass(frozen=True)
class Clamp:
    """Set the projection on the direction to `value`, in the activation's own units."""

    site: Site
    direction: Direction
    value: float
    freeze: tuple[Frozen, ...] = ()
    prompts: tuple[int, ...] | None = None
    kind: Literal["clamp"] = "clamp"

    def __post_init__(self) -> None:
        _check_stream(self.site)
        _check_finite(value=self.value)

    def __str__(self) -> str:
        return f"clamp {self.direction} to {self.value:g} at {self.site}"


@dataclass(frozen=True)
class ProjectOut:
    """Take the projection on the direction out (`zero`), or set it to the projection of the reference's mean (`mean`,
    pooled over positions or one per position, as an ablation's). `share` 1 takes all of the way, 0 nothing."""

    site: Site
    direction: Direction
    to: Literal["zero", "mean"] = "zero"
    reference: Reference = "background"
    pooled: bool = True
    share: float = 1.0
    freeze: tuple[Frozen, ...] = ()
    prompts: tuple[int, ...] | None = None
    kind: Literal["project_out"] = "project_out"

    def __post_init__(self) -> None:
        _check_stream(self.site)
        _check_finite(share=self.share)

    def __str__(self) -> str:
        part = "" if self.share == 1 else f"{self.share:g} of "
        return f"project {part}{self.direction} out{' to the mean' if self.to == 'mean' else ''} at {self.site}"


@dataclass(frozen=True)
class SwapAlong:
    """Within the span of the directions, the activation is that of another run: of the pair's other prompt, or of the
    prompt `source`. `source_positions` as a patch's. `share` 1 goes all of the way there, 0 none of it."""

    site: Site
    directions: tuple[Direction, ...]
    source: str | None = None
    source_positions: tuple[int, ...] | None = None
    share: float = 1.0
    freeze: tuple[Frozen, ...] = ()
    prompts: tuple[int, ...] | None = None
    kind: Literal["swap_along"] = "swap_along"

    def __post_init__(self) -> None:
        _check_stream(self.site)
        _check_finite(share=self.share)
        if not 1 <= len(self.directions) <= MOST_DIRECTIONS:
            raise BadRecipe(f"A swap along {len(self.directions)} directions; give 1 to {MOST_DIRECTIONS}.")
        if self.source_positions is not None and len(self.source_positions) != len(self.site.positions or ()):
            raise BadSite(
                f"source_positions={self.source_positions} must pair with the site's positions, which are "
                f"{self.site.positions}; give both, with the same count."
            )

    def __str__(self) -> str:
        source = "" if self.source is None else f" from {self.source!r}"
        part = "" if self.share == 1 else f"{self.share:g} of "
        return f"swap {part}{' and '.join(map(str, self.directions))} at {self.site}{source}"


@dataclass(frozen=True)
class ClampFeature:
    """Set the activation of a feature of a sparse autoencoder to `value` at each position; 0 ablates it. The error of
    the reconstruction, and all other features, stay in the stream."""

    site: Site
    direction: SaeFeature
    value: float = 0.0
    freeze: tuple[Frozen, ...] = ()
    prompts: tuple[int, ...] | None = None
    kind: Literal["clamp_feature"] = "clamp_feature"

    def __post_init__(self) -> None:
        _check_stream(self.site)
        _check_finite(value=self.value)

    def __str__(self) -> str:
        what = f"set {self.direction} to {self.value:g}" if self.value else f"ablate {self.direction}"
        return f"{what} at {self.site}"


AlongDirection = Steer | Clamp | ProjectOut | SwapAlong | ClampFeature


def directions_of(each: object) -> tuple[Direction, ...]:
    """The directions that something is along; none of what is along no direction."""
    if isinstance(each, SwapAlong):
        return each.directions
    return (each.direction,) if isinstance(each, Steer | Clamp | ProjectOut | ClampFeature) else ()
