"""create_app(engine, settings) -> Dash: the only module that sees everything. Imports no torch, so the page is up at
once.

`use_async=False`: Dash would otherwise switch to async dispatch merely because asgiref is installed, and a
synchronous callback then blocks every other page.
"""

from pathlib import Path
from typing import Any

from dash import Dash

import callbacks
from app.domain.session import opening_session
from app.engine import Engine
from app.figures.theme import TEMPLATES
from app.jobs.dash_manager import ThreadManager
from app.routes import routes
from app.settings import Settings
from layouts import shell

ASSETS = Path(__file__).parent.parent / "assets"


def create_app(engine: Engine, settings: Settings) -> Dash:
    """The page on this engine; several apps may live in one process."""
    app = Dash(
        "microtome",
        title="Microtome",
        update_title="",
        assets_folder=str(ASSETS),
        url_base_pathname=settings.url_prefix,
        health_endpoint="healthz",
        compress=True,
        use_async=False,
        background_callback_manager=ThreadManager(limit=settings.queue_limit),
    )
    app.layout = shell.layout(engine.entries(), templates(), opening_session(engine.spec))
    callbacks.register_all(app, engine)
    app.server.register_blueprint(routes(engine), url_prefix=settings.url_prefix.rstrip("/"))
    return app


def templates() -> dict[str, Any]:
    """The figure templates by theme, for switching without the server."""
    return {name.removeprefix("microtome_"): template.to_plotly_json() for name, template in TEMPLATES.items()}
