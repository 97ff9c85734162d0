"""What the logit difference is made of: computed while its section is on screen, drawn at any level from one result.

The scale and the prompts that are asked for travel in one store, the level in another (assets/66-decomposition.js).
"""

import functools
from dataclasses import replace
from typing import Any

from dash import Dash, Input, Output, State
from dash.exceptions import PreventUpdate

from app.domain.experiment import Experiment
from app.domain.recipes import AnyRecipe
from app.domain.residual_asked import PartsAsked, parse_parts
from app.domain.results import Result, difference
from app.domain.views import Show
from app.engine import Engine
from app.figures.decomposition import decomposition_bars
from callbacks.evaluate import NOTHING, has_answers, lacking_answers, stored, wait_to_run
from callbacks.exported_source import Page, Source
from callbacks.reading import (
    REFUSALS,
    Asked,
    Refused,
    experiment_of,
    outputs,
    ready,
    refused,
    said,
    selection_of,
    style_of,
    view_of,
)  # fmt: skip
from layouts import ids
from layouts.head_matrix import NO_ANSWERS

KIND = "logit_decomposition"


def recipe_of(experiment: Experiment, asked: PartsAsked, *, intervened: bool) -> AnyRecipe:
    """Of the prompt on screen, or of the set."""
    made = experiment.set_recipe if asked.over == "set" else experiment.recipe
    return made(KIND, intervened=intervened, scale=asked.scale)


def evaluate(engine: Engine, store: Any, status: Any, asked: Any, before: Any) -> Any:
    """Compute both runs, and say where they are and of what."""
    if not isinstance(asked, dict):
        raise PreventUpdate
    return stored(lambda: evaluated(engine, experiment_of(store), parse_parts(asked)), store, before)


def evaluated(engine: Engine, experiment: Experiment, asked: PartsAsked) -> dict[str, Any]:
    """Digests of the runs."""
    wait_to_run(engine, experiment)
    if not has_answers(experiment):
        return NOTHING
    lacking = lacking_answers(experiment) if asked.over == "set" else None
    if lacking:
        return NOTHING | {"error": lacking}
    runs = {"baseline": False} | ({"intervened": True} if experiment.has_interventions else {})
    recipes = {run: recipe_of(experiment, asked, intervened=changed) for run, changed in runs.items()}
    found = {run: engine.evaluate(recipe).digest for run, recipe in recipes.items()}
    return NOTHING | found | {"options": {"scale": asked.scale, "over": asked.over}}


def shown(engine: Engine, experiment: Experiment, digests: Any, asked: PartsAsked, show: Show) -> Result:
    """A run, or the difference of both."""
    runs = Asked(engine, experiment, digests, show)
    first, *rest = [
        runs.known(run, recipe_of(experiment, asked, intervened=run == "intervened")) for run in runs.needed
    ]
    return difference(first, rest[0]) if rest else first


def draw(engine: Engine, digests: Any, changed: Any, level: Any, view: Any, store: Any, selection: Any) -> Any:
    """Figure, state, message, of what."""
    try:
        looks, experiment = view_of(view), experiment_of(store)
        asked = parse_parts((digests or {}).get("options") or {})
        style = replace(style_of(looks), level=parse_parts({"level": level}).level if level else asked.level)
        result = shown(engine, experiment, digests, asked, looks.show)
        figure = decomposition_bars(result, style, selection_of(selection))  # pyright: ignore[reportArgumentType]  # of this kind
    except REFUSALS as why:
        return refused(why, NO_ANSWERS)
    return ready(figure, said(figure, result), digests)


def _here(page: Page) -> PartsAsked:
    return page.residual.parts


def _recipe(page: Page, intervened: bool) -> AnyRecipe:
    return recipe_of(page.experiment, _here(page), intervened=intervened)


def _behind(page: Page) -> Result:
    if not has_answers(page.experiment):
        raise Refused(NO_ANSWERS)
    return shown(page.engine, page.experiment, page.digests(_recipe), _here(page), page.view.show)


DECOMPOSITION = Source(
    _recipe, _behind, read=lambda page, result, style: replace(style, level=_here(page).level),
    part=lambda page: _here(page).level,
)  # fmt: skip
"""What is behind the panel, for export."""


def register(app: Dash, engine: Engine) -> None:
    """One callback that computes, one that draws."""
    store = ids.DIGESTS.format(KIND)
    app.callback(
        Output(store, "data"), Input(ids.EXPERIMENT, "data"), Input(ids.STATUS, "data"),
        Input(ids.PARTS_ASKED, "data"), State(store, "data"), prevent_initial_call=True,
        running=[(Output(ids.BUSY.format(ids.DECOMPOSITION, KIND), "className"), "mt-busy is-on", "mt-busy")],
    )(functools.partial(evaluate, engine))  # fmt: skip
    app.callback(
        outputs(ids.DECOMPOSITION), Input(store, "data"), Input(ids.SHOWN, "data"),
        Input(ids.PARTS_SHOWN, "data"), State(ids.VIEW, "data"), State(ids.EXPERIMENT, "data"),
        State(ids.SELECTION, "data"), prevent_initial_call=True,
    )(functools.partial(draw, engine))  # fmt: skip
