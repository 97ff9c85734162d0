"""Continue the prompt on screen, without and with the interventions, on a button; and show the two side by side.

A generation runs like a sweep (callbacks/sweep.py): in the background, token by token, with a Cancel.
"""

import functools
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from dash import Dash, Input, Output, State, html

from app.domain.experiment import Experiment
from app.domain.recipes import AnyRecipe
from app.domain.results import GenerationResult
from app.domain.session import Generating
from app.engine import Engine
from callbacks import sweep_strip
from callbacks.evaluate import NOTHING, runs, stored, wait_to_run
from callbacks.reading import (
    REFUSALS,
    Asked,
    Refused,
    digests_of,
    experiment_of,
    outputs,
    ready,
    refused,
    view_of,
)  # fmt: skip
from callbacks.sweep import OnScreen
from callbacks.sweep_map import SLOTS, here
from layouts import ids
from layouts.generation import GENERATE, PRESS_GENERATE
from layouts.rail import shown

KIND = "generation"


# where the texts are


def address_text(engine: Engine, store: Any, status: Any, view: Any, before: Any) -> Any:
    """The digests of the texts of both runs."""

    def find() -> dict[str, Any]:
        here(wanted := view_of(view))
        return _addressed(engine, experiment_of(store), wanted.generation)

    return stored(find, store, before)


def _addressed(engine: Engine, experiment: Experiment, how: Generating) -> dict[str, Any]:
    wait_to_run(engine, experiment)
    recipes = runs(experiment, KIND, **asdict(how))
    for recipe in recipes.values():
        engine.check(recipe)
    return NOTHING | {run: engine.digest(recipe) for run, recipe in recipes.items()}


# running them


def _recipe(page: OnScreen, kind: str, run: str) -> AnyRecipe:
    return page.experiment.recipe(KIND, intervened=run == "intervened", **asdict(page.view.generation))


def _cost(page: OnScreen, recipes: list[AnyRecipe]) -> str:
    """`20 tokens × 2 runs`: how many there can be."""
    runs_of_it = f" × {len(recipes)} runs" if len(recipes) > 1 else ""
    return f"{page.view.generation.max_new_tokens} tokens{runs_of_it}"


SLOT = replace(
    SLOTS[0], panel=ids.GENERATION, unit="tokens", kinds=(KIND,), meant=lambda page: (KIND,), recipe=_recipe,
    quick=lambda page, recipes: False, cost=_cost, start=lambda page, resumed: GENERATE, both=True, urgent=True,
    cancelled="cancelled: this is as far as it came", finished="done",
)  # fmt: skip


# drawing


def draw(engine: Engine, digests: Any, tick: Any, view: Any, experiment: Any) -> tuple[Any, ...]:
    """The texts as far as they have come, state, message, of what."""
    try:
        here(view_of(view))
        asked = experiment_of(experiment)
        texts = {run: _text(engine, asked, digests, run) for run in _runs(digests)}
        results = {run: text for run, text in texts.items() if text is not None}
        if not results:
            raise Refused(PRESS_GENERATE)
        whole = {run for run in results if engine.result(Asked(engine, asked, digests, "baseline").digest(run))}
    except REFUSALS as why:
        return refused(why, PRESS_GENERATE)
    return ready(side_by_side(results, whole), " and ".join(results), digests)


def _runs(digests: Any) -> list[str]:
    found = digests_of(digests) or {}
    return ["baseline", *["intervened"] * isinstance(found.get("intervened"), str)]


def _text(engine: Engine, experiment: Experiment, digests: Any, run: str) -> GenerationResult | None:
    """One run's text as far as it was generated; None before its first token."""
    digest = Asked(engine, experiment, digests, "baseline").digest(run)
    found = engine.result(digest)
    if found is None and isinstance(found := engine.partial(digest), GenerationResult) and not len(found.generated):
        return None
    return found if isinstance(found, GenerationResult) else None


def side_by_side(results: dict[str, GenerationResult], whole: set[str]) -> list[html.Div]:
    """One column per run; the first token that differs from the baseline's is marked; what is not `whole` says so."""
    texts = {run: result.generated.tolist() for run, result in results.items()}
    first = _first_difference(*texts.values()) if len(texts) > 1 else None
    return [_column(run, result, first, run in whole) for run, result in results.items()]


def _first_difference(one: list[str], other: list[str]) -> int | None:
    """The first step at which two texts differ, None where they are the same as far as both go: one of them may be
    on its way still."""
    differing = (step for step, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1])
    return next(differing, None)


def _column(run: str, result: GenerationResult, first: int | None, whole: bool) -> html.Div:
    steps = zip(result.generated.tolist(), np.exp(result.log_probs).tolist(), strict=True)
    tokens = [_token(step, token, probability, step == first) for step, (token, probability) in enumerate(steps)]
    said = "" if first is None or run == "baseline" else f"differs at {first}"
    first_said = html.Span(said, className="mt-quiet", title="The first generated token that is not the baseline's")
    far = html.Span("" if whole else f"not finished: {len(tokens)} tokens so far", className="mt-quiet")
    heading = html.Div([html.B(run), first_said, far], className="mt-text-heading")
    return html.Div([heading, html.Div(tokens, className="mt-text")], className="mt-text-column")


def _token(step: int, token: str, probability: float, marked: bool) -> Any:
    """One token, the fainter the less probable it was; a line break is shown and made."""
    style = {"--p": f"{probability:.3f}"}
    said = html.Span(
        shown(token), className="mt-text-token is-first" if marked else "mt-text-token", style=style,
        title=f"step {step}, probability {probability:.4g}",
    )  # fmt: skip
    return html.Span([said, html.Br()]) if "\n" in token else said


def register(app: Dash, engine: Engine) -> None:
    """Digests, runs, texts."""
    store, view, experiment = ids.DIGESTS.format(KIND), Input(ids.VIEW, "data"), ids.EXPERIMENT
    app.callback(
        Output(store, "data"), Input(experiment, "data"), Input(ids.STATUS, "data"), view, State(store, "data"),
        prevent_initial_call=True,
    )(functools.partial(address_text, engine))  # fmt: skip
    sweep_strip.register(app, engine, SLOT)
    app.callback(
        outputs(ids.GENERATION, "children"), Input(store, "data"), Input(ids.TICK.format(ids.GENERATION), "data"),
        view, State(experiment, "data"), prevent_initial_call=True,
    )(functools.partial(draw, engine))  # fmt: skip
