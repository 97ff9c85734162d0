"""Saved views by address: a session is given, and opened by its short link."""

import json
from urllib.parse import quote

from flask import Response, request

from app.domain.errors import BadInput
from app.domain.session import parse_session, session_dict
from app.engine import Engine
from app.routes.answering import FOR_EVER
from app.saved_views import MOST_BYTES


def save_view(engine: Engine) -> Response:
    """The id of the session that was sent, validated as every link and file is."""
    if (request.content_length or 0) > 2 * MOST_BYTES:
        raise BadInput(f"A saved view may have {MOST_BYTES:,} bytes; export this session as a file instead.")
    view = engine.views.keep(parse_session(request.get_data(as_text=True)))
    return Response(json.dumps({"view": view}), mimetype="application/json", headers={"Cache-Control": "no-store"})


def saved_view(engine: Engine, view: str) -> Response:
    """The session of this id, which never changes."""
    content = json.dumps(session_dict(engine.views.get(view)))
    return Response(content, mimetype="application/json", headers={"Cache-Control": FOR_EVER})


def open_view(view: str) -> Response:
    """The short link: the page itself, which asks for the view (assets/30-store.js). A relative address, so that it
    holds behind a proxy."""
    return Response(status=302, headers={"Location": f"../#v={quote(view)}", "Cache-Control": "no-store"})
