"""The *Geometry* section: computed while it is on screen, drawn from the results.

Which numbers are drawn by layer, and what colours the map, are readings that the page switches itself
(app/figures/readings.py).
"""

from dataclasses import replace
from typing import Any

import plotly.graph_objects as go

from app.domain.direction_card import DirectionCard
from app.domain.directions import NamedDirection
from app.domain.experiment import Experiment
from app.domain.recipes import AnyRecipe
from app.domain.residual_asked import MapAsked, ResidualAsked
from app.domain.session import chosen_direction
from app.domain.views import Selection
from app.engine import Engine
from app.figures.activation_map import activation_map_scatter, colours_of, on_page, spread
from app.figures.readings import with_readings
from app.figures.residual_geometry import DRAWN, named_position, position_of, residual_geometry_lines
from callbacks.evaluate import NOTHING, runs, stored, too_long, wait_to_run
from callbacks.on_page import OnPage
from callbacks.reading import (
    REFUSALS,
    Asked,
    Refused,
    directions_of,
    experiment_of,
    ready,
    refused,
    residual_of,
    selection_of,
    style_of,
    view_of,
    wait_for_section,
)  # fmt: skip
from layouts.geometry import PRESS_COMPUTE, SLOW
from layouts.workspaces import NO_PROMPT

OF_POINTS = ("x", "y", "hovertext")
"""Of points, the same however they are coloured."""
ONE_RUN = "A map of activations is of one run: show Baseline or Intervened above."


def map_recipes(
    engine: Engine, experiment: Experiment, residual: ResidualAsked, selection: Selection
) -> dict[str, AnyRecipe]:
    """The baseline's recipe, and the intervened run's where an intervention is on."""
    options = map_options(residual.map, engine.facts(experiment.model).n_layers, experiment, selection)
    found = {"baseline": experiment.set_recipe("activation_map", **options)}
    if experiment.has_interventions:
        found["intervened"] = experiment.set_recipe("activation_map", intervened=True, **options)
    return found


def onto(experiment: Experiment, residual: ResidualAsked, library: tuple[NamedDirection, ...]) -> DirectionCard | None:
    """What has the direction that points are projected on; None while something else colours them."""
    chosen = chosen_direction(library, residual) if residual.map.colour == "projection" else None
    return None if chosen is None else DirectionCard(model=experiment.model, direction=chosen.direction)


def map_options(asked: MapAsked, n_layers: int, experiment: Experiment, selection: Selection) -> dict[str, Any]:
    """The recipe's fields: where no layer is named the selected one that was last clicked, else the last; both sides
    where every pair has them."""
    paired = all(pair.corrupted is not None for pair in experiment.prompt_set)
    layers = (n_layers - 1, *selection.layers) if asked.layer is None else (asked.layer,)
    layer = min(layers[-1], n_layers - 1)
    options = {name: getattr(asked, name) for name in ("activation", "positions", "method", "neighbours", "seed")}
    return options | {"layer": layer, "both": asked.both and paired}


def answer_lines(engine: Engine, sent: OnPage) -> tuple[Any, ...]:
    """The lines by layer, at the token that is selected."""
    try:
        shown, experiment, chosen = view_of(sent.view), experiment_of(sent.experiment), selection_of(sent.selection)
        wait_for_section(shown, "geometry")
        digests = stored(lambda: _lines_evaluated(engine, experiment), sent.experiment, None)
        result: Any = Asked(engine, experiment, digests, shown.show).shown("residual_geometry")

        def drawing(name: str) -> go.Figure:
            return residual_geometry_lines(result, replace(style_of(shown), quantity=name), chosen)

        figure = with_readings(residual_of(sent.residual).geometry.drawn, DRAWN, drawing, result.provenance.model)
    except REFUSALS as why:
        return refused(why, NO_PROMPT)
    at = named_position(result.str_tokens, position_of(result.str_tokens, chosen))
    return ready(figure, f"at {at}, {shown.show}", digests)


def _lines_evaluated(engine: Engine, experiment: Experiment) -> dict[str, Any]:
    wait_to_run(engine, experiment)
    why = too_long(engine, experiment, "residual_geometry")
    if why:
        return NOTHING | {"error": why}
    found = runs(experiment, "residual_geometry")
    return NOTHING | {run: engine.evaluate(recipe).digest for run, recipe in found.items()}


def answer_map(engine: Engine, sent: OnPage) -> tuple[Any, ...]:
    """The points of the whole prompt set, in the colours that are asked for and in all others."""
    try:
        shown, asked, experiment = view_of(sent.view), residual_of(sent.residual), experiment_of(sent.experiment)
        wait_for_section(shown, "geometry")
        if shown.show == "difference":
            raise Refused(ONE_RUN)
        wait_to_run(engine, experiment)
        found = map_recipes(engine, experiment, asked, selection_of(sent.selection))
        digests = stored(lambda: _map_evaluated(engine, found), sent.experiment, None)
        result = map_shown(Asked(engine, experiment, digests, shown.show), found)
        card = onto(experiment, asked, directions_of(sent.directions))
        beside: Any = () if card is None else (engine.evaluate(card),)

        def drawing(name: str) -> go.Figure:
            style = replace(style_of(shown), quantity=name)
            return on_page(activation_map_scatter(result, style, selection_of(None), *beside))

        names = [name for name in colours_of(result) if name != "projection" or beside]
        figure = with_readings(asked.map.colour, names, drawing, result.provenance.model, OF_POINTS)
    except REFUSALS as why:
        return refused(why, NO_PROMPT)
    said = ", ".join(filter(None, (f"{len(result.norm)} points", spread(result), shown.show)))
    return ready(figure, said, digests)


def _map_evaluated(engine: Engine, recipes: dict[str, AnyRecipe]) -> dict[str, Any]:
    """What takes long is only looked for."""
    slow = any(getattr(recipe, "method", None) in SLOW for recipe in recipes.values())
    for recipe in recipes.values():
        engine.check(recipe) if slow else engine.evaluate(recipe)
    return NOTHING | {run: engine.digest(recipe) for run, recipe in recipes.items()}


def map_shown(asked: Asked, recipes: dict[str, AnyRecipe]) -> Any:
    """The map of the run on screen, or what to press where it takes long and is not there."""
    digest, recipe = asked.digest(asked.show), recipes.get(asked.show, recipes["baseline"])
    method = getattr(recipe, "method", "")
    if method in SLOW and asked.engine.result(digest) is None:
        raise Refused(PRESS_COMPUTE.format(SLOW[method]))
    return asked.known(asked.show, recipe)
