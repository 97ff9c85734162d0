"""The rail: drafts become an experiment only when they hold; tokens and differences follow it."""

import functools
import json
from dataclasses import asdict, replace
from typing import Any

from dash import Dash, Input, Output, State, html, no_update
from dash.exceptions import PreventUpdate

from app.domain.errors import BadAnswer, MicrotomeError
from app.domain.models import ModelSpec
from app.domain.prompts import PromptPair, TokenisedPrompt, aligned, spoken
from app.engine import Engine
from callbacks.evaluate import wait_for_model
from callbacks.prompt_set import read_pair
from callbacks.reading import belongs, experiment_of, numbered, run_text
from layouts import ids
from layouts.attributes import attributes
from layouts.rail import shown, token_options

SEARCH_LIMIT = 20


# Run: drafts -> experiment


def accept_draft(
    engine: Engine, clicks: Any, clean: Any, corrupted: Any, answer: Any, incorrect: Any, store: Any
) -> tuple[Any, Any]:
    """(accepted experiment, None), or (no_update, why not): the drafts stay as they are either way. A draft that is on
    screen already is not accepted again, so that undo does not fill with nothing. Labels stay with their prompt."""
    try:
        if clicks is None:
            raise PreventUpdate
        before = experiment_of(store)
        prompt = read_draft(engine, before.model, (clean, corrupted, answer, incorrect))
        prompt = replace(prompt, labels=before.prompt.labels)
    except MicrotomeError as error:
        return no_update, str(error)
    if prompt == before.prompt:
        return no_update, None
    return {"experiment": {"model": asdict(before.model), "prompt": spoken(prompt)}, "run": clicks}, None


def read_draft(engine: Engine, spec: ModelSpec, draft: tuple[Any, Any, Any, Any]) -> PromptPair:
    """The pair, every part of it read by the model's own tokenizer; refuses in words that say what to change."""
    clean, corrupted, answer, incorrect = draft
    pair = PromptPair(
        _text(clean), _text(corrupted) if _text(corrupted).strip() else None,
        _texts(answer), _texts(incorrect),
    )  # fmt: skip
    return read_pair(engine, spec, pair)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(given: Any) -> tuple[str, ...]:
    return tuple(text for text in given if isinstance(text, str)) if isinstance(given, list) else ()


# answer pickers


def search_answer(engine: Engine, query: Any, value: Any, store: Any) -> tuple[Any, Any, Any]:
    """Choices for what has been typed, those already chosen kept; where nothing matches, why it is not one token; and
    what was found for it, so that the page can take it at Enter (assets/68-answers.js)."""
    chosen = _texts(value)
    try:
        spec = experiment_of(store).model
        wait_for_model(engine, experiment_of(store))
        text = _text(query).replace("·", " ")
        found = engine.search_tokens(spec, text, SEARCH_LIMIT) if text else ()
        why = "Type to search the vocabulary." if not text else not_one_token(engine, spec, text, chosen)
    except MicrotomeError as error:
        return no_update, str(error), no_update
    kept = {"query": text, "tokens": [token for token in found if token not in chosen], "why": why}
    return token_options((*chosen, *found)), why, kept


def not_one_token(engine: Engine, spec: ModelSpec, text: str, chosen: tuple[str, ...]) -> str:
    """What the tokenizer makes of a string that is no single token; nothing of a token that can be chosen."""
    try:
        engine.read_answer(spec, text)
    except BadAnswer as error:
        return str(error)
    return "Already chosen." if text in chosen else ""


# tokens


