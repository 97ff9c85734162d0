"""The rail: what is computed. Prompts and answers are drafts until Run; then tokens and interventions follow."""

from typing import Any

import dash_mantine_components as dmc
from dash import html

from app.domain.prompts import PromptPair
from app.domain.session import Experiment
from layouts import ids
from layouts.attributes import attributes


def shown(token: str) -> str:
    """A token with its spaces and newlines visible."""
    return token.replace(" ", "·").replace("\n", "⏎").replace("\t", "⇥")


def token_options(tokens: tuple[str, ...]) -> list[dict[str, str]]:
    """Choices of an answer picker: the value is the token itself, the label shows its spaces."""
    return [{"value": token, "label": shown(token)} for token in dict.fromkeys(tokens)]


def _section(title: str, *parts: Any, aside: Any = None) -> html.Div:
    heading = html.Div([html.H3(title), "" if aside is None else aside], className="mt-rail-heading")
    return html.Div([heading, *parts], className="mt-rail-section")


def _prompt(component_id: str, value: str, label: str, placeholder: str) -> dmc.Textarea:
    return dmc.Textarea(
        id=component_id, value=value, autosize=True, minRows=2, maxRows=6, size="xs", spellCheck=False,
        placeholder=placeholder, **attributes(aria_label=label),
    )  # fmt: skip


def _picker(component_id: str, tokens: tuple[str, ...], label: str) -> dmc.MultiSelect:
    """Without debounce: the choices of the next search would arrive before the choice itself, and drop it."""
    return dmc.MultiSelect(
        id=component_id, data=token_options(tokens), value=list(tokens), label=label, searchable=True, size="xs",
        placeholder="" if tokens else "search the vocabulary", nothingFoundMessage="Type to search",
        hidePickedOptions=True, comboboxProps={"width": 300, "position": "bottom-start"}, maxDropdownHeight=240,
        clearSearchOnChange=True,
    )  # fmt: skip


def _prompts(prompt: PromptPair) -> list[html.Div]:
    corrupted = _prompt(ids.CORRUPTED, prompt.corrupted or "", "Corrupted prompt", "Optional: same length in tokens")
    count = html.Span(id=ids.TOKEN_COUNT, className="mt-quiet")
    return [
        _section("Clean prompt", _prompt(ids.CLEAN, prompt.clean, "Clean prompt", "Type a prompt"), aside=count),
        _section("Corrupted prompt", corrupted, html.Div(id=ids.TOKEN_DIFF, className="mt-diff")),
    ]


def _answers_and_run(prompt: PromptPair) -> list[html.Div]:
    answers = [
        _picker(ids.ANSWER, prompt.answer, "Answer"),
        _picker(ids.INCORRECT_ANSWER, prompt.incorrect_answer, "Instead of"),
    ]
    run = html.Button("Run", id=ids.RUN, type="button", className="mt-button mt-primary", title="Run (Ctrl+Enter)")
    return [
        html.Div(answers, className="mt-rail-section mt-answers"),
        html.Div([run, html.Span("Ctrl Enter", id=ids.DRAFT_HINT, className="mt-quiet")], className="mt-run"),
        html.Div(id=ids.REFUSAL_TEXT, className="mt-refusal", role="alert"),
    ]


def rail(experiment: Experiment) -> html.Div:
    """Everything that decides which numbers are computed, except the model (header)."""
    bos = dmc.Switch(id=ids.BOS_SWITCH, label="BOS", checked=experiment.model.prepend_bos, size="xs")
    follows = [
        _section("Tokens", html.Div(id=ids.TOKEN_STRIP, className="mt-tokens"), aside=bos),
        _section("Interventions", html.Div(id=ids.INTERVENTIONS, className="mt-interventions")),
    ]
    prompt = experiment.prompt
    return html.Div([*_prompts(prompt), *_answers_and_run(prompt), *follows], id="rail", className="mt-rail")
