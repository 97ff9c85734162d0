"""Neurons of one layer and the card of one of them: computed while their section is on screen, drawn from one result.

The layer and the neuron asked for travel in one store, what ranks them in another (assets/67-neurons.js).
"""

import functools
from dataclasses import replace
from typing import Any

from dash import Dash, Input, Output, State
from dash.exceptions import PreventUpdate

from app.domain.errors import BadInput
from app.domain.experiment import Experiment
from app.domain.recipes import AnyRecipe
from app.domain.results import Result, difference
from app.domain.views import Style
from app.engine import Engine
from app.figures.neurons import neuron_bars, neuron_card
from callbacks.evaluate import NOTHING, stored, wait_to_run
from callbacks.exported_source import Page, Source
from callbacks.reading import (
    REFUSALS,
    Asked,
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
from layouts.workspaces import NO_PROMPT

KIND = "neurons"
FIGURES = {ids.NEURONS: neuron_bars, ids.NEURON_CARD: neuron_card}


def evaluate(engine: Engine, store: Any, status: Any, asked: Any, before: Any) -> Any:
    """Compute both runs, and say where they are and of what."""
    if not isinstance(asked, dict):
        raise PreventUpdate
    return stored(lambda: _stored(engine, experiment_of(store), asked), store, before)


def _stored(engine: Engine, experiment: Experiment, asked: dict[str, Any]) -> dict[str, Any]:
    if set(asked) - {"layer", "neuron"}:
        raise BadInput("The page asks for no neuron that there is; reload it.")
    wait_to_run(engine, experiment)
    options = settled_options(engine, experiment, asked)
    runs = {"baseline": False} | ({"intervened": True} if experiment.has_interventions else {})
    recipes = {run: experiment.recipe(KIND, intervened=changed, **options) for run, changed in runs.items()}
    return NOTHING | {run: engine.evaluate(recipe).digest for run, recipe in recipes.items()} | {"options": options}


def settled_options(engine: Engine, experiment: Experiment, asked: dict[str, Any]) -> dict[str, Any]:
    """The recipe's fields, with the neuron that the baseline chooses where none is asked for: both runs show one."""
    if asked.get("neuron") is not None:
        return asked
    baseline: Any = engine.evaluate(experiment.recipe(KIND, **asked))
    return {"layer": baseline.layer, "neuron": baseline.neuron}


def shown(asked: Asked, options: dict[str, Any]) -> Result:
    """A run, or the difference of both."""
    first, *rest = [asked.known(run, asked.recipe(run, KIND, **options)) for run in asked.needed]
    return difference(first, rest[0]) if rest else first


def draw(
    engine: Engine, panel: str, digests: Any, changed: Any, by: Any, view: Any, store: Any, selection: Any
) -> tuple[Any, ...]:
    """Figure, state, message, of what."""
    try:
        looks, experiment = view_of(view), experiment_of(store)
        options = (digests or {}).get("options") or {"layer": 0}
        result: Any = shown(Asked(engine, experiment, digests, looks.show), options)
        style = ranked_by(style_of(looks), result, by.partition(" ")[0] if isinstance(by, str) else None)
        figure = FIGURES[panel](result, style, selection_of(selection))
    except REFUSALS as why:
        return refused(why, NO_PROMPT)
    return ready(figure, said(figure, result), digests)


def ranked_by(style: Style, result: Any, by: str | None) -> Style:
    """By attribution where that is asked for and there is any."""
    known = not (result.attribution != result.attribution).any()  # NaN differs from itself
    return replace(style, quantity=by if known or by != "attribution" else None)


def _options(page: Page) -> dict[str, Any]:
    """The neuron on screen, as the page asks for it (assets/67-neurons.js)."""
    chosen, n_layers = page.selection, page.engine.facts(page.experiment.model).n_layers
    of_head = n_layers - 1 if chosen.primary is None else chosen.primary.layer
    asked = {"layer": chosen.layers[-1], "neuron": chosen.neuron} if chosen.layers else {"layer": of_head}
    return settled_options(page.engine, page.experiment, asked)


def _recipe(page: Page, intervened: bool) -> AnyRecipe:
    return page.experiment.recipe(KIND, intervened=intervened, **_options(page))


def _behind(page: Page) -> Result:
    return shown(page.asked(_recipe), _options(page))


def _part(page: Page) -> str:
    return "L{layer}N{neuron}".format(**_options(page))


def _read(page: Page, result: Result, style: Style) -> Style:
    return ranked_by(style, result, page.residual.neurons.by)


NEURONS: dict[str, Source] = {
    ids.NEURONS: Source(_recipe, _behind, read=_read, part=_part),
    ids.NEURON_CARD: Source(_recipe, _behind, figure=lambda page: "neuron_card", part=_part),
}
"""Panel -> what is behind it, for export."""


def register(app: Dash, engine: Engine) -> None:
    """One callback that computes, one per panel that draws."""
    store = ids.DIGESTS.format(KIND)
    app.callback(
        Output(store, "data"), Input(ids.EXPERIMENT, "data"), Input(ids.STATUS, "data"),
        Input(ids.NEURONS_ASKED, "data"), State(store, "data"), prevent_initial_call=True,
        running=[(Output(ids.BUSY.format(panel, KIND), "className"), "mt-busy is-on", "mt-busy") for panel in FIGURES],
    )(functools.partial(evaluate, engine))  # fmt: skip
    for panel in FIGURES:
        app.callback(
            outputs(panel), Input(store, "data"), Input(ids.SHOWN, "data"), Input(ids.NEURONS_SHOWN, "data"),
            State(ids.VIEW, "data"), State(ids.EXPERIMENT, "data"), State(ids.SELECTION, "data"),
            prevent_initial_call=True,
        )(functools.partial(draw, engine, panel))  # fmt: skip
