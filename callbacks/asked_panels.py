"""Panels of *Residual*: the page asks for each of them and draws the answer itself (assets/45-asked-panels.js). One
answer holds the whole panel, so that a gesture costs one round trip, and no walk of Dash over the page.

    POST panel/<panel>    {"asked": what it shows, "experiment", "view", "selection", "directions", "residual"} ->
                          {"content": figure or data | null, "state": class of the panel, "message", "of"};
                          204 while nothing can be said: the model is on its way, or its section is not on screen

What is asked stands in the stores of the page too, as far as it is part of the session; the page asks again whenever
what a panel shows changes (`of` in assets/).
"""

import functools
from collections.abc import Callable
from typing import Any

from dash import Dash, no_update
from dash.exceptions import PreventUpdate
from flask import Response, request
from plotly.io.json import to_json_plotly

from app.domain.errors import MicrotomeError
from app.engine import Engine
from callbacks import decomposition, direction_card, direction_views, geometry, lenses, neurons, plates
from callbacks.on_page import OnPage
from layouts import ids

Answer = tuple[Any, str, str, str]
ANSWERS: dict[str, Callable[[Engine, OnPage], Answer]] = {
    **{row.id: functools.partial(direction_views.answer, row) for row in direction_views.VIEWS},
    ids.DIRECTION_CARD: direction_card.answer,
    ids.TOKEN_TRAJECTORY: lenses.answer_tokens,
    ids.COMPONENT_LENS: lenses.answer_components,
    ids.DECOMPOSITION: decomposition.answer,
    ids.NEURONS: functools.partial(neurons.answer, ids.NEURONS),
    ids.NEURON_CARD: functools.partial(neurons.answer, ids.NEURON_CARD),
    ids.GEOMETRY: geometry.answer_lines,
    ids.ACTIVATION_MAP: geometry.answer_map,
    ids.PLATE: plates.answer,
}


def answered(engine: Engine, panel: str) -> Response:
    """The panel as the page draws it."""
    given = request.get_json(silent=True)
    if panel not in ANSWERS or not isinstance(given, dict):
        return Response(f"No panel {panel!r} is answered here.", 404, mimetype="text/plain")
    try:
        content, state, message, of = ANSWERS[panel](engine, OnPage.sent(given))
    except PreventUpdate:
        return Response(status=204)
    except MicrotomeError as error:
        return Response(str(error), 400, mimetype="text/plain")
    said = {"content": None if content is no_update else content, "state": state, "message": message, "of": of}
    return Response(to_json_plotly(said), mimetype="application/json", headers={"Cache-Control": "no-store"})


def register(app: Dash, engine: Engine) -> None:
    """One address for all of them, under the page's prefix."""
    rule = f"{app.config.routes_pathname_prefix}panel/<panel>"
    app.server.add_url_rule(rule, "asked_panel", functools.partial(answered, engine), methods=["POST"])
