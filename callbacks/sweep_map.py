"""The *Ablate & patch* workspace's two sweeps: where their results are, running them, and drawing the map."""

import functools
from typing import Any

from dash import Dash, Input, Output, State, ctx, no_update
from dash.exceptions import PreventUpdate

from app.domain.errors import MicrotomeError
from app.domain.recipes import AnyRecipe
from app.domain.session import Experiment, SweepAsked, SweepMethod, Viewed
from app.engine import Engine
from callbacks import sweep as sweeping
from callbacks.evaluate import NOTHING, has_answers, wait_to_run
from callbacks.one_scale import map_beside
from callbacks.progress import about
from callbacks.reading import (
    REFUSALS,
    Asked,
    Refused,
    experiment_of,
    numbered,
    outputs,
    ready,
    refused,
    said,
    selection_of,
    style_of,
    sweep_of,
    view_of,
)  # fmt: skip
from callbacks.sweep import OnScreen, Slot
from layouts import ids
from layouts.sweep_map import NO_CELLS, RESUME, RUN
from layouts.workspaces import NO_ANSWERS

WORKSPACE = "patch"
QUICK_SECONDS = 3.0
"""Sweeps that take no longer start without being asked."""
PAIRED = ("denoising", "noising", "estimate")
NEEDS_PAIR = "Patching needs a corrupted prompt of the same length for every prompt: give one in the rail, or ablate."
NEEDS_ANSWER = "Name an answer in the rail for every prompt, then press Run; or read the sweep as KL divergence."
NEEDS_NOISE = "Causal tracing corrupts tokens: select them in the rail, then press Corrupt tokens."
NO_RATIO = "Recovered is a share of one run's own clean and corrupted ends, so it has no difference; read it as effect."


def method_of(sweep: SweepAsked, kind: str) -> SweepMethod | None:
    """The method behind `digests-sweep` or `digests-against`."""
    return sweep.method if kind == "sweep" else sweep.against


def lacking(experiment: Experiment, sweep: SweepAsked, method: SweepMethod) -> str | None:
    """What must be given before this method has numbers, None where nothing is missing."""
    unanswered = _unanswered(experiment, "logit_diff" if method == "estimate" else sweep.metric, method)
    if unanswered:
        return unanswered
    if method in PAIRED and any(pair.corrupted is None for pair in experiment.prompt_set):
        return NEEDS_PAIR
    return NEEDS_NOISE if method == "tracing" and sweep.noise is None else None


def _unanswered(experiment: Experiment, metric: str, method: SweepMethod) -> str | None:
    """What the metric needs of the answers: a difference both kinds, KL none; without an answer, causal tracing takes
    the token that the clean run predicts."""
    if metric == "logit_diff":
        return None if has_answers(experiment) else NO_ANSWERS
    named = metric == "kl_divergence" or method == "tracing" or all(pair.answer for pair in experiment.prompt_set)
    return None if named else NEEDS_ANSWER


def here(view: Viewed) -> None:
    """Go on only where the workspace is on screen: nothing is computed or drawn behind another one."""
    if view.workspace != WORKSPACE:
        raise PreventUpdate


# where the results are


def address_sweep(engine: Engine, kind: str, store: Any, status: Any, sweep: Any, view: Any, before: Any) -> Any:
    """The digests of the sweep's runs; what must be given first is said by whoever draws."""
    try:
        here(view_of(view))
        found = _addressed(engine, experiment_of(store), sweep_of(sweep), kind)
    except MicrotomeError as error:
        found = NOTHING | {"error": str(error)}
    found = numbered(found, store)
    return no_update if found == before else found


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


def _recipe(kind: str, page: OnScreen, run: str) -> AnyRecipe:
    method = method_of(page.sweep, kind) or page.sweep.method
    return page.sweep.recipe(page.experiment, method, intervened=run == "intervened")


def _quick(page: OnScreen, recipes: list[AnyRecipe]) -> bool:
    return sum(page.engine.preview(recipe).seconds for recipe in recipes) <= QUICK_SECONDS


def cost_text(page: OnScreen, recipes: list[AnyRecipe], unit: str = "cells") -> str:
    """`3600 cells (450 × 8 prompts) · about 5 s · 210 MB`, in the unit of progress; of a sweep that goes on, how many
    are computed; of estimates, how many there are and how many cells are checked exactly."""
    costs = [page.engine.preview(recipe) for recipe in recipes]
    prompts = len(recipes[0].prompts)
    cells = sum(cost.cells for cost in costs)
    estimated = recipes[0].kind == "attribution_patching"
    estimates = f"{prompts * len(recipes)} estimate{'s' * (prompts * len(recipes) > 1)} + " if estimated else ""
    of_each = f" ({cells // prompts} × {prompts} prompts)" if prompts > 1 else ""
    counted = f"{estimates}{cells} {'exact checks' if estimated else unit}{of_each}"
    done = sum(cost.done for cost in costs)
    kept = f", {done} computed" if done else ""
    seconds, memory = sum(cost.seconds for cost in costs), max(cost.bytes for cost in costs)
    bound = page.engine.settings.sweep_memory * 2**20
    above = f", above the {bound / 1e6:.0f} MB set for sweeps" if memory > bound else ""
    return f"{counted}{kept} · {about(seconds)} · {memory / 1e6:.0f} MB{above}"


