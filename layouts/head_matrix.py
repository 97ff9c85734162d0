"""The head matrix: which numbers it shows and how, and the start of what they need."""

from itertools import groupby
from typing import Any

import dash_mantine_components as dmc
from dash import html

from app.domain.head_choices import CHOICES
from layouts import ids
from layouts.attributes import attributes
from layouts.panel import graph, help_button, panel
from layouts.sweep_strip import sweep_strip

NO_ANSWERS = "Name an answer and another token in the rail, then press Run."


def grouped() -> list[dict[str, Any]]:
    """All numbers by group, for a select."""
    rows = groupby(CHOICES.items(), key=lambda item: item[1].group)
    return [
        {"group": group, "items": [{"value": name, "label": choice.label} for name, choice in items]}
        for group, items in rows
    ]


def quantity_select(control: str, label: str, value: str, **options: Any) -> dmc.Select:
    """A choice of one number per head."""
    return dmc.Select(
        id=control, value=value, size="xs", allowDeselect=False, maxDropdownHeight=420, searchable=True,
        comboboxProps={"width": 230, "position": "bottom-start"}, className="mt-select",
        **{"data": grouped(), **options}, **attributes(aria_label=label),
    )  # fmt: skip


def quantity_bar() -> html.Div:
    """How heads are drawn, which numbers, the start of what they need, and the query that selects heads."""
    start = html.Button(
        "Sweep zero", id=ids.START.format(ids.HEAD_MATRIX), type="button", className="mt-button",
        title="Compute this number of every head",
    )  # fmt: skip
    select = quantity_select(ids.QUANTITY, "Quantity of the head matrix", "direct")
    chosen = html.Div([select, help_button(ids.QUANTITY, "What is this number?")], className="mt-chosen")
    views = html.Div(id=ids.HEAD_VIEWS, className="mt-head-views")  # filled by assets/67-head-views.js
    query = html.Div(id=ids.HEAD_QUERY, className="mt-query")  # filled by assets/67-head-query.js
    return html.Div([html.Div([views, chosen, start], className="mt-bar mt-heads-bar"), query])


def head_matrix_panel() -> html.Section:
    """Layers x heads, coloured by one quantity."""
    return panel(
        ids.HEAD_MATRIX, "Heads", graph(ids.HEAD_MATRIX), kinds=("direct_logit_attribution",), bar=quantity_bar(),
        footer=sweep_strip(ids.HEAD_MATRIX), empty=NO_ANSWERS,
    )  # fmt: skip
