"""The plain routes asked without a browser, on results that are in the cache."""

from typing import Any

from flask import Flask

from app.domain.recipes import parse_recipe
from app.engine import Engine
from app.routes import routes

PROMPT = "the river apple house the river"
CORRUPTED = "the dog apple house the dog"
ABLATE = {"kind": "ablate", "site": {"activation": "z", "layer": 0}}


def evaluated(engine: Engine, **options: Any) -> Any:
    """A result that is in the cache: an attention pattern, unless it is said to be another."""
    return engine.evaluate(
        parse_recipe({"kind": "attention_pattern", "model": "ground-truth", "prompts": [PROMPT], **options})
    )


def routed(engine: Engine) -> Any:
    """A client of the routes on this engine."""
    server = Flask("routes")
    server.register_blueprint(routes(engine), url_prefix="/microtome")
    return server.test_client()
