"""The sweeps beside the map: each a map of its own, or a scatter with the first."""

from dash import html

from layouts import ids
from layouts.header import segments
from layouts.panel import graph, panel
from layouts.sweep_controls import FIRST, against_control, one_scale_control
from layouts.sweep_map import RUN
from layouts.sweep_strip import sweep_strip

BESIDE_IT = "Beside it"
NAMES = (BESIDE_IT, "Second beside it", "Third beside it")
"""To those who hear the page: what a panel is of stands in its title."""
NOTHING_BESIDE = "Choose other methods to compare the sweep with, up to three."
AS = (("map", "map"), ("scatter", "scatter"))
NO_CELLS_BESIDE = "No cell of this sweep is computed yet. Run sweep computes them; they appear here as they come."


def against_panels() -> list[html.Section]:
    """One panel per sweep beside the map; the first also says which, drawn as what, and runs them."""
    controls = [one_scale_control(), against_control(), segments(ids.AGAINST_AS, AS, FIRST.against_as, "Drawn as")]
    first, *more = zip(ids.BESIDE, NAMES, strict=True)
    return [_panel(*first, controls, sweep_strip(first[0], RUN)), *(_panel(*each) for each in more)]


def _panel(place: str, name: str, controls: list[html.Div] | None = None, foot: html.Div | None = None) -> html.Section:
    agreement = html.Div(id=ids.AGREEMENT.format(place), className="mt-agreement")
    return panel(
        place, name, graph(place), kinds=(), controls=controls, captioned=True,
        footer=html.Div([agreement, *([foot] if foot else [])], className="mt-under"), empty=NOTHING_BESIDE,
    )  # fmt: skip
