"""Running sweeps: asked for by hand or, where they are short, by themselves; they stream, tell, and can be cancelled.

Several panels sweep, each a `Slot`; what follows is the same for all of them. `request_sweep` decides cheaply what is
missing and writes a request that names recipes; `run_request` runs it in the background. While it runs it changes the
panel's tick, and whoever draws reads what has been computed from the engine. The tick is never a declared output: Dash
holds back callbacks whose inputs a running callback may still write. A request that replaces another cancels it; what
was computed is kept by the engine, and the next run goes on from there.
"""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dash import Dash, Input, Output, State, ctx, no_update, set_props
from dash.exceptions import PreventUpdate

from app.domain.errors import Cancelled, MicrotomeError
from app.domain.experiment import Experiment
from app.domain.heads_asked import HeadsAsked
from app.domain.recipes import AnyRecipe, parse_recipe, recipe_dict
from app.domain.session import Viewed
from app.domain.sweep_asked import SweepAsked
from app.domain.views import Show
from app.engine import Engine
from callbacks.progress import WAITING, TimeLeft, progress_text
from callbacks.reading import digests_of, experiment_of, heads_of, sources_of, sweep_of, view_of
from layouts import ids

EVERY_MS = 200
STEPS = "estimates and checks"
"""What attribution patching counts: prompts estimated, and cells checked exactly."""
RUNS = ("baseline", "intervened")
MOST_SOURCES = 4
"""Of numbers of heads that one panel shows."""
Wanted = dict[str, AnyRecipe]
"""Digest -> recipe of what is shown and not computed."""


def runs_of(show: Show) -> tuple[str, ...]:
    """The runs that have to be there to show this."""
    return RUNS if show == "difference" else (show,)


@dataclass(frozen=True)
class OnScreen:
    """What the page shows, and its digest stores by kind, of numbers of heads by source."""

    engine: Engine
    experiment: Experiment
    view: Viewed
    digests: dict[str, Any]
    sweep: SweepAsked = SweepAsked()
    heads: HeadsAsked = HeadsAsked()

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs that are shown."""
        return runs_of(self.view.show)


@dataclass(frozen=True)
class Slot:
    """A panel that sweeps. `kinds` are the digest stores it hears, `meant` those of them that are swept now (none:
    nothing to sweep), `recipe` what one run of a kind computes, `quick` whether it starts without being asked, `cost`
    what it takes in words, `start` what the button says."""

    panel: str
    unit: str
    kinds: tuple[str, ...]
    meant: Callable[[OnScreen], tuple[str, ...]]
    recipe: Callable[[OnScreen, str, str], AnyRecipe]
    quick: Callable[[OnScreen, list[AnyRecipe]], bool]
    cost: Callable[[OnScreen, list[AnyRecipe]], str]
    start: Callable[[OnScreen, bool], str]
    after: tuple[str, ...] = ()
    """Kinds that come first: hearing them makes Dash wait until they are there."""
    runs: Callable[[OnScreen, str], tuple[str, ...]] = lambda page, kind: page.runs
    """The runs of a kind that are shown."""
    asks: str = ids.SWEEP
    """The store of what is asked for: the sweep, or the numbers of heads, whose sources are then what is `meant`."""
    both: bool = False
    """Baseline and intervened run are both meant, whichever is shown elsewhere."""
    urgent: bool = False
    """Goes before sweeps that run."""
    cancelled: str = "cancelled: what was computed is kept"
    finished: str = ""  # what is said at the end; empty: that all units are done

    def part(self, form: str) -> str:
        """The id of one of the panel's parts."""
        return form.format(self.panel)

    @property
    def most(self) -> int:
        """Recipes that one request can hold."""
        return len(RUNS) * (len(self.kinds) if self.asks == ids.SWEEP else MOST_SOURCES)

    @property
    def done(self) -> str:
        """Said once nothing is left to compute."""
        return self.finished or f"all {self.unit} done"


