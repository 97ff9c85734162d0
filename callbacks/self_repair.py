"""Compute and draw what the rest of the model puts back of what the interventions take away."""

import functools
from dataclasses import replace
from typing import Any

from dash import Dash, Input, Output, State

from app.domain.experiment import Experiment
from app.engine import Engine
from app.figures.self_repair import self_repair_bars
from callbacks.evaluate import NOTHING, lacking_answers, stored, wait_to_run
from callbacks.reading import (
    REFUSALS,
    Asked,
    Refused,
    digests_of,
    experiment_of,
    outputs,
    ready,
    refused,
    said,
    selection_of,
    style_of,
    view_of,
)  # fmt: skip
from callbacks.sweep_map import here
from layouts import ids
from layouts.self_repair import ABLATE_FIRST

KIND = "self_repair"


def evaluate(engine: Engine, store: Any, status: Any, view: Any, before: Any) -> Any:
    """Where the result is, computed; there is one only where something is changed."""

    def find() -> dict[str, Any]:
        here(view_of(view))
        return _evaluated(engine, experiment_of(store))

    return stored(find, store, before)


def _evaluated(engine: Engine, experiment: Experiment) -> dict[str, Any]:
    wait_to_run(engine, experiment)
    if not experiment.has_interventions or lacking_answers(experiment):
        return NOTHING
    return NOTHING | {"intervened": engine.evaluate(experiment.set_recipe(KIND, intervened=True)).digest}


def draw(engine: Engine, digests: Any, view: Any, experiment: Any, selection: Any) -> tuple[Any, ...]:
    """Figure, state, message, of what. Both runs are in it, whichever is shown elsewhere."""
    try:
        shown, asked = view_of(view), experiment_of(experiment)
        here(shown)
        result = repaired(engine, asked, digests)
        figure = self_repair_bars(result, style_of(replace(shown, show="baseline")), selection_of(selection))
    except REFUSALS as why:
        return refused(why, ABLATE_FIRST)
    return ready(figure, said(figure, result), digests)


def repaired(engine: Engine, experiment: Experiment, digests: Any) -> Any:
    """The result, or what to do first."""
    why = lacking_answers(experiment)
    if why:
        raise Refused(why)
    found = digests_of(digests)
    if not experiment.has_interventions and not (found or {}).get("error"):
        raise Refused(ABLATE_FIRST)
    asked = Asked(engine, experiment, digests, "intervened")
    return asked.known("intervened", experiment.set_recipe(KIND, intervened=True))


def register(app: Dash, engine: Engine) -> None:
    """Compute, draw."""
    store, view, experiment = ids.DIGESTS.format(KIND), Input(ids.VIEW, "data"), ids.EXPERIMENT
    app.callback(
        Output(store, "data"), Input(experiment, "data"), Input(ids.STATUS, "data"), view, State(store, "data"),
        running=[(Output(ids.BUSY.format(ids.SELF_REPAIR, KIND), "className"), "mt-busy is-on", "mt-busy")],
        prevent_initial_call=True,
    )(functools.partial(evaluate, engine))  # fmt: skip
    app.callback(
        outputs(ids.SELF_REPAIR), Input(store, "data"), view, State(experiment, "data"), State(ids.SELECTION, "data"),
        prevent_initial_call=True,
    )(functools.partial(draw, engine))  # fmt: skip
