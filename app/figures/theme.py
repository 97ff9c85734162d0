"""The look of every figure: palettes, templates, and tokens as axis labels.

Colour is for data only. Signed quantities run red (negative) - panel background (0) - blue (positive); probabilities
and attention run from the panel background (0) to one dark (in the dark theme: one bright) teal. Every arm is
monotone in luminance, and the blue arm ends further from the background than the red one, so that in a greyscale
print the strongest cell of the two is the positive one; matrices also print `−` on strong negative cells.

A figure names no theme colour: colour scales, inks and marks all come from its template, so the page switches between
light and dark with one `Plotly.relayout(graph, {template})`. Panels leave the paper transparent; exports paint it.
"""

import textwrap
from typing import Any

import plotly.graph_objects as go

from app.domain.views import Style, Theme

PANEL: dict[Theme, str] = {"light": "#ffffff", "dark": "#1e1f22"}
"""Background of a panel; zero has this colour on every scale."""
MISSING: dict[Theme, str] = {"light": "#e9ebee", "dark": "#303237"}
"""Background under cells that are not computed; a hatch stroke is drawn on it."""
INK: dict[Theme, str] = {"light": "#2b2f36", "dark": "#d7dae0"}
MUTED: dict[Theme, str] = {"light": "#5c636e", "dark": "#9aa1ac"}
GRID: dict[Theme, str] = {"light": "#e4e7eb", "dark": "#33363b"}
ACCENT: dict[Theme, str] = {"light": "#7c3aed", "dark": "#c4a7ff"}
"""Selection marks; the same colour as the page's `--mt-accent`."""
NEUTRAL = "#858c97"
"""A grey that reads on both panels: hatch strokes and zero lines."""
HAIRLINE = "rgba(133,140,151,0.26)"
"""Lines between cells, over light and dark cells alike."""

_BLUE: dict[Theme, tuple[str, ...]] = {
    "light": ("#b6daf8", "#73b2ec", "#3b88d4", "#135fb0", "#03397f"),
    "dark": ("#273f60", "#24629f", "#2d8ad0", "#59b3ef", "#9ddafe"),
}
_RED: dict[Theme, tuple[str, ...]] = {
    "light": ("#ffd5c9", "#fea894", "#f87863", "#e44a3f", "#c51d28"),
    "dark": ("#542422", "#832726", "#ae312d", "#d3473b", "#ef6856"),
}
_TEAL: dict[Theme, tuple[str, ...]] = {
    "light": ("#b6dad1", "#6db4a9", "#2b8b83", "#065f5c", "#023536"),
    "dark": ("#1d4a4a", "#157772", "#2da599", "#68d1be", "#b7f8e5"),
}
DIVERGING: dict[Theme, tuple[str, ...]] = {
    theme: (*reversed(_RED[theme]), PANEL[theme], *_BLUE[theme]) for theme in PANEL
}
"""-limit .. 0 .. +limit, evenly spaced."""
SEQUENTIAL: dict[Theme, tuple[str, ...]] = {theme: (PANEL[theme], *_TEAL[theme]) for theme in PANEL}
"""0 .. limit, evenly spaced."""
LINES: dict[Theme, tuple[str, ...]] = {
    "light": ("#0b7a75", "#d97706", "#26282e"),
    "dark": ("#2f9e92", "#f2b05e", "#f4f5f7"),
}
HUES: dict[Theme, tuple[str, ...]] = {
    "light": ("#0072b2", "#d55e00", "#009e73", "#b8528f", "#9a7b00", "#5a3fa0", "#8c3a2b", "#5c636e"),
    "dark": ("#56b4e9", "#ff8c42", "#2fd6a5", "#f0a0cf", "#f0e442", "#b9a5ff", "#e0866f", "#b0b6c0"),
}
"""Heads that are drawn together, each in its own colour, by their place in the selection (assets/59-palette.js)."""
PAGE_FONT = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', 'DejaVu Sans', Arial, sans-serif"
)
EXPORT_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
MONOSPACE = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"
EXPORT_MONOSPACE = "DejaVu Sans Mono, Liberation Mono, Courier New, monospace"
FONT_SIZE = 11
CLEAR = "rgba(0,0,0,0)"


def is_export(style: Style) -> bool:
    """A style with a size is an export: it has its title, its paper colour and fonts by name inside."""
    return style.width is not None or style.height is not None


def monospace(style: Style) -> str:
    """Font family of tokens."""
    return EXPORT_MONOSPACE if is_export(style) else MONOSPACE


def scale(colours: tuple[str, ...]) -> list[list[Any]]:
    """Evenly spaced colours as a Plotly colour scale."""
    last = len(colours) - 1
    return [[i / last, colour] for i, colour in enumerate(colours)]


def _axis(theme: Theme) -> dict[str, Any]:
    return {
        "gridcolor": GRID[theme], "linecolor": GRID[theme], "zerolinecolor": NEUTRAL, "zerolinewidth": 1,
        "tickcolor": GRID[theme], "ticks": "", "automargin": True, "showgrid": False, "zeroline": False,
        "title": {"standoff": 6, "font": {"size": FONT_SIZE, "color": MUTED[theme]}},
        "tickfont": {"size": FONT_SIZE, "color": MUTED[theme]},
    }  # fmt: skip


