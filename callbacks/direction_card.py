"""The card of the direction that is looked at: computed once per direction, model and library; the page draws it."""

from typing import Any

from app.domain.direction_card import DirectionCardResult
from app.domain.directions import NamedDirection
from app.domain.experiment import Experiment
from app.domain.recipes import AnyRecipe
from app.domain.residual_asked import ResidualAsked
from app.domain.session import chosen_direction, directions_json
from app.engine import Engine
from app.figures.direction_card import card_lines
from app.figures.scales import short
from callbacks.evaluate import wait_for_model
from callbacks.on_page import OnPage
from callbacks.reading import (
    REFUSALS,
    Refused,
    directions_of,
    experiment_of,
    ready,
    refused,
    residual_of,
    view_of,
    wait_for_section,
)  # fmt: skip
from layouts.direction_card import NO_DIRECTION

KIND = "direction_card"
LEAST = 0.0005
"""Smallest cosine that is written."""
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


def answer(engine: Engine, sent: OnPage) -> tuple[Any, ...]:
    """What the page draws, state, message, and the direction's name."""
    try:
        wait_for_section(view_of(sent.view), "direction")
        library, asked = directions_of(sent.directions), residual_of(sent.residual)
        experiment = experiment_of(sent.experiment)
        recipe = card_recipe(experiment, library, asked)
        wait_for_model(engine, experiment)
        result: Any = engine.evaluate(recipe)
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
        "nearest": _cosines(_rows(result.nearest_tokens, result.nearest_cosines)),
        "others": _cosines([{**_row(name, cosine), "note": note} for name, cosine, note in others]),
    }


def _cosines(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of cosines three decimals: what is less is a right angle but for rounding."""
    return [row if row["value"] is None or abs(row["value"]) >= LEAST else {**row, "said": "0"} for row in rows]


def _rows(tokens: Any, values: Any) -> list[dict[str, Any]]:
    return [_row(token, value) for token, value in zip(tokens.tolist(), values.tolist(), strict=True)]


def _row(name: str, value: float) -> dict[str, Any]:
    """NaN is no JSON."""
    return {"name": name, "value": None if value != value else value, "said": short(value) if value == value else "–"}
