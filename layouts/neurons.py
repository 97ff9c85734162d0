"""The panels of neurons: those of one MLP, ranked, and the card of one."""

from dash import html

from layouts import ids
from layouts.attributes import attributes
from layouts.panel import graph, panel
from layouts.workspaces import NO_PROMPT, choice

BY = (
    ("attribution", "by direct attribution", "Share of the logit difference at the last token: needs two answers"),
    ("largest", "by largest activation", "Activation of largest magnitude over the prompt"),
    ("activation", "by activation at a token", "At the selected token, the last where none is selected"),
)


def neurons_panel() -> html.Section:
    """The neurons of the selected layer."""
    layer = html.Select([], id=ids.NEURONS_LAYER, className="mt-choice", **attributes(aria_label="Layer of neurons"))
    by = choice(ids.NEURONS_BY, BY, "What ranks the neurons")
    bar = html.Div(html.Div([by, layer], className="mt-chosen"), className="mt-bar")
    return panel(
        ids.NEURONS, "Neurons", graph(ids.NEURONS), kinds=("neurons",), bar=bar, captioned=True, empty=NO_PROMPT,
        section="features",
    )  # fmt: skip


def neuron_card_panel() -> html.Section:
    """One neuron: on the text, what it writes, what excites it."""
    ablate = html.Button(
        "Ablate this neuron", id=ids.NEURON_ABLATE, type="button", className="mt-button",
        title="Add an intervention on this neuron, by the method chosen above",
    )  # fmt: skip
    return panel(
        ids.NEURON_CARD, "Neuron", graph(ids.NEURON_CARD), kinds=("neurons",), controls=[ablate], captioned=True,
        empty=NO_PROMPT, section="features",
    )  # fmt: skip
