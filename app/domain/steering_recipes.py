"""The recipe of a strength curve: metrics by the strength of a change along a direction."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from app.domain.direction_interventions import Clamp, ProjectOut, Steer, SwapAlong
from app.domain.directions import Direction, NamedDirection, Placebo
from app.domain.errors import BadRecipe, BadSite
from app.domain.recipe_base import OnRuns
from app.domain.sites import Site

MOST_STRENGTHS = 201
MOST_PLACEBOS = 50
Change = Literal["steer", "clamp", "project_out", "swap_along"]


@dataclass(frozen=True, kw_only=True)
class SteeringCurve(OnRuns):
    """METRICS of every prompt under the change at `site`, on top of `interventions`, for each of `strengths`: what is
    added (`steer`, in `unit`), the projection (`clamp`), the share that is taken out (`project_out`), or the share of
    the way to the pair's other prompt (`swap_along`). `placebos` random directions at right angles get the same
    changes, a swap as long as the real one. `max_new_tokens` above 0 also continues prompt `prompt`
    greedily at each strength."""

    direction: Direction
    site: Site
    strengths: tuple[float, ...]
    change: Change = "steer"
    unit: Literal["absolute", "norm"] = "absolute"
    placebos: int = 0
    max_new_tokens: int = 0
    prompt: int = 0
    kind: Literal["steering_curve"] = "steering_curve"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= len(self.strengths) <= MOST_STRENGTHS or len(set(self.strengths)) < len(self.strengths):
            raise BadRecipe(f"strengths are {len(self.strengths)}; give 1 to {MOST_STRENGTHS} that differ.")
        if not 0 <= self.placebos <= MOST_PLACEBOS:
            raise BadRecipe(f"placebos = {self.placebos} is not possible; give 0 to {MOST_PLACEBOS}.")
        if self.site.activation == "resid_mid":
            raise BadSite("A strength curve at resid_mid is not made; use resid_pre, resid_post, attn_out or mlp_out.")
        for strength in self.strengths:
            _ = self.changed(self.direction, strength)  # refuses what a change refuses

    @property
    def others(self) -> tuple[NamedDirection, ...]:
        """The placebos, in order of their seeds; those of a placebo are of what it is a placebo of."""
        of, own = (
            (self.direction.of, self.direction.seed) if isinstance(self.direction, Placebo) else (self.direction, -1)
        )
        seeds = [seed for seed in range(self.placebos + 1) if seed != own][: self.placebos]
        return tuple(NamedDirection(f"placebo {seed}", Placebo(of, seed)) for seed in seeds)

    def changed(self, direction: Direction, strength: float) -> Steer | Clamp | ProjectOut | SwapAlong:
        """The intervention of one point of the curve."""
        if self.change == "steer":
            return Steer(self.site, direction, strength, self.unit)
        if self.change == "clamp":
            return Clamp(self.site, direction, strength)
        if self.change == "swap_along":
            return SwapAlong(self.site, (direction,), share=strength)
        return ProjectOut(self.site, direction, share=strength)

    def at(self, strength: float) -> "SteeringCurve":
        """The same run at one strength alone, as interventions."""
        return replace(self, interventions=(*self.interventions, self.changed(self.direction, strength)))


CHANGES: tuple[Change, ...] = get_args(Change)
