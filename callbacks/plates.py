"""The *Figure* workspace: the plate as the page shows it, and as files.

POST panel/plate        {"asked": the plate} -> its svg, captions and the check of its colours (asked_panels.py)
POST plate/<form>       {"session"} -> the file: pdf, svg, png, html, tex (what includes it in LaTeX), or
                            ipynb (a program per panel)
"""

import functools
from typing import Any

from dash import Dash
from dash.exceptions import PreventUpdate
from flask import Response, request

from app.domain.errors import BadInput, MicrotomeError
from app.domain.plates import Plate, letter, parse_plate
from app.domain.session import parse_session
from app.engine import Engine
from app.export.ipynb import notebook
from app.export.latex import latex
from app.export.manifest import plate_manifest
from app.figures.palettes import checked
from app.plates import Numbers, plate_file
from callbacks.on_page import OnPage
from layouts.panel import state_class
from layouts.plate import EMPTY

TYPES = {
    "pdf": "application/pdf", "svg": "image/svg+xml", "png": "image/png", "html": "text/html",
    "tex": "application/x-tex", "ipynb": "application/x-ipynb+json",
}  # fmt: skip
FILE = "microtome-figure"


def answer(engine: Engine, sent: OnPage) -> tuple[Any, str, str, str]:
    """The plate as one svg; of an empty one what to do."""
    plate = parse_plate(sent.asked)
    told = {"check": _check(plate), "places": {"width": plate.full_width, "points": plate.points}}
    if not plate.panels:
        return {**told, "svg": ""}, state_class("empty"), EMPTY, ""
    numbers = _numbers(engine, plate)
    try:
        svg = plate_file(plate, numbers, "svg").decode()
    except MicrotomeError as error:
        return {**told, "svg": ""}, state_class("error"), str(error), ""
    of = f"{plate.full_width:g} mm wide, letters of {plate.points:g} pt, at its true size"
    return {**told, "svg": svg}, state_class("ready"), "", of


def _numbers(engine: Engine, plate: Plate) -> list[Numbers]:
    """Every panel's, once its model is there."""
    for spec in dict.fromkeys(panel.view.recipe.model for panel in plate.panels):
        status = engine.status(spec)
        if status.phase == "failed":
            raise BadInput(status.message)
        if status.phase != "ready":
            engine.want(spec)
            raise PreventUpdate
    return [Numbers.of(engine, panel.view) for panel in plate.panels]


def _check(plate: Plate) -> list[dict[str, Any]]:
    return [
        {"how": seen.how, "arms": round(seen.arms), "lines": round(seen.lines), "reads": seen.reads}
        for seen in checked(plate.palette, plate.theme)
    ]


def written(engine: Engine, form: str) -> Response:
    """The session's plate as a file, or why there is none."""
    given = request.get_json(silent=True)
    if form not in TYPES or not isinstance(given, dict):
        return Response(f"No figure leaves as {form!r}.", 404, mimetype="text/plain")
    try:
        session = parse_session(given.get("session") or {})
        if not session.plate.panels:
            raise BadInput(EMPTY)
        numbers = _numbers(engine, session.plate)
        content = _notebook(engine, session.plate) if form == "ipynb" else _file(session.plate, numbers, form, session)
    except PreventUpdate:
        return Response("The model is not ready yet; try again.", 409, mimetype="text/plain")
    except MicrotomeError as error:
        return Response(str(error), 400, mimetype="text/plain")
    return Response(content, mimetype=TYPES[form], headers={"Cache-Control": "no-store"})


def _notebook(engine: Engine, plate: Plate) -> bytes:
    """A program per panel; of a difference that of the intervened run."""
    programs = [
        (f"{letter(at)} {panel.title or panel.view.recipe.kind.replace('_', ' ')}", engine.script(panel.view.recipe))
        for at, panel in enumerate(plate.panels)
    ]
    return notebook("What this figure shows, recomputed", programs).encode()


def _file(plate: Plate, numbers: list[Numbers], form: Any, session: Any) -> bytes:
    if form != "tex":
        return plate_file(plate, numbers, form, session)
    made = plate_manifest(plate, [(each.result.provenance, each.result.digest) for each in numbers], None)
    return latex(made, plate.full_width, f"{FILE}.pdf").encode()


def register(app: Dash, engine: Engine) -> None:
    """Files, under the page's prefix; what the page shows is asked for as every panel is."""
    rule = f"{app.config.routes_pathname_prefix}plate/<form>"
    app.server.add_url_rule(rule, "plate_file", functools.partial(written, engine), methods=["POST"])
