"""The dialog that makes a direction: every kind, and of each kind only the fields that apply
(assets/64-direction-form.js). The server makes it on the model before it enters the library."""

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from app.domain.direction_files import MOST_BYTES
from layouts import ids
from layouts.attributes import attributes
from layouts.header import segments
from layouts.rail import token_picker

KINDS = (
    ("tokens", "Tokens"), ("mean_difference", "Difference of means"), ("principal_component", "Component"),
    ("probe", "Probe"), ("singular_vector", "Head"), ("sae_feature", "SAE feature"),
    ("vector", "Numbers"), ("random", "Random"), ("json", "JSON"),
)  # fmt: skip
"""A kind of direction whose vectors come from elsewhere adds its tab here, its fields below, its reader in
callbacks/direction_form.py, and its names in assets/64-direction-form.js."""
GROUPS = (
    ("texts", "own texts"), ("set", "clean − corrupted prompts of the set"),
    ("positions", "selected tokens − the other tokens"),
)  # fmt: skip
STREAMS = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")
MATRICES = (("W_U", "unembedding"), ("W_E", "embedding"))
SIDES = (("write", "writes"), ("read", "reads"))
_LINES = "one text per line, its last token is read; “text @ 3” reads token 3"


def _field(name: str, label: str, component: Any) -> html.Div:
    """A field with its label above it; data-field says which, so that it can be hidden where it does not apply."""
    named = [html.Span(label, className="mt-form-label"), component]
    return html.Div(named, className="mt-form-field", **attributes(data_field=name))


def _id(name: str) -> str:
    return ids.DIRECTION_FIELD.format(name)


def _text(name: str, label: str, placeholder: str = "") -> html.Div:
    said = attributes(aria_label=label, spellCheck="false", autoComplete="off")
    field = dmc.TextInput(id=_id(name), value="", placeholder=placeholder, size="xs", **said)
    return _field(name, label, field)


def _number(name: str, label: str, value: float | str, **limits: Any) -> html.Div:
    said = attributes(aria_label=label)
    return _field(name, label, dmc.NumberInput(id=_id(name), value=value, size="xs", min=0, **limits, **said))


def _whole(name: str, label: str, value: float | str = 0) -> html.Div:
    return _number(name, label, value, allowDecimal=False)


def _select(name: str, label: str, data: Any, value: str | None) -> html.Div:
    said = attributes(aria_label=label)
    return _field(name, label, dmc.Select(id=_id(name), data=data, value=value, size="xs", allowDeselect=False, **said))


def _area(name: str, label: str, placeholder: str, rows: int = 3) -> html.Div:
    field = dmc.Textarea(
        id=_id(name), value="", size="xs", autosize=True, minRows=rows, maxRows=8, spellCheck=False,
        placeholder=placeholder, **attributes(aria_label=label),
    )  # fmt: skip
    return _field(name, label, field)


def _picker(name: str, label: str) -> html.Div:
    picker = token_picker(_id(name), (), label)
    return html.Div(picker, className="mt-form-field", **attributes(data_field=name))


def _row(*fields: html.Div) -> html.Div:
    return html.Div(list(fields), className="mt-form-row")


def _from_activations() -> list[html.Div]:
    """Where activations are read, and of which samples."""
    groups = [{"value": name, "label": text} for name, text in GROUPS]
    streams = [{"value": name, "label": name} for name in STREAMS]
    return [
        _row(_select("activation", "Activation", streams, "resid_post"), _whole("layer", "Layer"),
             _select("groups", "Of", groups, "texts"), _text("position", "At token", "the last")),
        _row(_area("plus", "Towards (texts)", _LINES), _area("minus", "Away from (texts)", _LINES)),
        _row(_whole("component", "Component, from 0"), _number("C", "C, 1 / strength of L2", 1, decimalScale=6),
             _number("held_out", "Share held out", 0.25, max=0.9, step=0.05)),
    ]  # fmt: skip


def _from_elsewhere() -> list[html.Div]:
    """Numbers, a file, JSON."""
    upload = dcc.Upload(
        html.Button("Choose a .npy or .safetensors file, or drop it", type="button", className="mt-button mt-drop"),
        id=ids.DIRECTION_UPLOAD, accept=".npy,.safetensors", max_size=MOST_BYTES, multiple=False,
        className_active="mt-upload is-over", className_reject="mt-upload is-refused", className="mt-upload",
    )  # fmt: skip
    return [
        _row(_field("file", "File", upload), _select("array", "Array", [], None), _whole("row", "Row, from 0"),
             _text("source", "Where it is from", "pasted")),
        _row(_area("numbers", "Numbers", "as many as the residual stream is wide, commas or spaces between")),
        _row(_area("json", "JSON", '{"kind": "tokens", "tokens": [" Mary"]}, one with a name, or a list of these', 5)),
    ]  # fmt: skip


def _fields() -> list[html.Div]:
    pickers = [_picker("tokens", "Tokens"), _picker("minus_tokens", "Minus (none: nothing is taken away)")]
    return [
        html.Div(pickers, className="mt-form-row mt-answers"),
        _row(_field("matrix", "Of", segments(_id("matrix"), MATRICES, "W_U", "Matrix"))),
        *_from_activations(),
        _row(_text("folder", "Folder of the autoencoder", "cfg.json, sae_weights.safetensors"),
             _whole("feature", "Feature, from 0")),
        _row(_text("head", "Head", "L5H1"), _whole("rank", "Rank, from 0"),
             _field("side", "What it", segments(_id("side"), SIDES, "write", "Side"))),
        *_from_elsewhere(),
        _row(_select("of", "Of", [{"value": "", "label": "no other: a random direction"}], ""), _whole("seed", "Seed")),
    ]  # fmt: skip


def direction_form() -> dmc.Modal:
    """One direction; JSON may hold several."""
    kind = segments(_id("kind"), KINDS, "tokens", "Kind of direction")
    name = _text("name", "Name", "what it is made of")
    make = html.Button("Make", id=ids.DIRECTION_MAKE, type="button", className="mt-button mt-primary")
    end = [html.Span(id=ids.DIRECTION_SAID, className="mt-quiet", role="status"), make]
    body = [
        html.Div(kind, className="mt-form-row"), *_fields(), _row(name),
        html.Div(id=ids.DIRECTION_REFUSAL, className="mt-refusal", role="alert"),
        html.Div(end, className="mt-form-end"),
    ]  # fmt: skip
    inside = html.Div(body, id=ids.DIRECTION_BODY, className="mt-form")
    return dmc.Modal(inside, id=ids.DIRECTION_FORM, title="New direction", size=720, keepMounted=True)
