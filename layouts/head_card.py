"""The card of the primary head: its name, all its numbers, what the person notes about its role."""

from dash import dcc, html

from app.domain.role_notes import MOST_CHARACTERS
from layouts import ids
from layouts.attributes import attributes
from layouts.panel import icon_button, panel
from layouts.workspaces import SELECT_CARD


def head_card_panel() -> html.Section:
    """The rows are drawn by assets/69-head-card.js from the store beside them."""
    label = html.Button(
        "", id=ids.CARD_LABEL, type="button", className="mt-primary-head mt-card-label",
        title="Copy the head's name", **attributes(aria_label="Copy the head's name"),
    )  # fmt: skip
    copy = icon_button("Copy the card as text", "copy", ids.CARD_COPY)
    note = dcc.Textarea(
        id=ids.ROLE_NOTE, value="", maxLength=MOST_CHARACTERS, rows=1, className="mt-role-note", spellCheck=False,
        placeholder="its role, in your words",
    )  # fmt: skip
    field = html.Label([html.Span("Role note", className="mt-field-label"), note], className="mt-role")
    card = html.Div([html.Div(id=ids.CARD_PATTERNS), html.Div(id=ids.CARD_ROWS)], className="mt-card")
    body = [dcc.Store(id=ids.HEAD_CARD), card, field]
    return panel(
        ids.HEAD_CARD, "Head card", html.Div(body, className="mt-card-body"), kinds=ids.CARD_KINDS,
        controls=[label, copy], empty=SELECT_CARD,
    )  # fmt: skip
