"""The exact sweep over all heads: asked for by hand or, for short prompts, by itself; streams, tells, can be cancelled.

`request_sweep` decides cheaply what is missing and writes a request; `sweep` runs it in the background. While it runs
it changes the tick, and the matrix and the table read what has been computed from the engine. The tick is never a
declared output: Dash holds back callbacks whose inputs a running callback may still write.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

from dash import Dash, Input, Output, State, ctx, no_update, set_props
from dash.exceptions import PreventUpdate

from app.domain.errors import Cancelled, MicrotomeError
from app.domain.session import Experiment, Viewed
from app.engine import Engine
from callbacks.reading import digests_of, experiment_of, view_of
from layouts import ids

BY_ITSELF = 64
"""Longest prompt, in tokens, whose zero sweep starts without being asked."""
EVERY_MS = 200
DRAWN_FIRST = ("prediction", "direct_logit_attribution", "residual_trajectory", "logit_lens")
ALL_DONE = "all heads done"
RUNS = ("baseline", "intervened")


def method_of(view: Viewed) -> str:
    """What the button sweeps: the quantity on screen, zero-ablation while that is direct attribution."""
    return view.quantity if view.quantity in ids.SWEEP_METHODS else "zero"


def _missing(engine: Engine, view: Viewed, digests: Any) -> list[str]:
    """The runs that the view shows and the cache does not have."""
    wanted = RUNS if view.show == "difference" else (view.show,)
    known = {run: digests.get(run) for run in wanted}
    return [run for run, digest in known.items() if isinstance(digest, str) and engine.result(digest) is None]


def request_sweep(
    engine: Engine, clicks: Any, view: Any, zero: Any, mean: Any, experiment: Any, before: Any, *drawn_first: Any
) -> Any:
    """What to sweep now, or nothing: finished, already asked for, or too long to start by itself.

    `drawn_first` are the cheap analyses: listening to them makes Dash wait until they are there.
    """
    try:
        return _requested(engine, view_of(view), {"zero": zero, "mean": mean}, experiment_of(experiment), before)
    except MicrotomeError:
        raise PreventUpdate from None


def _requested(engine: Engine, view: Viewed, stores: dict[str, Any], experiment: Experiment, before: Any) -> Any:
    method = method_of(view)
    pressed = ids.SWEEP_START in ctx.triggered_prop_ids.values()  # Dash joins a click with what arrives meanwhile
    digests = digests_of(stores[method])
    if not digests or digests.get("error"):
        raise PreventUpdate
    missing = _missing(engine, view, digests)
    request = {"method": method, "runs": missing, "digests": [digests[run] for run in missing]}
    asked = {name: before.get(name) for name in request} if isinstance(before, dict) else None
    if not missing or (not pressed and (asked == request or not _short(engine, experiment))):
        return no_update
    return request | {"run": time.time()}


def _short(engine: Engine, experiment: Experiment) -> bool:
    return len(engine.read_prompt(experiment.model, experiment.prompt.clean)) <= BY_ITSELF


def sweep(engine: Engine, set_progress: Any, request: Any, experiment: Any) -> tuple[Any, ...]:
    """Run what was asked for; returns progress, text and a mark of the end."""
    began = time.monotonic()
    try:
        heads = _sweep(engine, set_progress, request, experiment_of(experiment))
    except Cancelled:
        raise
    except MicrotomeError as error:
        return 0, str(error), None
    _tick()
    return 0, ALL_DONE, {"seconds_per_head": (time.monotonic() - began) / heads if heads else None}


def _wanted(request: Any) -> tuple[str, tuple[str, ...]]:
    """Method and runs of a request of ours, each run once; anything else is no request."""
    method, runs = (request.get("method"), request.get("runs")) if isinstance(request, dict) else (None, None)
    if method not in ids.SWEEP_METHODS or not isinstance(runs, list) or not all(run in RUNS for run in runs):
        raise PreventUpdate
    return method, tuple(dict.fromkeys(runs))


def _sweep(engine: Engine, set_progress: Any, request: Any, experiment: Experiment) -> int:
    """Every run that was asked for; how many heads that were."""
    method, asked = _wanted(request)
    for run in asked:
        recipe = experiment.recipe("head_ablation", intervened=run == "intervened", method=method)
        engine.evaluate(recipe, report=_teller(set_progress, _tick), urgent=False)
    facts = engine.facts(experiment.model)
    return len(asked) * facts.n_layers * facts.n_heads


def _teller(set_progress: Any, tick: Callable[[], None]) -> Any:
    """Turns reports into progress: share and words each time, a tick only where there are new cells, because every
    tick redraws matrix and table. `Cancelled` raised in it leaves the sweep."""
    began, drawn = time.monotonic(), 0

    def tell(done: int, total: int, partial: Any = None) -> None:
        nonlocal drawn
        left = (time.monotonic() - began) / done * (total - done) if done else None
        set_progress((100 * done / total, progress_text(done, total, left)))
        if done > drawn:
            drawn = done
            tick()

    return tell


def _tick() -> None:
    set_props(ids.SWEEP_TICK, {"data": time.time()})


def progress_text(done: int, total: int, left: float | None) -> str:
    """`142 / 270 heads · 1.3 s left`; before the first news, which is 0 of 1, that it waits."""
    if total <= 1:
        return "waiting for its turn"
    estimate = "estimating" if left is None else f"{left:.1f} s left" if left < 90 else f"{left / 60:.0f} min left"
    return f"{done} / {total} heads · {estimate}"


def name_method(view: Any) -> str:
    """What the button will sweep."""
    try:
        return method_of(view_of(view))
    except MicrotomeError:
        raise PreventUpdate from None


def describe_sweep(engine: Engine, view: Any, zero: Any, mean: Any, status: Any, experiment: Any, ended: Any) -> str:
    """In the strip while nothing runs: done, or how much there is to do; how long, once a sweep has been timed."""
    try:
        shown, asked = view_of(view), experiment_of(experiment)
        digests = digests_of({"zero": zero, "mean": mean}[method_of(shown)])
        state = engine.status(asked.model)
    except MicrotomeError as error:
        return str(error)
    if not digests or not isinstance(digests.get("baseline"), str) or state.facts is None:
        raise PreventUpdate
    missing = _missing(engine, shown, digests)
    if not missing:
        return ALL_DONE
    heads = len(missing) * state.facts.n_layers * state.facts.n_heads
    rate = ended.get("seconds_per_head") if isinstance(ended, dict) else None
    timed = isinstance(rate, int | float)
    return f"{heads} heads · about {rate * heads:.0f} s" if timed else f"{heads} heads, not swept yet"


def cancelled(clicks: Any) -> tuple[Any, Any]:
    """What was computed stays drawn until something else is asked."""
    if clicks is None:
        raise PreventUpdate
    return 0, "cancelled"


def register(app: Dash, engine: Engine) -> None:
    """Request, run, and the words around it."""
    digests = [Input(ids.DIGESTS.format(method), "data") for method in ids.SWEEP_METHODS]
    first = [Input(ids.DIGESTS.format(kind), "data") for kind in DRAWN_FIRST]
    view, experiment = Input(ids.VIEW, "data"), State(ids.EXPERIMENT, "data")
    app.callback(
        Output(ids.SWEEP_REQUEST, "data"), Input(ids.SWEEP_START, "n_clicks"), view, *digests, experiment,
        State(ids.SWEEP_REQUEST, "data"), *first, prevent_initial_call=True,
    )(functools.partial(request_sweep, engine))  # fmt: skip
    app.callback(Output(ids.SWEEP_METHOD, "children"), view)(name_method)
    app.callback(
        Output(ids.SWEEP_TEXT, "children", allow_duplicate=True), view, *digests, Input(ids.STATUS, "data"), experiment,
        State(ids.SWEEP_END, "data"), prevent_initial_call=True,
    )(functools.partial(describe_sweep, engine))  # fmt: skip
    app.callback(
        Output(ids.SWEEP_PROGRESS, "value", allow_duplicate=True),
        Output(ids.SWEEP_TEXT, "children", allow_duplicate=True),
        Input(ids.SWEEP_CANCEL, "n_clicks"), prevent_initial_call=True,
    )(cancelled)  # fmt: skip
    _register_background(app, engine, experiment)


def _register_background(app: Dash, engine: Engine, experiment: State) -> None:
    def run(set_progress: Any, request: Any, store: Any) -> Any:  # a plain function: Dash reads its source
        return sweep(engine, set_progress, request, store)

    progress, text = Output(ids.SWEEP_PROGRESS, "value"), Output(ids.SWEEP_TEXT, "children")
    app.callback(
        progress, text, Output(ids.SWEEP_END, "data"), Input(ids.SWEEP_REQUEST, "data"), experiment,
        background=True, interval=EVERY_MS, prevent_initial_call=True, cancel=[Input(ids.SWEEP_CANCEL, "n_clicks")],
        progress=[progress, text],
        running=[
            (Output(ids.SWEEP_CANCEL, "disabled"), False, True),
            (Output(ids.SWEEP_START, "disabled"), True, False),
        ],
    )(run)  # fmt: skip