def _colour_bar(theme: Theme) -> dict[str, Any]:
    font = {"size": FONT_SIZE - 1, "color": MUTED[theme]}
    return {
        "thickness": 8, "outlinewidth": 1, "outlinecolor": GRID[theme], "ticklen": 3,
        "tickcolor": GRID[theme], "ticks": "outside", "tickfont": font,
        "title": {"side": "right", "font": font}, "x": 1.02, "xpad": 4, "ypad": 0,
    }  # fmt: skip


def _layout(theme: Theme) -> dict[str, Any]:
    diverging, sequential = scale(DIVERGING[theme]), scale(SEQUENTIAL[theme])
    bar = _colour_bar(theme)
    return {
        "font": {"family": PAGE_FONT, "size": FONT_SIZE, "color": INK[theme]},
        "paper_bgcolor": CLEAR, "plot_bgcolor": MISSING[theme], "colorway": list(LINES[theme]),
        "colorscale": {"diverging": diverging, "sequential": sequential, "sequentialminus": sequential},
        "coloraxis": {"colorbar": bar}, "xaxis": _axis(theme), "yaxis": _axis(theme), "hovermode": "closest",
        "hoverlabel": {
            "align": "left", "bgcolor": PANEL[theme], "bordercolor": GRID[theme],
            "font": {"family": PAGE_FONT, "size": 12, "color": INK[theme]}, "namelength": 0,
        },
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8, "pad": 0},
        "legend": {
            "orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "xanchor": "left", "bgcolor": CLEAR,
            "font": {"size": FONT_SIZE, "color": INK[theme]}, "itemwidth": 30,
        },
        "title": {"font": {"size": 13, "color": INK[theme]}, "x": 0, "xanchor": "left"},
        "shapedefaults": {"line": {"color": ACCENT[theme]}, "fillcolor": CLEAR},
        "annotations": [
            {"name": "nothing left", "visible": False, "bgcolor": PANEL[theme], "borderpad": 6,
             "font": {"size": FONT_SIZE, "color": INK[theme]}},
        ],
        "annotationdefaults": {"showarrow": False, "font": {"size": FONT_SIZE - 1, "color": MUTED[theme]}},
        "modebar": {"bgcolor": CLEAR, "color": MUTED[theme], "activecolor": INK[theme]},
        "newselection": {"line": {"color": ACCENT[theme], "width": 1.5, "dash": "solid"}},
        "activeselection": {"fillcolor": ACCENT[theme], "opacity": 0.08},
    }  # fmt: skip


def _data(theme: Theme) -> dict[str, Any]:
    bar, cells = _colour_bar(theme), {"align": "left", "font": {"size": FONT_SIZE, "color": INK[theme]}}
    return {
        "heatmap": [{"colorbar": bar}],
        "bar": [{"marker": {"colorbar": bar, "line": {"width": 0}}}],
        "table": [
            {
                "header": {**cells, "fill": {"color": PANEL[theme]}, "line": {"color": GRID[theme]}},
                "cells": {**cells, "fill": {"color": PANEL[theme]}, "line": {"color": GRID[theme]}},
            }
        ],
    }


def _template(theme: Theme, **layout: Any) -> go.layout.Template:
    return go.layout.Template(layout=_layout(theme) | layout, data=_data(theme))


TEMPLATES: dict[str, go.layout.Template] = {f"microtome_{theme}": _template(theme) for theme in PANEL}
"""`microtome_light`, `microtome_dark`: plain values; nothing is registered with Plotly."""
_FOR_EXPORT = {
    theme: _template(
        theme, paper_bgcolor=PANEL[theme], font={"family": EXPORT_FONT, "size": FONT_SIZE, "color": INK[theme]}
    )
    for theme in PANEL
}


def export_template(theme: Theme, colorscale: dict[str, Any], font: dict[str, Any]) -> go.layout.Template:
    """The exports' template with other scales and another face."""
    font = {"size": FONT_SIZE, **font}
    return _template(theme, paper_bgcolor=PANEL[theme], colorscale=colorscale, font=font)


def template(style: Style) -> go.layout.Template:
    """The style's template; exports paint the paper and name fonts that can be embedded."""
    return _FOR_EXPORT[style.theme] if is_export(style) else TEMPLATES[f"microtome_{style.theme}"]


TITLE_CHARACTER = 7.2
"""Average width of a title's character in CSS pixels."""


def dress(
    figure: go.Figure, panel: str, title: str, style: Style, margin: dict[str, int], meta: dict[str, Any] | None = None
) -> go.Figure:
    """Template, identity, size and margins. `title` (what, of what) is drawn in exports only: panels carry it in the
    page. An intervened run is named in it; a difference says Δ itself. `meta["panel"]` tells the page's scripts which
    figure this is."""
    title = title[:1].upper() + title[1:] + (", intervened run" if style.show == "intervened" else "")
    figure.update_layout(
        template=template(style), uirevision=panel, margin=margin, meta={"panel": panel, "title": title, **(meta or {})}
    )
    if is_export(style):
        lines = textwrap.wrap(title, max(20, int((style.width or 500) / TITLE_CHARACTER)))
        pad = {"t": 10 if len(lines) == 1 else 18, "l": 12}  # Plotly places the second line where one would stand
        place = {"yref": "container", "y": 1, "yanchor": "top", "xref": "container", "pad": pad}
        figure.update_layout(title={"text": "<br>".join(lines), **place}, width=style.width, height=style.height)
        top = margin["t"] + pad["t"] + 2 + 16 * len(lines)
        figure.update_layout(margin={"t": top, "l": margin["l"] + 6, "r": margin["r"] + 6})
    return figure
