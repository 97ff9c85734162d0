"""The selection bar above the panels and the status bar below them."""

import dash_mantine_components as dmc
from dash import html

from layouts import ids
from layouts.attributes import attributes
from layouts.header import segments
from layouts.panel import icon

METHODS = (("zero", "zero"), ("mean", "mean"), ("resample", "resample"))
PROVENANCE_CLASS = "mt-provenance"
SECTIONS = (
    ("lens", "Lenses"), ("direction", "Direction"), ("parts", "Decomposition"), ("geometry", "Geometry"),
    ("features", "Neurons & features"),
)  # fmt: skip
SHOWS = (("baseline", "Baseline"), ("intervened", "Intervened"), ("difference", "Difference"))


def _button(component_id: str, text: str, title: str, symbol: str | None = None) -> html.Button:
    inside = [icon(symbol), text] if symbol else text
    return html.Button(inside, id=component_id, type="button", className="mt-button", title=title)


def selection_bar() -> html.Div:
    """What is selected, what can be done with it, and which run all panels show."""
    actions = [
        _button(ids.PIN, "Pin", "Keep the primary head to compare with (p)", "pin"),
        _button(ids.CLEAR, "Clear", "Clear the selection (Esc)"),
        html.Span(className="mt-rule"),
        segments(ids.ABLATE_METHOD, METHODS, "zero", "Ablation method"),
        _button(ids.ABLATE_SELECTED, "Ablate", "Ablate the selected heads (a)"),
        _button(ids.PATCH_SELECTED, "Patch", "Take the selected heads from the corrupted run"),
        _button(
            ids.SAVE_DIRECTION, "Direction",
            "Save as direction: the selected tokens minus the rest, or what the primary head writes (d)",
        ),
    ]  # fmt: skip
    return html.Div(
        [
            html.Span("Selected", className="mt-quiet"),
            html.Div(id=ids.SELECTION_CHIPS, className="mt-chips"),
            html.Div(actions, className="mt-actions"),
            segments(ids.SHOW, SHOWS, "baseline", "Which run is shown"),
        ],
        id=ids.SELECTION_BAR,
        className="mt-selection-bar",
    )


def section_bar() -> html.Div:
    """Which part of the *Residual* workspace is on screen."""
    sections = segments(ids.SECTIONS, SECTIONS, "lens", "Section of the residual stream")
    return html.Div([sections, _along()], className="mt-section-bar")


def _along() -> html.Div:
    """What is done along the direction that is looked at, at the selected layers and positions
    (assets/64-along.js); on screen in the *Direction* section."""
    label = "Strength of steering, or the projection that is clamped to"
    number = dmc.NumberInput(
        id=ids.ALONG_STRENGTH, value=4, step=1, size="xs", w=64, className="mt-select", **attributes(aria_label=label)
    )
    buttons = [
        _button(ids.ALONG_STEER, "Add", "Steer: add so many units of the direction"),
        _button(ids.ALONG_CLAMP, "Clamp", "Set the projection on the direction to the number"),
        _button(ids.ALONG_OUT, "Project out", "Take the projection on the direction away"),
        _button(ids.ALONG_SWAP, "Swap", "Take the projection from the pair's other prompt"),
    ]
    return html.Div(
        [html.Span(id=ids.ALONG_OF, className="mt-quiet"), number, *buttons], id=ids.ALONG, className="mt-along"
    )


def status_bar() -> html.Div:
    """Provenance, cache and correctness meters: why the numbers can be believed."""
    return html.Div(
        [
            html.Span(id=ids.PHASE, className="mt-phase", role="status"),
            html.Div(id=ids.PROVENANCE, className=PROVENANCE_CLASS),
            html.Span(id=ids.CACHE, className="mt-quiet"),
            html.Div(id=ids.METERS, className="mt-meters"),
        ],
        className="mt-status-bar",
    )
