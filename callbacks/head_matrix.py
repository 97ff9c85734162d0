"""Draw the numbers of heads that are chosen, as map, two maps or scatter: a sweep as far as it has come.

The page redraws one map by itself where another number is there already (assets/66-head-matrix.js); it asks for a
figure where it is not, and of two numbers, by the store `matrix-asked`.
"""

import functools
from typing import Any

from dash import Dash, Input, State

from app.domain.head_choices import CHOICES, SOURCES
from app.domain.recipes import AnyRecipe
from app.domain.views import Show
from app.engine import Engine
from callbacks import sweep_strip
from callbacks.heads import KIND, is_sweep, recipe_of_run
from callbacks.numbers_of_heads import NumbersOfHeads, press_of, to_compute
from callbacks.reading import (
    REFUSALS,
    experiment_of,
    heads_of,
    outputs,
    ready,
    refused,
    selection_of,
    style_of,
    view_of,
)  # fmt: skip
from callbacks.sweep import OnScreen, Slot, runs_of
from layouts import ids
from layouts.head_matrix import NO_ANSWERS

DIRECT = "direct_logit_attribution"


def draw_head_matrix(
    engine: Engine, direct: Any, digests: Any, tick: Any, wish: Any, changed: Any, view: Any, heads: Any,
    experiment: Any, selection: Any,
) -> tuple[Any, ...]:  # fmt: skip
    """Figure, state, message, of what."""
    try:
        shown, asked = view_of(view), experiment_of(experiment)
        numbers = NumbersOfHeads(engine, asked, digests, heads_of(heads), shown.show)
        figure = numbers.figure(style_of(shown), selection_of(selection))
    except REFUSALS as why:
        return refused(why, NO_ANSWERS)
    return ready(figure, numbers.of_text, digests)


# computing what is chosen


BY_ITSELF = 64
"""Longest prompt, in tokens, whose sweeps start without being asked."""
DRAWN_FIRST = ("prediction", DIRECT, "residual_trajectory", "logit_lens")


def _short(page: OnScreen) -> bool:
    pair = page.experiment.prompt
    return len(page.engine.read_prompt(page.experiment.model, pair.clean)) <= BY_ITSELF


def _asked(page: OnScreen) -> tuple[str, ...]:
    """What is chosen; zero ablation, which the table shows too, where that is direct attribution, or after numbers that
    are no sweeps."""
    chosen_ones = to_compute(page.heads)
    sweeps = any(is_sweep(name) for name in chosen_ones)
    return (*chosen_ones, *(["zero"] if not chosen_ones or (_short(page) and not sweeps) else []))


def _meant(page: OnScreen) -> tuple[str, ...]:
    return tuple(dict.fromkeys(CHOICES[name].source for name in _asked(page)))


def _runs(page: OnScreen, source: str) -> tuple[str, ...]:
    """Those of the axes that read the source, of what nobody chose those on screen; the model alone has one."""
    if SOURCES[source].alone:
        return ("baseline",)
    shows: list[Show] = [
        axis.show or page.view.show for axis in page.heads.numbers if CHOICES[axis.quantity].source == source
    ]
    return tuple(dict.fromkeys(run for show in shows for run in runs_of(show))) or page.runs


def _quick(page: OnScreen, recipes: list[AnyRecipe]) -> bool:
    return page.view.workspace != "patch" and (_short(page) or not any(_sweeps(recipe) for recipe in recipes))


def _sweeps(recipe: AnyRecipe) -> bool:
    return hasattr(recipe, "cells")


def _cost(page: OnScreen, recipes: list[AnyRecipe]) -> str:
    facts = page.engine.facts(page.experiment.model)
    sweeps = sum(_sweeps(recipe) for recipe in recipes)
    return f"{sweeps * facts.n_layers * facts.n_heads} heads, not swept yet" if sweeps else "not computed yet"


def _start(page: OnScreen, resumed: bool) -> str:
    """What the message of a number that is not there says to press; the sweep for the table comes along unsaid."""
    words = press_of(to_compute(page.heads) or _asked(page))
    return words.replace("Sweep", "Resume") if resumed else words


SLOT = Slot(
    ids.HEAD_MATRIX, "heads", (KIND,), _meant, recipe_of_run, _quick, _cost, _start, DRAWN_FIRST, _runs, ids.HEADS
)  # fmt: skip


def register(app: Dash, engine: Engine) -> None:
    """Listens to its digests, to the sweep's tick, to the page's wish, and to what is shown."""
    sweep_strip.register(app, engine, SLOT)
    heard = [ids.DIGESTS.format(DIRECT), ids.DIGESTS.format(KIND), ids.TICK.format(ids.HEAD_MATRIX), ids.MATRIX_ASKED]
    app.callback(
        outputs(ids.HEAD_MATRIX), *[Input(store, "data") for store in heard], Input(ids.SHOWN, "data"),
        State(ids.VIEW, "data"), State(ids.HEADS, "data"), State(ids.EXPERIMENT, "data"), State(ids.SELECTION, "data"),
        prevent_initial_call=True,
    )(functools.partial(draw_head_matrix, engine))  # fmt: skip
