"""Who feeds a head: every earlier head's direct path into its queries, keys or values."""

import dash_mantine_components as dmc
from dash import html

from app.domain.sweep_asked import PathsAsked
from layouts import ids
from layouts.header import segments
from layouts.panel import graph, panel
from layouts.sweep_controls import DIRECTIONS, field
from layouts.sweep_strip import sweep_strip

COMPONENTS = (("q", "q"), ("k", "k"), ("v", "v"))
FIRST = PathsAsked()
RUN = "Run paths"
NO_HEAD = "Select a head to see which earlier heads feed its queries, keys or values."
NO_PATHS = "No path is computed yet. Run paths computes them; they appear here as they come."


def path_patching_panel() -> html.Section:
    """Into which input, in which direction, whether the receiver is held, the map, and how far it is."""
    controls = [
        field(segments(ids.PATHS_COMPONENT, COMPONENTS, FIRST.component, "Input of the receiver"), "into its"),
        field(segments(ids.PATHS_DIRECTION, DIRECTIONS, FIRST.direction, "Direction of path patching")),
        field(
            dmc.Switch(id=ids.PATHS_HOLD, label="hold", checked=False, size="xs"),
            tip="Keep this receiver while other heads are selected",
        ),
    ]
    return panel(
        ids.PATHS, "Paths into a head", graph(ids.PATHS), kinds=(),
        bar=html.Div(controls, className="mt-bar mt-fields"), captioned=True, footer=sweep_strip(ids.PATHS, RUN),
        empty=NO_HEAD,
    )  # fmt: skip
