"""The panel of what the logit difference is made of."""

from dash import html

from layouts import ids
from layouts.head_matrix import NO_ANSWERS
from layouts.header import segments
from layouts.panel import graph, panel
from layouts.workspaces import choice

LEVELS = (
    ("layer", "Layers"), ("sublayer", "Sublayers"), ("head", "Heads"), ("source", "Head × source"),
    ("neuron", "Neurons"),
)  # fmt: skip
SCALES = (
    ("own", "own scale", "Parts over the run's own final scale: they sum to its logit difference"),
    ("baseline", "baseline's scale", "Parts over the plain run's scale: differences are of what was written alone"),
)
OVER = (
    ("set", "prompt set", "Means over the prompt set, and a point per prompt"),
    ("prompt", "this prompt", "The prompt on screen alone"),
)


def decomposition_panel() -> html.Section:
    """Ranked bars of one level, which the page switches; by which scale, and over which prompts."""
    level = segments(ids.PARTS_LEVEL, LEVELS, "sublayer", "How finely the logit difference is divided")
    scale = choice(ids.PARTS_SCALE, SCALES, "Scale of the final norm that parts are divided by")
    over = choice(ids.PARTS_OVER, OVER, "Over which prompts")
    bar = html.Div([level, html.Div([scale, over], className="mt-chosen")], className="mt-bar")
    return panel(
        ids.DECOMPOSITION, "Decomposition", graph(ids.DECOMPOSITION), kinds=("logit_decomposition",), bar=bar,
        captioned=True, empty=NO_ANSWERS, section="parts",
    )  # fmt: skip
