"""The controls of the *Ablate & patch* workspace: what a sweep tries, and how it is read.

Each control writes one field of the session's sweep through the page's reducer (assets/) and shows what is there.
Which of them apply to the chosen method is decided in callbacks/sweep_controls.py; the others are hidden.
"""

from typing import Any

import dash_mantine_components as dmc
from dash import html

from app.domain.recipes import MOST_DRAWS, MOST_STEPS
from app.domain.sweep_asked import MOST_BESIDE, SweepAsked
from layouts import ids
from layouts.attributes import attributes
from layouts.header import segments

METHODS = (
    ("Patch", (("denoising", "denoise"), ("noising", "noise"), ("tracing", "causal tracing"))),
    ("Ablate", (("zero", "zero"), ("mean", "mean"), ("resample", "resample"))),
    ("Approximate", (("estimate", "attribution patching"),)),
)
METHOD_NAMES: dict[str, str] = {method: name for _, choices in METHODS for method, name in choices}
ABLATIONS = "ablations"
"""Stands for zero, mean and resample at once; the page writes the three (assets/64-sweep-controls.js)."""
ACTIVATIONS = (
    ("Heads", (("z", "z"), ("q", "q"), ("k", "k"), ("v", "v"), ("pattern", "pattern"))),
    (
        "Layers",
        tuple((name, name) for name in ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")),
    ),
    ("Neurons", (("mlp_post", "mlp_post"),)),
)
BY = (("all", "all positions"), ("position", "position"), ("edge", "edge"))
METRICS = (
    ("logit_diff", "logit difference"), ("answer_log_prob", "log probability"), ("probability", "probability"),
    ("rank", "rank"), ("kl_divergence", "KL divergence"),
)  # fmt: skip
NORMALISED = (("effect", "effect"), ("recovered", "recovered"), ("recovered_each", "mean of ratios"))
REFERENCES = (("background", "background"), ("prompts", "clean prompts"), ("corrupted", "corrupted"))
DIRECTIONS = (("denoising", "denoise"), ("noising", "noise"))
FIRST = SweepAsked()


def field(component: Any, label: str = "", tip: str = "", **attributes_of: Any) -> html.Div:
    """A control with its label before it; the whole is hidden where the control does not apply."""
    inside = [html.Span(label, className="mt-field-label"), component] if label else [component]
    return html.Div(inside, id=ids.FIELD.format(component.id), className="mt-field", title=tip or None, **attributes_of)


def _groups(groups: Any) -> list[dict[str, Any]]:
    return [
        {"group": group, "items": [{"value": value, "label": name} for value, name in choices]}
        for group, choices in groups
    ]


def _choices(choices: Any) -> list[dict[str, str]]:
    return [{"value": value, "label": name} for value, name in choices]


def _select(control: str, label: str, data: Any, value: str, width: int) -> dmc.Select:
    return dmc.Select(
        id=control, data=data, value=value, size="xs", w=width, allowDeselect=False, maxDropdownHeight=320,
        comboboxProps={"width": max(width, 150), "position": "bottom-start"}, className="mt-select",
        **attributes(aria_label=label),
    )  # fmt: skip


def _number(control: str, label: str, value: float, width: int = 46, **limits: Any) -> dmc.NumberInput:
    return dmc.NumberInput(
        id=control, value=value, size="xs", w=width, debounce=400, className="mt-select", **{"min": 0, **limits},
        **attributes(aria_label=label),
    )  # fmt: skip


def _switch(control: str, label: str, checked: bool) -> dmc.Switch:
    return dmc.Switch(id=control, label=label, checked=checked, size="xs")


def _freeze() -> dmc.ChipGroup:
    chips = [
        dmc.Chip(text, value=value, size="xs", radius="sm", variant="outline")
        for value, text in (("pattern", "patterns"), ("scale", "scales"))
    ]
    return dmc.ChipGroup(chips, id=ids.SWEEP_FREEZE, value=[], multiple=True)


def what_bar() -> html.Div:
    """What is tried, and where."""
    cells = FIRST.cells
    window = _number(ids.SWEEP_WINDOW, "Layers changed together", cells.window, 42, min=1)
    restrict = _switch(ids.SWEEP_RESTRICT, "selected only", FIRST.restricted)
    fields = [
        field(_select(ids.SWEEP_METHOD, "Method", _groups(METHODS), FIRST.method, 150)),
        field(_select(ids.SWEEP_ACTIVATION, "Activation", _groups(ACTIVATIONS), cells.activation, 86)),
        field(segments(ids.SWEEP_BY, BY, cells.by, "One cell per")),
        field(_number(ids.SWEEP_LAYER, "Layer", 0), "layer", "The layer whose neurons are tried"),
        field(window, "window", "Layers changed together, from the cell's layer on"),
        field(restrict, tip="Try only the selected heads, layers and positions"),
    ]
    return html.Div(fields, className="mt-bar mt-fields")


def _ablation_fields() -> list[html.Div]:
    reference = _select(ids.SWEEP_REFERENCE, "Reference", _choices(REFERENCES), FIRST.reference, 108)
    pooled = _switch(ids.SWEEP_POOLED, "pooled", FIRST.pooled)
    return [
        field(reference, "from", "Where the replacement comes from"),
        field(pooled, tip="One mean over all positions; off: one mean per position"),
    ]


def _tracing_fields() -> list[html.Div]:
    button = html.Button("Corrupt tokens", id=ids.SWEEP_NOISE, type="button", className="mt-button")
    scale = _number(ids.SWEEP_NOISE_SCALE, "Noise, in standard deviations", 3, step=0.5)
    seed = _number(ids.SWEEP_NOISE_SEED, "Seed of the noise", 1)
    return [
        field(button, tip="Gaussian noise on the embeddings of the tokens selected in the rail"),
        field(scale, "σ ×", "Standard deviations of the noise"),
        field(seed, "seed", "Seed of the noise"),
    ]


def _draw_fields() -> list[html.Div]:
    return [
        field(
            _number(ids.SWEEP_DRAWS, "Draws", FIRST.draws, min=1, max=MOST_DRAWS), "draws", "Draws averaged per cell"
        ),
        field(_number(ids.SWEEP_SEED, "Seed", FIRST.seed), "seed", "Seed of the draws"),
    ]


def _estimate_fields() -> list[html.Div]:
    softmax = _switch(ids.SWEEP_SOFTMAX, "softmax correction", FIRST.softmax_correction)
    grad_drop = _switch(ids.SWEEP_GRAD_DROP, "GradDrop", FIRST.grad_drop)
    steps = _number(ids.SWEEP_STEPS, "Integration steps", FIRST.ig_steps, min=1, max=MOST_STEPS)
    return [
        field(segments(ids.SWEEP_DIRECTION, DIRECTIONS, FIRST.direction, "Direction")),
        field(softmax, tip="q and k: by the change of the recomputed attention row (AtP*)"),
        field(grad_drop, tip="Mean magnitude over passes that drop one layer's gradient each (AtP*)"),
        field(steps, "steps", "Gradients averaged on the way from one run's input to the other's (EAP-IG); 1 = none"),
    ]


def how_bar() -> html.Div:
    """What the method needs to know; only what applies is shown."""
    named = attributes(role="group", aria_label="Freeze")
    frozen = field(_freeze(), "freeze", "Hold these at the values of the run without interventions", **named)
    others = html.Span("beside it:", className="mt-field-label mt-of-others")  # before what only another sweep has
    fields = [*_ablation_fields(), *_tracing_fields(), *_draw_fields(), *_estimate_fields(), frozen, others]
    return html.Div(fields, className="mt-bar mt-fields")


def reading_controls() -> list[html.Div]:
    """How the numbers are read; nothing is computed for that."""
    significant = field(
        _switch(ids.SWEEP_SIGNIFICANT, "hide not significant", FIRST.significant),
        tip="Hide cells with q ≥ 0.05: sign-flip permutation p over the prompts, corrected for the number of cells "
        "(Benjamini–Hochberg). n prompts cannot give p below 2^(1−n): 8 give 0.0078, which 43 of 270 cells must reach",
    )
    return [
        significant,
        field(_select(ids.SWEEP_METRIC, "Metric", _choices(METRICS), FIRST.metric, 124)),
        field(segments(ids.SWEEP_NORMALISED, NORMALISED, FIRST.normalised, "Read as")),
    ]


def one_scale_control() -> html.Div:
    """Whether maps side by side have the same colours."""
    return field(
        _switch(ids.SWEEP_ONE_SCALE, "one scale", FIRST.one_scale),
        tip="The same colour limit for all maps of the same unit",
    )


def against_control() -> dmc.MultiSelect:
    """The methods of the sweeps beside the map."""
    together = ("Ablate, all three", ((ABLATIONS, "zero, mean and resample"),))
    return dmc.MultiSelect(
        id=ids.SWEEP_AGAINST, data=_groups((together, *METHODS)), value=list(FIRST.against), size="xs",
        maxValues=MOST_BESIDE, placeholder="compare with", maxDropdownHeight=340,
        comboboxProps={"width": 190, "position": "bottom-end"}, className="mt-several",
        **attributes(aria_label="Compare with"),
    )  # fmt: skip
