"""What a file that Microtome wrote opens as: a session, a picture, a view or a recipe becomes the page's session."""

from dataclasses import replace
from typing import Any

from app.domain.errors import BadInput
from app.domain.history import PastRun, history_json, parse_history
from app.domain.plates import parse_plate
from app.domain.recipes import parse_recipe, plain_json
from app.domain.reopened import session_of
from app.domain.session import WORKED_EXAMPLE, Session, parse_session, session_dict
from app.domain.views import View, parse_view
from app.export.manifest import format_of, read_manifest

HISTORY = "history"
"""Beside the fields of a session in its file."""
_NONE = (
    "This file is no session, view or recipe of Microtome; give one that the Export menu wrote, or a picture from it "
    "(pdf, svg, png, html) that no other program has saved since."
)


def opened(content: bytes) -> tuple[Session, dict[str, Any] | None]:
    """The session, and of a picture its manifest; a picture made on the page holds the whole session that it was made
    in. Refuses anything else in words."""
    format = format_of(content)
    if format is None:
        return _from_json(content), None
    made = read_manifest(content, format)
    given = made.get("session")
    if given:
        return parse_session(given), made
    return (_of_plate(made["plate"]) if "plate" in made else session_of(parse_view(made["view"]))), made


def history_in(content: bytes) -> tuple[tuple[PastRun, ...], int]:
    """The history that the file of a session carries, none in any other; and how many runs of it cannot be read."""
    try:
        given = plain_json(content) if format_of(content) is None else None
    except ValueError:
        return (), 0
    sent = given.get(HISTORY) if isinstance(given, dict) else None
    runs = parse_history(sent)
    return runs, len(sent) - len(runs) if isinstance(sent, list) else 0


def with_history(session: Session, runs: tuple[PastRun, ...]) -> dict[str, Any]:
    """The file of a session: its fields, and beside them the history."""
    return session_dict(session) | ({HISTORY: history_json(runs)} if runs else {})


def _of_plate(given: dict[str, Any]) -> Session:
    """The figure, on the page of its first panel."""
    plate = parse_plate(given)
    session = session_of(plate.panels[0].view) if plate.panels else WORKED_EXAMPLE
    return replace(session, plate=plate, view=replace(session.view, workspace="figure"))


def _from_json(content: bytes) -> Session:
    try:
        given = plain_json(content)
    except ValueError:
        raise BadInput(_NONE) from None
    if isinstance(given, dict) and "experiment" in given:
        return parse_session({name: value for name, value in given.items() if name != HISTORY})
    if isinstance(given, dict) and "panels" in given:
        return _of_plate(given)
    if isinstance(given, dict) and "recipe" in given:
        return session_of(parse_view(given))
    if isinstance(given, dict) and "kind" in given:
        return session_of(View(parse_recipe(given)))
    raise BadInput(_NONE)
