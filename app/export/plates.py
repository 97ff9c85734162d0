"""A plate as a file: svg and pdf with live text at its exact size, png at a chosen dpi, html that stays interactive.

svg, pdf and png are one drawing (compose.js, in the warm Chrome). Every file carries its manifest.
"""

from importlib.resources import files
from typing import Any

from plotly.io.json import to_json_plotly
from plotly.offline import get_plotlyjs

from app.domain.errors import BadInput
from app.export.chrome import Paper
from app.export.manifest import PictureFormat, embed, embed_pdf
from app.export.pictures import CHROME, with_resolution

POINTS = 72 / 96
"""Per CSS pixel."""
EMPTY = "This figure has no panels yet; add some with Export › Add to figure."


def plate_picture(composed: dict[str, Any], format: PictureFormat, manifest: dict[str, Any], dpi: int = 300) -> bytes:
    """All panels (`app.figures.plate.composition`) as one file with the manifest inside; `dpi` is for png only."""
    if not composed["panels"]:
        raise BadInput(EMPTY)
    if format == "html":
        return embed(_html(composed), "html", manifest)
    width, height = composed["width"], composed["height"]
    made = CHROME.compose(_page(composed), Paper(width, height, format, dpi))
    if format == "pdf":
        return embed_pdf(made, manifest, (width * POINTS, height * POINTS))
    return embed(with_resolution(made, dpi) if format == "png" else made, format, manifest)


def _page(composed: dict[str, Any]) -> str:
    """Draws itself as one svg; `composed` promises its text."""
    return _filled("", "compose.js", composed, "", "window.composed = compose(given);")


def _html(composed: dict[str, Any]) -> bytes:
    """Needs no network; every panel can be hovered and zoomed."""
    return _filled(_STYLE, "interactive.js", composed, "<main></main>", "interactive(given);").encode()


def _filled(style: str, script: str, given: dict[str, Any], body: str, act: str) -> str:
    own = files("app.export").joinpath(script).read_text()
    scripts = f"<script>{get_plotlyjs()}</script><script>{own}</script>"
    return _TEMPLATE.format(style=style, scripts=scripts, given=_inside(given), body=body, act=act)


def _inside(given: dict[str, Any]) -> str:
    """A token may be `</script>`."""
    return str(to_json_plotly(given)).replace("<", "\\u003c")


_STYLE = "main { position: relative; margin: 24px auto; } main > * { position: absolute; transform-origin: 0 0; }"
_TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><style>{style}</style>{scripts}</head>
<body style="margin: 0">{body}<script>const given = {given}; {act}</script></body></html>
"""
