"""The header: model, workspaces, history, link, export, jobs, light and dark."""

from typing import Any

import dash_mantine_components as dmc
from dash import html

from app.domain.models import ModelSpec
from layouts import ids
from layouts.attributes import attributes
from layouts.panel import icon, icon_button

WORKSPACES = (
    ("look", "Where to look"), ("attention", "Attention"), ("residual", "Residual"), ("patch", "Ablate & patch"),
    ("figure", "Figure"),
)  # fmt: skip
PROCESSINGS = (("compatibility", "compat"), ("raw", "raw"))
FACTS_CLASS = "mt-quiet"


def segments(component_id: str, choices: tuple[tuple[str, str], ...], value: str, label: str) -> dmc.SegmentedControl:
    """A choice of a few words, one of them on."""
    data = [{"value": name, "label": text} for name, text in choices]
    return dmc.SegmentedControl(
        id=component_id, data=data, value=value, size="xs", radius="sm", transitionDuration=0,
        **attributes(aria_label=label),
    )  # fmt: skip


def _model(entries: tuple[Any, ...], spec: ModelSpec) -> html.Div:
    picker = dmc.Select(
        id=ids.MODEL_PICKER, data=[{"value": e.spec.name, "label": e.title} for e in entries], value=spec.name,
        allowDeselect=False, searchable=True, size="xs", w=196, comboboxProps={"width": 280},
        **attributes(aria_label="Model"),
    )  # fmt: skip
    processing = dmc.Tooltip(
        segments(ids.PROCESSING, PROCESSINGS, spec.processing, "Weight processing"),
        label="Weight processing. compat: norms and value biases folded, unembedding centred. raw: as published.",
        multiline=True, w=260, openDelay=300,
    )  # fmt: skip
    return html.Div([picker, html.Span(id=ids.MODEL_FACTS, className=FACTS_CLASS), processing], className="mt-model")


def _export() -> html.Button:
    return html.Button(
        [icon("download"), "Export"], id=ids.EXPORT_PAGE, type="button", className="mt-button",
        **attributes(data_export="page", aria_haspopup="menu"),
    )  # fmt: skip


def _links() -> html.Div:
    """The long link holds everything, the short one is of a view that the server saves."""
    long = html.Button(
        [icon("link"), "Link"], id=ids.COPY_LINK, type="button", className="mt-button",
        title="Copy link: it holds the whole session and needs no server",
    )  # fmt: skip
    short = html.Button(
        [icon("saved"), "short"], id=ids.COPY_SHORT_LINK, type="button", className="mt-button",
        title="Copy short link: this server saves the session",
        **attributes(aria_label="Copy short link"),
    )  # fmt: skip
    return html.Div([long, short], className="mt-joined")


def header(entries: tuple[Any, ...], spec: ModelSpec) -> html.Div:
    """One line across the page."""
    tools = [
        icon_button("Undo (z)", "undo", ids.UNDO, disabled=True),
        icon_button("Redo (y)", "redo", ids.REDO, disabled=True),
        _links(),
        icon_button("Open a session, a recipe or an exported figure (o)", "open", ids.OPEN_FILE),
        _export(),
        html.Span(id=ids.JOBS, className="mt-jobs", role="status"),
        icon_button("Keyboard (?)", "keyboard", ids.KEYS_BUTTON),
        icon_button("Light or dark", "theme", ids.THEME),
    ]
    return html.Div(
        [
            html.Div(
                [html.Span(className="mt-logo", **attributes(aria_hidden="true")), "Microtome"], className="mt-brand"
            ),
            _model(entries, spec),
            segments(ids.WORKSPACES, WORKSPACES, "look", "Workspace"),
            html.Div(tools, className="mt-tools"),
        ],
        className="mt-header",
    )
