"""The selected cell, prompt by prompt."""

from dash import html

from layouts import ids
from layouts.panel import graph, panel

NO_CELL = "Click a cell of the sweep to see its effect on every prompt."
ONE_PROMPT = "One prompt has no spread. Add prompts in the rail to see a cell on each of them."


def prompt_strip_panel() -> html.Section:
    """One point per prompt."""
    return panel(ids.STRIP, "Prompts", graph(ids.STRIP), captioned=True, kinds=(), empty=NO_CELL)
