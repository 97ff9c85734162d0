"""The one frame every panel sits in: title, help, controls, export, maximise; empty, loading, error and ready states.

The state is a class on the section: `is-loading` (skeleton), `is-empty` (says what to do), `is-error` (plain words),
`is-ready`. While something is computed for a panel that is already drawn, only a thin line moves: nothing jumps.
"""

from typing import Any, Literal

from dash import dcc, html

from layouts import ids
from layouts.attributes import attributes

State = Literal["loading", "empty", "error", "ready"]
MORE_FORMS: dict[str, str] = {
    **dict.fromkeys((ids.SWEEP_MAP, *ids.BESIDE, ids.STRIP, ids.PATHS), "summary"),
    ids.DIRECTION_CARD: "npy safetensors", ids.ACTIVATION_MAP: "projector",
}  # fmt: skip
"""Panels that leave in further forms: sweeps as a summary per cell, a direction as its vector, activations for
TensorBoard's projector."""

TURN = "Not there yet: it is being computed, or waits for its turn. The line below says how far it is."
"""In place of what to press, while that was pressed already (assets/32-panel.css)."""

_CONFIG: Any = {"displayModeBar": False, "responsive": True, "doubleClick": "reset", "showTips": False}
_NO_FIGURE: dict[str, Any] = {"data": [], "layout": {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}}


def graph(panel_id: str) -> dcc.Graph:
    """The panel's figure, empty until it is drawn."""
    return dcc.Graph(id=panel_id, figure=_NO_FIGURE, config=_CONFIG, responsive=True, className="mt-graph")


def state_class(state: State) -> str:
    """The class of a panel's section in this state."""
    return f"mt-panel is-{state}"


def icon(name: str) -> html.Span:
    """A drawn icon (assets/30-kit.css); decorative, so hidden from screen readers."""
    return html.Span(className=f"mt-icon mt-icon-{name}", **attributes(aria_hidden="true"))


def icon_button(label: str, name: str, component_id: str | None = None, **options: Any) -> html.Button:
    """A square button that shows an icon and says its label."""
    own: dict[str, Any] = {} if component_id is None else {"id": component_id}
    own |= attributes(aria_label=label) | options
    own["className"] = f"mt-icon-button {own.get('className', '')}".strip()
    return html.Button(icon(name), type="button", title=label, **own)


def help_button(of: str, label: str = "What is this?") -> html.Button:
    """The `?`, whose card assets/53-help-card.js shows on hover or focus: formula, reading, sign and unit."""
    return html.Button("?", type="button", className="mt-help", **attributes(data_help=of, aria_label=label))


def export_button(panel_id: str, title: str) -> html.Button:
    """Opens the one export menu (layouts/export_menu.py) for this panel."""
    forms = {"data_forms": MORE_FORMS[panel_id]} if panel_id in MORE_FORMS else {}
    return icon_button(f"Export {title}", "download", **attributes(data_export=panel_id, aria_haspopup="menu", **forms))


def _title(panel_id: str, title: str, captioned: bool) -> html.H2:
    of = [] if captioned else [html.Span(id=ids.OF.format(panel_id), className="mt-of")]
    named = html.Span(title, id=ids.TITLE.format(panel_id), className="mt-title")
    return html.H2([named, *of], className="mt-heading")


def _header(panel_id: str, title: str, controls: Any, captioned: bool) -> html.Header:
    tools = [
        html.Div([] if controls is None else controls, className="mt-controls"),
        export_button(panel_id, title),
        icon_button(f"Maximise {title}", "maximise", className="mt-maximise", **attributes(data_maximise=panel_id)),
    ]
    return html.Header([_title(panel_id, title, captioned), help_button(panel_id), *tools], className="mt-panel-header")


def _body(panel_id: str, body: Any, kinds: tuple[str, ...], empty: str) -> html.Div:
    """The content, and what stands in its place in the other states."""
    inside = [
        *(html.Div(id=ids.BUSY.format(panel_id, kind), className="mt-busy") for kind in kinds),
        html.Div(className="mt-skeleton", **attributes(aria_hidden="true")),
        html.Div(body, className="mt-content"),
        html.Div(empty, id=ids.MESSAGE.format(panel_id), className="mt-message", role="status"),
        html.Div(TURN, className="mt-turn"),
    ]
    return html.Div(inside, className="mt-panel-body")


def panel(
    panel_id: str, title: str, body: Any, *, kinds: tuple[str, ...], controls: Any = None, bar: Any = None,
    footer: Any = None, empty: str = "", captioned: bool = False, section: str | None = None,
) -> html.Section:  # fmt: skip
    """A panel; `kinds` are the analyses it waits for, `empty` what to do while there is nothing to show. `captioned`
    has what it is of in a line of its own below the title and the bar. `section` is that of the *Residual* workspace
    in which alone it stands (assets/38-residual.css)."""
    header = _header(panel_id, title, controls, captioned)
    caption = html.Div(id=ids.OF.format(panel_id), className="mt-caption") if captioned else None
    parts = (header, bar, caption, _body(panel_id, body, kinds, empty), footer)
    placed = {} if section is None else attributes(data_section=section)
    return html.Section(
        [part for part in parts if part is not None],
        id=ids.PANEL.format(panel_id),
        className=state_class("loading"),
        **attributes(data_panel=panel_id, aria_label=title),
        **placed,
    )
