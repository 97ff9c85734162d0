"""Serving the page: one process, waitress' threads.

Sixteen threads answer the page's requests; all computing is on the engine's one compute thread.
"""

import logging
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from waitress.server import create_server

from app.domain.errors import MicrotomeError
from app.engine import Engine
from app.factory import create_app
from app.settings import Settings

THREADS = 16


def serve(engine: Engine, settings: Settings, tell: Callable[[str], None]) -> None:
    """Serve until interrupted or terminated; `tell` hears the address once it answers."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service manager ends it as Ctrl+C does
    server = _listening(engine, settings, _bound(settings))
    engine.start()
    tell(f"Microtome is at {address(server, settings)}")
    if settings.open_browser:
        webbrowser.open(address(server, settings))
    try:
        server.run()
    except KeyboardInterrupt:
        tell("Stopped.")
    finally:
        server.close()
        engine.close()


def in_thread(engine: Engine, settings: Settings, under: Callable[[int], str] = lambda port: "") -> str:
    """Serve in a thread of its own until the engine is closed; the address. `under` gives, for the port that was taken,
    the path that the page is shown under instead of the settings'."""
    bound = _bound(settings)
    settings = replace(settings, url_prefix=under(bound.getsockname()[1]) or settings.url_prefix)
    server = _listening(engine, settings, bound)
    threading.Thread(target=server.run, name="serve", daemon=True).start()
    engine.when_closed(lambda: server.trigger.pull_trigger(server.close))  # closed by its own thread
    return address(server, settings)


def address(server: Any, settings: Settings) -> str:
    """Where the page is."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{server.effective_port}{settings.url_prefix}"


def _listening(engine: Engine, settings: Settings, bound: socket.socket) -> Any:
    """The server, bound to its port; requests wait until it runs."""
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a short queue is normal when a page opens
    return create_server(create_app(engine, settings).server, sockets=[bound], threads=THREADS)


def _bound(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=128)
    except OSError as error:
        raise MicrotomeError(
            f"Cannot listen on {settings.host}, port {settings.port} ({error.strerror}); is another Microtome running? "
            f"Choose another port with --port {settings.port + 1}."
        ) from error
