"""The sweeps of the *Ablate & patch* workspace: where their results are, running them, and drawing the map."""

import functools
from typing import Any

from dash import Dash, Input, Output, State, ctx, no_update
from dash.exceptions import PreventUpdate

from app.domain.experiment import Experiment
from app.domain.recipes import AnyRecipe
from app.domain.session import Viewed
from app.domain.sweep_asked import SweepAsked, SweepMethod
from app.engine import Engine
from app.figures.sweep_map import sweep_heatmap
from callbacks import sweep_strip
from callbacks.evaluate import NOTHING, stored, wait_to_run
from callbacks.one_scale import style_beside
from callbacks.progress import about
from callbacks.reading import (
    REFUSALS,
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
from callbacks.side_by_side import KINDS, SideBySide, kinds_beside, lacking, method_of
from callbacks.sweep import OnScreen, Slot
from layouts import ids
from layouts.sweep_map import NO_CELLS, RESUME, RUN

WORKSPACE = "patch"
QUICK_SECONDS = 3.0
"""Sweeps that take no longer start without being asked."""
HEARD = (*map(ids.DIGESTS.format, KINDS), *map(ids.TICK.format, (ids.SWEEP_MAP, ids.AGAINST)))
"""Stores that change with the numbers of any of the sweeps."""


def here(view: Viewed) -> None:
    """Go on only where the workspace is on screen: nothing is computed or drawn behind another one."""
    if view.workspace != WORKSPACE:
        raise PreventUpdate


# where the results are


def address_sweep(engine: Engine, kind: str, store: Any, status: Any, sweep: Any, view: Any, before: Any) -> Any:
    """The digests of the sweep's runs, and no words about the sweep before, because counting what there is to do may
    have to wait; what must be given first is said by whoever draws."""

    def find() -> dict[str, Any]:
        here(view_of(view))
        return _addressed(engine, experiment_of(store), sweep_of(sweep), kind)

    found = stored(find, store, before)
    return (no_update, no_update) if found is no_update else (found, "")


def _addressed(engine: Engine, experiment: Experiment, sweep: SweepAsked, kind: str) -> dict[str, Any]:
    wait_to_run(engine, experiment)
    method = method_of(sweep, kind)
    if method is None or lacking(experiment, sweep, method):
        return NOTHING
    found = recipes_of(experiment, sweep, method)
    for recipe in found.values():
        engine.check(recipe)
    return NOTHING | {run: engine.digest(recipe) for run, recipe in found.items()}


def recipes_of(experiment: Experiment, sweep: SweepAsked, method: SweepMethod) -> dict[str, AnyRecipe]:
    """The sweep on the baseline, and on the intervened run where an intervention is on."""
    found = {"baseline": sweep.recipe(experiment, method)}
    if experiment.has_interventions:
        found["intervened"] = sweep.recipe(experiment, method, intervened=True)
    return found


# running them


def _recipe(page: OnScreen, kind: str, run: str) -> AnyRecipe:
    method = method_of(page.sweep, kind) or page.sweep.method
    return page.sweep.recipe(page.experiment, method, intervened=run == "intervened")


def _quick(page: OnScreen, recipes: list[AnyRecipe]) -> bool:
    return sum(page.engine.preview(recipe).seconds for recipe in recipes) <= QUICK_SECONDS


def _of_each(cells: list[int], prompts: int) -> str:
    """` (450 × 8 prompts × 2 runs)`: what the cells are counted of, each run trying so many per prompt; nothing of one
    prompt and run, nor of runs that try different ones."""
    factors = [f"{count} {name}" for count, name in ((prompts, "prompts"), (len(cells), "runs")) if count > 1]
    return f" ({' × '.join([str(cells[0]), *factors])})" if factors and len(set(cells)) == 1 else ""


def cost_text(page: OnScreen, recipes: list[AnyRecipe], unit: str = "cells") -> str:
    """`3600 cells (450 × 8 prompts) · about 5 s · 210 MB`, in the unit of progress; of a sweep that goes on, how many
    are computed; of estimates, how many there are and how many cells are checked exactly."""
    costs = [page.engine.preview(recipe) for recipe in recipes]
    prompts = len(recipes[0].prompts)
    cells = sum(cost.cells for cost in costs)
    estimated = [recipe.kind == "attribution_patching" for recipe in recipes]
    estimates = prompts * sum(estimated)
    before = f"{estimates} estimate{'s' * (estimates > 1)} + " if estimates else ""
    of_each = _of_each([cost.cells // prompts for cost in costs], prompts)
    counted = f"{before}{cells} {'exact checks' if all(estimated) else unit}{of_each}"
    done = sum(cost.done for cost in costs)
    kept = f", {done} computed" if done else ""
    seconds, memory = sum(cost.seconds for cost in costs), max(cost.bytes for cost in costs)
    bound = page.engine.settings.sweep_memory * 2**20
    above = f", above the {bound / 1e6:.0f} MB set for sweeps" if memory > bound else ""
    return f"{counted}{kept} · {about(seconds)} · {memory / 1e6:.0f} MB{above}"


SLOTS = tuple(
    Slot(panel, "cells", kinds, meant, _recipe, _quick, cost_text, lambda page, resumed: RESUME if resumed else RUN)
    for panel, kinds, meant in (
        (ids.SWEEP_MAP, ("sweep",), lambda page: ("sweep",)),
        (ids.AGAINST, ids.BESIDE, lambda page: kinds_beside(page.sweep)),
    )
)


# drawing


def side_by_side(engine: Engine, view: Any, sweep: Any, experiment: Any, stores: tuple[Any, ...]) -> SideBySide:
    """The page's stores, read; goes on only where they are on screen."""
    here(shown := view_of(view))
    digests = dict(zip(KINDS, stores, strict=True))
    return SideBySide(engine, experiment_of(experiment), shown, sweep_of(sweep), digests)


def follow(sweep: SweepAsked, mapped: bool = True) -> None:
    """Marks follow the selection on the page. Drawn again for it are only the maps of three axes or more, which show
    what is selected of what there is; for another prompt of the set, those with its tokens along an axis."""
    heard, axes = set(ctx.triggered_prop_ids.values()), sweep.cells.axes
    if not heard or not heard <= {ids.SELECTED_PATCH, ids.PROMPT_SHOWN}:
        return
    grouped = ids.SELECTED_PATCH in heard and len(axes) >= 3
    named = ids.PROMPT_SHOWN in heard and "position" in axes
    if not mapped or not (grouped or named):
        raise PreventUpdate


def follow_beside(sweep: SweepAsked) -> None:
    """What is beside the map matters to it for its colours alone."""
    others = {*(ids.DIGESTS.format(kind) for kind in ids.BESIDE), ids.TICK.format(ids.AGAINST)}
    heard = set(ctx.triggered_prop_ids.values())
    if heard and heard <= others and not (sweep.one_scale and sweep.against and sweep.against_as == "map"):
        raise PreventUpdate


def draw_sweep_map(engine: Engine, *heard: Any) -> tuple[Any, ...]:
    """Figure, state, message, of what; `heard` is what `inputs` lists."""
    stores, (view, sweep, selection, _, experiment) = heard[: len(KINDS)], heard[len(HEARD) :]
    try:
        shown = side_by_side(engine, view, sweep, experiment, stores)
        wanted = shown.sweep
        follow(wanted)
        follow_beside(wanted)
        result, others = shown.swept("sweep"), shown.coloured_with("sweep")
        chosen = selection_of(selection)
        style = style_beside((result, wanted.method), others, wanted, style_of(shown.view), chosen)
        figure = sweep_heatmap(result, style, chosen)
    except REFUSALS as why:
        return refused(why, NO_CELLS)
    return ready(figure, said(figure, result), stores[0])


def inputs() -> list[Input | State]:
    """What a drawing of these sweeps hears."""
    stores = (*HEARD, ids.VIEW, ids.SWEEP, ids.SELECTED_PATCH, ids.PROMPT_SHOWN)
    return [*(Input(store, "data") for store in stores), State(ids.EXPERIMENT, "data")]


def register(app: Dash, engine: Engine) -> None:
    """The digests and runs of all sweeps; the map of the first."""
    for slot in SLOTS:
        for kind in slot.kinds:
            _register_address(app, engine, slot, kind)
        sweep_strip.register(app, engine, slot)
    draw = functools.partial(draw_sweep_map, engine)
    app.callback(outputs(ids.SWEEP_MAP), *inputs(), prevent_initial_call=True)(draw)


def _register_address(app: Dash, engine: Engine, slot: Slot, kind: str) -> None:
    store = ids.DIGESTS.format(kind)
    app.callback(
        Output(store, "data"), Output(slot.part(ids.PROGRESS_TEXT), "children", allow_duplicate=True),
        *(Input(each, "data") for each in (ids.EXPERIMENT, ids.STATUS, ids.SWEEP, ids.VIEW)), State(store, "data"),
        prevent_initial_call=True,
    )(functools.partial(address_sweep, engine, kind))  # fmt: skip
