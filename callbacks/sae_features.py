"""Features of the autoencoder in a folder, and the card of one of them: computed while their section is on screen.

The folder is read once, before anything is computed through it. What is asked for travels in one store, what ranks the
features in another (assets/67-sae-features.js).
"""

import functools
from typing import Any

from dash import Dash, Input, Output, State
from dash.exceptions import PreventUpdate

from app.domain.errors import BadInput
from app.domain.experiment import Experiment
from app.domain.recipes import AnyRecipe
from app.domain.results import Result, difference
from app.domain.views import Style
from app.engine import Engine
from app.figures.ranking import ranked_style
from app.figures.sae_features import reconstruction_said, sae_feature_bars, sae_feature_card
from callbacks.evaluate import NOTHING, stored, too_long, wait_to_run
from callbacks.exported_source import Page, Source
from callbacks.folders import read_folder
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
from layouts.sae_features import NO_FOLDER

KIND = "sae_features"
FIGURES = {ids.SAE_FEATURES: sae_feature_bars, ids.SAE_CARD: sae_feature_card}


def evaluate(engine: Engine, store: Any, status: Any, asked: Any, before: Any) -> Any:
    """Compute both runs, and say where they are and of what."""
    if not isinstance(asked, dict):
        raise PreventUpdate
    return stored(lambda: _stored(engine, experiment_of(store), asked), store, before)


def _stored(engine: Engine, experiment: Experiment, asked: dict[str, Any]) -> dict[str, Any]:
    if set(asked) != {"folder", "fingerprint", "feature"}:
        raise BadInput("The page asks for no features that there are; reload it.")
    wait_to_run(engine, experiment)
    why = too_long(engine, experiment, KIND)
    if why:
        return NOTHING | {"error": why}
    options = settled_options(engine, experiment, asked)
    runs = {"baseline": False} | ({"intervened": True} if experiment.has_interventions else {})
    found = {run: engine.evaluate(recipe_of(experiment, changed, options)) for run, changed in runs.items()}
    return NOTHING | {run: result.digest for run, result in found.items()} | {"options": options}


def recipe_of(experiment: Experiment, intervened: bool, options: dict[str, Any]) -> AnyRecipe:
    """Of the prompt on screen, with the whole set as texts in which a feature is looked for."""
    prompts = experiment.prompt_set
    here = prompts.index(experiment.prompt) if experiment.prompt in prompts else 0
    return experiment.set_recipe(KIND, intervened=intervened, prompt=here, **options)


def settled_options(engine: Engine, experiment: Experiment, asked: dict[str, Any]) -> dict[str, Any]:
    """The recipe's fields, with the feature that the baseline chooses where none is asked for: both runs show one."""
    if asked["feature"] is not None:
        return asked
    baseline: Any = engine.evaluate(recipe_of(experiment, False, asked))
    return asked | {"feature": baseline.feature}


def shown(asked: Asked, options: dict[str, Any]) -> Result:
    """A run, or the difference of both."""
    runs = {run: recipe_of(asked.experiment, run == "intervened", options) for run in asked.needed}
    first, *rest = [asked.known(run, recipe) for run, recipe in runs.items()]
    return difference(first, rest[0]) if rest else first


def draw(
    engine: Engine, panel: str, digests: Any, changed: Any, by: Any, view: Any, store: Any, selection: Any
) -> tuple[Any, ...]:
    """Figure, state, message, of what."""
    try:
        looks, experiment = view_of(view), experiment_of(store)
        if by == "":  # no folder is named
            raise Refused(NO_FOLDER)
        asked = Asked(engine, experiment, digests, looks.show)
        asked.digest(asked.needed[0])  # says why there is nothing, before a recipe is made of nothing
        result: Any = shown(asked, digests["options"])
        style = ranked_style(style_of(looks), result.attribution, by.partition(" ")[0] if isinstance(by, str) else None)
        figure = FIGURES[panel](result, style, selection_of(selection))
    except REFUSALS as why:
        return refused(why, NO_FOLDER)
    of = said(figure, result)
    lost = f". {reconstruction_said(result, style)}" if panel == ids.SAE_FEATURES else ""
    return ready(figure, of + lost, digests)


def autoencoder_folder(engine: Engine, folder: Any, status: Any, store: Any) -> tuple[Any, str]:
    """What is in the folder, for the reducer, or why it is no autoencoder for this model; again once that is ready."""
    return read_folder(engine, lambda spec, path: engine.read_autoencoder(spec, path)[0], folder, store)


def _options(page: Page) -> dict[str, Any]:
    asked = page.residual.features
    if not asked.folder:
        raise Refused(NO_FOLDER)
    return settled_options(page.engine, page.experiment, asked.options)


def _recipe(page: Page, intervened: bool) -> AnyRecipe:
    return recipe_of(page.experiment, intervened, _options(page))


def _behind(page: Page) -> Result:
    return shown(page.asked(_recipe), _options(page))


def _part(page: Page) -> str:
    return f"feature-{_options(page)['feature']}"


def _read(page: Page, result: Any, style: Style) -> Style:
    return ranked_style(style, result.attribution, page.residual.features.by)


FEATURES: dict[str, Source] = {
    ids.SAE_FEATURES: Source(_recipe, _behind, read=_read),
    ids.SAE_CARD: Source(_recipe, _behind, figure=lambda page: "sae_feature_card", part=_part),
}
"""Panel -> what is behind it, for export."""


def register(app: Dash, engine: Engine) -> None:
    """One callback that computes, one per panel that draws, and the folder."""
    store = ids.DIGESTS.format(KIND)
    app.callback(
        Output(store, "data"), Input(ids.EXPERIMENT, "data"), Input(ids.STATUS, "data"),
        Input(ids.SAE_ASKED, "data"), State(store, "data"), prevent_initial_call=True,
        running=[(Output(ids.BUSY.format(panel, KIND), "className"), "mt-busy is-on", "mt-busy") for panel in FIGURES],
    )(functools.partial(evaluate, engine))  # fmt: skip
    for panel in FIGURES:
        app.callback(
            outputs(panel), Input(store, "data"), Input(ids.SHOWN, "data"), Input(ids.SAE_SHOWN, "data"),
            State(ids.VIEW, "data"), State(ids.EXPERIMENT, "data"), State(ids.SELECTION, "data"),
            prevent_initial_call=True,
        )(functools.partial(draw, engine, panel))  # fmt: skip
    app.callback(
        Output(ids.SAE_READ, "data"), Output(ids.SAE_SAID, "children"), Input(ids.SAE_FOLDER, "value"),
        Input(ids.STATUS, "data"), State(ids.EXPERIMENT, "data"), prevent_initial_call=True,
    )(functools.partial(autoencoder_folder, engine))  # fmt: skip
