"""The strength curve of the direction that is looked at: on a button, in the background, drawn while it is computed.

It runs like a sweep (callbacks/sweep.py). Its digest store names the recipes too, because where it is made follows the
selection, which sweeps do not hear; and the run that is drawn, so that the figure hears of it alone. Every metric
travels with the figure.
"""

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
from dash import Dash, Input, Output, State

from app.domain.direction_places import site_of
from app.domain.errors import BadLink
from app.domain.recipes import AnyRecipe, parse_recipe, recipe_dict
from app.domain.results import METRICS
from app.domain.session import chosen_direction
from app.domain.sites import Site
from app.domain.steering_recipes import SteeringCurve
from app.domain.steering_results import SteeringCurveResult
from app.engine import Engine
from app.figures.readings import with_readings
from app.figures.steering_curve import steering_curve_lines
from callbacks import direction_views, sweep_strip
from callbacks.evaluate import NOTHING, stored, wait_to_run
from callbacks.reading import (
    REFUSALS,
    Asked,
    Refused,
    digests_of,
    directions_of,
    experiment_of,
    outputs,
    ready,
    refused,
    residual_of,
    selection_of,
    style_of,
    view_of,
    wait_for_section,
)  # fmt: skip
from callbacks.sweep import OnScreen
from callbacks.sweep_map import SLOTS
from layouts import ids
from layouts.direction_views import NO_DIRECTION
from layouts.strength import PRESS_RUN, RESUME, RUN

KIND = "steering_curve"
SELECT_TOKENS = "No token is selected: select those that are to be changed, or choose all tokens."


def recipe(page: direction_views.OnScreen, intervened: bool) -> AnyRecipe:
    """What is computed, of the prompt on screen or of the whole set."""
    asked = page.residual.strength
    if asked.positions == "selected" and not page.selection.positions:
        raise Refused(SELECT_TOKENS)
    options = {"direction": page.named.direction, "site": _site(page), **asked.options}
    if asked.of == "prompt":
        return page.experiment.recipe(KIND, intervened=intervened, **options)
    return page.experiment.set_recipe(KIND, intervened=intervened, prompt=_written(page), **options)


def _written(page: direction_views.OnScreen) -> int:
    """The prompt of the set whose texts are made; without texts the first, so that it changes no digest."""
    experiment, texts = page.experiment, page.residual.strength.tokens > 0
    here = texts and experiment.prompt in experiment.prompt_set
    return experiment.prompt_set.index(experiment.prompt) if here else 0


def _site(page: direction_views.OnScreen) -> Site:
    """Where it is changed: at the layer asked for, else where the bar changes it too."""
    asked, selection = page.residual.strength, page.selection
    n_layers = page.engine.facts(page.experiment.model).n_layers
    layers = selection.layers if asked.layer is None else (asked.layer,)
    positions = tuple(sorted(selection.positions)) if asked.positions == "selected" else None
    return site_of(page.named.direction, layers, n_layers, positions)


# where the curves are


def address(
    engine: Engine, store: Any, status: Any, changed: Any, view: Any, directions: Any, residual: Any, selection: Any,
    before: Any,
) -> Any:  # fmt: skip
    """The digests and recipes of both runs, and what is drawn of them."""

    def find() -> dict[str, Any]:
        wait_for_section(shown := view_of(view), "direction")
        given = directions_of(directions), residual_of(residual), selection_of(selection)
        page = direction_views.OnScreen(engine, experiment_of(store), shown, *given)
        return _addressed(page) | {"show": shown.show}

    return stored(find, store, before)


def _addressed(page: direction_views.OnScreen) -> dict[str, Any]:
    if chosen_direction(page.directions, page.residual) is None:
        return NOTHING
    wait_to_run(page.engine, page.experiment)
    runs = ["baseline", *["intervened"] * page.experiment.has_interventions]
    try:
        recipes = {run: recipe(page, run == "intervened") for run in runs}
    except Refused as why:
        return NOTHING | {"lacks": str(why)}
    for each in recipes.values():
        page.engine.check(each)
    digests = {run: page.engine.digest(each) for run, each in recipes.items()}
    spoken = {run: recipe_dict(each) for run, each in recipes.items()}
    return NOTHING | digests | {"recipes": spoken, "name": page.named.name}