def on_screen(engine: Engine, slot: Slot, view: Any, asked: Any, experiment: Any, stores: tuple[Any, ...]) -> OnScreen:
    """The page's stores, read."""
    page = OnScreen(engine, experiment_of(experiment), view_of(view), dict(zip(slot.kinds, stores, strict=True)))
    if slot.both:
        page = replace(
            page, view=replace(page.view, show="difference" if page.experiment.has_interventions else "baseline")
        )
    if slot.asks == ids.SWEEP:
        return replace(page, sweep=sweep_of(asked))
    return replace(page, heads=heads_of(asked), digests=sources_of(*stores))


def missing(slot: Slot, page: OnScreen) -> Wanted | None:
    """Digest -> recipe of the runs that are shown and not in the cache; None while their digests are not known, and
    where none of the kinds can be swept."""
    if any(page.digests.get(kind) is None for kind in slot.meant(page)):
        return None
    known = {kind: _known(page, kind, slot.runs(page, kind)) for kind in slot.meant(page)}
    return {
        digest: slot.recipe(page, kind, run)
        for kind, digests in known.items() for run, digest in digests.items() if page.engine.result(digest) is None
    } if any(known.values()) else None  # fmt: skip


def _known(page: OnScreen, kind: str, runs: tuple[str, ...]) -> dict[str, str]:
    """Run -> digest of all runs that are shown; empty where one of them cannot be."""
    digests = digests_of(page.digests[kind]) or {}
    known = {run: digest for run in runs if isinstance(digest := digests.get(run), str)}
    return known if len(known) == len(runs) and not digests.get("error") else {}


# what to run


def request_sweep(
    engine: Engine, slot: Slot, clicks: Any, ended: Any, view: Any, asked: Any, experiment: Any, before: Any,
    *stores: Any,
) -> Any:  # fmt: skip
    """What to sweep now, or nothing: finished, already asked for, or too long to start by itself. Asked again when a
    sweep has ended, because one that is replaced is ended first."""
    try:
        page = on_screen(engine, slot, view, asked, experiment, stores[: len(slot.kinds)])
        pressed = (
            slot.part(ids.START) in ctx.triggered_prop_ids.values()
        )  # Dash joins a click with what arrives meanwhile
        return _requested(slot, page, before, pressed)
    except MicrotomeError:
        raise PreventUpdate from None


def _requested(slot: Slot, page: OnScreen, before: Any, pressed: bool) -> Any:
    if any(page.digests.get(kind) is None for kind in slot.meant(page)):
        raise PreventUpdate
    wanted = missing(slot, page)
    found = before.get("digests") if isinstance(before, dict) else None
    asked = found if isinstance(found, list) else []
    unfinished = {digest for digest in asked if isinstance(digest, str) and page.engine.result(digest) is None}
    if unfinished and unfinished.isdisjoint(wanted or ()) and not (pressed and wanted):
        return {"recipes": [], "digests": [], "run": time.time()}  # also where nothing can be asked of what is shown
    if wanted and (pressed or (asked != list(wanted) and slot.quick(page, list(wanted.values())))):
        return _request(slot, page, wanted)
    return no_update


def _request(slot: Slot, page: OnScreen, run: Wanted) -> dict[str, Any]:
    """To run these, and what to say when they are done. A request for nothing ends what runs, because nobody looks at
    it any more; it is written before what comes next is counted, which waits for the turn of what runs."""
    said = {"text": slot.done, "start": slot.start(page, False), "done": True}
    recipes = [recipe_dict(recipe) for recipe in run.values()]
    return {"recipes": recipes, "digests": list(run), **said, "run": time.time()}


# running it


