"""Draw the head matrix: direct attribution, or an exact ablation sweep as far as it has come."""

import functools
from typing import Any

from dash import Dash, Input, State

from app.domain.recipes import AnyRecipe
from app.domain.results import Result
from app.domain.session import Experiment, Viewed
from app.engine import Engine
from app.figures.head_matrix import head_matrix_heatmap
from callbacks import sweep
from callbacks.reading import (
    REFUSALS,
    Asked,
    answers_text,
    experiment_of,
    outputs,
    ready,
    refused,
    selection_of,
    style_of,
    view_of,
)  # fmt: skip
from callbacks.sweep import OnScreen, Slot
from layouts import ids
from layouts.workspaces import NO_ANSWERS

DIRECT = "direct_logit_attribution"


def matrix_result(engine: Engine, experiment: Experiment, digests: dict[str, Any], view: Viewed) -> Result:
    """The result behind the matrix for the quantity on screen."""
    asked = Asked(engine, experiment, digests[view.quantity], view.show)
    return asked.shown(DIRECT) if view.quantity == "direct" else asked.swept()


def draw_head_matrix(
    engine: Engine, direct: Any, zero: Any, mean: Any, tick: Any, view: Any, experiment: Any, selection: Any
) -> tuple[Any, ...]:
    """Figure, state, message, of what."""
    try:
        shown, asked = view_of(view), experiment_of(experiment)
        digests = {"direct": direct, "zero": zero, "mean": mean}
        result = matrix_result(engine, asked, digests, shown)
        figure = head_matrix_heatmap(result, style_of(shown), selection_of(selection))  # pyright: ignore[reportArgumentType]
    except REFUSALS as why:
        return refused(why, NO_ANSWERS)
    return ready(figure, f"{answers_text(asked)}, {shown.show}", digests[shown.quantity])


# the sweep of all heads


BY_ITSELF = 64
"""Longest prompt, in tokens, whose zero sweep starts without being asked."""
DRAWN_FIRST = ("prediction", DIRECT, "residual_trajectory", "logit_lens")


def method_of(view: Viewed) -> str:
    """What the button sweeps: the quantity on screen, zero-ablation while that is direct attribution."""
    return view.quantity if view.quantity in ids.SWEEP_METHODS else "zero"


def _recipe(page: OnScreen, kind: str, run: str) -> AnyRecipe:
    return page.experiment.recipe("ablation", intervened=run == "intervened", method=kind)


def _quick(page: OnScreen, recipes: list[AnyRecipe]) -> bool:
    pair = page.experiment.prompt
    return (
        page.view.workspace != "patch" and len(page.engine.read_prompt(page.experiment.model, pair.clean)) <= BY_ITSELF
    )


def _cost(page: OnScreen, recipes: list[AnyRecipe]) -> str:
    facts = page.engine.facts(page.experiment.model)
    return f"{len(recipes) * facts.n_layers * facts.n_heads} heads, not swept yet"


def _start(page: OnScreen, resumed: bool) -> str:
    return f"{'Resume' if resumed else 'Sweep'} {method_of(page.view)}"


SLOT = Slot(
    ids.HEAD_MATRIX, "heads", ids.SWEEP_METHODS, lambda page: (method_of(page.view),), _recipe, _quick, _cost, _start,
    DRAWN_FIRST,
)  # fmt: skip


def register(app: Dash, engine: Engine) -> None:
    """Listens to its three quantities, to the sweep's tick, and to the view."""
    sweep.register(app, engine, SLOT)
    stores = [ids.DIGESTS.format(kind) for kind in (DIRECT, *ids.SWEEP_METHODS)]
    app.callback(
        outputs(ids.HEAD_MATRIX), *[Input(store, "data") for store in stores],
        Input(ids.TICK.format(ids.HEAD_MATRIX), "data"), Input(ids.VIEW, "data"), State(ids.EXPERIMENT, "data"),
        State(ids.SELECTION, "data"), prevent_initial_call=True,
    )(functools.partial(draw_head_matrix, engine))  # fmt: skip
