"""Figures as files: html (interactive, self-contained), svg and pdf (live text, embedded fonts), png (at a chosen dpi).

Sizes are the figure's own, in CSS pixels: 1/96 inch, so that a pdf of a 336 px wide figure is 3.5 inches wide. Every
file carries its manifest (see `manifest.py`). html needs nothing; svg, pdf and png need a local Chrome (`chrome.py`).
"""

import struct
from typing import Any, get_args

import plotly.graph_objects as go

from app.domain.errors import BadInput
from app.export.chrome import CSS_DPI, Chrome
from app.export.manifest import PictureFormat, embed
from app.png import chunk

CHROME = Chrome()


def picture(figure: go.Figure, format: PictureFormat, manifest: dict[str, Any], dpi: int = 300) -> bytes:
    """The figure as one file with the manifest inside; `dpi` is for png only."""
    if format not in get_args(PictureFormat):
        raise BadInput(f"{format!r} is not a picture format; use one of {', '.join(get_args(PictureFormat))}.")
    drawn = _html(figure) if format == "html" else _drawn(figure, format, dpi)
    return embed(drawn, format, manifest)


def _html(figure: go.Figure) -> bytes:
    """A whole page with plotly.js inside; opens without any network."""
    options = {"displaylogo": False, "responsive": True}
    page = figure.to_html(include_plotlyjs=True, include_mathjax=False, full_html=True, config=options)
    return page.encode()


def _drawn(figure: go.Figure, format: PictureFormat, dpi: int) -> bytes:
    size = {"width": figure.layout.width, "height": figure.layout.height}  # pyright: ignore[reportAttributeAccessIssue]
    scale = dpi / CSS_DPI if format == "png" else 1
    drawn = CHROME.draw(figure, {"format": format, "scale": scale, **size})
    return with_resolution(drawn, dpi) if format == "png" else drawn


def with_resolution(png: bytes, dpi: int) -> bytes:
    """States the resolution (`pHYs`, pixels per metre), so that the png prints at the figure's own size."""
    per_metre = round(dpi / 0.0254)
    end_of_header = 33
    return png[:end_of_header] + chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1)) + png[end_of_header:]
