"""The section of one direction in *Residual*: where it is, how it tells prompts apart, who writes it, who reads it."""

from dash import html

from layouts import ids
from layouts.panel import graph, panel
from layouts.workspaces import choice

NO_DIRECTION = "There is no direction yet: make one in the rail (Directions, + new) to see it here."
ACTIVATIONS = (
    ("resid_post", "resid_post", "The stream after each layer"),
    ("resid_mid", "resid_mid", "The stream between attention and MLP"),
    ("resid_pre", "resid_pre", "The stream before each layer"),
    ("attn_out", "attn_out", "What each layer's attention adds to the stream"),
    ("mlp_out", "mlp_out", "What each layer's MLP adds to the stream"),
)
NORMALISED = (
    ("projection", "projection", "a · d̂, in units of the stream"),
    ("cosine", "cosine", "a · d̂ / |a|, from -1 to 1"),
)
GROUPS = (
    ("side", "by side", "One row for the clean prompts, one for the corrupted ones"),
    ("answer", "by answer", "One row per answer, clean and corrupted prompts together"),
)
PROMPTS = (
    ("prompt", "this prompt", "The prompt on screen, at the selected token (END where none is)"),
    ("set", "prompt set", "Mean over the prompt set, with one standard deviation, at END"),
)
READ_AS = (
    ("z", "z-score", "Standard deviations from random directions"),
    ("norm", "norm", "As a multiple of what a random direction has"),
)


def projection_panel() -> html.Section:
    """Layers x positions."""
    controls = [
        choice(ids.PROJECTION_ACTIVATION, ACTIVATIONS, "Which activation is projected"),
        choice(ids.PROJECTION_NORMALISED, NORMALISED, "Projection or cosine"),
    ]
    return panel(
        ids.PROJECTION, "Projection", graph(ids.PROJECTION), kinds=("direction_projection",), controls=controls,
        empty=NO_DIRECTION, section="direction",
    )  # fmt: skip


def distribution_panel() -> html.Section:
    """Prompts of the set by group."""
    controls = choice(ids.DISTRIBUTION_BY, GROUPS, "What prompts are grouped by")
    return panel(
        ids.DISTRIBUTION, "Over prompts", graph(ids.DISTRIBUTION), kinds=("direction_distribution",),
        controls=controls, empty=NO_DIRECTION, section="direction",
    )  # fmt: skip


def writers_panel() -> html.Section:
    """The sum at one place."""
    controls = choice(ids.WRITERS_PROMPTS, PROMPTS, "Of which prompts")
    return panel(
        ids.WRITERS, "Who writes it", graph(ids.WRITERS), kinds=("direction_writers",), controls=controls,
        empty=NO_DIRECTION, section="direction",
    )  # fmt: skip


def readers_panel() -> html.Section:
    """Weights that read it."""
    controls = choice(ids.READERS_BY, READ_AS, "How readers are coloured")
    return panel(
        ids.READERS, "Who reads it", graph(ids.READERS), kinds=("direction_readers",), controls=controls,
        empty=NO_DIRECTION, section="direction",
    )  # fmt: skip


def panels() -> list[html.Section]:
    """In the order of the keyboard."""
    return [projection_panel(), writers_panel(), readers_panel(), distribution_panel()]
