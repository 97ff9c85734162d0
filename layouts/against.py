"""The second sweep, or both in one scatter."""

from dash import html

from layouts import ids
from layouts.header import segments
from layouts.panel import graph, panel
from layouts.sweep_controls import FIRST, against_control, one_scale_control
from layouts.sweep_map import RUN
from layouts.sweep_strip import sweep_strip

NOTHING_BESIDE = "Choose a second method to compare the sweep with."
AS = (("map", "map"), ("scatter", "scatter"))
NO_CELLS_BESIDE = "No cell of this sweep is computed yet. Run sweep starts them."


def against_panel() -> html.Section:
    """Which method, and as what it is drawn."""
    controls = [one_scale_control(), against_control(), segments(ids.AGAINST_AS, AS, FIRST.against_as, "Drawn as")]
    return panel(
        ids.AGAINST, "Beside it", graph(ids.AGAINST), kinds=(), controls=controls,
        captioned=True, footer=sweep_strip(ids.AGAINST, RUN), empty=NOTHING_BESIDE,
    )  # fmt: skip
