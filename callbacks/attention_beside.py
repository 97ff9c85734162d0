"""What stands beside a pattern, computed only where it is asked for: the pair's other prompt, and weights of the keys.

One store for both, `{"other": digests | null, "weights": digests | null}`. Weighted attention is of one run on one
prompt: it is not computed where another prompt or another run is taken away, and the page says so
(assets/60-attention-asked.js); exports say the same (`unweighted`).
"""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dash import Dash, Input, Output, State, no_update

from app.domain.errors import BadInput, MicrotomeError
from app.domain.experiment import Experiment
from app.domain.session import Viewed
from app.engine import Engine
from callbacks.evaluate import NOTHING, evaluated, has_answers, wait_to_run
from callbacks.reading import experiment_of, run_text, view_of
from layouts import ids

KIND, WEIGHTS = "attention_pattern", "attention_weights"
OF_ONE_RUN = "Weighted attention is of one run: show the baseline or the intervened run."
OF_ONE_PROMPT = "Weighted attention is of one prompt: take no other prompt away."
AT_END = "Attribution needs an answer and an incorrect answer to tell apart: name both in the rail."


def other_of(engine: Engine, experiment: Experiment) -> Experiment:
    """The same experiment run on the pair's other prompt; refuses pairs whose cells do not correspond."""
    other = replace(experiment, base="clean" if experiment.base == "corrupted" else "corrupted")
    if experiment.prompt.corrupted is None:
        raise BadInput("There is no corrupted prompt to compare with; write one in the rail.")
    ours, theirs = (len(engine.read_prompt(each.model, run_text(each))) for each in (experiment, other))
    if ours != theirs:
        raise BadInput(f"{ours} and {theirs} tokens: no cell is the same in both prompts; write them equally long")
    return other


def unweighted(experiment: Experiment, view: Viewed) -> str | None:
    """Why attention cannot be weighted as the view says, None where it can."""
    if view.show == "difference":
        return OF_ONE_RUN
    if view.attention.minus == "corrupted":
        return OF_ONE_PROMPT
    return AT_END if view.attention.by == "attribution" and not has_answers(experiment) else None


def compare(engine: Engine, store: Any, status: Any, view: Any, layer: Any, before: Any) -> Any:
    """Digests as those of the prompt that is run, or None where nothing is asked for."""
    shown = view_of(view)
    asked = [name for name, wanted in WANTED.items() if wanted(shown)]
    if not asked:
        return None if before is not None else no_update
    found = {name: _found(engine, name, store, shown, layer) if name in asked else None for name in WANTED}
    return no_update if found == before else found


def _found(engine: Engine, name: str, store: Any, shown: Viewed, layer: Any) -> dict[str, Any]:
    try:
        return _COMPUTED[name](engine, experiment_of(store), shown, layer)
    except MicrotomeError as error:
        return NOTHING | {"error": str(error)}


def _other(engine: Engine, experiment: Experiment, shown: Viewed, layer: Any) -> dict[str, Any]:
    wait_to_run(engine, experiment)
    return evaluated(engine, KIND, other_of(engine, experiment), layer)


def _weights(engine: Engine, experiment: Experiment, shown: Viewed, layer: Any) -> dict[str, Any]:
    why = unweighted(experiment, shown)
    return NOTHING | {"error": why} if why else evaluated(engine, WEIGHTS, experiment)


WANTED: dict[str, Callable[[Viewed], bool]] = {
    "other": lambda view: view.attention.minus == "corrupted",
    "weights": lambda view: view.attention.by is not None,
}
_COMPUTED = {"other": _other, "weights": _weights}


def register(app: Dash, engine: Engine) -> None:
    """One callback; it hears the view, because most pages never ask for either."""
    app.callback(
        Output(ids.ATTENTION_BESIDE, "data"), Input(ids.EXPERIMENT, "data"), Input(ids.STATUS, "data"),
        Input(ids.VIEW, "data"), Input(ids.ATTENTION_LAYER, "data"), State(ids.ATTENTION_BESIDE, "data"),
        prevent_initial_call=True,
    )(functools.partial(compare, engine))  # fmt: skip
