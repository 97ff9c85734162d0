"""The card of the primary head: compute what is cheap, gather what is there, and hand over the rows of all heads.

The page picks the primary head's (assets/69-head-card.js), so nothing is asked when the selection moves. Statistics are
computed when the *Attention* workspace is first on screen; exact effects are shown where a sweep has them.
"""

import functools
from typing import Any

from dash import Dash, Input, Output, State
from dash.exceptions import PreventUpdate

from app.domain.experiment import Experiment
from app.domain.head_card import CardRow, beside_background, heading, plain, rows_of, title_of
from app.domain.head_choices import CHOICES, SOURCES
from app.domain.recipes import AnyRecipe
from app.domain.results import Result
from app.domain.views import Show
from app.engine import Engine
from app.figures.head_card import towards
from callbacks.evaluate import NOTHING, has_answers, runs, stored, wait_to_run
from callbacks.head_card_patterns import background_texts, here
from callbacks.heads import lacking, recipe_of
from callbacks.reading import (
    REFUSALS,
    Asked,
    Refused,
    experiment_of,
    outputs,
    ready,
    refused,
    view_of,
)  # fmt: skip
from layouts import ids
from layouts.workspaces import NO_PROMPT, SELECT_CARD

STATISTICS, BACKGROUND = "head_statistics", "background_statistics"
EFFECTS = ("direct", "zero", "mean", "resample", "denoising", "noising", "estimate")
"""Numbers of heads towards the answers (app/domain/head_choices.py): one is cheap, sweeps may have found others."""
OF_MODEL: dict[str, tuple[str, dict[str, Any]]] = {
    BACKGROUND: (STATISTICS, {"corpus": True}),
    "behaviour_scores": ("behaviour_scores", {}),
    "copying_scores": ("copying_scores", {}),
}
"""Digest store -> kind and options of a recipe without prompts."""


# where the results are


def evaluate(engine: Engine, name: str, store: Any, status: Any, view: Any, before: Any) -> Any:
    """Compute one kind of what the card shows, and say where it is."""

    def find() -> dict[str, Any]:
        here(view_of(view))
        return _evaluated(engine, experiment_of(store), name)

    return stored(find, store, before)


def _evaluated(engine: Engine, experiment: Experiment, name: str) -> dict[str, Any]:
    wait_to_run(engine, experiment)
    recipes = runs(experiment, name) if name not in OF_MODEL else {"baseline": of_model(engine, experiment, name)}
    return NOTHING | {run: engine.evaluate(recipe).digest for run, recipe in recipes.items()}


def of_model(engine: Engine, experiment: Experiment, name: str) -> AnyRecipe:
    """The recipe of what has nothing to do with the prompts."""
    kind, options = OF_MODEL[name]
    return experiment.model_recipe(kind, **options)


# gathering


def card(engine: Engine, experiment: Experiment, show: Show, digests: dict[str, Any]) -> list[CardRow]:
    """All rows that there are. `digests`: the stores of the card's kinds."""
    statistics: Any = Asked(engine, experiment, digests[STATISTICS], show).shown(STATISTICS)
    models = found_of_model(engine, experiment, digests)
    background: Any = models.pop(BACKGROUND, None)
    rows = _effects(engine, experiment, show)
    rows += beside_background(statistics, background, show == "difference")
    return rows + [row for result in models.values() for row in rows_of(result, heading(result))]


def found_of_model(engine: Engine, experiment: Experiment, digests: dict[str, Any]) -> dict[str, Result]:
    """Results of the model alone, those that are there."""
    found = {name: _of_model(engine, experiment, name, digests.get(name)) for name in OF_MODEL}
    return {name: result for name, result in found.items() if result is not None}


def _of_model(engine: Engine, experiment: Experiment, name: str, digests: Any) -> Any:
    """One result of the model alone, None while it is on its way or where it is refused."""
    try:
        return Asked(engine, experiment, digests, "baseline").known("baseline", of_model(engine, experiment, name))
    except (Refused, PreventUpdate):
        return None


