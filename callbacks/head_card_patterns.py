"""The top of the head card: attention on a background text, and the tokens that every head's output moves."""

import functools
from typing import Any

from dash import Dash, Input, Output, State, no_update
from dash.exceptions import PreventUpdate

from app.domain.errors import MicrotomeError
from app.domain.session import Experiment, Viewed
from app.domain.views import Show
from app.engine import Engine
from callbacks.evaluate import NOTHING, wait_to_run
from callbacks.reading import Asked, Refused, experiment_of, numbered, view_of
from layouts import ids
from layouts.rail import shown

WORKSPACE, TOKENS = "attention", "head_tokens"


def here(view: Viewed) -> None:
    """Go on only where the workspace is on screen: nothing is computed or drawn behind another one."""
    if view.workspace != WORKSPACE:
        raise PreventUpdate


def evaluate_pattern(engine: Engine, store: Any, status: Any, view: Any, text: Any, before: Any) -> Any:
    """Attention on one background text by the model as it is, and where it is."""
    try:
        here(view_of(view))
        found = _pattern(engine, experiment_of(store), text or 0)
    except MicrotomeError as error:
        found = NOTHING | {"error": str(error)}
    found = numbered(found, store)
    return no_update if found == before else found


def _pattern(engine: Engine, experiment: Experiment, text: int) -> dict[str, Any]:
    wait_to_run(engine, experiment)
    result: Any = engine.evaluate(experiment.model_recipe("attention_pattern", corpus=True, prompt=text))
    return NOTHING | {"baseline": result.digest, "text": text, "reads": " ".join(map(shown, result.str_tokens))}


def head_tokens(engine: Engine, experiment: Experiment, show: Show, digests: Any) -> dict[str, Any] | None:
    """`{"promoted": ..., "suppressed": ...}`: of every head `[token, logit]` by rank; None while they are on their way.
    In a difference those of the intervened run: ranks have no difference."""
    try:
        asked = Asked(engine, experiment, digests, "intervened" if show == "difference" else show)
        result: Any = asked.shown(TOKENS)
    except (Refused, PreventUpdate):
        return None
    return {side: _by_head(result, side) for side in ("promoted", "suppressed")}


def _by_head(result: Any, side: str) -> list[list[tuple[str, float]]]:
    """Heads in a row, of the first prompt."""
    tokens, logits = (getattr(result, f"{side}_{what}")[0] for what in ("tokens", "logits"))
    rows = zip(
        tokens.reshape(-1, tokens.shape[-1]).tolist(), logits.reshape(-1, tokens.shape[-1]).tolist(), strict=True
    )
    return [list(zip(*row, strict=True)) for row in rows]


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
