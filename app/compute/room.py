"""How much of what sweeps keep is kept at once, so that all of it stays within the memory that they may take.

Base runs cannot be cut into parts: where those of one pair alone would fill more than their share, the sweep is refused
and the refusal says which setting makes room.
"""

import math
from dataclasses import dataclass

from app.compute.hooks import shape_of
from app.compute.prompts import read_prompts
from app.domain.cells import Cells
from app.domain.errors import BadRecipe
from app.domain.interventions import frozen
from app.domain.models import ModelFacts
from app.domain.recipes import AnyRecipe
from app.domain.sites import Site
from app.domain.sweep_checks import SweepRecipe
from app.models.loaded import LoadedModel

BASE_SHARE = 2 / 5
"""Of the memory of sweeps, for a pair's base runs; waves, values and graphs share the rest."""


def check_room(model: LoadedModel, recipe: AnyRecipe, max_tokens: int) -> None:
    """Refuse a sweep whose base runs would not leave room for anything else."""
    if not isinstance(recipe, SweepRecipe):
        return
    n = max(len(prompt.clean) for prompt in read_prompts(model, recipe, max_tokens))
    needed = 2 * run_bytes(model.facts, n) + frozen_bytes(model.facts, recipe, n)
    if needed > BASE_SHARE * model.sweep_bytes:
        raise BadRecipe(
            f"The runs that a sweep of {n} tokens starts from take {needed / 2**20:.0f} MiB of the "
            f"{model.sweep_bytes / 2**20:.0f} MiB that sweeps may take, which leaves too little; shorten the prompts, "
            f"or start Microtome with sweep_memory = {math.ceil(needed / BASE_SHARE / 2**20)} or more."
        )


def run_bytes(facts: ModelFacts, n_positions: int) -> int:
    """What a base run keeps: streams, what sublayers add, z, keys and values."""
    key_values = 2 * facts.n_key_value_heads * facts.d_head
    return 4 * (5 * facts.d_model + facts.n_heads * facts.d_head + key_values) * facts.n_layers * n_positions


def frozen_bytes(facts: ModelFacts, recipe: AnyRecipe, n_positions: int) -> int:
    """Patterns of every layer, where anything in the recipe freezes them."""
    noise = getattr(recipe, "noise", None)
    freezes = {*getattr(recipe, "freeze", ()), *frozen(recipe.interventions), *(noise.freeze if noise else ())}
    return 4 * facts.n_layers * facts.n_heads * n_positions**2 if "pattern" in freezes else 0


@dataclass(frozen=True)
class Room:
    """How many draws, and of each how many layers of the values that cells become, are kept at once, so that all of
    them stay within an eighth of the memory of sweeps; one draw and one cell's window at least."""

    draws: int
    kept: int
    window: int

    @staticmethod
    def of(model: LoadedModel, cells: Cells, n_positions: int, n_draws: int = 1, base_bytes: int = 0) -> "Room":
        """`base_bytes` is what each draw keeps besides, of which a quarter of the memory may be full."""
        layer = 4 * math.prod(shape_of(model.facts, Site(cells.activation, 0), n_positions))
        most = max(1, model.sweep_bytes // 8 // layer)
        draws = min(n_draws, max(1, most // cells.window), max(1, model.sweep_bytes // (4 * max(1, base_bytes))))
        return Room(draws, max(cells.window, most // draws), cells.window)

    @property
    def layers(self) -> int:
        """Whose cells can be run together."""
        return self.kept - self.window + 1
