"""Compute what the experiment asks for: one callback per kind of analysis, all from one table.

A callback leaves digests in its store, never numbers: `{"baseline", "intervened", "error"}`. Until the model is ready
it only wishes for the model; the status store then calls it again.
"""

import functools
from collections.abc import Callable
from typing import Any

from dash import Dash, Input, Output, State, no_update
from dash.exceptions import PreventUpdate

from app.domain.errors import BadInput, BadPrompt, MicrotomeError
from app.domain.experiment import Experiment
from app.domain.prompts import PromptPair
from app.domain.recipes import AnyRecipe, pattern_layers
from app.engine import Engine
from callbacks.reading import experiment_of, numbered, run_text
from layouts import ids
from layouts.workspaces import NO_ANSWERS

SHOWN_IN: dict[str, tuple[str, ...]] = {
    "prediction": (ids.PREDICTION,),
    "direct_logit_attribution": (ids.HEAD_MATRIX, ids.COMPONENTS),
    "residual_trajectory": (ids.TRAJECTORY,),
    "attention_pattern": (ids.ATTENTION, ids.THUMBNAILS),
    "logit_lens": (ids.LENS,),
    "correctness_meters": (),
}
ASKED = {"attention_pattern": ids.ATTENTION_LAYER, "logit_lens": ids.LENS_ASKED}
"""What the page wants of a kind besides the experiment."""
NEED_ANSWERS = ("direct_logit_attribution", "residual_trajectory", "ablation")
NO_ANSWERS_THERE = (
    "Prompt {} of the set has no two answers to tell apart: name an answer and another token there in the rail, then "
    "press Run, or remove it."
)
UNREADABLE = "This model cannot read the prompt: Tokens, in the rail, says why."
LONGEST = 512
"""Tokens up to which the page reads every layer at every token, or runs a prompt many times, without being asked."""
TOO_LONG = {
    "logit_lens": "The logit lens reads every layer at each of {} tokens, which takes minutes; the page does it for "
    "up to {}. Shorten the prompt, or compute it apart (python -m app compute).",
    "head_reading": "Scores and outputs take a run of the whole prompt for each head and query; the page makes it for "
    "up to {1} tokens (here {0}). Shorten the prompt, or compute it apart (python -m app compute).",
    "residual_geometry": "Norms and cosines keep four activations of every layer at each of {} tokens; the page does "
    "it for up to {}. Shorten the prompt, or compute it apart (python -m app compute).",
    "sae_features": "The loss beside features needs all logits at each of {} tokens; the page does it for up to {}. "
    "Shorten the prompt, or compute it apart (python -m app compute).",
    "correctness_meters": "meters: the identities take several runs each, checked for up to {1} tokens (here {0})",
}
NOTHING: dict[str, Any] = {"baseline": None, "intervened": None, "error": None}


def wait_for_model(engine: Engine, experiment: Experiment) -> None:
    """Go on only when the model is ready; begin loading it where it is not."""
    status = engine.status(experiment.model)
    if status.phase == "failed":
        raise MicrotomeError(status.message)
    if status.phase != "ready":
        engine.want(experiment.model)
        raise PreventUpdate


def stored(find: Callable[[], dict[str, Any]], store: Any, before: Any) -> Any:
    """What a digest store is to hold of the experiment in `store`: what `find` finds, or why there is nothing; no
    update where that is there already."""
    try:
        found = find()
    except MicrotomeError as error:
        found = NOTHING | {"error": str(error)}
    found = numbered(found, store)
    return no_update if found == before else found


def wait_to_run(engine: Engine, experiment: Experiment) -> None:
    """Go on only when the model is ready and reads the prompt; why it does not is said once, beside the tokens."""
    wait_for_model(engine, experiment)
    try:
        engine.read_prompt(experiment.model, run_text(experiment))
    except BadPrompt:
        raise BadPrompt(UNREADABLE) from None


def runs(experiment: Experiment, kind: str, **options: Any) -> dict[str, AnyRecipe]:
    """The baseline's recipe, and the intervened run's where an intervention is on."""
    found = {"baseline": experiment.recipe(kind, **options)}
    if experiment.has_interventions:
        found["intervened"] = experiment.recipe(kind, intervened=True, **options)
    return found


def has_answers(experiment: Experiment) -> bool:
    """Whether there are two answers to tell apart."""
    return _answered(experiment.prompt)


def _answered(pair: PromptPair) -> bool:
    return bool(pair.answer and pair.incorrect_answer)


