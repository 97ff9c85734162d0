"""The paths into one head: where their results are, running them, and drawing the map.

The receiver is the primary head, or the one that is held. It travels with the digests, so that running, drawing and
words are of the same one. How the numbers are read (metric, effect or recovered) is the sweep's own choice.
"""

import functools
from dataclasses import replace
from typing import Any

from dash import Dash, Input, Output, State

from app.domain.experiment import Experiment
from app.domain.recipes import AnyRecipe
from app.domain.session import Viewed, parse_selection
from app.domain.sites import Head
from app.domain.sweep_asked import SweepAsked
from app.domain.views import Selection
from app.engine import Engine
from app.figures.path_patching import path_heatmap
from callbacks import sweep as sweeping
from callbacks import sweep_strip
from callbacks.evaluate import NOTHING, stored, wait_to_run
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
    sweep_of,
    view_of,
)  # fmt: skip
from callbacks.side_by_side import NO_RATIO, lacking
from callbacks.sweep import OnScreen
from callbacks.sweep_map import SLOTS, cost_text, here
from layouts import ids
from layouts.path_patching import NO_HEAD, NO_PATHS, RUN
from layouts.sweep_map import RESUME

KIND = "paths"


def lacking_here(experiment: Experiment, sweep: SweepAsked, receiver: Head | None) -> str | None:
    """What must be given before there are paths, None where nothing is missing."""
    if receiver is None:
        return NO_HEAD
    if receiver.layer == 0:
        return f"{receiver} is in the first layer, so no head feeds it. Select a head of a later layer."
    return lacking(experiment, sweep, sweep.paths.direction)


def receiver_in(digests: Any) -> Head | None:
    """The receiver that a digest store is of."""
    found = (digests_of(digests) or {}).get("receiver")
    return None if found is None else parse_selection({"primary": found}).primary


# where the results are


def address_paths(
    engine: Engine, store: Any, status: Any, sweep: Any, view: Any, selection: Any, before: Any
) -> Any:  # fmt: skip
    """The digests of the runs, and their receiver; what must be given first is said by whoever draws."""

    def find() -> dict[str, Any]:
        here(view_of(view))
        return _addressed(engine, experiment_of(store), sweep_of(sweep), selection_of(selection))

    return stored(find, store, before)


def _addressed(engine: Engine, experiment: Experiment, sweep: SweepAsked, selection: Selection) -> dict[str, Any]:
    wait_to_run(engine, experiment)
    receiver = sweep.paths.into(selection)
    named = {"receiver": receiver and vars(receiver)}
    if receiver is None or lacking_here(experiment, sweep, receiver):
        return NOTHING | named
    runs = (False, True) if experiment.has_interventions else (False,)
    found = [sweep.paths.recipe(experiment, receiver, intervened=intervened) for intervened in runs]
    for recipe in found:
        engine.check(recipe)
    return NOTHING | dict(zip(sweeping.RUNS, map(engine.digest, found), strict=False)) | named


# running them


def _recipe(page: OnScreen, kind: str, run: str) -> AnyRecipe:
    receiver = receiver_in(page.digests[kind]) or Head(0, 0)
    return page.sweep.paths.recipe(page.experiment, receiver, intervened=run == "intervened")


SLOT = replace(
    SLOTS[0], panel=ids.PATHS, unit="paths", kinds=(KIND,), meant=lambda page: (KIND,), recipe=_recipe,
    cost=functools.partial(cost_text, unit="paths"), start=lambda page, resumed: RESUME if resumed else RUN,
)  # fmt: skip


# drawing


def swept_paths(engine: Engine, digests: Any, view: Viewed, sweep: SweepAsked, experiment: Experiment) -> Any:
    """The paths as far as they have come, or what is in the way."""
    found = digests_of(digests)
    given = found is not None and not found.get("error")
    why = lacking_here(experiment, sweep, receiver_in(found)) if given else None
    if why:
        raise Refused(why)
    if view.show == "difference" and sweep.normalised != "effect":
        raise Refused(NO_RATIO)
    return Asked(engine, experiment, digests, view.show).swept(NO_PATHS)


def draw_paths(
    engine: Engine, digests: Any, tick: Any, view: Any, sweep: Any, selection: Any, experiment: Any
) -> tuple[Any, ...]:
    """Figure, state, message, of what."""
    try:
        shown, wanted, asked = view_of(view), sweep_of(sweep), experiment_of(experiment)
        here(shown)
        result = swept_paths(engine, digests, shown, wanted, asked)
        figure = path_heatmap(result, style_of(shown, wanted), selection_of(selection))
    except REFUSALS as why:
        return refused(why, NO_HEAD)
    return ready(figure, said(figure, result), digests)


def register(app: Dash, engine: Engine) -> None:
    """Digests, runs, map. Marks follow the selection on the page; another receiver has other digests."""
    store, view, sweep = ids.DIGESTS.format(KIND), Input(ids.VIEW, "data"), Input(ids.SWEEP, "data")
    app.callback(
        Output(store, "data"), Input(ids.EXPERIMENT, "data"), Input(ids.STATUS, "data"), sweep, view,
        Input(ids.SELECTED_PATCH, "data"), State(store, "data"), prevent_initial_call=True,
    )(functools.partial(address_paths, engine))  # fmt: skip
    sweep_strip.register(app, engine, SLOT)
    app.callback(
        outputs(ids.PATHS), Input(store, "data"), Input(ids.TICK.format(ids.PATHS), "data"), view, sweep,
        State(ids.SELECTION, "data"), State(ids.EXPERIMENT, "data"), prevent_initial_call=True,
    )(functools.partial(draw_paths, engine))  # fmt: skip
