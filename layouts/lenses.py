"""The panels of lenses: the map, token trajectories at one position, and what components write."""

import dash_mantine_components as dmc
from dash import dcc, html

from layouts import ids
from layouts.attributes import attributes
from layouts.panel import graph, panel
from layouts.workspaces import NO_PROMPT, choice

COLOURS = (
    ("probability", "top token's probability", "Probability of each cell's most likely token"),
    ("rank", "rank of the answer", "Tokens above the answer; the strongest colour is the top"),
    ("entropy", "entropy", "Entropy of the lens's distribution, nats"),
    ("kl_divergence", "KL to final", "KL(final ‖ lens), nats: how far from the model's own output there"),
    ("logit_diff", "logit diff", "Logit of the answer minus that of the other token"),
)
LENSES = (
    ("logit", "logit lens", "The final norm and the unembedding alone"),
    ("tuned", "tuned lens", "Through a trained translator per layer, from a local folder"),
)
NO_TOKENS = "Search the vocabulary above for tokens to follow, or name answers in the rail."
MOST_TOKENS = 8


def lens_panel() -> html.Section:
    """Top token of every layer and position, what colours it, and through which lens it is read."""
    colour = choice(ids.LENS_COLOUR, COLOURS, "What colours the lens")
    lens = choice(ids.LENS_KIND, LENSES, "Which lens")
    folder = dcc.Input(
        id=ids.LENS_FOLDER, type="text", placeholder="folder with config.json and params", className="mt-lens-folder",
        debounce=True, spellCheck=False,
    )  # fmt: skip
    said = html.Span(id=ids.LENS_SAID, className="mt-lens-said", role="status")
    bar = html.Div(
        [
            html.Div(
                [
                    colour,
                    lens,
                    html.Label([html.Span("Folder", className="mt-unseen"), folder], className="mt-lens-where"),
                    said,
                ],
                className="mt-chosen",
            )
        ],
        className="mt-bar mt-lens-bar",
    )
    return panel(ids.LENS, "Lens", graph(ids.LENS), kinds=("logit_lens",), bar=bar, empty=NO_PROMPT)


def token_trajectory_panel() -> html.Section:
    """Probability and rank of chosen tokens by layer."""
    tokens = dmc.MultiSelect(
        id=ids.LENS_TOKENS, data=[], value=[], searchable=True, size="xs", placeholder="the answers; search for others",
        nothingFoundMessage="Type to search", hidePickedOptions=True, clearable=True, maxValues=MOST_TOKENS,
        comboboxProps={"width": 260, "position": "bottom-start"}, maxDropdownHeight=240, clearSearchOnChange=True,
        classNames={"options": "mt-answer-options"}, className="mt-lens-tokens",
        **attributes(aria_label="Tokens to follow"),
    )  # fmt: skip
    return panel(
        ids.TOKEN_TRAJECTORY, "Tokens by layer", graph(ids.TOKEN_TRAJECTORY), kinds=("token_trajectory",),
        bar=html.Div(tokens, className="mt-bar mt-lens-bar"), empty=NO_TOKENS, section="lens",
    )  # fmt: skip


def component_lens_panel() -> html.Section:
    """What heads, attention layers and MLPs write, as tokens; the rows are drawn by assets/69-component-lens.js."""
    layer = html.Select(
        [html.Option("largest", value="")], id=ids.COMPONENT_LAYER, className="mt-choice",
        **attributes(aria_label="Components of which layer"),
    )  # fmt: skip
    body = html.Div(id=ids.COMPONENT_ROWS, className="mt-written")
    return panel(
        ids.COMPONENT_LENS, "Components as tokens", html.Div(body, id=ids.COMPONENT_LENS, className="mt-stack"),
        kinds=("component_lens",),
        controls=[layer], empty=NO_PROMPT, section="lens",
    )  # fmt: skip