def lacking_answers(experiment: Experiment) -> str | None:
    """What to do where a prompt of the set has no two answers to tell apart, None where all have them."""
    if not has_answers(experiment):
        return NO_ANSWERS
    without = next((at for at, pair in enumerate(experiment.prompt_set) if not _answered(pair)), None)
    return None if without is None else NO_ANSWERS_THERE.format(without)


def evaluate(engine: Engine, kind: str, store: Any, status: Any, *asked_and_before: Any) -> Any:
    """Compute the analysis on the baseline and on the intervened run, and say where the results are."""
    *asked, before = asked_and_before
    return stored(lambda: evaluated(engine, kind, experiment_of(store), *asked), store, before)


def evaluated(engine: Engine, kind: str, experiment: Experiment, asked: Any = None) -> dict[str, Any]:
    """Digests of the experiment's runs. `asked`: of attention the layer wanted, of the lens which one."""
    wait_to_run(engine, experiment)
    if kind in NEED_ANSWERS and not has_answers(experiment):
        return NOTHING
    why = too_long(engine, experiment, kind)
    if why:
        return NOTHING | {"error": why}
    options = attention_options(engine, experiment, asked) if kind == "attention_pattern" else {}
    options |= lens_options(asked) if kind == "logit_lens" else {}
    digests = {run: engine.evaluate(recipe).digest for run, recipe in runs(experiment, kind, **options).items()}
    return NOTHING | digests | (options if kind == "attention_pattern" else {"options": options} if options else {})


def lens_options(asked: Any) -> dict[str, Any]:
    """The fields of a tuned lens's recipe; none for the logit lens."""
    if asked is None:
        return {}
    if not isinstance(asked, dict) or set(asked) - {"lens", "folder", "fingerprint"}:
        raise BadInput("The page asks for no lens that there is; reload it.")
    return asked


def too_long(engine: Engine, experiment: Experiment, kind: str) -> str | None:
    """Why the page does not compute this of a long prompt, and what to do instead; None where it does."""
    if kind not in TOO_LONG:
        return None
    length = len(engine.read_prompt(experiment.model, run_text(experiment)))
    return TOO_LONG[kind].format(f"{length:,}", LONGEST) if length > LONGEST else None


def attention_options(engine: Engine, experiment: Experiment, layer: Any) -> dict[str, Any]:
    """`layers` of a prompt too long for the patterns of all layers at once: the one that the page wants to see."""
    facts, length = engine.facts(experiment.model), len(engine.read_prompt(experiment.model, run_text(experiment)))
    wanted = layer if isinstance(layer, int) and 0 <= layer < facts.n_layers else 0
    layers = pattern_layers(facts.n_layers, facts.n_heads, length, wanted)
    return {} if layers is None else {"layers": layers}


def address_sweep(engine: Engine, method: str, store: Any, status: Any, before: Any) -> Any:
    """Where a sweep's results are or will be; a sweep itself is started by callbacks/sweep.py."""
    return stored(lambda: _addressed(engine, method, experiment_of(store)), store, before)


def _addressed(engine: Engine, method: str, experiment: Experiment) -> dict[str, Any]:
    wait_to_run(engine, experiment)
    if not has_answers(experiment):
        return NOTHING
    found = runs(experiment, "ablation", method=method)
    for recipe in found.values():
        engine.check(recipe)
    return NOTHING | {run: engine.digest(recipe) for run, recipe in found.items()}


def _busy(kind: str) -> list[tuple[Output, str, str]]:
    lines = [ids.BUSY.format(panel, kind) for panel in SHOWN_IN.get(kind, ())]
    panels = [(Output(line, "className"), "mt-busy is-on", "mt-busy") for line in lines]
    return panels or [(Output(ids.METERS, "className"), "mt-meters is-stale", "mt-meters")]


def register(app: Dash, engine: Engine) -> None:
    """One callback per kind of analysis, one per sweep method."""
    for kind in (*ids.ANALYSIS_KINDS, *ids.SWEEP_METHODS):
        compute = evaluate if kind in ids.ANALYSIS_KINDS else address_sweep
        store = ids.DIGESTS.format(kind)
        app.callback(
            Output(store, "data"), Input(ids.EXPERIMENT, "data"), Input(ids.STATUS, "data"),
            *([Input(ASKED[kind], "data")] if kind in ASKED else []), State(store, "data"),
            running=_busy(kind) if kind in SHOWN_IN else None, prevent_initial_call=True,
        )(functools.partial(compute, engine, kind))  # fmt: skip
