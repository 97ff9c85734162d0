"""What happens on the page: one module per part, plain functions, registered on one app and one engine."""

from dash import Dash

from app.engine import Engine
from callbacks import (
    against,
    asked_panels,
    attention_beside,
    client,
    compare,
    components,
    direction_form,
    evaluate,
    export,
    generation,
    head_card,
    head_card_patterns,
    head_matrix,
    head_reading,
    heads,
    intervention_form,
    lenses,
    opening,
    panels,
    path_patching,
    plates,
    prompt_set,
    prompt_strip,
    rail,
    sae_features,
    self_repair,
    slow_maps,
    status_bar,
    strength,
    sweep_controls,
    sweep_map,
)

PARTS = (
    evaluate, heads, head_matrix, components, panels, attention_beside, head_card, head_card_patterns, head_reading,
    asked_panels, strength, slow_maps, lenses, sae_features, sweep_map, against,
    prompt_strip, path_patching, self_repair, generation, rail, prompt_set, intervention_form, direction_form,
    status_bar, export, opening, plates, compare,
)  # fmt: skip
ALONE = (sweep_controls, client)
"""Parts that ask no engine."""


def register_all(app: Dash, engine: Engine) -> None:
    """Every callback of the page."""
    for part in PARTS:
        part.register(app, engine)
    for part in ALONE:
        part.register(app)