def draw_tokens(engine: Engine, store: Any, status: Any) -> tuple[Any, str, str]:
    """The prompt that is run as the model sees it (one element for all tokens, because Dash walks every component at
    every change; assets/42-token-strip.js makes a chip of each), how many there are, and of what."""
    try:
        experiment = experiment_of(store)
        wait_for_model(engine, experiment)
        prompt = engine.read_prompt(experiment.model, run_text(experiment))
    except MicrotomeError as error:
        return html.Span(str(error), className="mt-quiet"), "", "mt-tokens"
    said = json.dumps({"tokens": prompt.str_tokens, "ids": prompt.ids, "bos": prompt.bos})
    chips = html.Div(className="mt-token-row", **attributes(data_tokens=said))
    return chips, str(len(prompt)), f"mt-tokens{belongs(numbered({}, store))}"


def draw_difference(engine: Engine, clean: Any, corrupted: Any, store: Any, status: Any) -> tuple[list[Any], str]:
    """The difference of the two drafts, and of which experiment's model it is."""
    return _difference(engine, clean, corrupted, store), f"mt-diff{belongs(numbered({}, store))}"


def _difference(engine: Engine, clean: Any, corrupted: Any, store: Any) -> list[Any]:
    """The two drafts token by token where they differ, or why they cannot be compared."""
    if not _text(corrupted).strip() or not _text(clean).strip():
        return []
    try:
        experiment = experiment_of(store)
        wait_for_model(engine, experiment)
        pair = [engine.read_prompt(experiment.model, text) for text in (clean, corrupted)]
        aligned(*pair)
    except MicrotomeError as error:
        return [html.P(str(error), className="is-bad")]
    return difference_rows(*pair)


def difference_rows(clean: TokenisedPrompt, corrupted: TokenisedPrompt) -> list[Any]:
    """One row per differing position: number, clean token, corrupted token."""
    pairs = enumerate(zip(clean.str_tokens, corrupted.str_tokens, strict=True))
    rows = [
        html.Div([html.Span(str(i)), html.Mark(shown(a)), "→", html.Mark(shown(b))], className="mt-diff-row")
        for i, (a, b) in pairs
        if clean.ids[i] != corrupted.ids[i]
    ]
    said = f"Same length; {len(rows)} of {len(clean)} tokens differ." if rows else "The two prompts are the same."
    return [html.P(said), *rows[:12]]


def register(app: Dash, engine: Engine) -> None:
    """Run, every picker of tokens, tokens, difference."""
    experiment, status = Input(ids.EXPERIMENT, "data"), Input(ids.STATUS, "data")
    drafts = [State(ids.CLEAN, "value"), State(ids.CORRUPTED, "value")]
    pickers = [State(ids.ANSWER, "value"), State(ids.INCORRECT_ANSWER, "value")]
    app.callback(
        Output(ids.ACCEPTED, "data"), Output(ids.REFUSAL, "data"), Input(ids.RUN, "n_clicks"), *drafts, *pickers,
        State(ids.EXPERIMENT, "data"), prevent_initial_call=True,
        running=[(Output(ids.RUN, "disabled"), True, False)],
    )(functools.partial(accept_draft, engine))  # fmt: skip
    for picker in ids.TOKEN_PICKERS:
        app.callback(
            Output(picker, "data"), Output(picker, "nothingFoundMessage"), Output(ids.FOUND.format(picker), "data"),
            Input(picker, "searchValue"), Input(picker, "value"), State(ids.EXPERIMENT, "data"),
            prevent_initial_call=True,
        )(functools.partial(search_answer, engine))  # fmt: skip
    app.callback(
        Output(ids.TOKEN_STRIP, "children"), Output(ids.TOKEN_COUNT, "children"), Output(ids.TOKEN_STRIP, "className"),
        experiment, status, prevent_initial_call=True,
    )(functools.partial(draw_tokens, engine))  # fmt: skip
    app.callback(
        Output(ids.TOKEN_DIFF, "children"), Output(ids.TOKEN_DIFF, "className"), Input(ids.CLEAN, "value"),
        Input(ids.CORRUPTED, "value"), experiment, status,
    )(functools.partial(draw_difference, engine))  # fmt: skip
    app.callback(Output(ids.REFUSAL_TEXT, "children"), Input(ids.REFUSAL, "data"))(lambda text: text or "")
