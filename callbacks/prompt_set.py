"""The prompt set: text of many kinds becomes pairs that hold on the model, or a refusal that names the row.

Templates and files only fill the text. Nothing enters the set before every pair has been looked at.
"""

import base64
import binascii
import functools
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain
from typing import Any

from dash import Dash, Input, Output, State, ctx, dcc, no_update
from dash.exceptions import PreventUpdate

from app.domain.errors import BadAnswer, BadInput, BadPrompt, MicrotomeError
from app.domain.models import ModelSpec
from app.domain.prompt_sets import NAMES, WORDS, induction, ioi, parse_prompts, to_csv
from app.domain.prompts import PromptPair, aligned, label_names, spoken
from app.engine import Engine
from callbacks.evaluate import wait_for_model
from callbacks.export import notice
from callbacks.reading import experiment_of
from layouts import ids
from layouts.prompt_set import ANSWERS, MOST_BYTES, MOST_PROMPTS, READING

MOST_CHARACTERS = 1_000_000
"""Longest prompt set: the page sends it with every question, and the browser keeps it."""
MOST_REFUSALS = 5
"""Prompts that do not hold, named at once."""


# what is read


def read_pair(engine: Engine, spec: ModelSpec, pair: PromptPair) -> PromptPair:
    """The pair, every part of it read by the model's own tokenizer; refuses in words that say what to change."""
    tokens = engine.read_prompt(spec, pair.clean)
    if pair.corrupted is not None:
        aligned(tokens, engine.read_prompt(spec, pair.corrupted))
    answer, incorrect = [
        tuple(dict.fromkeys(engine.read_answer(spec, text) for text in side))
        for side in (pair.answer, pair.incorrect_answer)
    ]
    if incorrect and not answer:
        raise BadAnswer("There is a token to compare with and no answer: choose the answer as well, or remove both.")
    return replace(pair, answer=answer, incorrect_answer=incorrect)


def read_text(engine: Engine, spec: ModelSpec, text: str) -> tuple[PromptPair, ...]:
    """Every pair of a text; those that do not hold are named by their number, from 0, and their words."""
    pairs = parse_prompts(text)
    _bounded(pairs)
    read, refused = [], []
    for number, pair in enumerate(pairs):
        try:
            read.append(read_pair(engine, spec, pair))
        except BadInput as error:
            refused.append(f"Prompt {number} ({_shortly(pair.clean)}): {error}")
    if refused:
        raise BadPrompt(_refusal(refused, len(pairs)))
    return tuple(read)


def _refusal(refused: list[str], count: int) -> str:
    """One as it is; of several a line each, of many the first ones."""
    if len(refused) == 1:
        return refused[0]
    more = len(refused) - MOST_REFUSALS
    rest = [f"… and {more} more."] if more > 0 else []
    return "\n".join([f"{len(refused)} of {count} prompts do not hold.", *refused[:MOST_REFUSALS], *rest])


