"""Text continued from the prompt, baseline beside intervened."""

import dash_mantine_components as dmc
from dash import html

from app.domain.recipes import HIGHEST_TEMPERATURE, MOST_NEW_TOKENS
from app.domain.session import Generating
from layouts import ids
from layouts.attributes import attributes
from layouts.panel import panel
from layouts.sweep_strip import sweep_strip

FIRST = Generating()
GENERATE = "Generate"
PRESS_GENERATE = "Press Generate to continue the prompt, without and with the interventions."


def _number(
    control: str, label: str, value: float, width: int, tip: str, short: str = "", **limits: float
) -> html.Div:  # fmt: skip
    box = dmc.NumberInput(
        id=control, value=value, size="xs", w=width, min=0, debounce=400, className="mt-select", **limits,
        **attributes(aria_label=label),
    )  # fmt: skip
    named = html.Span(short or label, className="mt-field-label")
    return html.Div([named, box], className="mt-field", title=tip)


def generation_panel() -> html.Section:
    """How much, how random, the start, and how far it is."""
    hottest = f"From 0 (greedy) to {HIGHEST_TEMPERATURE:g}"
    options = [
        _number(
            ids.MAX_NEW_TOKENS, "tokens", FIRST.max_new_tokens, 52, f"From 1 to {MOST_NEW_TOKENS}",
            f"tokens ≤ {MOST_NEW_TOKENS}", max=MOST_NEW_TOKENS,
        ),
        _number(
            ids.TEMPERATURE, "temperature", FIRST.temperature, 52, hottest, "temp.", max=HIGHEST_TEMPERATURE, step=0.1
        ),
        _number(ids.GENERATION_SEED, "seed", FIRST.seed, 48, "Of the sampling; a whole number from 0"),
    ]  # fmt: skip
    body = html.Div(id=ids.GENERATION, className="mt-generation")
    bar = html.Div([*options, sweep_strip(ids.GENERATION, GENERATE)], className="mt-bar mt-fields")
    return panel(ids.GENERATION, "Generated text", body, kinds=(), bar=bar, empty=PRESS_GENERATE)