def _effects(engine: Engine, experiment: Experiment, show: Show) -> list[CardRow]:
    """Direct attribution, and every effect that has been swept; nothing is computed for them."""
    found = found_effects(engine, experiment, show).values()
    return [row for result in found
            for row in rows_of(result, towards(experiment.prompt), title_of(result), show == "difference")]  # fmt: skip


def found_effects(engine: Engine, experiment: Experiment, show: Show) -> dict[str, Result]:
    """What is there of each, by its name among SOURCES."""
    if not has_answers(experiment):
        return {}
    asked = [name for name in EFFECTS if lacking(experiment, SOURCES[name]) is None]
    found = {name: _there(engine, experiment, show, name) for name in asked}
    return {name: result for name, result in found.items() if result is not None}


def _there(engine: Engine, experiment: Experiment, show: Show, name: str) -> Any:
    """The runs on screen of one recipe, as far as they have come; None where one is not there, or cannot be asked."""
    names = {"baseline": False, "intervened": True} if experiment.has_interventions else {"baseline": False}
    try:
        recipes = {run: recipe_of(experiment, name, intervened=changed) for run, changed in names.items()}
        digests = {run: engine.digest(recipe) for run, recipe in recipes.items()}
        asked = Asked(engine, experiment, digests, show)
        return asked.shown(SOURCES[name].kind) if name == "direct" else asked.swept()
    except REFUSALS:
        return None


# drawing


def draw(engine: Engine, asked_again: Any, tick: Any, *given: Any) -> tuple[Any, ...]:
    """The rows of all heads, state, message, of what."""
    *stores, view, experiment = given
    digests: dict[str, Any] = dict(zip(ids.CARD_KINDS, stores, strict=True))
    try:
        shown, asked = view_of(view), experiment_of(experiment)
        here(shown)
        rows = card(engine, asked, shown.show, digests)
    except REFUSALS as why:
        return refused(why, NO_PROMPT)
    data = plain(rows) | {"lacking": _lacking(rows, asked), "of": shown.show}
    data |= {"texts": background_texts(engine, digests[BACKGROUND])}
    data, state, _, of = ready(data, shown.show, digests[STATISTICS])
    return data, state, SELECT_CARD, of


def _lacking(rows: list[CardRow], experiment: Experiment) -> str:
    """What is not on the card, in words."""
    if not has_answers(experiment):
        return "Name two answers in the rail for direct attribution and effects."
    there = {row.title for row in rows}
    unswept = [label for name in ("zero", "mean") if (label := CHOICES[name].label) not in there]
    where = "choose it above the heads in Where to look, then press Sweep"
    return f"Not swept yet: {', '.join(unswept)} ({where})." if unswept else ""


def register(app: Dash, engine: Engine) -> None:
    """One computing callback per kind; one that draws. It hears of digests and sweeps through the page's script: a
    store as its input would make it wait until every kind is computed."""
    view, experiment = Input(ids.VIEW, "data"), ids.EXPERIMENT
    for name in ids.CARD_KINDS:
        store = ids.DIGESTS.format(name)
        app.callback(
            Output(store, "data"), Input(experiment, "data"), Input(ids.STATUS, "data"), view, State(store, "data"),
            running=[(Output(ids.BUSY.format(ids.HEAD_CARD, name), "className"), "mt-busy is-on", "mt-busy")],
            prevent_initial_call=True,
        )(functools.partial(evaluate, engine, name))  # fmt: skip
    known = [State(ids.DIGESTS.format(name), "data") for name in ids.CARD_KINDS]
    app.callback(
        outputs(ids.HEAD_CARD, "data"), Input(ids.CARD_ASKED, "data"),
        Input(ids.TICK.format(ids.HEAD_MATRIX), "data"), *known, view, State(experiment, "data"),
        prevent_initial_call=True,
    )(functools.partial(draw, engine))  # fmt: skip
