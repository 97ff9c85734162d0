"""The dialog that makes a direction: every kind, and of each kind only the fields that apply
(assets/64-direction-form.js). The server makes it on the model before it enters the library."""

import dash_mantine_components as dmc
from dash import dcc, html

from app.domain.direction_files import MOST_BYTES
from layouts import ids
from layouts.form_fields import FormFields, row
from layouts.header import segments
from layouts.rail import token_picker

KINDS = (
    ("tokens", "Tokens"), ("mean_difference", "Difference of means"), ("principal_component", "Principal component"),
    ("probe", "Probe"), ("singular_vector", "OV vector"), ("sae_feature", "SAE feature"),
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
_OF = FormFields(ids.DIRECTION_FIELD)
_ROWS = (3, 8)
_JSON = '{"kind": "tokens", "tokens": [" Mary"]}, one with a name, or a list of these'
_NO_OTHER = {"value": "", "label": "no other: a random direction"}


def _whole(name: str, label: str, value: float | str = 0) -> html.Div:
    return _OF.number(name, label, value, allowDecimal=False)


def _picker(name: str, label: str) -> html.Div:
    return _OF.bare(name, token_picker(_OF.id(name), (), label))


def _from_activations() -> list[html.Div]:
    """Where activations are read, and of which samples."""
    groups = [{"value": name, "label": text} for name, text in GROUPS]
    streams = [{"value": name, "label": name} for name in STREAMS]
    return [
        row(_OF.select("activation", "Activation", streams, "resid_post"), _whole("layer", "Layer"),
             _OF.select("groups", "Of", groups, "texts"), _OF.text("position", "At token", "the last")),
        row(_OF.area("plus", "Towards (texts)", _LINES, _ROWS), _OF.area("minus", "Away from (texts)", _LINES, _ROWS)),
        row(_whole("component", "Component, from 0"), _OF.number("C", "C, 1 / strength of L2", 1, decimalScale=6),
             _OF.number("held_out", "Share held out", 0.25, max=0.9, step=0.05)),
    ]  # fmt: skip


def _from_elsewhere() -> list[html.Div]:
    """Numbers, a file, JSON."""
    upload = dcc.Upload(
        html.Button("Choose a .npy or .safetensors file, or drop it", type="button", className="mt-button mt-drop"),
        id=ids.DIRECTION_UPLOAD, accept=".npy,.safetensors", max_size=MOST_BYTES, multiple=False,
        className_active="mt-upload is-over", className_reject="mt-upload is-refused", className="mt-upload",
    )  # fmt: skip
    return [
        row(_OF.labelled("file", "File", upload), _OF.select("array", "Array", [], None), _whole("row", "Row, from 0"),
             _OF.text("source", "Where it is from", "pasted")),
        row(_OF.area("numbers", "Numbers", "as many as the residual stream is wide, commas or spaces between", _ROWS)),
        row(_OF.area("json", "JSON", _JSON, (5, 8))),
    ]  # fmt: skip


def _fields() -> list[html.Div]:
    pickers = [_picker("tokens", "Tokens"), _picker("minus_tokens", "Minus (none: nothing is taken away)")]
    return [
        html.Div(pickers, className="mt-form-row mt-answers"),
        row(_OF.segments("matrix", "Of", MATRICES, "Matrix")),
        *_from_activations(),
        row(_OF.text("folder", "Folder of the autoencoder", "cfg.json, sae_weights.safetensors"),
             _whole("feature", "Feature, from 0")),
        row(_OF.text("head", "Head", "L5H1"), _whole("rank", "Singular value, from 0 = largest"),
             _OF.segments("side", "What it", SIDES, "Side")),
        *_from_elsewhere(),
        row(_OF.select("of", "Of", [_NO_OTHER], ""), _whole("seed", "Seed")),
    ]  # fmt: skip


def direction_form() -> dmc.Modal:
    """One direction; JSON may hold several."""
    kind = segments(_OF.id("kind"), KINDS, "tokens", "Kind of direction")
    name = _OF.text("name", "Name", "what it is made of")
    make = html.Button("Make", id=ids.DIRECTION_MAKE, type="button", className="mt-button mt-primary")
    end = [html.Span(id=ids.DIRECTION_SAID, className="mt-quiet", role="status"), make]
    body = [
        html.Div(kind, className="mt-form-row"), html.P(id=ids.DIRECTION_TOLD, className="mt-form-told"),
        *_fields(), row(name),
        html.Div(id=ids.DIRECTION_REFUSAL, className="mt-refusal", role="alert"),
        html.Div(end, className="mt-form-end"),
    ]  # fmt: skip
    inside = html.Div(body, id=ids.DIRECTION_BODY, className="mt-form")
    return dmc.Modal(inside, id=ids.DIRECTION_FORM, title="New direction", size=820, keepMounted=True)
