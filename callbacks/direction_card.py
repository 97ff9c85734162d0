"""The card of the direction that is looked at: computed once per direction, model and library; the page draws it."""

import functools
from typing import Any

from dash import Dash, Input, Output, State

from app.domain.direction_card import DirectionCardResult
from app.domain.directions import NamedDirection
from app.domain.experiment import Experiment
from app.domain.recipes import AnyRecipe
from app.domain.residual_asked import ResidualAsked
from app.domain.session import chosen_direction, directions_json
from app.engine import Engine
from app.figures.direction_card import card_lines
from app.figures.scales import short
from callbacks.evaluate import NOTHING, stored, wait_for_model
from callbacks.reading import (
    REFUSALS,
    Asked,
    Refused,
    directions_of,
    experiment_of,
    outputs,
    ready,
    refused,
    residual_of,
    view_of,
    wait_for_section,
)  # fmt: skip
from layouts import ids
from layouts.direction_card import NO_DIRECTION

KIND = "direction_card"
Library = tuple[NamedDirection, ...]


def card_recipe(experiment: Experiment, library: Library, asked: ResidualAsked) -> AnyRecipe:
    """Of the direction that is looked at, beside all others of the library."""
    chosen = chosen_direction(library, asked)
    if chosen is None:
        raise Refused(f"{NO_DIRECTION}.")
    spoken = directions_json(library)
    [own] = [each["direction"] for each in spoken if each["name"] == chosen.name]
    others = [each for each in spoken if each["name"] != chosen.name]
    return experiment.model_recipe(KIND, direction=own, others=others)


def evaluate(
    engine: Engine, store: Any, status: Any, changed: Any, view: Any, directions: Any, residual: Any, before: Any
) -> Any:
    """Make the direction and find what is near it; where that is."""

    def find() -> dict[str, Any]:
        wait_for_section(view_of(view), "direction")
        library, asked, experiment = directions_of(directions), residual_of(residual), experiment_of(store)
        chosen = chosen_direction(library, asked)
        if chosen is None:
            return NOTHING
        wait_for_model(engine, experiment)
        found = engine.evaluate(card_recipe(experiment, library, asked))
        return NOTHING | {"baseline": found.digest, "name": chosen.name}

    return stored(find, None, before)  # of no experiment: prompts and interventions do not change it


def draw(engine: Engine, digests: Any, directions: Any, residual: Any, store: Any) -> tuple[Any, ...]:
    """What the page draws, state, message, and the direction's name."""
    try:
        library, asked, experiment = directions_of(directions), residual_of(residual), experiment_of(store)
        recipe = card_recipe(experiment, library, asked)
        result: Any = Asked(engine, experiment, digests, "baseline").known("baseline", recipe)
    except REFUSALS as why:
        return refused(why, f"{NO_DIRECTION}.")
    chosen = chosen_direction(library, asked)
    return ready(card_data(result), chosen.name if chosen else "")


def card_data(result: DirectionCardResult) -> dict[str, Any]:
    """Lines, and lists of names and numbers as they are written."""
    others = zip(result.other_names, result.cosines.tolist(), result.other_notes, strict=True)
    return {
        "lines": card_lines(result),
        "promoted": _rows(result.promoted_tokens, result.promoted_logits),
        "suppressed": _rows(result.suppressed_tokens, result.suppressed_logits),
        "nearest": _rows(result.nearest_tokens, result.nearest_cosines),
        "others": [{**_row(name, cosine), "note": note} for name, cosine, note in others],
    }


def _rows(tokens: Any, values: Any) -> list[dict[str, Any]]:
    return [_row(token, value) for token, value in zip(tokens.tolist(), values.tolist(), strict=True)]


def _row(name: str, value: float) -> dict[str, Any]:
    """NaN is no JSON."""
    return {"name": name, "value": None if value != value else value, "said": short(value) if value == value else "–"}


def register(app: Dash, engine: Engine) -> None:
    """One computes, one hands over."""
    names = (ids.DIRECTIONS, ids.RESIDUAL)
    store = ids.DIGESTS.format(KIND)
    app.callback(
        Output(store, "data"), Input(ids.EXPERIMENT, "data"), Input(ids.STATUS, "data"),
        Input(ids.DIRECTION_ASKED, "data"), State(ids.VIEW, "data"), *(State(name, "data") for name in names),
        State(store, "data"), prevent_initial_call=True,
        running=[(Output(ids.BUSY.format(ids.DIRECTION_CARD, KIND), "className"), "mt-busy is-on", "mt-busy")],
    )(functools.partial(evaluate, engine))  # fmt: skip
    app.callback(
        outputs(ids.DIRECTION_CARD, "data"), Input(store, "data"), *(State(name, "data") for name in names),
        State(ids.EXPERIMENT, "data"), prevent_initial_call=True,
    )(functools.partial(draw, engine))  # fmt: skip
