"""The panels of a sparse autoencoder's features: those that matter, ranked, beside what it loses; the card of one."""

from dash import dcc, html

from layouts import ids
from layouts.panel import graph, panel
from layouts.workspaces import choice

NO_FOLDER = (
    "Give the folder of a sparse autoencoder of this model, as SAELens saves it: cfg.json and sae_weights.safetensors."
)
BY = (
    ("attribution", "by direct attribution", "Share of the logit difference at the last token: needs two answers"),
    ("largest", "by largest activation", "Largest activation over the prompt"),
    ("activation", "by activation at a token", "At the selected token, the last where none is selected"),
)
ACTIONS = (
    (ids.SAE_ABLATE, "Ablate", "Set its activation to 0 everywhere; what the autoencoder does not explain stays"),
    (ids.SAE_STEER, "Steer", "Add its direction everywhere, as strongly as it is at its most active here"),
    (ids.SAE_KEEP, "Keep as direction", "Into the library of directions, where every view and intervention knows it"),
)


def sae_features_panel() -> html.Section:
    """The features of the autoencoder in a folder."""
    folder = dcc.Input(
        id=ids.SAE_FOLDER, type="text", placeholder="SAELens folder", className="mt-lens-folder", debounce=True,
        spellCheck=False,
    )  # fmt: skip
    where = html.Label(
        [html.Span("Folder of the autoencoder", className="mt-unseen"), folder], className="mt-lens-where"
    )
    said = html.Span(id=ids.SAE_SAID, className="mt-lens-said", role="status")
    chosen = html.Div([choice(ids.SAE_BY, BY, "What ranks the features"), where, said], className="mt-chosen")
    return panel(
        ids.SAE_FEATURES, "Features", graph(ids.SAE_FEATURES), kinds=("sae_features",),
        bar=html.Div(chosen, className="mt-bar mt-lens-bar"), captioned=True, empty=NO_FOLDER, section="features",
    )  # fmt: skip


def sae_card_panel() -> html.Section:
    """One feature: on the text, what it writes, where it is most active."""
    number = dcc.Input(
        id=ids.SAE_FEATURE, type="number", min=0, step=1, placeholder="number", debounce=True,
        className="mt-lens-folder",
    )  # fmt: skip
    which = html.Label([html.Span("Number of the feature", className="mt-unseen"), number], className="mt-sae-number")
    buttons = [html.Button(text, id=name, type="button", className="mt-button", title=tip)
               for name, text, tip in ACTIONS]  # fmt: skip
    return panel(
        ids.SAE_CARD, "Feature", graph(ids.SAE_CARD), kinds=("sae_features",), controls=[which, *buttons],
        captioned=True, empty=NO_FOLDER, section="features",
    )  # fmt: skip
