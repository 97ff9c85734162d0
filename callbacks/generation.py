"""Continue the prompt on screen, without and with the interventions, on a button; and show the two side by side."""

import functools
from typing import Any

import numpy as np
from dash import Dash, Input, Output, State, ctx, html, no_update

from app.domain.errors import BadInput, MicrotomeError
from app.domain.recipes import MOST_NEW_TOKENS
from app.domain.results import GenerationResult
from app.domain.session import Experiment
from app.engine import Engine
from callbacks.evaluate import NOTHING, runs, wait_to_run
from callbacks.reading import (
    REFUSALS,
    Asked,
    Refused,
    digests_of,
    experiment_of,
    numbered,
    outputs,
    ready,
    refused,
    view_of,
)  # fmt: skip
from callbacks.sweep_map import here
from layouts import ids
from layouts.generation import PRESS_GENERATE
from layouts.rail import shown

KIND = "generation"


def options_of(tokens: Any, temperature: Any, seed: Any) -> dict[str, Any]:
    """The panel's numbers as the recipe's options."""
    if not isinstance(tokens, int) or not 1 <= tokens <= MOST_NEW_TOKENS:
        raise BadInput(f"{tokens!r} tokens cannot be generated; give a number from 1 to {MOST_NEW_TOKENS}.")
    if not isinstance(temperature, int | float) or temperature < 0:
        raise BadInput(f"A temperature of {temperature!r} does not exist; give 0 (greedy) or more.")
    if not isinstance(seed, int) or seed < 0:
        raise BadInput(f"{seed!r} is not a seed; give a whole number from 0.")
    return {"max_new_tokens": tokens, "temperature": float(temperature), "seed": seed}


def generate(
    engine: Engine, clicks: Any, store: Any, status: Any, view: Any, tokens: Any, temperature: Any, seed: Any,
    before: Any,
) -> Any:  # fmt: skip
    """Where the texts are or would be; computed only when the button was pressed."""
    pressed = clicks is not None and ids.GENERATE in ctx.triggered_prop_ids.values()
    try:
        here(view_of(view))
        found = _generated(engine, experiment_of(store), options_of(tokens, temperature, seed), pressed)
    except MicrotomeError as error:
        found = NOTHING | {"error": str(error)}
    found = numbered(found, store)
    return no_update if found == before and not pressed else found


def _generated(engine: Engine, experiment: Experiment, options: dict[str, Any], pressed: bool) -> dict[str, Any]:
    wait_to_run(engine, experiment)
    recipes = runs(experiment, KIND, **options)
    if pressed:
        for recipe in recipes.values():
            engine.evaluate(recipe)
    return NOTHING | {run: engine.digest(recipe) for run, recipe in recipes.items()}


# drawing


def draw(engine: Engine, digests: Any, view: Any, experiment: Any) -> tuple[Any, ...]:
    """The texts, state, message, of what."""
    try:
        here(view_of(view))
        asked = experiment_of(experiment)
        results = {run: _text(engine, asked, digests, run) for run in _runs(digests)}
    except REFUSALS as why:
        return refused(why, PRESS_GENERATE)
    of = "baseline and intervened" if len(results) > 1 else "baseline"
    return ready(side_by_side(results), of, digests)


def _runs(digests: Any) -> list[str]:
    found = digests_of(digests) or {}
    return ["baseline", *["intervened"] * isinstance(found.get("intervened"), str)]


def _text(engine: Engine, experiment: Experiment, digests: Any, run: str) -> GenerationResult:
    """One run's text, if it was generated."""
    found = engine.result(Asked(engine, experiment, digests, "baseline").digest(run))
    if not isinstance(found, GenerationResult):
        raise Refused(PRESS_GENERATE)
    return found


def side_by_side(results: dict[str, GenerationResult]) -> list[html.Div]:
    """One column per run; the first token that differs from the baseline's is marked."""
    texts = {run: result.generated.tolist() for run, result in results.items()}
    first = _first_difference(*texts.values()) if len(texts) > 1 else None
    return [_column(run, result, first) for run, result in results.items()]


def _first_difference(one: list[str], other: list[str]) -> int | None:
    """The first step at which two texts differ, None where they are the same."""
    differing = (step for step, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1])
    return next(differing, None if len(one) == len(other) else min(len(one), len(other)))


def _column(run: str, result: GenerationResult, first: int | None) -> html.Div:
    steps = zip(result.generated.tolist(), np.exp(result.log_probs).tolist(), strict=True)
    tokens = [_token(step, token, probability, step == first) for step, (token, probability) in enumerate(steps)]
    said = "" if first is None or run == "baseline" else f"differs at {first}"
    first_said = html.Span(said, className="mt-quiet", title="The first generated token that is not the baseline's")
    heading = html.Div([html.B(run), first_said], className="mt-text-heading")
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
    """Generate, draw."""
    store, view, experiment = ids.DIGESTS.format(KIND), Input(ids.VIEW, "data"), ids.EXPERIMENT
    options = [Input(name, "value") for name in (ids.MAX_NEW_TOKENS, ids.TEMPERATURE, ids.GENERATION_SEED)]
    app.callback(
        Output(store, "data"), Input(ids.GENERATE, "n_clicks"), Input(experiment, "data"), Input(ids.STATUS, "data"),
        view, *options, State(store, "data"),
        running=[
            (Output(ids.BUSY.format(ids.GENERATION, KIND), "className"), "mt-busy is-on", "mt-busy"),
            (Output(ids.GENERATE, "disabled"), True, False),
        ],
        prevent_initial_call=True,
    )(functools.partial(generate, engine))  # fmt: skip
    app.callback(
        outputs(ids.GENERATION, "children"), Input(store, "data"), view, State(experiment, "data"),
        prevent_initial_call=True,
    )(functools.partial(draw, engine))  # fmt: skip
