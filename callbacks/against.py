"""Draw the second sweep beside the first: its map, or both in one scatter; of an estimate alone, its exact values."""

import functools
from typing import Any

from dash import Dash, Input, State

from app.domain.session import Experiment, SweepAsked, Viewed
from app.domain.views import Selection, Style
from app.engine import Engine
from app.figures.attribution_patching import exact_vs_estimate_scatter
from app.figures.sweep_scatter import sweep_scatter
from callbacks.one_scale import as_read, map_beside
from callbacks.reading import (
    REFUSALS,
    Refused,
    experiment_of,
    outputs,
    read_as,
    ready,
    refused,
    said,
    selection_of,
    style_of,
    sweep_of,
    view_of,
)  # fmt: skip
from callbacks.sweep_map import follow, here, known_beside, swept
from layouts import ids
from layouts.against import NO_CELLS_BESIDE, NOTHING_BESIDE


def beside(sweep: SweepAsked) -> str:
    """The digest store that is drawn: an estimate without a second sweep has its own exact values beside it."""
    if sweep.against is None and sweep.method != "estimate":
        raise Refused(NOTHING_BESIDE)
    return "against" if sweep.against else "sweep"


def results_beside(
    engine: Engine, stores: dict[str, Any], screen: tuple[Viewed, SweepAsked, Experiment], drawn_as: Any
) -> list[Any]:
    """The second sweep, and the first: a scatter needs it, a map has its colours, if it is there."""
    view, sweep, experiment = screen
    kind = beside(sweep)
    second = swept(engine, kind, stores[kind], view, sweep, experiment, NO_CELLS_BESIDE)
    if kind == "sweep":
        return [second]
    if drawn_as == "map":
        return [second, known_beside(engine, "sweep", stores["sweep"], screen)]
    return [second, swept(engine, "sweep", stores["sweep"], view, sweep, experiment)]


def figure_beside(results: list[Any], sweep: SweepAsked, style: Style, drawn_as: Any, selection: Selection) -> Any:
    """The map of the second sweep; as scatter, estimates against their exact values, or the two sweeps' effects."""
    if sweep.against is None:
        return exact_vs_estimate_scatter(results[0], read_as(style, as_read(sweep, sweep.method)), selection)
    if drawn_as == "map":
        first = (results[1] if sweep.one_scale else None, sweep.method)
        return map_beside((results[0], sweep.against), first, sweep, style, selection, "against")
    estimated = "estimate" if "estimate" in (sweep.method, sweep.against) else sweep.against
    return sweep_scatter(results[1], results[0], read_as(style, as_read(sweep, estimated)), selection)


def draw_against(
    engine: Engine, first: Any, second: Any, tick: Any, tock: Any, view: Any, sweep: Any, selection: Any, prompt: Any,
    experiment: Any,
) -> tuple[Any, ...]:  # fmt: skip
    """Figure, state, message, of what."""
    try:
        screen = (view_of(view), wanted := sweep_of(sweep), experiment_of(experiment))
        here(screen[0])
        follow(wanted, mapped=bool(wanted.against) and wanted.against_as == "map")
        stores = {"sweep": first, "against": second}
        results = results_beside(engine, stores, screen, wanted.against_as)
        figure = figure_beside(results, wanted, style_of(screen[0]), wanted.against_as, selection_of(selection))
    except REFUSALS as why:
        return refused(why, NOTHING_BESIDE)
    return ready(figure, said(figure, results[0]), first, second)


def register(app: Dash, engine: Engine) -> None:
    """Listens to both sweeps, their ticks, how they are read and drawn."""
    stores = [Input(ids.DIGESTS.format(kind), "data") for kind in ("sweep", "against")]
    ticks = [Input(ids.TICK.format(panel), "data") for panel in (ids.SWEEP_MAP, ids.AGAINST)]
    app.callback(
        outputs(ids.AGAINST), *stores, *ticks, Input(ids.VIEW, "data"), Input(ids.SWEEP, "data"),
        Input(ids.SELECTION, "data"), Input(ids.PROMPT_SHOWN, "data"), State(ids.EXPERIMENT, "data"),
        prevent_initial_call=True,
    )(functools.partial(draw_against, engine))  # fmt: skip
