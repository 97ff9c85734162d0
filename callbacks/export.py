"""Whatever is on screen leaves it: data, figure, recipe, script; always with its provenance, always on light paper.

Exports are drawn again from the exact numbers, not from the pictures on the page. Of a difference, tables and figures
hold intervened - baseline; a recipe and a program are one run each, the intervened one.
"""

import functools
import io
import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, dcc, no_update
from dash.exceptions import PreventUpdate

from app.analyses import ANALYSES, drawn
from app.domain.errors import BadInput
from app.domain.history import parse_history
from app.domain.recipes import recipe_json
from app.domain.session import directions_json, parse_session
from app.domain.views import view_dict
from app.engine import Engine
from app.export import tables
from app.export.manifest import manifest
from app.export.opened import with_history
from app.export.pictures import picture
from app.figures.caption import captioned
from app.figures.sweep_tables import summarised
from callbacks.exported import SOURCES, source
from callbacks.exported_direction_card import VECTORS, vector
from callbacks.exported_geometry import for_projector
from callbacks.exported_source import Page, Source
from callbacks.reading import (
    REFUSALS,
    directions_of,
    experiment_of,
    heads_of,
    notes_of,
    residual_of,
    selection_of,
    sweep_of,
    view_of,
)
from layouts import ids

TABLES: dict[str, Callable[..., bytes]] = {
    "csv": tables.to_csv, "parquet": tables.to_parquet, "json": tables.to_json
}  # fmt: skip
PICTURES = ("svg", "pdf", "png", "html")
FORMS = (*TABLES, "summary", "projector", *VECTORS, *PICTURES, "recipe", "script")


def exported(page: Page, panel: str, form: str) -> bytes:
    """One panel as one file."""
    behind = source(panel)
    if form in TABLES:
        result = behind.result(page)
        table = behind.tabled(page, result)
        return TABLES[form](table if "show" in table else table.assign(show=behind.run(page)), result)
    if form == "summary":
        result = behind.result(page)
        return tables.to_csv(summarised(result).assign(show=behind.run(page)), result)
    if form in VECTORS and panel == ids.DIRECTION_CARD:
        return vector(page, form)
    if form == "projector":
        return for_projector(behind.result(page))
    if form in PICTURES:
        return _drawn(page, behind, form)
    recipe = behind.recipe(page, behind.run(page) != "baseline")
    if form == "recipe":
        return recipe_json(recipe, indent=2).encode()
    if form == "script":
        above = behind.above(page) + (_ONE_RUN if behind.run(page) == "difference" else "")
        return f"{above}{page.engine.script(recipe, behind.onto(page))}".encode()
    raise BadInput(f"There is no export format {form!r}; use one of {', '.join(FORMS)}.")


_ONE_RUN = """\
# The page showed intervened - baseline. This program prints the intervened run;
# the baseline is the same recipe without its interventions.
"""


def _drawn(page: Page, behind: Source, form: Any) -> bytes:
    result = behind.result(page)
    view, across, beside = behind.view(page, result)
    figure = captioned(drawn(view, result, across, beside), view.prompt_named, view.style)
    return picture(figure, form, manifest(view, result.provenance, result.digest, page.session))


def exported_page(page: Page, form: str, session: Any, history: Any = None) -> bytes:
    """The whole page: its session with the history of runs, its directions, or every table or figure (pdf)."""
    if form == "directions":
        return json.dumps(directions_json(page.directions), indent=2, ensure_ascii=False).encode()
    if form == "session":
        return json.dumps(with_history(parse_session(session), parse_history(history)), indent=2).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for panel in SOURCES:
            archive.writestr(*_leaves_or_reason(page, panel, _EACH[form]))
    return buffer.getvalue()


_EACH = {"tables": "csv", "figures": "pdf"}
"""What every panel leaves as in an archive of the page."""


def _leaves_or_reason(page: Page, panel: str, form: str) -> tuple[str, bytes]:
    """Name and content: one panel without numbers does not cost the others theirs."""
    try:
        return f"{panel}.{form}", exported(page, panel, form)
    except REFUSALS as why:
        return f"{panel}.txt", f"{why}\n".encode()
    except PreventUpdate:
        return f"{panel}.txt", b"Still on its way; export again when the numbers are on screen.\n"


