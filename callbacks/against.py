"""Draw the sweeps beside the map: each as map, or in one scatter with the first; of an estimate alone, its exact
values. And say how far each agrees with those to its left."""

import functools
from typing import Any

from dash import Dash, Output, html

from app.domain.results import Result
from app.domain.sweep_asked import SweepAsked
from app.domain.views import Selection, Style
from app.engine import Engine
from app.figures.attribution_patching import exact_vs_estimate_scatter
from app.figures.sweep_agreement import agreement
from app.figures.sweep_map import sweep_heatmap
from app.figures.sweep_scatter import sweep_scatter
from callbacks.one_scale import read_together, style_beside
from callbacks.reading import REFUSALS, Refused, outputs, ready, refused, said, selection_of, style_of
from callbacks.side_by_side import KINDS, SideBySide, method_of
from callbacks.sweep_map import HEARD, follow, inputs, side_by_side
from layouts import ids
from layouts.against import NO_CELLS_BESIDE, NOTHING_BESIDE
from layouts.sweep_controls import METHOD_NAMES


def beside(sweep: SweepAsked, kind: str = ids.AGAINST) -> str:
    """The digest store that is drawn: an estimate without another sweep has its own exact values beside it."""
    if method_of(sweep, kind) is not None:
        return kind
    if sweep.method == "estimate" and kind == ids.AGAINST:
        return "sweep"
    raise Refused(NOTHING_BESIDE)


def figure_beside(shown: SideBySide, kind: str, style: Style, selection: Selection) -> tuple[Any, Any]:
    """The figure and its result: the map of the sweep; as scatter, estimates against their exact values, or its effects
    against those of the first."""
    sweep, drawn = shown.sweep, beside(shown.sweep, kind)
    result, method = shown.swept(drawn, NO_CELLS_BESIDE), method_of(sweep, drawn) or sweep.method
    if drawn == "sweep":
        return exact_vs_estimate_scatter(result, read_together(style, sweep, method), selection), result
    if sweep.against_as == "map":
        read = style_beside((result, method), shown.coloured_with(kind), sweep, style, selection)
        return sweep_heatmap(result, read, selection, "against"), result
    first = shown.swept("sweep")
    return sweep_scatter(first, result, read_together(style, sweep, sweep.method, method), selection), result


def agreements(shown: SideBySide, kind: str, style: Style) -> list[html.Div]:
    """One line for each sweep to the left: correlations, and the cells whose sign flips, by name; hover names all."""
    mine = shown.known(kind)
    lines = []
    for result, method in shown.left_of(kind) if mine else []:
        read = read_together(style, shown.sweep, method, mine[0][1])
        found = agreement(result, mine[0][0], read)
        flips = html.Span(found.flips, className="mt-flips")
        lines.append(html.Div([html.B(METHOD_NAMES[method]), f" {found.short}", flips], title=found.said))
    return lines


def draw_against(engine: Engine, kind: str, *heard: Any) -> tuple[Any, ...]:
    """Figure, state, message, of what, agreement; `heard` is what `inputs` lists."""
    stores, (view, sweep, selection, _, experiment) = heard[: len(KINDS)], heard[len(HEARD) :]
    try:
        shown = side_by_side(engine, view, sweep, experiment, stores)
        follow(shown.sweep, mapped=bool(shown.sweep.against) and shown.sweep.against_as == "map")
        style = style_of(shown.view)
        figure, result = figure_beside(shown, kind, style, selection_of(selection))
        lines = agreements(shown, kind, style)
    except REFUSALS as why:
        return *refused(why, NOTHING_BESIDE), []
    of, own = caption(figure, result, shown.sweep), stores[KINDS.index(beside(shown.sweep, kind))]
    return *ready(figure, of, stores[0], own), lines


def caption(figure: Any, result: Result, sweep: SweepAsked) -> str:
    """What a panel is of; where several scatters stand side by side without what the lines below them say again."""
    words = said(figure, result)
    return words.replace(figure.layout.meta.get("agreement", ""), "") if len(sweep.against) > 1 else words


def register(app: Dash, engine: Engine) -> None:
    """One callback per place; each listens to all sweeps, their ticks, how they are read and drawn."""
    for kind in ids.BESIDE:
        written = [*outputs(kind), Output(ids.AGREEMENT.format(kind), "children")]
        draw = functools.partial(draw_against, engine, kind)
        app.callback(written, *inputs(), prevent_initial_call=True)(draw)
