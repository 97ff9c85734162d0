"""The *Geometry* section: computed while it is on screen, drawn from the results.

What is asked travels in stores of their own (assets/69-geometry.js), which change with nothing else and are null while
another section is on screen.
"""

import functools
from dataclasses import replace
from typing import Any

from dash import Dash, Input, Output, State
from dash.exceptions import PreventUpdate

from app.domain.directions import NamedDirection
from app.domain.experiment import Experiment
from app.domain.recipes import AnyRecipe
from app.domain.residual_asked import MapAsked, ResidualAsked
from app.domain.session import chosen_direction
from app.engine import Engine
from app.figures.activation_map import activation_map_scatter, spread
from app.figures.residual_geometry import named_position, position_of, residual_geometry_lines
from callbacks.evaluate import NOTHING, runs, stored, too_long, wait_to_run
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
    selection_of,
    style_of,
    view_of,
    wait_for_section,
)  # fmt: skip
from layouts import ids
from layouts.workspaces import NO_PROMPT

ONE_RUN = "A map of activations is of one run: show Baseline or Intervened above."


def evaluate(engine: Engine, store: Any, status: Any, view: Any, before: Any) -> Any:
    """The numbers by layer of the prompt on screen."""

    def find() -> dict[str, Any]:
        wait_for_section(view_of(view), "geometry")
        experiment = experiment_of(store)
        wait_to_run(engine, experiment)
        why = too_long(engine, experiment, "residual_geometry")
        if why:
            return NOTHING | {"error": why}
        found = runs(experiment, "residual_geometry")
        return NOTHING | {run: engine.evaluate(recipe).digest for run, recipe in found.items()}

    return stored(find, store, before)


def evaluate_map(
    engine: Engine, store: Any, status: Any, asked: Any, library: Any, view: Any, residual: Any, before: Any
) -> Any:
    """The map of the whole prompt set."""
    if not asked:
        raise PreventUpdate

    def find() -> dict[str, Any]:
        wait_for_section(view_of(view), "geometry")
        experiment = experiment_of(store)
        wait_to_run(engine, experiment)
        found = map_recipes(engine, experiment, residual_of(residual), directions_of(library))
        return NOTHING | {run: engine.evaluate(recipe).digest for run, recipe in found.items()}

    return stored(find, store, before)


def map_recipes(
    engine: Engine, experiment: Experiment, residual: ResidualAsked, library: tuple[NamedDirection, ...]
) -> dict[str, AnyRecipe]:
    """The baseline's recipe, and the intervened run's where an intervention is on."""
    chosen = chosen_direction(library, residual) if residual.map.colour == "projection" else None
    options = map_options(residual.map, engine.facts(experiment.model).n_layers, experiment)
    found = {"baseline": experiment.set_recipe("activation_map", **options)}
    if experiment.has_interventions:
        found["intervened"] = experiment.set_recipe("activation_map", intervened=True, **options)
    direction = None if chosen is None else chosen.direction
    return {run: replace(recipe, direction=direction) for run, recipe in found.items()}  # pyright: ignore[reportCallIssue]  # a map


def map_options(asked: MapAsked, n_layers: int, experiment: Experiment) -> dict[str, Any]:
    """The recipe's fields: the last layer where none is named, both sides where every pair has them."""
    paired = all(pair.corrupted is not None for pair in experiment.prompt_set)
    layer = n_layers - 1 if asked.layer is None else min(asked.layer, n_layers - 1)
    options = {name: getattr(asked, name) for name in ("activation", "positions", "method", "neighbours", "seed")}
    return options | {"layer": layer, "both": asked.both and paired}


def draw(
    engine: Engine, digests: Any, changed: Any, asked: Any, view: Any, experiment: Any, residual: Any, selection: Any
) -> tuple[Any, ...]:
    """The lines by layer, at the token that is selected."""
    try:
        shown, chosen = view_of(view), selection_of(selection)
        result: Any = Asked(engine, experiment_of(experiment), digests, shown.show).shown("residual_geometry")
        style = replace(style_of(shown), quantity=residual_of(residual).geometry.drawn)
        figure = residual_geometry_lines(result, style, chosen)
    except REFUSALS as why:
        return refused(why, NO_PROMPT)
    at = named_position(result.str_tokens, position_of(result.str_tokens, chosen))
    return ready(figure, f"at {at}, {shown.show}", digests)


def draw_map(
    engine: Engine, digests: Any, changed: Any, colour: Any, view: Any, experiment: Any, residual: Any, library: Any
) -> tuple[Any, ...]:
    """The points, in the colours that are asked for."""
    try:
        shown, asked = view_of(view), residual_of(residual)
        if shown.show == "difference":
            raise Refused(ONE_RUN)
        there = experiment_of(experiment)
        found = map_recipes(engine, there, asked, directions_of(library))
        recipe = found.get(shown.show, found["baseline"])
        result: Any = Asked(engine, there, digests, shown.show).known(shown.show, recipe)
        figure = activation_map_scatter(result, replace(style_of(shown), quantity=asked.map.colour), selection_of(None))
    except REFUSALS as why:
        return refused(why, NO_PROMPT)
    said = ", ".join(filter(None, (f"{len(result.norm)} points", spread(result), shown.show)))
    return ready(figure, said, digests)


def register(app: Dash, engine: Engine) -> None:
    """One computing and one drawing callback per panel."""
    experiment, view, residual = ids.EXPERIMENT, ids.VIEW, State(ids.RESIDUAL, "data")
    lines, points = ids.DIGESTS.format("residual_geometry"), ids.DIGESTS.format("activation_map")
    app.callback(
        Output(lines, "data"), Input(experiment, "data"), Input(ids.STATUS, "data"), Input(view, "data"),
        State(lines, "data"), prevent_initial_call=True, running=_busy(ids.GEOMETRY, "residual_geometry"),
    )(functools.partial(evaluate, engine))  # fmt: skip
    app.callback(
        Output(points, "data"), Input(experiment, "data"), Input(ids.STATUS, "data"), Input(ids.MAP_ASKED, "data"),
        State(ids.DIRECTIONS, "data"), State(view, "data"), residual, State(points, "data"), prevent_initial_call=True,
        running=_busy(ids.ACTIVATION_MAP, "activation_map"),
    )(functools.partial(evaluate_map, engine))  # fmt: skip
    app.callback(
        outputs(ids.GEOMETRY), Input(lines, "data"), Input(ids.SHOWN, "data"), Input(ids.GEOMETRY_ASKED, "data"),
        State(view, "data"), State(experiment, "data"), residual, State(ids.SELECTION, "data"),
        prevent_initial_call=True,
    )(functools.partial(draw, engine))  # fmt: skip
    app.callback(
        outputs(ids.ACTIVATION_MAP), Input(points, "data"), Input(ids.SHOWN, "data"), Input(ids.MAP_COLOURED, "data"),
        State(view, "data"), State(experiment, "data"), residual, State(ids.DIRECTIONS, "data"),
        prevent_initial_call=True,
    )(functools.partial(draw_map, engine))  # fmt: skip


def _busy(panel: str, kind: str) -> list[tuple[Output, str, str]]:
    return [(Output(ids.BUSY.format(panel, kind), "className"), "mt-busy is-on", "mt-busy")]
