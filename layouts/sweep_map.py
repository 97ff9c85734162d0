"""The map of a sweep: one cell per experiment."""

from dash import html

from layouts import ids
from layouts.panel import graph, panel
from layouts.sweep_controls import how_bar, reading_controls, what_bar
from layouts.sweep_strip import sweep_strip

NO_CELLS = "No cell is computed yet. Run sweep computes them; they appear here as they come."
RUN, RESUME = "Run sweep", "Resume"


def sweep_map_panel() -> html.Section:
    """What is tried, how it is read, the map, and how far it is."""
    name = html.Div(id=ids.SWEEP_NAME, className="mt-sweep-name")  # shown where maps stand side by side
    bars = html.Div([html.Div([what_bar(), how_bar()], className="mt-bars"), name])
    return panel(
        ids.SWEEP_MAP, "Sweep", graph(ids.SWEEP_MAP), kinds=(), controls=reading_controls(), bar=bars,
        captioned=True, footer=sweep_strip(ids.SWEEP_MAP, RUN), empty=NO_CELLS,
    )  # fmt: skip
