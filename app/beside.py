"""The page beside the cells of a notebook: `Engine.show` and `Engine.serve`.

One server per engine, on a free port of this machine alone, in a thread of this process: the page computes with the
engine's own model, cache and compute thread, and nothing is held twice. A cell shows it in a frame (JupyterLab,
Notebook 7 and VS Code let frames of 127.0.0.1 through; no page of ours forbids being framed); without a notebook its
address is printed. Where the browser is on another machine than the kernel, `proxy` is the path, or the address, at
which the notebook server shows ports of its machine: jupyter-server-proxy under `{proxy}proxy/absolute/{port}/`.
"""

import html
import json
import os
import sys
import webbrowser
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlsplit

import plotly.graph_objects as go

from app.analyses import drawn
from app.domain.directions import NamedDirection
from app.domain.errors import BadInput
from app.domain.recipes import AnyRecipe, on_model, parse_recipe
from app.domain.reopened import session_of
from app.domain.results import Result
from app.domain.session import Session, chosen_direction, opening_session
from app.domain.views import Selection, View
from app.engine import Engine
from app.export.opened import opened
from app.figures.caption import captioned
from app.screens import Screen
from app.serving import in_thread
from callbacks.exported import source
from callbacks.exported_source import Page
from layouts import ids

HUB = "JUPYTERHUB_SERVICE_PREFIX"
"""Where JupyterHub says under which path a notebook server is."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A page that a cell shows, and what the person has on it now. `url` is its address, with the token that ties it to
    this object: who opens it elsewhere is heard here, too."""

    engine: Engine
    url: str
    screen: Screen

    @property
    def session(self) -> Session:
        """Everything that is set up on the page."""
        return self.screen.session

    @property
    def selection(self) -> Selection:
        """What is selected: heads and the primary and pinned one, positions, layers, prompts, a neuron."""
        return self.session.selection

    @property
    def direction(self) -> NamedDirection | None:
        """The direction that is looked at, None in an empty library."""
        return chosen_direction(self.session.directions, self.session.residual)

    def recipe(self, panel: str | None = None) -> AnyRecipe:
        """What *Copy recipe* copies on a panel, of the run on screen; None: the first panel of the workspace. Waits
        until the model is loaded."""
        behind, page = self._behind(panel)
        return behind.recipe(page, behind.run(page) != "baseline")

    def figure(self, panel: str | None = None) -> go.Figure:
        """The panel's figure as it would be exported, with the selection marked."""
        behind, page = self._behind(panel)
        result = behind.result(page)
        view, across, others = behind.view(page, result)
        return captioned(drawn(view, result, across, others), view.prompt_named, view.style)

    def close(self) -> None:
        """Hear nothing more of the page. What was on it last stays here; the page itself goes on."""
        self.screen.closed = True

    def _behind(self, panel: str | None) -> tuple[Any, Page]:
        session = self.session
        self.engine.facts(session.experiment.model)
        parts = {each.name: getattr(session, each.name) for each in fields(session)}
        return source(panel or _first_panel(session)), Page(self.engine, **parts)

    def __repr__(self) -> str:
        return f"<Microtome at {self.url}: {_said(self.selection)}>"

    def _repr_html_(self) -> str:
        return f"{_link(self.url)}: {html.escape(_said(self.selection))}"


def show(engine: Engine, shown: Any = None, height: int = 800, proxy: str | None = None) -> Shown:
    """See `Engine.show`."""
    screen = engine.screens.open(_session(engine, shown))
    found = Shown(engine, f"{_address(engine, proxy)}?screen={screen.token}", screen)
    _tell(found.url, height)
    return found


def serve(engine: Engine, port: int, open_browser: bool) -> str:
    """See `Engine.serve`."""
    url = in_thread(engine, replace(engine.settings, port=port))
    if open_browser:
        webbrowser.open(url)
    if _in_cell():
        _tell(url, 900)
    return url


# what is shown


def _session(engine: Engine, shown: Any) -> Session:
    """The page for any of the things that can be shown; JSON and pictures as the page itself opens them."""
    if shown is None or isinstance(shown, Session):
        return shown or opening_session(engine.spec)
    if isinstance(shown, View):
        return session_of(shown)
    if isinstance(shown, Result):
        shown = shown.recipe
    if not isinstance(shown, (str, bytes, dict)):
        return session_of(View(shown))
    shown = on_model(shown, engine.spec)
    if isinstance(shown, dict) and "kind" in shown:
        return session_of(View(parse_recipe(shown)))  # its values may be Python's own
    text = json.dumps(shown) if isinstance(shown, dict) else shown
    return opened(text.encode() if isinstance(text, str) else text)[0]


_FIRST_PANELS = {
    "look": ids.HEAD_MATRIX, "attention": ids.ATTENTION, "patch": ids.SWEEP_MAP, "lens": ids.LENS,
    "direction": ids.PROJECTION, "parts": ids.DECOMPOSITION, "geometry": ids.ACTIVATION_MAP, "features": ids.NEURONS,
}  # fmt: skip
"""Workspace, or section of *Residual* -> its first panel."""


def _first_panel(session: Session) -> str:
    view = session.view
    where = view.section if view.workspace == "residual" else view.workspace
    if where not in _FIRST_PANELS:
        raise BadInput("The workspace Figure shows panels of its own; name one of the other workspaces' panels.")
    return _FIRST_PANELS[where]


def _said(selection: Selection) -> str:
    """What is selected, in a few words."""
    parts = {
        "": [str(head) for head in selection.heads], "positions ": selection.positions, "layers ": selection.layers,
        "prompts ": selection.prompts,
    }  # fmt: skip
    listed = [name + ", ".join(map(str, some)) for name, some in parts.items() if some]
    return "; ".join(listed) + " selected" if listed else "nothing selected"


# where it is shown


def _address(engine: Engine, proxy: str | None) -> str:
    """Of this engine's page; served from the first time on that it is asked for."""
    base = proxy if proxy is not None else os.environ.get(HUB, "")
    base = base and base.rstrip("/") + "/"
    screens = engine.screens
    with screens.lock:
        if base not in screens.addresses:
            screens.addresses[base] = _served(engine, base)
            engine.when_closed(screens.addresses.clear)
        return screens.addresses[base]


def _served(engine: Engine, base: str) -> str:
    settings = replace(engine.settings, host="127.0.0.1", port=0)
    if not base:
        return in_thread(engine, settings)
    local = in_thread(engine, settings, lambda port: f"{urlsplit(base).path}proxy/absolute/{port}/")
    return base + urlsplit(local).path.removeprefix(urlsplit(base).path)


def _in_cell() -> bool:
    """Whether a notebook's kernel runs this."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def _tell(url: str, height: int) -> None:
    """A frame under the cell with a link beside it; where there is no cell, a line."""
    if not _in_cell():
        sys.stdout.write(f"Microtome is at {url}\n")
        return
    from IPython.display import display  # pyright: ignore[reportMissingImports]  # only there inside Jupyter

    framed = (
        f'<div>{_link(url)}</div><iframe src="{html.escape(url)}" title="Microtome" width="100%" height="{height:d}" '
        'style="border:0" allow="clipboard-read; clipboard-write; fullscreen"></iframe>'
    )
    display({"text/html": framed, "text/plain": f"Microtome is at {url}"}, raw=True)


def _link(url: str) -> str:
    return f'<a href="{html.escape(url)}" target="_blank" rel="noopener">Microtome</a>'
