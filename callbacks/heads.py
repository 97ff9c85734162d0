"""Where the numbers of the heads are, what they still need, and reading the one that is chosen.

One store holds the digests of every source of the experiment on screen (app/domain/head_choices.py): `{"sources":
{source: {"baseline", "intervened", "error"} | {"lacks": what to give first}}, "error"}`. Nothing is computed for that.
"""

import functools
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from dash import Dash, Input, Output, State, no_update
from dash.exceptions import PreventUpdate

from app.analyses import ANALYSES
from app.domain.directions import AnyDirection
from app.domain.errors import BadLink, MicrotomeError
from app.domain.experiment import Experiment
from app.domain.head_choices import CHOICES, SOURCES, HeadSource
from app.domain.recipes import AnyRecipe, parse_recipe, recipe_dict
from app.domain.results import Result
from app.domain.views import Show
from app.engine import Engine
from callbacks.evaluate import NOTHING, has_answers, wait_to_run
from callbacks.reading import Asked, Refused, digests_of, directions_of, experiment_of, numbered, sources_of
from callbacks.sweep import OnScreen
from layouts import ids
from layouts.head_matrix import NO_ANSWERS

KIND = "heads"
NO_DIRECTION = "This number is along a direction: choose one, or make one in the rail's library with + new."
NO_PAIR = "This number compares two prompts: give a corrupted prompt in the rail, then press Run."


def lacking(experiment: Experiment, source: HeadSource, along: AnyDirection | None = None) -> str | None:
    """What must be given before there are numbers, None where nothing is missing."""
    if source.needs == "direction":
        return None if along else NO_DIRECTION
    if source.needs != "nothing" and not has_answers(experiment):
        return NO_ANSWERS
    return NO_PAIR if source.needs == "pair" and experiment.prompt.corrupted is None else None


def recipe_of(
    experiment: Experiment, name: str, *, intervened: bool = False, along: AnyDirection | None = None
) -> AnyRecipe:
    """The recipe of one source, `along` the direction that is looked at; what is of the model alone has neither prompts
    nor interventions."""
    source = SOURCES[name]
    if source.alone:
        return parse_recipe({"kind": source.kind, "model": asdict(experiment.model), **source.options})
    pair = experiment.prompt
    on = {"projection": {"tokens": pair.answer, "minus": pair.incorrect_answer}, "along": {"direction": along}}
    return experiment.recipe(source.kind, intervened=intervened, **source.options, **on.get(name, {}))


def address_heads(engine: Engine, store: Any, status: Any, looked_at: Any, before: Any) -> Any:
    """The digests of every source."""
    try:
        experiment = experiment_of(store)
        along = _direction(looked_at)
        wait_to_run(engine, experiment)
        found = {"sources": {name: _addressed(engine, experiment, name, along) for name in SOURCES}, "error": None}
        found |= {"along": looked_at["name"]} if along else {}
    except MicrotomeError as error:
        found = {"sources": {}, "error": str(error)}
    found = numbered(found, store)
    return no_update if found == before else found


def _direction(looked_at: Any) -> AnyDirection | None:
    """The direction that is looked at, as the page names it."""
    return directions_of([looked_at])[0].direction if looked_at else None


def _addressed(engine: Engine, experiment: Experiment, name: str, along: AnyDirection | None) -> dict[str, Any]:
    """Digests; along a direction with the recipes, because the experiment does not say which it is."""
    why = lacking(experiment, SOURCES[name], along)
    if why:
        return {"lacks": why}
    runs = {"baseline": False, "intervened": True} if experiment.has_interventions else {"baseline": False}
    try:
        recipes = {run: recipe_of(experiment, name, intervened=changed, along=along) for run, changed in runs.items()}
        for recipe in recipes.values():
            engine.check(recipe)
    except MicrotomeError as error:
        return NOTHING | {"error": str(error)}
    spoken = {"recipes": {run: recipe_dict(recipe) for run, recipe in recipes.items()}} if name == "along" else {}
    return NOTHING | {run: engine.digest(recipe) for run, recipe in recipes.items()} | spoken


# reading them


def shown_of(source: HeadSource, show: Show) -> Show:
    """The run that is read: what is of the model alone has one."""
    return "baseline" if source.alone else show


def start_words(name: str) -> str:
    """What the button says that computes this number."""
    return f"Sweep {CHOICES[name].label.removesuffix(' ablation')}" if is_sweep(name) else "Compute"


def is_sweep(name: str) -> bool:
    """Whether it takes an experiment per head, or some of them."""
    return SOURCES[CHOICES[name].source].kind in ("ablation", "activation_patching", "attribution_patching")


class NotComputed(Refused):
    """A number that nothing has computed yet; the button beside it does."""

    def __init__(self, name: str) -> None:
        super().__init__(not_computed((name,), start_words(name)))
        self.name = name


def not_computed(names: tuple[str, ...], press: str) -> str:
    """`Value patching and pattern patching are not computed yet: press Sweep both.`"""
    labels = " and ".join(CHOICES[name].label for name in names)
    return f"{labels[0].upper()}{labels[1:]} {'is' if len(names) == 1 else 'are'} not computed yet: press {press}."


def chosen(engine: Engine, experiment: Experiment, digests: Any, name: str, show: Show) -> Result:
    """The result that has the number, as far as it has come, or what is in the way."""
    choice = CHOICES[name]
    source = SOURCES[choice.source]
    asked = Asked(engine, experiment, _own(digests, choice.source), shown_of(source, show))
    if choice.source == "direct":
        return asked.shown(source.kind)
    missing = NotComputed(name)
    try:
        return asked.swept(str(missing), (ANALYSES[source.kind].result,))
    except Refused as why:
        raise (missing if str(why) == str(missing) else why) from None


def _own(digests: Any, source: str) -> dict[str, Any]:
    found = digests_of(digests)
    if found is None:
        raise PreventUpdate
    if found.get("error"):
        raise Refused(str(found["error"]), "error")
    own = digests_of(sources_of(found).get(source))
    if own is None:
        raise PreventUpdate
    if own.get("lacks"):
        raise Refused(str(own["lacks"]))
    return own


def recipe_of_run(page: OnScreen, source: str, run: str) -> AnyRecipe:
    """The recipe of one run of a source."""
    if source == "along":
        recipes = (digests_of(page.digests.get(source)) or {}).get("recipes")
        found = recipes.get(run) if isinstance(recipes, Mapping) else None
        if not isinstance(found, dict):
            raise BadLink("The page sent no recipe of its projection; reload it.")
        return parse_recipe(found)
    return recipe_of(page.experiment, source, intervened=run == "intervened")


def register(app: Dash, engine: Engine) -> None:
    """One store for all sources."""
    store = ids.DIGESTS.format(KIND)
    app.callback(
        Output(store, "data"), Input(ids.EXPERIMENT, "data"), Input(ids.STATUS, "data"),
        Input(ids.DIRECTION_LOOKED, "data"), State(store, "data"),
        prevent_initial_call=True,
    )(functools.partial(address_heads, engine))  # fmt: skip
