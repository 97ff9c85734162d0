"""Knocking out edges on the attention matrix: the switch of the mode, and the line that assets/64-cut.js fills."""

from dash import html

from layouts import ids
from layouts.attributes import attributes


def cut_button() -> html.Button:
    """On: drags and clicks on the matrix mark edges instead of selecting tokens."""
    return html.Button(
        "Cut", id=ids.CUT_MODE, type="button", className="mt-button mt-cut-mode",
        title="Knock out or overwrite attention edges by marking them on the matrix (c)",
        **attributes(aria_pressed="false"),
    )  # fmt: skip


def cut_line() -> html.Div:
    """What is marked, of which heads, what it would do, and the button that does it."""
    return html.Div(
        id=ids.CUT, className="mt-cut", hidden=True, role="group", **attributes(aria_label="Knock out edges")
    )
