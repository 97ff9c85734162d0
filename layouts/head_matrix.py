"""The head matrix: what colours it, and the start of what it needs."""

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


def quantity_select(control: str, label: str, value: str, width: int = 172, **options: Any) -> dmc.Select:
    """A choice of one number per head."""
    return dmc.Select(
        id=control, value=value, size="xs", w=width, allowDeselect=False, maxDropdownHeight=420, searchable=True,
        comboboxProps={"width": 230, "position": "bottom-start"}, className="mt-select",
        **{"data": grouped(), **options}, **attributes(aria_label=label),
    )  # fmt: skip


def quantity_bar() -> html.Div:
    """What colours the matrix, the start of what that needs, and the query that selects heads."""
    start = html.Button(
        "Sweep zero", id=ids.START.format(ids.HEAD_MATRIX), type="button", className="mt-button",
        title="Compute this number of every head",
    )  # fmt: skip
    select = quantity_select(ids.QUANTITY, "Quantity of the head matrix", "direct")
    chosen = html.Div([select, help_button(ids.QUANTITY, "What is this number?")], className="mt-chosen")
    query = html.Div(id=ids.HEAD_QUERY, className="mt-query")  # filled by assets/67-head-query.js
    return html.Div([html.Div([chosen, start], className="mt-bar"), query])


def head_matrix_panel() -> html.Section:
    """Layers x heads, coloured by one quantity."""
    return panel(
        ids.HEAD_MATRIX, "Heads", graph(ids.HEAD_MATRIX), kinds=("direct_logit_attribution",), bar=quantity_bar(),
        footer=sweep_strip(ids.HEAD_MATRIX), empty=NO_ANSWERS,
    )  # fmt: skip
