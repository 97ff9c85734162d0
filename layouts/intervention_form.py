"""The form of one intervention: every kind, and of each kind only the fields that apply (assets/63-form.js).

Indices are typed as people write them: `3`, `0-5, 8`; empty means all. Several layers are a window: one intervention
per layer.
"""

import dash_mantine_components as dmc
from dash import html

from layouts import ids
from layouts.attributes import attributes
from layouts.form_fields import FormFields, row
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


_OF = FormFields(ids.FORM_FIELD)


def _along() -> list[html.Div]:
    """Along which direction, and what is done there; the choices are the library (assets/63-form.js)."""
    empty = "Make one in the rail's library first"
    one = dmc.Select(
        id=_OF.id("direction"), data=[], value=None, size="xs", allowDeselect=False, searchable=True,
        nothingFoundMessage=empty, placeholder="choose", **attributes(aria_label="Direction"),
    )  # fmt: skip
    more = dmc.MultiSelect(
        id=_OF.id("also"), data=[], value=[], size="xs", searchable=True, placeholder="none",
        **attributes(aria_label="Also along"),
    )  # fmt: skip
    return [
        row(_OF.segments("change", "Along a direction", CHANGES), _OF.labelled("direction", "Direction", one)),
        row(
            _OF.any_number("strength", "Strength", 4, step=1), _OF.segments("unit", "In units", UNITS),
            _OF.any_number("clamp", "Set to", 0, step=1), _OF.segments("to", "Projection becomes", TO),
            _OF.any_number("share", "Share of the way", 1, step=0.25), _OF.labelled("also", "Also along", more),
        ),
    ]  # fmt: skip


def _where() -> list[html.Div]:
    """Place: activation, layers, heads, positions."""
    groups = [
        {"group": group, "items": [{"value": name, "label": name} for name in names]} for group, names in ACTIVATIONS
    ]
    return [
        row(
            _OF.select("activation", "Activation", groups, "z"), _OF.text("layers", "Layers", "5, or 3-6"),
            *(_OF.text(name, name.capitalize(), "all") for name in ("heads", "neurons", "positions")),
        ),
        row(_OF.text("edges", "Edges, query→key", "14→4, 14→2")),
    ]  # fmt: skip


def _what() -> list[html.Div]:
    """What takes the place of the activation."""
    reference = [{"value": value, "label": text} for value, text in REFERENCES]
    return [
        row(
            _OF.segments("method", "Replaced by", METHODS),
            _OF.select("reference", "Taken from", reference, "background"),
            _OF.switch("pooled", "one mean over all positions", checked=True),
        ),
        row(_OF.area("texts", "Own texts, one per line", "one text per line")),
        row(_OF.area("source", "From the prompt", "the other prompt of the pair")),
        row(_OF.text("source_positions", "From its positions", "the same positions")),
        row(
            _OF.number("value", "Attention set to", 0, max=1, step=0.1, decimalScale=4),
            _OF.switch("renormalise", "rescale the rest of the row to sum 1", checked=False),
        ),
        row(
            _OF.number("scale", "Standard deviations", 3, step=0.5), _OF.number("seed", "Seed", 0, allowDecimal=False),
            _OF.number("draw", "Draw", 0, allowDecimal=False),
        ),
    ]  # fmt: skip


def _with() -> html.Div:
    """What holds in the whole run, and in which prompts."""
    chips = [dmc.Chip(text, value=value, size="xs", radius="sm", variant="outline") for value, text in FREEZE]
    freeze = dmc.ChipGroup(chips, id=_OF.id("freeze"), value=[], multiple=True)
    said = attributes(role="group", aria_label="Hold as in the plain run")
    held = _OF.labelled("freeze", "Hold as in the plain run", html.Div(freeze, className="mt-chip-row", **said))
    return row(held, _OF.text("prompts", "Only in prompts", "all"))


def intervention_form() -> dmc.Modal:
    """Add or edit one."""
    kind = segments(_OF.id("kind"), KINDS, "ablate", "Kind of intervention")
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
