"""Everything a panel or the whole page can leave as: one menu, which goes to the button that asks for it.

One and not one per panel: Dash's renderer walks all that has ever changed for each mounted entry of a menu, at every
change. Eighteen menus took most of the time in which a page opens.
"""

import dash_mantine_components as dmc
from dash import html

from layouts import ids

Entries = tuple[tuple[str, str], ...]
FORMATS: tuple[tuple[str, Entries], ...] = (
    (
        "Data",
        (
            ("csv", "CSV"),
            ("parquet", "Parquet"),
            ("json", "JSON"),
            ("summary", "Summary per cell, CSV"),
            ("projector", "TensorBoard projector"),
        ),
    ),
    ("Vector", (("npy", "NPY"), ("safetensors", "safetensors"))),
    (
        "Figure",
        (("svg", "SVG"), ("pdf", "PDF"), ("png", "PNG"), ("html", "HTML, interactive"), ("plate", "Add to figure")),
    ),
    (
        "Recompute",
        (
            ("recipe", "Recipe (JSON)"),
            ("script", "TransformerLens script"),
            ("copy-recipe", "Copy recipe"),
            ("copy-script", "Copy as Python"),
        ),
    ),
)
"""Of panels. The summary has mean, standard error, interval, p-value, q-value and n of every cell, of sweeps only; the
vector is a direction's, the projector's files (a zip) are of maps of activations."""
PAGE: tuple[str, Entries] = (
    "Whole page",
    (
        ("session", "Session (JSON)"), ("tables", "All tables (CSV, zip)"), ("figures", "All figures (PDF, zip)"),
        ("directions", "Directions (JSON)"),
    ),
)  # fmt: skip


def export_menu() -> html.Div:
    """The menu and the place that it opens at (assets/52-export-menu.js moves it)."""
    entries = [part for group, formats in (*FORMATS, PAGE) for part in _group(group, formats)]
    target = dmc.MenuTarget(html.Div(), boxWrapperProps={"className": "mt-export-at"})
    return html.Div(
        dmc.Menu(
            [target, dmc.MenuDropdown(entries, id=ids.EXPORT_ENTRIES)],
            position="bottom-end", shadow="md", width=190, withinPortal=True, keepMounted=True, returnFocus=True,
        )
    )  # fmt: skip


def _group(group: str, formats: Entries) -> list[dmc.MenuLabel | dmc.MenuItem]:
    items = [dmc.MenuItem(text, id=ids.export_item(form), n_clicks=0) for form, text in formats]
    return [dmc.MenuLabel(group), *items]
