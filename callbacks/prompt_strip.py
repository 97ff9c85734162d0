"""Draw the selected cell of the sweep prompt by prompt."""

import functools
from typing import Any

from dash import Dash, Input, State

from app.engine import Engine
from app.figures.prompt_strip import prompt_strip
from callbacks.one_scale import read_together
from callbacks.reading import (
    REFUSALS,
    Refused,
    experiment_of,
    outputs,
    ready,
    refused,
    said,
    selection_of,
    style_of,
    sweep_of,
    view_of,
)
from callbacks.side_by_side import SideBySide
from callbacks.sweep_map import here
from layouts import ids
from layouts.prompt_strip import NO_CELL, ONE_PROMPT


def draw_strip(
    engine: Engine, digests: Any, tick: Any, view: Any, sweep: Any, selection: Any, experiment: Any
) -> tuple[Any, ...]:
    """Figure, state, message, of what."""
    try:
        shown, wanted, asked = view_of(view), sweep_of(sweep), experiment_of(experiment)
        here(shown)
        if len(asked.prompt_set) == 1:
            raise Refused(ONE_PROMPT)
        result = SideBySide(engine, asked, shown, wanted, {"sweep": digests}).swept("sweep")
        figure = prompt_strip(result, read_together(style_of(shown), wanted, wanted.method), selection_of(selection))
    except REFUSALS as why:
        return refused(why, NO_CELL)
    return ready(figure, said(figure, result), digests)


def register(app: Dash, engine: Engine) -> None:
    """Listens to the sweep, its tick, how it is read, and the selection."""
    app.callback(
        outputs(ids.STRIP), Input(ids.DIGESTS.format("sweep"), "data"), Input(ids.TICK.format(ids.SWEEP_MAP), "data"),
        Input(ids.VIEW, "data"), Input(ids.SWEEP, "data"), Input(ids.SELECTED_PATCH, "data"),
        State(ids.EXPERIMENT, "data"), prevent_initial_call=True,
    )(functools.partial(draw_strip, engine))  # fmt: skip