def run_request(engine: Engine, slot: Slot, set_progress: Any, request: Any) -> tuple[Any, ...]:
    """Run what was asked for; progress and words of the end, and what the button says then. Whether it is done with is
    told beside them, as the tick is: a declared output would hold back what the button's state follows from."""
    try:
        recipes = _recipes(slot, request)
        for at, recipe in enumerate(recipes):
            unit = unit_of(slot, recipe)
            engine.evaluate(recipe, report=teller(slot, unit, set_progress, at, len(recipes)), urgent=slot.urgent)
    except Cancelled:
        raise
    except MicrotomeError as error:
        set_props(slot.part(ids.DONE), {"data": False})
        return 0, str(error), no_update
    _tick(slot)
    set_props(slot.part(ids.DONE), {"data": bool(request.get("done"))})
    set_props(slot.part(ids.ENDED), {"data": time.time()})
    return 0, *(request.get(part, no_update) for part in ("text", "start"))


def _recipes(slot: Slot, request: Any) -> list[AnyRecipe]:
    """The recipes of a request of ours, each once; there is nothing to run in anything else."""
    recipes = request.get("recipes") if isinstance(request, dict) else None
    if not isinstance(recipes, list) or len(recipes) > slot.most or not all(isinstance(each, dict) for each in recipes):
        raise PreventUpdate
    return list(dict.fromkeys(parse_recipe(each) for each in recipes))


def unit_of(slot: Slot, recipe: AnyRecipe) -> str:
    """What the recipe's progress counts."""
    return STEPS if recipe.kind == "attribution_patching" else slot.unit


def teller(slot: Slot, unit: str, set_progress: Any, at: int, of: int) -> Any:
    """Turns reports on the `at`-th of several sweeps into progress: share and words each time, a tick only where there
    are new cells: every tick redraws figures. `Cancelled` raised in it leaves the sweep."""
    which = f"{at + 1} of {of} · " if of > 1 else ""
    time_left, drawn = TimeLeft(), 0

    def tell(done: int, total: int, partial: Any = None) -> None:
        nonlocal drawn
        begun = total > 1 or partial is not None  # before the first news it is 0 of 1
        words = progress_text(done, total, time_left.heard(done, total, time.monotonic()), unit) if begun else WAITING
        set_progress((100 * (at + done / total) / of, which + words))
        if done > drawn:
            drawn = done
            _tick(slot)

    return tell


def _tick(slot: Slot) -> None:
    set_props(slot.part(ids.TICK), {"data": time.time()})


def register(app: Dash, engine: Engine, slot: Slot) -> None:
    """Request and run, for one panel; callbacks/sweep_strip.py says the words around it."""
    digests = [Input(ids.DIGESTS.format(kind), "data") for kind in slot.kinds]
    first = [Input(ids.DIGESTS.format(kind), "data") for kind in slot.after]
    hears = State if slot.asks == ids.SWEEP else Input  # the digests of a sweep follow it
    view, asked, experiment = Input(ids.VIEW, "data"), hears(slot.asks, "data"), State(ids.EXPERIMENT, "data")
    app.callback(
        Output(slot.part(ids.REQUEST), "data"), Input(slot.part(ids.START), "n_clicks"),
        Input(slot.part(ids.ENDED), "data"), view, asked, experiment, State(slot.part(ids.REQUEST), "data"),
        *digests, *first, prevent_initial_call=True,
    )(functools.partial(request_sweep, engine, slot))  # fmt: skip
    _register_background(app, engine, slot)


def _register_background(app: Dash, engine: Engine, slot: Slot) -> None:
    def run(set_progress: Any, request: Any) -> Any:  # a plain function: Dash reads its source
        return run_request(engine, slot, set_progress, request)

    progress = [Output(slot.part(ids.PROGRESS), "value"), Output(slot.part(ids.PROGRESS_TEXT), "children")]
    button = Output(slot.part(ids.START), "children", allow_duplicate=True)
    app.callback(
        *progress, button, Input(slot.part(ids.REQUEST), "data"), background=True, interval=EVERY_MS,
        progress=progress, prevent_initial_call=True, cancel=[Input(slot.part(ids.CANCEL), "n_clicks")],
        running=[(Output(slot.part(ids.CANCEL), "disabled"), False, True)],
    )(run)  # fmt: skip
