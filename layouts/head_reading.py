"""Why a query of the primary head attends where it does, and what the head writes there."""

from dash import html

from layouts import ids
from layouts.panel import graph, panel

SELECT_READING = (
    "Select a head, and a token as its query, to see why it attends where it does and what it writes there."
)


def head_reading_panel() -> html.Section:
    """Scores in parts, attention, and promoted and suppressed tokens, source token by source token."""
    return panel(
        ids.HEAD_READING, "Why there, and what it writes", graph(ids.HEAD_READING), kinds=("head_reading",),
        empty=SELECT_READING,
    )  # fmt: skip
