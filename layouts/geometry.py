"""The panels of the *Geometry* section: numbers of the stream by layer, and a map of many activations."""

from dash import html

from layouts import ids
from layouts.attributes import attributes
from layouts.panel import graph, panel
from layouts.sweep_strip import sweep_strip
from layouts.workspaces import NO_PROMPT, choice

DRAWN = (
    ("norms", "norms", "Lengths of the stream and of what attention and MLP write, logarithmic"),
    ("cosines", "cosines", "Which way the stream turns, and what is written against what is read"),
    ("scales", "norm scales", "What the layer's norms divide by, logarithmic"),
)
ACTIVATIONS = (
    ("resid_pre", "resid_pre", "The stream before the block"), ("resid_mid", "resid_mid", "The stream after attention"),
    ("resid_post", "resid_post", "The stream after the block"), ("attn_out", "attn_out", "What attention writes"),
    ("mlp_out", "mlp_out", "What the MLP writes"),
)  # fmt: skip
METHODS = (
    ("pca", "PCA", "The two largest principal components, exact"),
    ("umap", "UMAP", "Neighbourhoods, drawn with a seed; computed on a button"),
    ("tsne", "t-SNE", "Neighbourhoods, drawn with a seed; computed on a button"),
)
QUICK = ("pca",)
"""Computed without being asked."""
SLOW = {method: name for method, name, _ in METHODS if method not in QUICK}
COMPUTE = "Compute"
PRESS_COMPUTE = "Press Compute {} to place the points: it takes longer than PCA. The line below says how long."
POSITIONS = (
    ("all", "all tokens", "Every position of every prompt but the separator before it"),
    ("end", "last token", "END of every prompt"),
)
COLOURS = (
    ("side", "by side", "Clean and corrupted prompts"), ("token", "by token", "The token at the point's position"),
    ("answer", "by answer", "The first answer of the point's pair"), ("prompt", "by prompt", "From first to last"),
    ("position", "by position", "From first to last"), ("logit_diff", "by logit diff", "Of the point's prompt"),
    ("projection", "by projection", "On the direction that is looked at"),
    ("norm", "by norm", "Length of the activation"),
)  # fmt: skip
HINT = "Lasso selects prompts and tokens (A); Shift and a second one (B) makes a direction to A, away from B."


def geometry_panel() -> html.Section:
    """Norms, cosines or scales by layer, at the selected token."""
    drawn = choice(ids.GEOMETRY_DRAWN, DRAWN, "What is drawn by layer")
    return panel(
        ids.GEOMETRY, "Along the layers", graph(ids.GEOMETRY), kinds=("residual_geometry",), controls=[drawn],
        empty=NO_PROMPT, section="geometry",
    )  # fmt: skip


def activation_map_panel() -> html.Section:
    """Activations of the prompt set as points; a lasso selects, a second one makes a direction."""
    layer = html.Select(
        id=ids.MAP_LAYER, className="mt-choice", title="Layer", **attributes(aria_label="Layer of the map")
    )
    controls = [
        choice(ids.MAP_METHOD, METHODS, "How activations are placed"),
        choice(ids.MAP_ACTIVATION, ACTIVATIONS, "Which activation"), layer,
        choice(ids.MAP_POSITIONS, POSITIONS, "At which tokens"), choice(ids.MAP_COLOUR, COLOURS, "What colours points"),
    ]  # fmt: skip
    bar = html.Div(html.Div(controls, className="mt-chosen"), className="mt-bar")
    hint = html.Div(HINT, id=ids.MAP_GROUPS, className="mt-foot mt-quiet", role="status")
    foot = html.Div([hint, sweep_strip(ids.ACTIVATION_MAP, COMPUTE)])
    return panel(
        ids.ACTIVATION_MAP, "Map of activations", graph(ids.ACTIVATION_MAP), kinds=("activation_map",), bar=bar,
        footer=foot, empty=NO_PROMPT, section="geometry",
    )  # fmt: skip
