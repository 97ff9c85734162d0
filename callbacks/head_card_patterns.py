"""The top of the head card: attention on a background text. What heads promote comes by digest, by a plain route."""

import functools
from typing import Any

from dash import Dash, Input, Output, State, no_update
from dash.exceptions import PreventUpdate

from app.domain.errors import MicrotomeError
from app.domain.experiment import Experiment
from app.domain.session import Viewed
from app.engine import Engine
from callbacks.evaluate import NOTHING, wait_to_run
from callbacks.reading import experiment_of, numbered, view_of
from layouts import ids
from layouts.rail import shown

WORKSPACE = "attention"


def here(view: Viewed) -> None:
    """Go on only where the workspace is on screen: nothing is computed or drawn behind another one."""
    if view.workspace != WORKSPACE:
        raise PreventUpdate


def evaluate_pattern(engine: Engine, store: Any, status: Any, view: Any, text: Any, before: Any) -> Any:
    """Attention on one background text by the model as it is: where it is, and of which model."""
    try:
        here(view_of(view))
        found = _pattern(engine, experiment_of(store), text or 0)
    except MicrotomeError as error:
        found = NOTHING | {"error": str(error)}
    found = numbered(found | {"model": store.get("model") if isinstance(store, dict) else None}, store)
    return no_update if found == before else found


def _pattern(engine: Engine, experiment: Experiment, text: int) -> dict[str, Any]:
    wait_to_run(engine, experiment)
    result: Any = engine.evaluate(experiment.model_recipe("attention_pattern", corpus=True, prompt=text))
    return NOTHING | {"baseline": result.digest, "text": text, "reads": " ".join(map(shown, result.str_tokens))}


def background_texts(engine: Engine, digests: Any) -> int:
    """How many there are; 0 while that is not known."""
    digest = (digests or {}).get("baseline")
    result: Any = engine.result(digest) if digest else None
    return 0 if result is None else len(result.entropy)


def register(app: Dash, engine: Engine) -> None:
    """The pattern follows the experiment's model and the text that is chosen."""
    store = ids.BACKGROUND_PATTERN
    app.callback(
        Output(store, "data"), Input(ids.EXPERIMENT, "data"), Input(ids.STATUS, "data"), Input(ids.VIEW, "data"),
        Input(ids.CARD_TEXT, "data"), State(store, "data"), prevent_initial_call=True,
    )(functools.partial(evaluate_pattern, engine))  # fmt: skip