_PANELS = (("sweep", ids.SWEEP_MAP), ("against", ids.AGAINST))
SLOTS = tuple(
    Slot(
        panel, "cells", (kind,), lambda page, kind=kind: kind if method_of(page.sweep, kind) else None,
        functools.partial(_recipe, kind), _quick, cost_text, lambda page, resumed: RESUME if resumed else RUN,
    )
    for kind, panel in _PANELS
)  # fmt: skip


# drawing


def swept(
    engine: Engine, kind: str, digests: Any, view: Viewed, sweep: SweepAsked, experiment: Experiment,
    not_yet: str = NO_CELLS,
) -> Any:  # fmt: skip
    """The sweep's result as far as it has come, or what is in the way."""
    method = method_of(sweep, kind)
    why = method and lacking(experiment, sweep, method)
    if why:
        raise Refused(why)
    if view.show == "difference" and sweep.normalised != "effect":
        raise Refused(NO_RATIO)
    return Asked(engine, experiment, digests, view.show).swept(not_yet)


def known_beside(engine: Engine, kind: str, digests: Any, screen: tuple[Viewed, SweepAsked, Experiment]) -> Any:
    """The other sweep's result as far as it has come; None where it has no cells, or has colours of its own."""
    view, sweep, experiment = screen
    if not sweep.one_scale or sweep.against is None or sweep.against_as != "map" or digests is None:
        return None
    try:
        return swept(engine, kind, digests, view, sweep, experiment)
    except REFUSALS:
        return None


def follow(sweep: SweepAsked, mapped: bool = True) -> None:
    """Marks follow the selection on the page. Drawn again for it are only the maps of three axes or more, which show
    what is selected of what there is; for another prompt of the set, those with its tokens along an axis."""
    heard, axes = set(ctx.triggered_prop_ids.values()), sweep.cells.axes
    if not heard or not heard <= {ids.SELECTION, ids.PROMPT_SHOWN}:
        return
    grouped = ids.SELECTION in heard and len(axes) >= 3
    named = ids.PROMPT_SHOWN in heard and "position" in axes
    if not mapped or not (grouped or named):
        raise PreventUpdate


def follow_beside(sweep: SweepAsked) -> None:
    """What is beside the map matters to it for its colours alone."""
    others = {ids.DIGESTS.format("against"), ids.TICK.format(ids.AGAINST)}
    heard = set(ctx.triggered_prop_ids.values())
    if heard and heard <= others and not (sweep.one_scale and sweep.against and sweep.against_as == "map"):
        raise PreventUpdate


def draw_sweep_map(
    engine: Engine, digests: Any, tick: Any, second: Any, tock: Any, view: Any, sweep: Any, selection: Any,
    prompt: Any, experiment: Any,
) -> tuple[Any, ...]:  # fmt: skip
    """Figure, state, message, of what."""
    try:
        screen = (shown, wanted, asked) = view_of(view), sweep_of(sweep), experiment_of(experiment)
        here(shown)
        follow(wanted)
        follow_beside(wanted)
        result = swept(engine, "sweep", digests, shown, wanted, asked)
        other = (known_beside(engine, "against", second, screen), wanted.against)
        figure = map_beside((result, wanted.method), other, wanted, style_of(shown), selection_of(selection))
    except REFUSALS as why:
        return refused(why, NO_CELLS)
    return ready(figure, said(figure, result), digests)


def register(app: Dash, engine: Engine) -> None:
    """Both sweeps' digests and runs; the map of the first."""
    view, sweep = Input(ids.VIEW, "data"), Input(ids.SWEEP, "data")
    for slot in SLOTS:
        (kind,) = slot.kinds
        store = ids.DIGESTS.format(kind)
        app.callback(
            Output(store, "data"), Input(ids.EXPERIMENT, "data"), Input(ids.STATUS, "data"), sweep, view,
            State(store, "data"),
        )(functools.partial(address_sweep, engine, kind))  # fmt: skip
        sweeping.register(app, engine, slot)
    heard = [(ids.DIGESTS.format(kind), ids.TICK.format(panel)) for kind, panel in _PANELS]
    app.callback(
        outputs(ids.SWEEP_MAP), *[Input(store, "data") for pair in heard for store in pair], view, sweep,
        Input(ids.SELECTION, "data"), Input(ids.PROMPT_SHOWN, "data"), State(ids.EXPERIMENT, "data"),
        prevent_initial_call=True,
    )(functools.partial(draw_sweep_map, engine))  # fmt: skip
