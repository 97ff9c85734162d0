"""The words and the button beside a sweep (layouts/sweep_strip.py): what runs, what is done, what there is to do.

`describe_sweep` answers at once: done, or that what it takes is being counted; `count_sweep` then says what it takes,
which may wait for the turn of what runs. The button is off while its sweep runs or waits, which the page itself knows
by Cancel being on, and where nothing is left to do.
"""

import functools
import time
from typing import Any

import numpy as np
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update
from dash.exceptions import PreventUpdate

from app.domain.errors import MicrotomeError
from app.engine import Engine
from callbacks import sweep
from callbacks.sweep import OnScreen, Slot, Wanted, missing, on_screen
from layouts import ids

COUNTING = "counting what it takes"
LEFT = " · the one before was stopped, its {} are kept"


def describe_sweep(
    engine: Engine, slot: Slot, clicks: Any, ended: Any, view: Any, asked: Any, status: Any, idle: Any, request: Any,
    before: Any, experiment: Any, *stores: Any,
) -> tuple[Any, ...]:  # fmt: skip
    """Progress, words, what the button says, whether it is done with, and what is to be counted. Asked again when a
    sweep has ended: by then another run may be on screen than it was for. `idle` is whether Cancel is off."""
    try:
        page = on_screen(engine, slot, view, asked, experiment, stores)
        if engine.status(page.experiment.model).facts is None:
            raise PreventUpdate
        return _described(slot, page, [] if idle is not False else _digests(request), before)
    except MicrotomeError as error:
        return no_update, str(error), no_update, no_update, no_update


def _described(slot: Slot, page: OnScreen, running: list[Any], before: Any) -> tuple[Any, ...]:
    """`running` are the digests that are computed for this panel."""
    wanted = missing(slot, page)
    if wanted is None:
        return no_update, "", slot.start(page, False), True, None  # nothing that could be started
    resumed = any(_begun(page.engine.partial(digest)) for digest in wanted)
    start = slot.start(page, resumed)
    if ctx.triggered_id == slot.part(ids.CANCEL):
        return 0, slot.cancelled, start, not wanted, None
    if not wanted:
        return no_update, slot.done, start, True, None
    if not wanted.keys().isdisjoint(running):
        return no_update, no_update, start, False, no_update  # its progress is what is said
    return no_update, COUNTING, start, False, _to_count(wanted, running, before)


def _to_count(wanted: Wanted, running: list[Any], before: Any) -> dict[str, Any]:
    """What is to be counted, and whether something else was stopped for it: said until other things are wanted."""
    digests = list(wanted)
    same = isinstance(before, dict) and before.get("digests") == digests
    return {"digests": digests, "left": bool(running) or (same and bool(before.get("left"))), "asked": time.time()}


def _digests(request: Any) -> list[Any]:
    found = request.get("digests") if isinstance(request, dict) else None
    return found if isinstance(found, list) else []


def _begun(partial: Any) -> bool:
    """Whether a partial sweep has any cell."""
    cells = getattr(partial, "values", getattr(partial, "exact", None))
    return cells is not None and bool(np.isfinite(cells).any())


def count_sweep(engine: Engine, slot: Slot, counted: Any, view: Any, asked: Any, experiment: Any, *stores: Any) -> str:
    """What there is to do and what it takes."""
    if not isinstance(counted, dict):
        raise PreventUpdate
    try:
        page = on_screen(engine, slot, view, asked, experiment, stores)
        wanted = missing(slot, page)
        if not wanted:
            raise PreventUpdate
        said = slot.cost(page, list(wanted.values()))
    except MicrotomeError as error:
        return str(error)
    return said + (LEFT.format(slot.unit) if counted.get("left") else "")


def register(app: Dash, engine: Engine, slot: Slot) -> None:
    """The sweep of one panel, and the words around it."""
    sweep.register(app, engine, slot)
    hears = State if slot.asks == ids.SWEEP else Input  # the digests of a sweep follow it
    stores, text = [ids.DIGESTS.format(kind) for kind in slot.kinds], slot.part(ids.PROGRESS_TEXT)
    done, counted, cancel = (slot.part(part) for part in (ids.DONE, ids.COUNTED, ids.CANCEL))
    app.callback(
        Output(slot.part(ids.PROGRESS), "value", allow_duplicate=True), Output(text, "children", allow_duplicate=True),
        Output(slot.part(ids.START), "children"), Output(done, "data"), Output(counted, "data"),
        Input(cancel, "n_clicks"), Input(slot.part(ids.ENDED), "data"), Input(ids.VIEW, "data"),
        hears(slot.asks, "data"), Input(ids.STATUS, "data"), State(cancel, "disabled"),
        State(slot.part(ids.REQUEST), "data"), State(counted, "data"), State(ids.EXPERIMENT, "data"),
        *(Input(store, "data") for store in stores), prevent_initial_call=True,
    )(functools.partial(describe_sweep, engine, slot))  # fmt: skip
    app.callback(
        Output(text, "children", allow_duplicate=True), Input(counted, "data"),
        State(ids.VIEW, "data"), State(slot.asks, "data"), State(ids.EXPERIMENT, "data"),
        *(State(store, "data") for store in stores), prevent_initial_call=True,
    )(functools.partial(count_sweep, engine, slot))  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("microtome", "startIsOff"), Output(slot.part(ids.START), "disabled"),
        Input(done, "data"), Input(cancel, "disabled"), prevent_initial_call=True,
    )  # fmt: skip
