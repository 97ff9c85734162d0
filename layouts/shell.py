"""The page: stores, header, rail, selection bar, panels, status bar."""

from dataclasses import asdict
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from app.domain.head_choices import described
from app.domain.prompts import spoken
from app.domain.session import EXAMPLES, WORKED_EXAMPLE, Session, session_dict
from layouts import direction_views, ids
from layouts.bars import section_bar, selection_bar, status_bar
from layouts.decomposition import decomposition_panel
from layouts.direction_card import direction_card_panel
from layouts.direction_form import direction_form
from layouts.export_menu import export_menu
from layouts.geometry import activation_map_panel, geometry_panel
from layouts.head_card import head_card_panel
from layouts.head_reading import head_reading_panel
from layouts.header import header
from layouts.help import HELP, KEYS
from layouts.history import compare_dialog
from layouts.intervention_form import intervention_form
from layouts.lenses import component_lens_panel, lens_panel, token_trajectory_panel
from layouts.neurons import neuron_card_panel, neurons_panel
from layouts.panel import icon_button
from layouts.plate import plate_panel
from layouts.prompt_set import prompt_set_dialog
from layouts.rail import rail
from layouts.sae_features import sae_card_panel, sae_features_panel
from layouts.strength import strength_panel
from layouts.workspaces import workspaces

THEME: Any = {
    "primaryColor": "dark",
    "fontFamily": "var(--mt-font)",
    "fontFamilyMonospace": "var(--mt-mono)",
    "defaultRadius": "sm",
    "fontSizes": {"xs": "12px", "sm": "13px", "md": "13px"},
    "cursorType": "pointer",
}
CLIENT = (
    "status", "attention", "accept", "draftsChosen", "model", "prompts", "changes", "fields", "sweepControls",
    "answersFound", "generation", "paths", "heads", "headCard", "cardPattern", "cardFound",
    "lensTokens", "lensRead", "saeRead", "opened", "directionMade", "directionFields", "strength", "mapComputed",
    "taken",
)  # fmt: skip
"""Clientside callbacks that have only side effects; each has a sink store as its output."""


def stores(entries: tuple[Any, ...], session: Session, templates: dict[str, Any]) -> list[dcc.Store]:
    """The session starts as the worked example; its parts stay empty until the page's reducer has read the address."""
    kinds = (
        *ids.ANALYSIS_KINDS, *ids.SWEEP_METHODS, *ids.PATCH_KINDS, *ids.CARD_KINDS,
        "heads", "head_reading", "sae_features", "steering_curve", "activation_map",
    )  # fmt: skip
    empty = [
        ids.EXPERIMENT, ids.SELECTION, ids.SELECTED_PATCH, ids.SELECTED_ATTENTION, ids.VIEW, ids.SHOWN, ids.ATTENDED,
        ids.SWEEP, ids.HEADS, ids.NOTES,
        ids.DIRECTIONS, ids.RESIDUAL, ids.LENS_ASKED, ids.LENS_READ, ids.DIRECTION_ASKED, ids.DIRECTION_LOOKED,
        ids.READING, ids.MAP_ASKED,
        ids.SAE_ASKED, ids.SAE_SHOWN, ids.SAE_READ,
        ids.MATRIX_ASKED, ids.CARD_ASKED, ids.CARD_TEXT, ids.BACKGROUND_PATTERN, ids.PROMPT_SHOWN, ids.STATUS,
        ids.EXPORT_OF, ids.REFUSAL, ids.ACCEPTED, ids.ATTENTION_LAYER, ids.ATTENTION_BESIDE, ids.PROMPTS_READ,
        ids.OPENED_FILE, ids.OPENED_READ, ids.TAKEN, ids.HISTORY,
        ids.FORM_READ, ids.DIRECTION_READ, ids.DIRECTION_FILE,
        *(part.format(panel) for panel in ids.SWEEPING for part in ids.OF_SWEEPS),
        *map(ids.FOUND.format, ids.TOKEN_PICKERS),
        *(ids.DIGESTS.format(kind) for kind in kinds), *(ids.SINK.format(name) for name in CLIENT),
    ]  # fmt: skip
    filled = [
        dcc.Store(id=ids.SESSION, data=session_dict(session)),
        dcc.Store(id=ids.HEAD_CHOICES, data=described()),
        dcc.Store(id=ids.TEMPLATES, data=templates),
        dcc.Store(id=ids.HELP_TEXTS, data={panel: asdict(said) for panel, said in HELP.items()}),
        dcc.Store(id=ids.MODELS, data={entry.spec.name: asdict(entry.spec) for entry in entries}),
        dcc.Store(id=ids.EXAMPLES, data={name: spoken(prompt) for name, prompt in EXAMPLES.items()}),
    ]
    return filled + [dcc.Store(id=name) for name in empty]


def keys_help() -> dmc.Modal:
    """All keyboard shortcuts."""
    rows = [html.Tr([html.Td(dmc.Kbd(keys)), html.Td(text)]) for keys, text in KEYS]
    return dmc.Modal(html.Table(html.Tbody(rows), className="mt-keys"), id=ids.KEYS_HELP, title="Keyboard", size="sm")


def banner() -> html.Div:
    """One line over the page when the server cannot be reached; hidden otherwise."""
    return html.Div(
        [html.Span(id=ids.BANNER_TEXT), icon_button("Dismiss", "close", className="mt-banner-close")],
        id=ids.BANNER, className="mt-banner", role="alert", hidden=True,
    )  # fmt: skip


def _panels() -> list[html.Section]:
    """Those from modules of their own."""
    lenses = [lens_panel(), token_trajectory_panel(), component_lens_panel()]
    heads = [head_card_panel(), head_reading_panel()]
    geometry = [activation_map_panel(), geometry_panel()]
    parts = [decomposition_panel(), neurons_panel(), neuron_card_panel(), sae_features_panel(), sae_card_panel()]
    directions = [*direction_views.panels(), strength_panel(), direction_card_panel()]
    return [*lenses, *heads, *geometry, *directions, *parts, plate_panel()]


def layout(
    entries: tuple[Any, ...], templates: dict[str, Any] | None = None, session: Session = WORKED_EXAMPLE
) -> dmc.MantineProvider:
    """The whole page. `entries` are the models of the picker, `templates` the figure templates by theme."""
    shell = dmc.AppShell(
        [
            dmc.AppShellHeader(header(entries, session.experiment.model)),
            dmc.AppShellNavbar(rail(session.experiment)),
            dmc.AppShellMain([selection_bar(), section_bar(), workspaces(*_panels())]),
            dmc.AppShellFooter(status_bar()),
        ],
        header={"height": 44}, footer={"height": 26}, navbar={"width": 288, "breakpoint": 0}, padding=0,
        transitionDuration=0,
    )  # fmt: skip
    return dmc.MantineProvider(
        [
            *stores(entries, session, templates or {}),
            dmc.NotificationContainer(id=ids.NOTIFICATIONS, position="bottom-right"),
            dcc.Download(id=ids.EXPORT_DOWNLOAD),
            banner(),
            keys_help(),
            export_menu(),
            html.Div(id=ids.HELP_CARD, className="mt-help-card", role="tooltip", hidden=True),
            prompt_set_dialog(),
            intervention_form(),
            direction_form(),
            compare_dialog(),
            shell,
        ],
        id=ids.PROVIDER, forceColorScheme="light", theme=THEME,
    )  # fmt: skip