# running them


def _recipe(page: OnScreen, kind: str, run: str) -> AnyRecipe:
    recipes = (digests_of(page.digests[kind]) or {}).get("recipes")
    found = recipes.get(run) if isinstance(recipes, Mapping) else None
    if not isinstance(found, dict):
        raise BadLink("The page sent no recipe of its strength curve; reload it.")
    return parse_recipe(found)


def _cost(page: OnScreen, recipes: list[AnyRecipe]) -> str:
    """`44 points, 11 texts`, of each prompt so many points"""
    found = [each for each in recipes if isinstance(each, SteeringCurve)]
    points = sum(len(each.prompts) * len(each.strengths) * (1 + each.placebos) for each in found)
    texts = sum(len(each.strengths) for each in found if each.max_new_tokens)
    return f"{points} points" + (f", {texts} texts" if texts else "")


SLOT = replace(
    SLOTS[0], panel=ids.STRENGTH, unit="points", kinds=(KIND,), meant=lambda page: (KIND,), recipe=_recipe,
    quick=lambda page, recipes: False, cost=_cost, start=lambda page, resumed: RESUME if resumed else RUN,
    finished="done",
)  # fmt: skip


# drawing


def draw(
    engine: Engine, digests: Any, tick: Any, missed: Any, view: Any, experiment: Any, residual: Any
) -> tuple[Any, ...]:
    """The curve as far as it has come, state, message, of what."""
    empty = NO_DIRECTION
    try:
        wait_for_section(shown := view_of(view), "direction")
        found = digests_of(digests) or {}
        if found.get("lacks"):
            raise Refused(str(found["lacks"]))
        empty = PRESS_RUN if found.get("baseline") else empty
        result = Asked(engine, experiment_of(experiment), digests, shown.show).swept(PRESS_RUN, (SteeringCurveResult,))

        def drawing(metric: Any) -> go.Figure:
            return steering_curve_lines(result, replace(style_of(shown), metric=metric), selection_of(None))

        figure = with_readings(residual_of(residual).strength.metric, METRICS, drawing, result.provenance.model)
    except REFUSALS as why:
        return refused(why, empty)
    many = f", {len(result.clean[0])} prompts" if len(result.clean[0]) > 1 else ""
    return ready(figure, f"{found.get('name', '')} at {place(result)}{many}, {shown.show}", digests)


def place(result: SteeringCurveResult) -> str:
    """`L4.resid_post`"""
    asked = parse_recipe(result.recipe)
    return str(asked.site) if isinstance(asked, SteeringCurve) else ""


def register(app: Dash, engine: Engine) -> None:
    """Digests, runs, the figure."""
    store, view, residual = ids.DIGESTS.format(KIND), ids.VIEW, State(ids.RESIDUAL, "data")
    read = (view, ids.DIRECTIONS, ids.RESIDUAL, ids.SELECTION)
    app.callback(
        Output(store, "data"), Input(ids.EXPERIMENT, "data"), Input(ids.STATUS, "data"),
        Input(ids.DIRECTION_ASKED, "data"), *(State(name, "data") for name in read), State(store, "data"),
        prevent_initial_call=True,
    )(functools.partial(address, engine))  # fmt: skip
    sweep_strip.register(app, engine, SLOT)
    app.callback(
        outputs(ids.STRENGTH), Input(store, "data"), Input(ids.TICK.format(ids.STRENGTH), "data"),
        Input(ids.READING, "data"), State(view, "data"), State(ids.EXPERIMENT, "data"), residual,
        prevent_initial_call=True,
    )(functools.partial(draw, engine))  # fmt: skip
