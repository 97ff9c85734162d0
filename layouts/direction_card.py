"""The card of the direction that is looked at: how it was made, how well, what is near it."""

from dash import html

from layouts import ids
from layouts.attributes import attributes
from layouts.panel import panel

NO_DIRECTION = "No direction yet: make one with + new under Directions in the rail"


def direction_card_panel() -> html.Section:
    """Drawn by assets/69-direction-card.js."""
    example = html.Button(
        "answer − other answer", type="button", className="mt-button", hidden=True,
        title="Make the direction between the two answers of the prompt", **attributes(data_example_direction="true"),
    )  # fmt: skip
    card = html.Div(className="mt-direction-card", id=ids.DIRECTION_CARD_BODY)
    body = html.Div(card, id=ids.DIRECTION_CARD, className="mt-card-body")
    return panel(
        ids.DIRECTION_CARD, "Direction", body, kinds=("direction_card",),
        footer=html.Div(example, className="mt-example"), empty=f"{NO_DIRECTION}.", section="direction",
    )  # fmt: skip