def _shortly(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def _bounded(pairs: tuple[PromptPair, ...]) -> None:
    """Refuse a set that is too long to travel."""
    if len(pairs) > MOST_PROMPTS:
        raise BadPrompt(f"These are {len(pairs)} prompts, and a set holds {MOST_PROMPTS}; give fewer.")
    label_names(pairs)
    length = sum(len(part) for pair in pairs for part in (pair.clean, pair.corrupted or "", *chain(*pair.labels)))
    if length > MOST_CHARACTERS:
        raise BadPrompt(f"These prompts have {length} characters, and a set holds {MOST_CHARACTERS}; give fewer.")


def accept_prompts(engine: Engine, add: Any, replaced: Any, text: Any, store: Any) -> tuple[Any, Any]:
    """(the prompts that were read, None), or (no_update, why not): the text stays as it is either way."""
    if add is None and replaced is None:
        raise PreventUpdate
    try:
        experiment = experiment_of(store)
        wait_for_model(engine, experiment)
        pairs = read_text(engine, experiment.model, text if isinstance(text, str) else "")
        adds = ctx.triggered_id == ids.PROMPTS_ADD
        _bounded((*experiment.prompt_set, *pairs) if adds else pairs)
    except MicrotomeError as error:
        return no_update, str(error)
    return {"prompts": [spoken(pair) for pair in pairs], "add": adds, "run": [add, replaced]}, None


# what fills the text


def fill_text(
    engine: Engine, filled: Any, current: Any, contents: Any, template: Any, count: Any, seed: Any, store: Any
) -> tuple[Any, Any]:
    """(text, None), or (no_update, why not)."""
    try:
        experiment = experiment_of(store)
        if ctx.triggered_id == ids.PROMPTS_UPLOAD:
            return uploaded(contents), None
        if ctx.triggered_id == ids.PROMPTS_CURRENT:
            return to_csv(experiment.prompt_set), None
        wait_for_model(engine, experiment)
        return to_csv(made(engine, experiment.model, template, _whole(count), _whole(seed))), None
    except MicrotomeError as error:
        return no_update, str(error)


def uploaded(contents: Any) -> str:
    """The text of a file as dcc.Upload sends it: `data:…;base64,…`."""
    if not isinstance(contents, str) or "," not in contents:
        raise PreventUpdate
    try:
        read = base64.b64decode(contents.split(",", 1)[1], validate=True)
        if len(read) > MOST_BYTES:
            raise BadPrompt(f"The file has {len(read)} bytes and the limit is {MOST_BYTES}; give a smaller one.")
        return read.decode()
    except (binascii.Error, UnicodeDecodeError):
        raise BadPrompt("The file is not text in UTF-8; save it as CSV, JSON or JSON lines in UTF-8.") from None


def made(engine: Engine, spec: ModelSpec, template: Any, count: int, seed: int) -> tuple[PromptPair, ...]:
    """Pairs of a template, of words that are one token of this model."""
    if count > MOST_PROMPTS:
        raise BadPrompt(f"A set holds {MOST_PROMPTS} prompts; ask for fewer than {count}.")
    if template == "induction":
        return induction(count, seed, _single_tokens(engine, spec, (word.strip() for word in WORDS)))
    names = _single_tokens(engine, spec, NAMES)
    if len(names) < 2:
        raise BadPrompt("The IOI template needs names, and this model knows none as single tokens; use induction.")
    return ioi(count, seed, tuple(name.strip() for name in names))


def _single_tokens(engine: Engine, spec: ModelSpec, words: Iterable[str]) -> tuple[str, ...]:
    """The words that are one token, with a space before where the model has them so."""
    found = [next(filter(None, map(_reader(engine, spec), (f" {word}", word))), None) for word in words]
    return tuple(dict.fromkeys(filter(None, found)))


def _reader(engine: Engine, spec: ModelSpec) -> Callable[[str], str | None]:
    def read(text: str) -> str | None:
        try:
            return engine.read_answer(spec, text)
        except BadAnswer:
            return None

    return read


def _whole(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise BadPrompt(f"{value!r} is no count and no seed; give whole numbers from 0.")
    return value


def save_csv(clicks: Any, store: Any) -> tuple[Any, Any]:
    """(the set as a file that can be read again, nothing), or (nothing, a notice why not)."""
    if clicks is None:
        raise PreventUpdate
    try:
        text = to_csv(experiment_of(store).prompt_set)
    except MicrotomeError as error:
        return no_update, notice(str(error))
    return dcc.send_string(text, "prompts.csv"), no_update


def register(app: Dash, engine: Engine) -> None:
    """Fill, read, save."""
    experiment, text = State(ids.EXPERIMENT, "data"), State(ids.PROMPTS_TEXT, "value")
    app.callback(
        Output(ids.PROMPTS_READ, "data"), Output(ids.PROMPTS_REFUSAL, "children"),
        Input(ids.PROMPTS_ADD, "n_clicks"), Input(ids.PROMPTS_REPLACE, "n_clicks"), text, experiment,
        prevent_initial_call=True, running=[
            (Output(ids.PROMPTS_REPLACE, "disabled"), True, False), (Output(ids.PROMPTS_ADD, "disabled"), True, False),
            (Output(ids.PROMPTS_SAID, "children"), READING, ANSWERS),
        ],
    )(functools.partial(accept_prompts, engine))  # fmt: skip
    app.callback(
        Output(ids.PROMPTS_TEXT, "value"), Output(ids.PROMPTS_REFUSAL, "children", allow_duplicate=True),
        Input(ids.TEMPLATE_FILL, "n_clicks"), Input(ids.PROMPTS_CURRENT, "n_clicks"),
        Input(ids.PROMPTS_UPLOAD, "contents"), State(ids.TEMPLATE, "value"), State(ids.TEMPLATE_COUNT, "value"),
        State(ids.TEMPLATE_SEED, "value"), experiment, prevent_initial_call=True,
    )(functools.partial(fill_text, engine))  # fmt: skip
    app.callback(
        Output(ids.EXPORT_DOWNLOAD, "data", allow_duplicate=True),
        Output(ids.NOTIFICATIONS, "sendNotifications", allow_duplicate=True),
        Input(ids.PROMPTS_CSV, "n_clicks"), experiment, prevent_initial_call=True,
    )(save_csv)  # fmt: skip
