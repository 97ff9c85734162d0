"""What the rest of the model puts back of what the interventions take away."""

from dash import html

from layouts import ids
from layouts.panel import graph, panel

ABLATE_FIRST = "Ablate something first: select heads and press Ablate. Then this shows what the rest repairs."


def self_repair_panel() -> html.Section:
    """Direct attributions before and after, and the parts of the repair."""
    return panel(
        ids.SELF_REPAIR,
        "Self-repair",
        graph(ids.SELF_REPAIR),
        captioned=True,
        kinds=("self_repair",),
        empty=ABLATE_FIRST,
    )
