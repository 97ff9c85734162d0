"""The dialog that fills the prompt set. Templates, files and the present set all become text first: what will be read
is what one sees and can still change."""

import dash_mantine_components as dmc
from dash import dcc, html

from layouts import ids
from layouts.attributes import attributes
from layouts.header import segments

MOST_BYTES = 2_000_000
"""Largest file that is taken."""
MOST_PROMPTS = 1000
TEMPLATES = (("ioi", "IOI"), ("induction", "Induction"))
IN_PAIRS = (
    "IOI prompts 2k and 2k + 1 are the same two texts, either as the clean one: statistics take them for independent"
)
ANSWERS = "Answers are single tokens, leading space included."
READING = "Reading every prompt with the model's tokenizer…"
PLACEHOLDER = (
    "clean,corrupted,answer,incorrect_answer\n"
    '"When Mary and John went out, John called","When Mary and John went out, Mary called", Mary, John'
)
FORMATS = (
    ("CSV", "with the header clean,corrupted,answer,incorrect_answer (only clean is needed); several answers: a|b"),
    ("Labels", "every other column or field (topic, level): maps are coloured, distributions grouped by them"),
    ("Spreadsheet", "cells pasted as they are, in that order or under that header"),
    ("JSONL, JSON", '{"clean": "…", "corrupted": "…", "answer": " Mary", "incorrect_answer": [" John"]} per line'),
)


def _number(component_id: str, label: str, value: int, least: int, most: int) -> dmc.NumberInput:
    return dmc.NumberInput(
        id=component_id, label=label, value=value, min=least, max=most, size="xs", w=104, allowDecimal=False,
    )  # fmt: skip


def _sources() -> html.Div:
    """What can be put into the text."""
    template = html.Div(
        [
            html.Div(
                [
                    html.Span("Template", className="mt-form-label"),
                    segments(ids.TEMPLATE, TEMPLATES, "ioi", "Template"),
                ],
                title=IN_PAIRS,
            ),
            _number(ids.TEMPLATE_COUNT, f"Pairs, up to {MOST_PROMPTS}", 8, 1, MOST_PROMPTS),
            _number(ids.TEMPLATE_SEED, "Seed", 0, 0, 2**31 - 1),
            html.Button("Fill in", id=ids.TEMPLATE_FILL, type="button", className="mt-button"),
        ],
        className="mt-form-row",
    )
    upload = dcc.Upload(
        html.Button("Choose a file, or drop it here", type="button", className="mt-button mt-drop"),
        id=ids.PROMPTS_UPLOAD, accept=".csv,.tsv,.txt,.jsonl,.json", max_size=MOST_BYTES, multiple=False,
        className_active="mt-upload is-over", className_reject="mt-upload is-refused", className="mt-upload",
    )  # fmt: skip
    current = html.Button("Present set", id=ids.PROMPTS_CURRENT, type="button", className="mt-button")
    return html.Div([template, html.Div([current, upload], className="mt-form-row")], className="mt-sources")


def prompt_set_dialog() -> dmc.Modal:
    """Paste, upload or template; add to the set or replace it."""
    text = dmc.Textarea(
        id=ids.PROMPTS_TEXT, value="", minRows=9, maxRows=14, autosize=True, size="xs", spellCheck=False,
        placeholder=PLACEHOLDER, className="mt-paste", **attributes(aria_label="Prompts as CSV, tabs or JSON lines"),
    )  # fmt: skip
    said = [html.Div([html.Dt(name), html.Dd(how)]) for name, how in FORMATS]
    buttons = [
        html.Span(ANSWERS, id=ids.PROMPTS_SAID, className="mt-quiet", role="status"),
        html.Button("Add to set", id=ids.PROMPTS_ADD, type="button", className="mt-button"),
        html.Button("Replace set", id=ids.PROMPTS_REPLACE, type="button", className="mt-button mt-primary"),
    ]
    inside = [
        _sources(), text, html.Dl(said, className="mt-formats"),
        html.Div(id=ids.PROMPTS_REFUSAL, className="mt-refusal", role="alert"),
        html.Div(buttons, className="mt-form-end"),
    ]  # fmt: skip
    return dmc.Modal(
        html.Div(inside, className="mt-form"), id=ids.PROMPTS_DIALOG, title="Prompt set", size=760, keepMounted=True
    )
