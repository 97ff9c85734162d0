"""The form of one intervention: every kind, and of each kind only the fields that apply (assets/63-form.js).

Indices are typed as people write them: `3`, `0-5, 8`; empty means all. Several layers are a window: one intervention
per layer.
"""

from typing import Any

import dash_mantine_components as dmc
from dash import html

from layouts import ids
from layouts.attributes import attributes
from layouts.header import segments

KINDS = (
    ("ablate", "Ablate"), ("patch", "Patch"), ("knock_out_edge", "Knock out edges"), ("gaussian_noise", "Noise"),
    ("along", "Direction"),
)  # fmt: skip
ACTIVATIONS = (
    ("Heads", ("z", "q", "k", "v", "pattern")),
    ("Layers", ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")),
    ("Neurons", ("mlp_post", "mlp_pre")),
)
METHODS = (("zero", "zero"), ("mean", "mean"), ("resample", "resample"))
REFERENCES = (
    ("background", "background texts of the model"), ("prompts", "clean prompts of the set"),
    ("corrupted", "corrupted prompts of the set"), ("texts", "own texts"),
)  # fmt: skip
CHANGES = (
    ("steer", "Steer"),
    ("clamp", "Clamp"),
    ("project_out", "Project out"),
    ("swap_along", "Swap"),
    ("clamp_feature", "Set feature"),
)
UNITS = (("absolute", "absolute"), ("norm", "× norm of a"))
TO = (("zero", "zero"), ("mean", "mean"))
FREEZE = (("pattern", "attention patterns"), ("scale", "normalisation scales"))


def _labelled(name: str, label: str, component: Any) -> html.Div:
    """A field with its label above it; data-field says which, so that it can be hidden where it does not apply."""
    return html.Div(
        [html.Span(label, className="mt-form-label"), component], className="mt-form-field",
        **attributes(data_field=name),
    )  # fmt: skip


def _text(name: str, label: str, placeholder: str = "all") -> html.Div:
    field = dmc.TextInput(
        id=ids.FORM_FIELD.format(name), value="", placeholder=placeholder, size="xs",
        **attributes(aria_label=label, spellCheck="false", autoComplete="off"),
    )  # fmt: skip
    return _labelled(name, label, field)


def _number(name: str, label: str, value: float, **limits: Any) -> html.Div:
    field = dmc.NumberInput(
        id=ids.FORM_FIELD.format(name), value=value, size="xs", min=0, **limits, **attributes(aria_label=label)
    )
    return _labelled(name, label, field)


def _select(name: str, label: str, data: Any, value: str) -> html.Div:
    field = dmc.Select(
        id=ids.FORM_FIELD.format(name), data=data, value=value, size="xs", allowDeselect=False, maxDropdownHeight=300,
        **attributes(aria_label=label),
    )  # fmt: skip
    return _labelled(name, label, field)


def _segments(name: str, label: str, choices: tuple[tuple[str, str], ...]) -> html.Div:
    return _labelled(name, label, segments(ids.FORM_FIELD.format(name), choices, choices[0][0], label))


def _switch(name: str, label: str, checked: bool) -> html.Div:
    field = dmc.Switch(id=ids.FORM_FIELD.format(name), label=label, checked=checked, size="xs")
    return html.Div(field, className="mt-form-field is-switch", **attributes(data_field=name))


def _area(name: str, label: str, placeholder: str) -> html.Div:
    field = dmc.Textarea(
        id=ids.FORM_FIELD.format(name), value="", size="xs", autosize=True, minRows=1, maxRows=5, spellCheck=False,
        placeholder=placeholder, **attributes(aria_label=label),
    )  # fmt: skip
    return _labelled(name, label, field)


def _row(*fields: html.Div) -> html.Div:
    return html.Div(list(fields), className="mt-form-row")


def _any_number(name: str, label: str, value: float, step: float) -> html.Div:
    """A number of either sign."""
    field = dmc.NumberInput(
        id=ids.FORM_FIELD.format(name), value=value, size="xs", step=step, **attributes(aria_label=label)
    )
    return _labelled(name, label, field)


def _along() -> list[html.Div]:
    """Along which direction, and what is done there; the choices are the library (assets/63-form.js)."""
    empty = "Make one in the rail's library first"
    one = dmc.Select(
        id=ids.FORM_FIELD.format("direction"), data=[], value=None, size="xs", allowDeselect=False, searchable=True,
        nothingFoundMessage=empty, placeholder="choose", **attributes(aria_label="Direction"),
    )  # fmt: skip
    more = dmc.MultiSelect(
        id=ids.FORM_FIELD.format("also"), data=[], value=[], size="xs", searchable=True, placeholder="none",
        **attributes(aria_label="Also along"),
    )  # fmt: skip
    return [
        _row(_segments("change", "Along a direction", CHANGES), _labelled("direction", "Direction", one)),
        _row(
            _any_number("strength", "Strength", 4, 1), _segments("unit", "In units", UNITS),
            _any_number("clamp", "Set to", 0, 1), _segments("to", "Projection becomes", TO),
            _any_number("share", "Share of the way", 1, 0.25), _labelled("also", "Also along", more),
        ),
    ]  # fmt: skip


def _where() -> list[html.Div]:
    """Place: activation, layers, heads, positions."""
    groups = [
        {"group": group, "items": [{"value": name, "label": name} for name in names]} for group, names in ACTIVATIONS
    ]
    return [
        _row(
            _select("activation", "Activation", groups, "z"), _text("layers", "Layers", "5, or 3-6"),
            _text("heads", "Heads"), _text("neurons", "Neurons"), _text("positions", "Positions"),
        ),
        _row(_text("edges", "Edges, query→key", "14→4, 14→2")),
    ]  # fmt: skip


def _what() -> list[html.Div]:
    """What takes the place of the activation."""
    reference = [{"value": value, "label": text} for value, text in REFERENCES]
    return [
        _row(
            _segments("method", "Replaced by", METHODS), _select("reference", "Taken from", reference, "background"),
            _switch("pooled", "one mean over all positions", checked=True),
        ),
        _row(_area("texts", "Own texts, one per line", "one text per line")),
        _row(_area("source", "From the prompt", "the other prompt of the pair")),
        _row(_text("source_positions", "From its positions", "the same positions")),
        _row(
            _number("value", "Attention set to", 0, max=1, step=0.1, decimalScale=4),
            _switch("renormalise", "rescale the rest of the row to sum 1", checked=False),
        ),
        _row(
            _number("scale", "Standard deviations", 3, step=0.5), _number("seed", "Seed", 0, allowDecimal=False),
            _number("draw", "Draw", 0, allowDecimal=False),
        ),
    ]  # fmt: skip


def _with() -> html.Div:
    """What holds in the whole run, and in which prompts."""
    chips = [dmc.Chip(text, value=value, size="xs", radius="sm", variant="outline") for value, text in FREEZE]
    freeze = dmc.ChipGroup(chips, id=ids.FORM_FIELD.format("freeze"), value=[], multiple=True)
    said = attributes(role="group", aria_label="Hold as in the plain run")
    held = _labelled("freeze", "Hold as in the plain run", html.Div(freeze, className="mt-chip-row", **said))
    return _row(held, _text("prompts", "Only in prompts"))


def intervention_form() -> dmc.Modal:
    """Add or edit one."""
    kind = segments(ids.FORM_FIELD.format("kind"), KINDS, "ablate", "Kind of intervention")
    use = html.Button(
        "From the selection", id=ids.FORM_SELECTION, type="button", className="mt-button",
        title="Fill in the selected heads, layers and positions",
    )  # fmt: skip
    apply = html.Button("Apply", id=ids.FORM_APPLY, type="button", className="mt-button mt-primary")
    body = [
        html.Div([kind, use], className="mt-form-row is-head"), *_along(), *_where(), *_what(), _with(),
        html.Div(id=ids.FORM_REFUSAL, className="mt-refusal", role="alert"), html.Div(apply, className="mt-form-end"),
    ]  # fmt: skip
    inside = html.Div(body, id=ids.FORM_BODY, className="mt-form")
    return dmc.Modal(inside, id=ids.FORM, title="Intervention", size=620, keepMounted=True)
