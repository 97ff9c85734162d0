"""What a page that Python shows opens with, and what it tells of itself. An answer in any case, because browsers log
every refusal as an error."""

import json
import logging

from flask import Response, request

from app.domain.errors import MicrotomeError
from app.engine import Engine

log = logging.getLogger(__name__)
_NEVER = {"Cache-Control": "no-store"}


def screen(engine: Engine, token: str) -> Response:
    """The session that was on it last; `null` where there is no such screen."""
    found = engine.screens.get(token)
    return Response(b"null" if found is None else found.told, mimetype="application/json", headers=_NEVER)


def heard(engine: Engine, token: str) -> Response:
    """Whether anybody listens to what the page tells."""
    found, listens = engine.screens.get(token), False
    try:
        listens = found is not None and found.hear(request.get_data())
    except MicrotomeError as error:
        log.warning("%s", error)
    return Response(json.dumps(listens), mimetype="application/json", headers=_NEVER)
