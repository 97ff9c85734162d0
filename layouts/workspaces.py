"""The panels. All of them are always in the page; CSS grid areas place them per workspace (assets/31-page.css)."""

from typing import Any

import dash_ag_grid as dag
from dash import html

from layouts import ablate_and_patch, ids
from layouts.attributes import attributes
from layouts.cut import cut_button, cut_line
from layouts.head_matrix import NO_ANSWERS, head_matrix_panel
from layouts.header import segments
from layouts.panel import graph, panel

NO_PROMPT = "Type a prompt in the rail and press Run."
SELECT_HEAD = "Select a head in the matrix or the table to see where it looks."
SELECT_CARD = "Select a head in the matrix or among the thumbnails to see all its numbers."


def trajectory_panel() -> html.Section:
    """Logit difference by layer."""
    return panel(
        ids.TRAJECTORY, "Residual stream", graph(ids.TRAJECTORY), kinds=("residual_trajectory",),
        empty=NO_ANSWERS,
    )  # fmt: skip


_SIGNED = "params.value == null ? '' : d3.format('+.3g')(params.value)"


def _signed(field: str, name: str, tip: str) -> dict[str, Any]:
    return {
        "field": field, "headerName": name, "headerTooltip": tip, "type": "rightAligned", "width": 68,
        "filter": "agNumberColumnFilter", "cellClass": "mt-number", "comparator": {"function": "bySize"},
        "sortingOrder": ["desc", "asc", None],
        "valueFormatter": {"function": _SIGNED},
        "tooltipValueGetter": {"function": "params.value == null ? 'not computed' : String(params.value)"},
    }  # fmt: skip


_CONTAINS = (
    "/attn$/.test(params.value) ? params.value + ': the sum of its heads, which have rows too, and b_O' : params.value"
)
COLUMNS: list[dict[str, Any]] = [
    {
        "field": "component",
        "headerName": "Component",
        "filter": "agTextColumnFilter",
        "minWidth": 82,
        "flex": 1,
        "tooltipValueGetter": {"function": _CONTAINS},
    },
    {"field": "kind", "headerName": "Kind", "filter": "agTextColumnFilter", "width": 46},
    _signed("direct", "Direct", "Direct logit attribution: written along the answers at the last token (logits)"),
    _signed("zero", "Zero", "Exact change of the logit difference when zero-ablated (logits)"),
    _signed("mean", "Mean", "Exact change of the logit difference when mean-ablated (logits)"),
]


_ROWS = {"mode": "multiRow", "checkboxes": False, "headerCheckbox": False, "enableClickSelection": True}


def components_panel() -> html.Section:
    """Everything that writes to the residual stream, ranked; selecting a row selects the head everywhere."""
    grid = dag.AgGrid(
        id=ids.COMPONENTS, columnDefs=COLUMNS, rowData=[], getRowId="params.data.component", className="mt-grid",
        defaultColDef={
            "sortable": True, "resizable": True, "suppressMovable": True, "floatingFilter": True,
            "suppressFloatingFilterButton": True,  # it would leave the input a few pixels
            "suppressHeaderFilterButton": True,  # it would cover the narrow headers that one clicks to sort
        },
        dashGridOptions={
            "rowHeight": 24, "headerHeight": 28, "floatingFiltersHeight": 26, "animateRows": False,
            "tooltipShowDelay": 300, "rowSelection": _ROWS, "suppressScrollOnNewData": True,
        },
        style={"height": "100%", "width": "100%"},
    )  # fmt: skip
    return panel(
        ids.COMPONENTS, "Components, ranked", grid, kinds=("direct_logit_attribution",),
        empty=NO_ANSWERS,
    )  # fmt: skip


TOGETHER = (("primary", "Primary head"), ("mean", "Mean"), ("max", "Max"), ("each", "Each"))
WEIGHED = (
    ("none", "attention", "Attention as it is"),
    ("value_norm", "× value norm", "Attention times |v| of the key: how much of its value arrives"),
    ("output_norm", "× output norm", "Attention times |v·W_O| of the key: how much the head writes of it"),
    ("attribution", "× attribution", "Attention at the last token times what the key's value adds to the logit diff"),
)  # fmt: skip
MINUS = (
    ("none", "as it is", "Nothing is taken away"),
    ("corrupted", "− other prompt", "The same cell of the pair's other prompt is taken away"),
    ("pinned", "− pinned", "The pinned head is taken away"),
)


def choice(component_id: str, options: tuple[tuple[str, str, str], ...], label: str) -> html.Select:
    """One of a few, as value, words and what is said of it: the page's scripts read and set it (assets/42-marks.js)."""
    inside = [html.Option(text, value=value, title=said) for value, text, said in options]
    return html.Select(inside, id=component_id, className="mt-choice", title=label, **attributes(aria_label=label))


def attention_bar() -> html.Div:
    """Of which heads, times what, and minus what (assets/60-attention-asked.js)."""
    of = segments(ids.ATTENTION_OF, TOGETHER, "primary", "Attention of the primary head or of the selected heads")
    by = choice(ids.ATTENTION_BY, WEIGHED, "What attention is multiplied with, key by key")
    minus = choice(ids.ATTENTION_MINUS, MINUS, "What is taken away from it")
    return html.Div([of, html.Div([by, minus], className="mt-chosen")], className="mt-bar")


def attention_panel() -> html.Section:
    """Pattern of the primary head."""
    head = html.Span("", id=ids.ATTENTION_HEAD, className="mt-primary-head")
    text = html.Div(id=ids.ATTENTION_TEXT, className="mt-attention-text")
    zoom = html.Div(id=ids.ATTENTION_ZOOM, className="mt-attention-zoom", hidden=True)
    why = html.Div(id=ids.ATTENTION_WHY, className="mt-attention-why", role="status", hidden=True)
    bars = html.Div([cut_line(), attention_bar()], className="mt-bars")
    return panel(
        ids.ATTENTION, "Attention", html.Div([graph(ids.ATTENTION), why, zoom, text], className="mt-stack"),
        kinds=("attention_pattern",), controls=[cut_button(), head], bar=bars, empty=SELECT_HEAD,
    )  # fmt: skip


def thumbnails_panel() -> html.Section:
    """The patterns of all heads, drawn by assets/61-thumbnails.js inside the body."""
    body = html.Div(id=ids.THUMBNAILS, className="mt-thumbnails", role="group")
    colours = html.Span(id=ids.THUMBNAILS_SCALE, className="mt-colours", hidden=True)
    return panel(ids.THUMBNAILS, "All heads", body, kinds=("attention_pattern",), controls=colours, empty=NO_PROMPT)


def prediction_panel() -> html.Section:
    """Next tokens and the answers compared."""
    body = html.Div([html.Div(id=ids.READOUT, className="mt-readout"), graph(ids.PREDICTION)], className="mt-stack")
    return panel(ids.PREDICTION, "Next token", body, kinds=("prediction",), empty=NO_PROMPT)


def workspaces(*more: html.Section) -> html.Div:
    """All panels in one grid, `more` of them from modules of their own."""
    panels = [head_matrix_panel(), trajectory_panel(), components_panel(), attention_panel()]
    inside = [*panels, prediction_panel(), thumbnails_panel(), *more, *ablate_and_patch.panels()]
    return html.Div(inside, className="mt-workspace", id="workspace")
