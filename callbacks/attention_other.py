"""Attention on the pair's other prompt, computed only where it is taken away from that on the prompt that is run."""

import functools
from dataclasses import replace
from typing import Any

from dash import Dash, Input, Output, State, no_update

from app.domain.errors import BadInput, MicrotomeError
from app.domain.session import Experiment
from app.engine import Engine
from callbacks.evaluate import NOTHING, evaluated, wait_to_run
from callbacks.reading import experiment_of, run_text, view_of
from layouts import ids

KIND = "attention_pattern"


def other_of(engine: Engine, experiment: Experiment) -> Experiment:
    """The same experiment run on the pair's other prompt; refuses pairs whose cells do not correspond."""
    other = replace(experiment, base="clean" if experiment.base == "corrupted" else "corrupted")
    if experiment.prompt.corrupted is None:
        raise BadInput("There is no corrupted prompt to compare with; write one in the rail.")
    ours, theirs = (len(engine.read_prompt(each.model, run_text(each))) for each in (experiment, other))
    if ours != theirs:
        raise BadInput(f"{ours} and {theirs} tokens: no cell is the same in both prompts; write them equally long")
    return other


def compare(engine: Engine, store: Any, status: Any, view: Any, layer: Any, before: Any) -> Any:
    """Digests as those of the prompt that is run, or None where nothing is compared."""
    if view_of(view).attention.minus != "corrupted":
        return None if before is not None else no_update
    try:
        found = _compared(engine, experiment_of(store), layer)
    except MicrotomeError as error:
        found = NOTHING | {"error": str(error)}
    return no_update if found == before else found


def _compared(engine: Engine, experiment: Experiment, layer: Any) -> dict[str, Any]:
    wait_to_run(engine, experiment)
    return evaluated(engine, KIND, other_of(engine, experiment), layer)


def register(app: Dash, engine: Engine) -> None:
    """One callback; it hears the view, because most pages never compare."""
    app.callback(
        Output(ids.ATTENTION_OTHER, "data"), Input(ids.EXPERIMENT, "data"), Input(ids.STATUS, "data"),
        Input(ids.VIEW, "data"), Input(ids.ATTENTION_LAYER, "data"), State(ids.ATTENTION_OTHER, "data"),
        prevent_initial_call=True,
    )(functools.partial(compare, engine))  # fmt: skip
