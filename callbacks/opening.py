"""Opening a file: a session, a recipe, or a picture that Microtome exported, dropped on the page or chosen."""

import base64
import binascii
import functools
from typing import Any

from dash import Dash, Input, Output, no_update
from dash.exceptions import PreventUpdate

from app.domain.errors import BadInput, MicrotomeError
from app.domain.history import history_json
from app.domain.session import Session, session_dict
from app.engine import Engine
from app.export.manifest import differences
from app.export.opened import history_in, opened
from callbacks.export import notice
from layouts import ids

MOST_BYTES = 20_000_000
"""An interactive figure holds Plotly itself, 5 MB."""
MOST_SAID = 4


def open_file(engine: Engine, given: Any) -> tuple[Any, Any]:
    """(the session that the file holds, its history and what is told of it, nothing), or (nothing, why not)."""
    if not isinstance(given, dict):
        raise PreventUpdate
    try:
        content = _content(given.get("content"))
        session, made = opened(content)
        history, unread = history_in(content)
        told = None if made is None else _told(engine, session, made)
    except MicrotomeError as error:
        return no_update, notice(str(error))
    past = {"history": history_json(history), "unread": unread}
    return {"session": session_dict(session), "told": told, "number": given.get("number"), **past}, no_update


def _content(sent: Any) -> bytes:
    """Of a data address: `data:…;base64,…`."""
    try:
        read = base64.b64decode(str(sent).partition(",")[2], validate=True)
    except binascii.Error:
        raise BadInput("The file did not arrive whole; open it again.") from None
    if len(read) > MOST_BYTES:
        raise BadInput(f"The file has {len(read)} bytes and the limit is {MOST_BYTES}; give a smaller one.")
    return read


def _told(engine: Engine, session: Session, made: dict[str, Any]) -> str:
    """What is not as it was when the picture was made; the model is waited for, where it is one that is there."""
    name = made["provenance"]["model"]
    lines = differences(made, engine.provenance(session.experiment.model))
    if not lines:
        return f"Opened: a figure of {name}, on the same weights and versions."
    more = f", and {len(lines) - MOST_SAID} more" if len(lines) > MOST_SAID else ""
    return f"Opened a figure that was made otherwise: {'; '.join(lines[:MOST_SAID])}{more}. Numbers are computed anew."


def register(app: Dash, engine: Engine) -> None:
    """Listens to the file that the page read."""
    app.callback(
        Output(ids.OPENED_READ, "data"), Output(ids.NOTIFICATIONS, "sendNotifications", allow_duplicate=True),
        Input(ids.OPENED_FILE, "data"), prevent_initial_call=True,
    )(functools.partial(open_file, engine))  # fmt: skip