SUFFIXES = {
    "summary": "summary.csv",
    "projector": "projector.zip",
    "recipe": "recipe.json",
    "script": "py",
    "session": "session.json",
    "directions": "directions.json",
    "tables": "tables.zip",
    "figures": "figures.zip",
}


def file_name(page: Page, panel: str, form: str) -> str:
    """`microtome-head-matrix-direct-baseline.csv`; a recipe or program of a difference is named for what it holds."""
    if panel == "page":
        return f"microtome-page-{page.view.show}.{SUFFIXES.get(form, form)}"
    behind = source(panel)
    run = behind.run(page)
    run = "intervened" if form in ("recipe", "script") and run == "difference" else run
    return "-".join(filter(None, ("microtome", panel, behind.part(page), run))) + f".{SUFFIXES.get(form, form)}"


def notice(text: str) -> list[dict[str, Any]]:
    """A refusal in the page's corner."""
    return [{"id": f"export-{time.time()}", "action": "show", "message": text, "color": "red", "autoClose": 8000}]


def export(engine: Engine, clicks: Any, panel: Any, session: Any, history: Any, *stores: Any) -> tuple[Any, Any, Any]:
    """The file that was clicked in the menu, of the panel that it is open for, or why there is none; or what the page
    itself takes: the panel for its plate, or text for the clipboard."""
    asked = ctx.triggered_id
    if not asked or not any(entry["value"] for entry in ctx.triggered):
        raise PreventUpdate
    form = asked["format"]
    try:
        page = _with_rest(page_of(engine, *stores), session)
        if form in TAKEN:
            return no_update, no_update, TAKEN[form](page, panel) | {"number": time.time()}
        content = exported_page(page, form, session, history) if panel == "page" else exported(page, panel, form)
        return dcc.send_bytes(content, file_name(page, panel, form)), no_update, no_update
    except REFUSALS as why:
        return no_update, notice(str(why)), no_update


def _with_rest(page: Page, session: Any) -> Page:
    """With what has no store of its own."""
    if not session:
        return page
    read = parse_session(session)
    return replace(page, zoom=read.zoom, plate=read.plate)


def for_plate(page: Page, panel: str) -> dict[str, Any]:
    """The panel as it is on screen, as JSON of one panel of a plate, about as high as its own export."""
    behind = source(panel)
    view, _, _ = behind.view(page, behind.result(page))
    width, height = ANALYSES[view.recipe.kind].size
    return {"view": view_dict(view), "height_mm": float(min(max(round(68 * height / width), 40), 85))}


READ = {
    ids.EXPERIMENT: experiment_of, ids.VIEW: view_of, ids.SELECTION: selection_of, ids.SWEEP: sweep_of,
    ids.HEADS: heads_of, ids.NOTES: notes_of, ids.DIRECTIONS: directions_of, ids.RESIDUAL: residual_of,
}  # fmt: skip
"""The page's stores in the order of `Page`, and what reads each."""


def page_of(engine: Engine, *stores: Any) -> Page:
    """The page's stores, read."""
    return Page(engine, *(read(store) for read, store in zip(READ.values(), stores, strict=True)))


def _copied(form: str) -> Callable[[Page, str], dict[str, Any]]:
    return lambda page, panel: {"text": exported(page, panel, form).decode()}


TAKEN: dict[str, Callable[[Page, str], dict[str, Any]]] = {
    "plate": lambda page, panel: {"panel": for_plate(page, panel)}, "copy-recipe": _copied("recipe"),
    "copy-script": _copied("script"),
}  # fmt: skip
"""Entries of the menu that leave no file."""


def register(app: Dash, engine: Engine) -> None:
    """Every entry of the export menu, by one callback."""
    stores = [State(name, "data") for name in READ]
    app.callback(
        Output(ids.EXPORT_DOWNLOAD, "data"), Output(ids.NOTIFICATIONS, "sendNotifications"),
        Output(ids.TAKEN, "data"),
        Input({"type": "export", "format": ALL}, "n_clicks"), State(ids.EXPORT_OF, "data"),
        State(ids.SESSION, "data"), State(ids.HISTORY, "data"), *stores,
        prevent_initial_call=True,
    )(functools.partial(export, engine))  # fmt: skip
