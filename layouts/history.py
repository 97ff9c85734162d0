"""The other side of the rail: the history of runs, drawn by assets/63-history.js; and the dialog that compares two."""

import dash_mantine_components as dmc
from dash import html

from layouts import ids
from layouts.attributes import attributes


def history() -> html.Div:
    """What this browser had computed. Its heading says how many; the list is drawn by the page itself."""
    clear = html.Button(
        "clear", id=ids.HISTORY_CLEAR, type="button", className="mt-link", title="Forget all runs that are not pinned"
    )
    count = html.Span(id=ids.HISTORY_COUNT, className="mt-quiet")
    heading = html.Div([html.Div([html.H3("Runs"), count]), clear], className="mt-rail-heading")
    runs = html.Div(id=ids.HISTORY_LIST, className="mt-history-list", role="list", **attributes(aria_label="Runs"))
    return html.Div([heading, runs], id=ids.HISTORY_SIDE, className="mt-history")


def compare_dialog() -> dmc.Modal:
    """The run on screen beside one of the history (assets/64-compare.js)."""
    return dmc.Modal(
        html.Div(id=ids.COMPARED, className="mt-compared"), id=ids.COMPARE, title="Compare runs", size=760,
        keepMounted=True,
    )  # fmt: skip
