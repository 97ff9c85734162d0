"""Maps that take long: UMAP and t-SNE are computed on a button, in the background, as a sweep is (callbacks/sweep.py).

The digest store names the recipes too, because what a map is of stands in no store that sweeps hear. A finished one is
asked for by the page again (assets/69-geometry.js).
"""

import functools
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dash import Dash, Input, Output, State

from app.domain.errors import BadLink
from app.domain.geometry_recipes import ActivationMap, points_of, seconds_of
from app.domain.recipes import AnyRecipe, parse_recipe, recipe_dict
from app.engine import Engine
from callbacks import sweep_strip
from callbacks.evaluate import NOTHING, stored, wait_to_run
from callbacks.geometry import map_recipes
from callbacks.progress import about
from callbacks.reading import digests_of, experiment_of, residual_of, selection_of, view_of, wait_for_section
from callbacks.sweep import OnScreen
from callbacks.sweep_map import SLOTS
from layouts import ids
from layouts.geometry import COMPUTE, QUICK, SLOW

KIND = "activation_map"
COMPILING_S = 35
"""What the first UMAP of a process takes more: 26 s to import, 10 s to compile, on two cores."""


def address(
    engine: Engine, store: Any, status: Any, asked: Any, view: Any, residual: Any, selection: Any, before: Any
) -> Any:
    """The digests and recipes of both runs of a map that takes long; of another nothing, because its panel has it."""

    def find() -> dict[str, Any]:
        wait_for_section(view_of(view), "geometry")
        shown, experiment = residual_of(residual), experiment_of(store)
        if shown.map.method in QUICK:
            return NOTHING
        wait_to_run(engine, experiment)
        recipes = map_recipes(engine, experiment, shown, selection_of(selection))
        for each in recipes.values():
            engine.check(each)
        spoken = {run: recipe_dict(each) for run, each in recipes.items()}
        return NOTHING | {run: engine.digest(each) for run, each in recipes.items()} | {"recipes": spoken}

    return stored(find, store, before)


def _recipe(page: OnScreen, kind: str, run: str) -> AnyRecipe:
    recipes = (digests_of(page.digests[kind]) or {}).get("recipes")
    found = recipes.get(run) if isinstance(recipes, Mapping) else None
    if not isinstance(found, dict):
        raise BadLink("The page sent no recipe of its map; reload it.")
    return parse_recipe(found)


def _cost(page: OnScreen, recipes: list[AnyRecipe]) -> str:
    """`1,216 points, about 8 s`"""
    maps = [each for each in recipes if isinstance(each, ActivationMap)]
    counts = [points_of(each, tuple(len(page.engine.read_prompt(each.model, pair.clean)) for pair in each.prompts))
              for each in maps]  # fmt: skip
    seconds = sum(seconds_of(each.method, count) for each, count in zip(maps, counts, strict=True))
    first = COMPILING_S if any(each.method == "umap" for each in maps) and "umap" not in sys.modules else 0
    return f"{sum(counts):,} points, {about(seconds + first)}"


def _start(page: OnScreen, resumed: bool) -> str:
    recipes = (digests_of(page.digests[KIND]) or {}).get("recipes")
    found = next(iter(recipes.values()), {}) if isinstance(recipes, Mapping) else {}
    return f"{COMPUTE} {SLOW.get(str(found.get('method')), '')}".strip()


SLOT = replace(
    SLOTS[0], panel=ids.ACTIVATION_MAP, unit="steps", kinds=(KIND,), meant=lambda page: (KIND,), recipe=_recipe,
    quick=lambda page, recipes: False, cost=_cost, start=_start, finished="done",
    cancelled="cancelled: a map is whole or not there",
)  # fmt: skip


def register(app: Dash, engine: Engine) -> None:
    """Digests and runs; the panel itself is asked for (callbacks/geometry.py)."""
    store = ids.DIGESTS.format(KIND)
    app.callback(
        Output(store, "data"), Input(ids.EXPERIMENT, "data"), Input(ids.STATUS, "data"), Input(ids.MAP_ASKED, "data"),
        State(ids.VIEW, "data"), State(ids.RESIDUAL, "data"), State(ids.SELECTION, "data"), State(store, "data"),
        prevent_initial_call=True,
    )(functools.partial(address, engine))  # fmt: skip
    sweep_strip.register(app, engine, SLOT)
