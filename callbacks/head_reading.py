"""Why the selected query of the primary head attends where it does, and what the head writes there."""

import functools
from typing import Any

from dash import Dash, Input, Output, State

from app.domain.experiment import Experiment
from app.domain.recipes import AnyRecipe
from app.domain.views import Selection
from app.engine import Engine
from app.figures.head_reading import head_reading_bars
from callbacks.evaluate import NOTHING, stored, too_long, wait_to_run
from callbacks.head_card_patterns import here
from callbacks.reading import (
    REFUSALS,
    Asked,
    Refused,
    digests_of,
    experiment_of,
    outputs,
    ready,
    refused,
    selection_of,
    style_of,
    view_of,
)  # fmt: skip
from layouts import ids
from layouts.head_reading import SELECT_READING
from layouts.rail import shown as shown_token

KIND = "head_reading"


def options_of(selection: Selection) -> dict[str, Any]:
    """The head, and the position last selected as its query (None = END)."""
    if selection.primary is None:
        raise Refused(SELECT_READING)
    return {"head": str(selection.primary), "query": selection.positions[-1] if selection.positions else None}


def evaluate(engine: Engine, store: Any, status: Any, selection: Any, view: Any, before: Any) -> Any:
    """Where the reading of this head and query is, computed, and which run of it is shown: it is drawn again for
    another one, and for nothing else of the view."""

    def find() -> dict[str, Any]:
        here(shown := view_of(view))
        return _evaluated(engine, experiment_of(store), selection_of(selection)) | {"show": shown.show}

    return stored(find, store, before)


def _evaluated(engine: Engine, experiment: Experiment, selection: Selection) -> dict[str, Any]:
    wait_to_run(engine, experiment)
    if selection.primary is None:
        return NOTHING
    why = too_long(engine, experiment, KIND)
    if why:
        return NOTHING | {"error": why}
    options = options_of(selection)
    names = ("baseline", "intervened") if experiment.has_interventions else ("baseline",)
    recipes = {run: experiment.recipe(KIND, intervened=run == "intervened", **options) for run in names}
    return NOTHING | {run: engine.evaluate(recipe).digest for run, recipe in recipes.items()} | {"asked": options}


def draw(engine: Engine, digests: Any, view: Any, experiment: Any, selection: Any) -> tuple[Any, ...]:
    """Figure, state, message, of what."""
    try:
        shown, asked = view_of(view), experiment_of(experiment)
        here(shown)
        result: Any = Asked(engine, asked, digests, shown.show).shown(KIND, **_asked_in(digests))
        figure = head_reading_bars(result, style_of(shown), selection_of(selection))
    except REFUSALS as why:
        return refused(why, SELECT_READING)
    query = f"{result.query} {shown_token(result.str_tokens[result.query])}"
    return ready(figure, f"{result.head} from {query}, {shown.show}", digests)


def _asked_in(digests: Any) -> dict[str, Any]:
    """The head and query that a digest store is of."""
    found = digests_of(digests) or {}
    if found.get("error"):
        raise Refused(str(found["error"]), "error")
    if not isinstance(found.get("asked"), dict):
        raise Refused(SELECT_READING)
    return found["asked"]


def reading_of(experiment: Experiment, selection: Selection, intervened: bool) -> AnyRecipe:
    """The recipe of what the panel shows."""
    return experiment.recipe(KIND, intervened=intervened, **options_of(selection))


def register(app: Dash, engine: Engine) -> None:
    """Compute when head, query or run change; draw what was computed."""
    store, experiment = ids.DIGESTS.format(KIND), ids.EXPERIMENT
    app.callback(
        Output(store, "data"), Input(experiment, "data"), Input(ids.STATUS, "data"),
        Input(ids.SELECTED_ATTENTION, "data"), Input(ids.VIEW, "data"), State(store, "data"),
        running=[(Output(ids.BUSY.format(ids.HEAD_READING, KIND), "className"), "mt-busy is-on", "mt-busy")],
        prevent_initial_call=True,
    )(functools.partial(evaluate, engine))  # fmt: skip
    app.callback(
        outputs(ids.HEAD_READING), Input(store, "data"), State(ids.VIEW, "data"), State(experiment, "data"),
        State(ids.SELECTION, "data"), prevent_initial_call=True,
    )(functools.partial(draw, engine))  # fmt: skip
