"""The rail: what is computed. Prompts and answers are drafts until Run; prompt set, tokens and interventions follow.

The lists of prompts and interventions are drawn by assets/62-rail.js from the page's own state.
"""

from typing import Any

import dash_mantine_components as dmc
from dash import html

from app.domain.experiment import Experiment
from app.domain.prompts import PromptPair
from layouts import ids
from layouts.attributes import attributes
from layouts.header import segments
from layouts.history import history

BASES = (("clean", "clean"), ("corrupted", "corrupted"))
SIDES = (("experiment", "Experiment"), ("history", "History"))


def shown(token: str) -> str:
    """A token with its spaces and newlines visible."""
    return token.replace(" ", "·").replace("\n", "⏎").replace("\t", "⇥")


def token_options(tokens: tuple[str, ...]) -> list[dict[str, str]]:
    """Choices of an answer picker: the value is the token itself, the label shows its spaces."""
    return [{"value": token, "label": shown(token)} for token in dict.fromkeys(tokens)]


def _section(title: str, *parts: Any, aside: Any = None, counted: Any = None) -> html.Div:
    named = [part for part in (html.H3(title), counted) if part is not None]
    heading = html.Div([html.Div(named), "" if aside is None else aside], className="mt-rail-heading")
    return html.Div([heading, *parts], className="mt-rail-section")


def _prompt(component_id: str, value: str, label: str, placeholder: str) -> dmc.Textarea:
    return dmc.Textarea(
        id=component_id, value=value, autosize=True, minRows=2, maxRows=6, size="xs", spellCheck=False,
        placeholder=placeholder, **attributes(aria_label=label),
    )  # fmt: skip


def token_picker(component_id: str, tokens: tuple[str, ...], label: str) -> dmc.MultiSelect:
    """Without debounce: the choices of the next search would arrive before the choice itself, and drop it."""
    return dmc.MultiSelect(
        id=component_id, data=token_options(tokens), value=list(tokens), label=label, searchable=True, size="xs",
        placeholder="" if tokens else "search the vocabulary", nothingFoundMessage="Type to search",
        hidePickedOptions=True, comboboxProps={"width": 300, "position": "bottom-start"}, maxDropdownHeight=240,
        clearSearchOnChange=True, classNames={"options": "mt-answer-options"},
    )  # fmt: skip


def _prompts(prompt: PromptPair) -> list[html.Div]:
    corrupted = _prompt(ids.CORRUPTED, prompt.corrupted or "", "Corrupted prompt", "Optional: same length in tokens")
    return [
        _section("Clean prompt", _prompt(ids.CLEAN, prompt.clean, "Clean prompt", "Type a prompt")),
        _section("Corrupted prompt", corrupted, html.Div(id=ids.TOKEN_DIFF, className="mt-diff")),
    ]


def _answers_and_run(prompt: PromptPair) -> list[html.Div]:
    answers = [
        token_picker(ids.ANSWER, prompt.answer, "Answer"),
        token_picker(ids.INCORRECT_ANSWER, prompt.incorrect_answer, "Instead of"),
    ]
    run = html.Button("Run", id=ids.RUN, type="button", className="mt-button mt-primary", title="Run (Ctrl+Enter)")
    return [
        html.Div(answers, className="mt-rail-section mt-answers"),
        html.Div([run, html.Span("Ctrl Enter", id=ids.DRAFT_HINT, className="mt-quiet")], className="mt-run"),
        html.Div(id=ids.REFUSAL_TEXT, className="mt-refusal", role="alert"),
    ]


def _prompt_set(experiment: Experiment) -> html.Div:
    """The set that sweeps run over, the prompt of it on screen, and which prompt of each pair is run."""
    tools = html.Div(
        [
            _small(ids.PROMPTS_CSV, "CSV", "Download the prompt set as CSV"),
            _small(ids.PROMPTS_OPEN, "+ add", "Paste, upload or make prompts from a template"),
        ],
        className="mt-rail-tools",
    )
    base = segments(ids.BASE, BASES, experiment.base, "Which prompt of each pair is run")
    return _section(
        "Prompt set",
        html.Div(id=ids.PROMPT_LIST, className="mt-prompt-list"),
        html.Div([html.Span("Run on", className="mt-quiet"), base], className="mt-base"),
        aside=tools, counted=html.Span(id=ids.PROMPT_COUNT, className="mt-quiet"),
    )  # fmt: skip


def _directions() -> html.Div:
    """The library of directions (assets/62-directions.js)."""
    tools = [
        _small(ids.DIRECTIONS_COPY, "{}", "Copy all directions as JSON"),
        _small(ids.DIRECTION_NEW, "+ new", "Make a direction (d)"),
    ]
    place = html.Div(id=ids.DIRECTION_LIST, className="mt-directions")
    return _section("Directions", place, aside=html.Div(tools, className="mt-rail-tools"))


def _small(component_id: str, text: str, title: str) -> html.Button:
    return html.Button(text, id=component_id, type="button", className="mt-link", title=title)


def rail(experiment: Experiment) -> html.Div:
    """Everything that decides which numbers are computed, except the model (header)."""
    bos = dmc.Switch(id=ids.BOS_SWITCH, label="BOS", checked=experiment.model.prepend_bos, size="xs")
    add = _small(ids.INTERVENTION_ADD, "+ add", "Add an intervention of any kind (e)")
    count = html.Span(id=ids.TOKEN_COUNT, className="mt-quiet", title="Of the prompt that was run last")
    follows = [
        _prompt_set(experiment),
        _section("Tokens", html.Div(id=ids.TOKEN_STRIP, className="mt-tokens"), aside=bos, counted=count),
        _section("Interventions", html.Div(id=ids.INTERVENTIONS, className="mt-interventions"), aside=add),
        _directions(),
    ]
    prompt = experiment.prompt
    sides = html.Div(segments(ids.RAIL_SIDE, SIDES, "experiment", "What the rail shows"), className="mt-rail-sides")
    parts = html.Div([*_prompts(prompt), *_answers_and_run(prompt), *follows], id="rail", className="mt-rail")
    return html.Div([sides, parts, history()], className="mt-rail-both")
