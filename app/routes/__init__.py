"""The page's plain HTTP routes beside Dash's own: how far the model is, and attention maps as pictures and numbers.

    GET status?model=<JSON of a model>&asked=1    {phase, message, facts, queue, cache}; begins loading where needed;
                                                  a load that failed again only where a person `asked` for the model
    GET attention/<digest>/<layer>/<head>.png     ?minus=<digest>&theme=light|dark&rows=0-512&columns=0-512&fit=128x512;
                                                  the map or the difference of two, of these queries and keys (first,
                                                  one past the last); of more than fit, the largest of each block
    GET attention/<digest>/<layer>/<head>.f32     ?minus=<digest>&rows=0-512&columns=0-512; the same numbers, never
                                                  reduced: little-endian float32, rows dest_pos; X-Shape
    GET attention/<digest>/weights/<layer>/<head>/<name>.f32
                                                  ?minus=<digest>; value_norm, output_norm or attribution of every
                                                  source token: little-endian float32, X-Shape: src_pos; NaN = undefined
    GET attention/<digest>/thumbnails.u8          ?minus=<digest>; palette entries of every head, reduced to at most 64
                                                  cells per side; X-Shape: layers,heads,rows,columns; X-Layers; X-Run:
                                                  the same for layers of one run that were computed apart
    GET sweep/<digest>/<metric>.f32               ?minus=<digest>&read=effect|recovered; a sweep's cells by prompt:
                                                  little-endian float32, X-Shape: prompts,cells; NaN = not computed
    GET heads/<digest>/<quantity>.f32             ?minus=<digest>&metric=logit_diff&quiet=1; one number per head
                                                  (app/domain/head_quantities.py): little-endian float32, X-Shape:
                                                  prompts,layers,heads; `metric` is that of a sweep's `effect`, and
                                                  X-Base the value of the run that it starts from, by prompt; with
                                                  `quiet`, 204 where it is not computed yet
    GET heads/<digest>/tokens.json                ?prompt=0; {heads, promoted, suppressed}: of every head, layer by
                                                  layer, [token, logit] by rank
    POST trial                                    {"experiment", "interventions"} -> {"before", "after", "digest"}: what
                                                  these would do to the run (app/trial.py), or {"problem": in words,
                                                  "again": whether asking later can help}
    POST panel/<panel>                            a panel of *Residual* as the page draws it (callbacks/asked_panels.py)
    POST views                                    a session -> {"view": id} under which it is found from now on
    GET views/<id>.json                           that session; 404 where there is none, or a damaged one
    GET v/<id>                                    its short link: the page, opened with it
    GET screen/<token>                            the session that a page shown by Python opens with, or null
    POST screen/<token>                           the session that is on it -> whether anybody heard it
    GET healthz                                   OK, by Dash

What an address with a digest shows never changes, so browsers keep it for ever, except a sweep that is not finished.
404 where the result has left the cache: the page then asks for it again.
"""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, request

from app import answered
from app.engine import Engine
from app.routes.answering import refusing
from app.routes.attention import numbers, picture, thumbnails, weights
from app.routes.heads import heads, tokens
from app.routes.screens import heard, screen
from app.routes.status import status_of, tried_out
from app.routes.sweeps import effects
from app.routes.views import open_view, save_view, saved_view


def routes(engine: Engine) -> Blueprint:
    """All of them, to be registered under the page's prefix."""
    blueprint = Blueprint("microtome", __name__)
    blueprint.before_app_request(answered.begin)
    blueprint.after_app_request(_telling)

    def status() -> Response:
        return _json(status_of(engine, request.args.get("model"), asked=bool(request.args.get("asked"))))

    def tried() -> Response:
        return _json(tried_out(engine, request.get_json(silent=True)))

    blueprint.add_url_rule("/status", view_func=status)
    blueprint.add_url_rule("/trial", view_func=tried, methods=["POST"])
    blueprint.add_url_rule("/views", "save_view", lambda: refusing(lambda: save_view(engine)), methods=["POST"])
    blueprint.add_url_rule("/views/<view>.json", "saved_view", lambda view: refusing(lambda: saved_view(engine, view)))
    blueprint.add_url_rule("/v/<view>", view_func=open_view)
    for answer, method in ((screen, "GET"), (heard, "POST")):
        view = functools.partial(answer, engine)
        blueprint.add_url_rule("/screen/<token>", answer.__name__, view, methods=[method])
    for rule, answer, options in _OF_RESULTS:
        view = functools.partial(_answered, engine, answer, options)
        blueprint.add_url_rule(rule, answer.__name__, view)
    return blueprint


def _answered(
    engine: Engine, answer: Callable[..., Response], options: Mapping[str, str | None], digest: str, **place: Any
) -> Response:
    """The answer about one result, or about it minus another; `options` are what the query may say, by default."""
    asked = {name: request.args.get(name, default) for name, default in options.items()}
    digests = (digest, request.args.get("minus"))
    return refusing(lambda: answer(engine, digests, **place, **asked), bool(request.args.get("quiet")))


_WINDOW = {"rows": None, "columns": None, "fit": None}
_OF_RESULTS: tuple[tuple[str, Callable[..., Response], Mapping[str, str | None]], ...] = (
    ("/attention/<digest>/<int:layer>/<int:head>.png", picture, {"theme": "light", **_WINDOW}),
    ("/attention/<digest>/<int:layer>/<int:head>.f32", numbers, _WINDOW),
    ("/attention/<digest>/weights/<int:layer>/<int:head>/<name>.f32", weights, {}),
    ("/attention/<digest>/thumbnails.u8", thumbnails, {}),
    ("/sweep/<digest>/<metric>.f32", effects, {"read": "effect"}),
    ("/heads/<digest>/<quantity>.f32", heads, {"metric": "logit_diff"}),
    ("/heads/<digest>/tokens.json", tokens, {"prompt": "0"}),
)
"""Address, what answers it, and what its query may say, by default. `minus` and `quiet` are understood by all."""


def _telling(response: Response) -> Response:
    """Any answer of the page, with what was computed or found for it: the page's history (assets/31-heard.js)."""
    told = answered.noted()
    if told:
        response.headers[answered.HEADER] = answered.as_header(told)
    return response


def _json(value: Any) -> Response:
    return Response(json.dumps(value), mimetype="application/json", headers={"Cache-Control": "no-store"})
