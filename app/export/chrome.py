"""One warm headless Chrome that draws figures through kaleido, started with the first picture, stopped when idle.

Warm, a picture takes about 0.3 s instead of 3 s; idle, Chrome would hold hundreds of megabytes. It lives on a thread
with its own event loop, so callers just call. kaleido's own shared server is not used: it blocks for ever when Chrome
is missing or dies. `BROWSER_PATH` names another Chrome than the system's. MathJax is off and plotly.js comes from the
Python package, so nothing is fetched from a network.
"""

import asyncio
import atexit
import base64
import tempfile
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import plotly.graph_objects as go

from app.domain.errors import ExportUnavailable

_MISSING = (
    "svg, pdf and png are drawn by a local Chrome and none was found here ({why}). Install chromium (Debian: "
    "apt install chromium) or set BROWSER_PATH to one; html needs none."
)
_FAILED = (
    "svg, pdf and png are drawn by a local Chrome, and it failed twice ({why}). Try again, set BROWSER_PATH to another "
    "Chrome, or take html, which needs none."
)


CSS_DPI = 96


class Paper(NamedTuple):
    """Size in CSS pixels (1/96 inch), and what it leaves as: svg, pdf or png, of which `dpi` counts."""

    width: float
    height: float
    format: str
    dpi: int


class Chrome:
    """Draws figures one after the other; `close` stops the browser, the next `draw` starts it again."""

    def __init__(self, idle_seconds: float = 60, timeout: float = 60) -> None:
        self._idle_seconds, self._timeout = idle_seconds, timeout
        self._turn = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._browser: Any = None  # a kaleido.Kaleido; imported with the first picture
        self._going: asyncio.TimerHandle | None = None

    @property
    def is_warm(self) -> bool:
        """Whether a browser is running now."""
        return self._browser is not None

    def draw(self, figure: go.Figure, options: dict[str, Any]) -> bytes:
        """The picture's bytes; one retry with a fresh browser."""
        return self._twice(lambda browser: browser.calc_fig(figure, options))

    def compose(self, page: str, paper: Paper) -> bytes:
        """The svg that a page draws (`window.composed` promises its text), as it is, printed or photographed."""
        return self._twice(lambda browser: _composed(browser, page, paper))

    def _twice(self, work: Callable[[Any], Awaitable[bytes]]) -> bytes:
        from kaleido.errors import ChromeNotFoundError

        with self._turn:
            try:
                return self._attempt(work)
            except ChromeNotFoundError as error:
                raise ExportUnavailable(_MISSING.format(why=str(error).split(". ")[0])) from error
            except Exception:  # noqa: BLE001  # whatever broke the browser, a fresh one gets one more chance
                self._give_up()
            try:
                return self._attempt(work)
            except Exception as error:
                raise ExportUnavailable(_FAILED.format(why=f"{type(error).__name__}: {error}")) from error

    def close(self) -> None:
        """Stop the browser; nothing happens where none runs."""
        with self._turn:
            if self._browser is not None:
                self._give_up()

    def _attempt(self, work: Callable[[Any], Awaitable[bytes]]) -> bytes:
        picture = self._run(self._draw(work))
        atexit.unregister(self.close)  # registered anew, so that it runs before the browser's own clean-up at exit
        atexit.register(self.close)
        return picture

    def _give_up(self) -> None:
        """Let go of a browser that may be dead; its own errors on the way out say nothing new."""
        with suppress(Exception):
            self._run(self._stop())

    def _run(self, work: Any) -> Any:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="chrome", daemon=True).start()
        running: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return running.result(self._timeout)

    async def _draw(self, work: Callable[[Any], Awaitable[bytes]]) -> bytes:
        if self._going is not None:
            self._going.cancel()
        from kaleido import Kaleido

        if self._browser is None:
            browser = Kaleido(n=1, timeout=self._timeout, mathjax=False)
            await browser.__aenter__()
            self._browser = browser
        picture = await work(self._browser)
        loop = asyncio.get_running_loop()
        self._going = loop.call_later(self._idle_seconds, lambda: loop.create_task(self._stop()))
        return picture

    async def _stop(self) -> None:
        browser, self._browser = self._browser, None
        if browser is not None:
            await browser.__aexit__(None, None, None)


async def _composed(browser: Any, page: str, paper: Paper) -> bytes:
    """In a tab of its own, which is closed again."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "plate.html"
        place.write_text(page, encoding="utf-8")
        tab = await browser.create_tab(place.as_uri())
        try:
            svg = await _promised(tab)
            return svg.encode() if paper.format == "svg" else await _left(tab, paper)
        finally:
            await browser.close_tab(tab.target_id)


async def _promised(tab: Any) -> str:
    """The page's svg; the page may still be on its way."""
    asked = {"expression": _AWAIT, "awaitPromise": True, "returnByValue": True}
    found = await tab.send_command("Runtime.evaluate", asked)
    result = found["result"]
    if "exceptionDetails" in result:
        raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", "the page failed"))
    return str(result["result"]["value"])


async def _left(tab: Any, paper: Paper) -> bytes:
    command, options = _LEAVES[paper.format](paper)
    found = await tab.send_command(command, options)
    return base64.b64decode(found["result"]["data"])


def _print(paper: Paper) -> tuple[str, dict[str, Any]]:
    size = {"paperWidth": paper.width / CSS_DPI, "paperHeight": paper.height / CSS_DPI}
    edges = dict.fromkeys(("marginTop", "marginBottom", "marginLeft", "marginRight"), 0)
    return "Page.printToPDF", {**size, **edges, "printBackground": True, "pageRanges": "1", "generateTaggedPDF": False}


def _photograph(paper: Paper) -> tuple[str, dict[str, Any]]:
    clip = {"x": 0, "y": 0, "width": paper.width, "height": paper.height, "scale": paper.dpi / CSS_DPI}
    return "Page.captureScreenshot", {"format": "png", "clip": clip, "captureBeyondViewport": True}


_LEAVES = {"pdf": _print, "png": _photograph}
_AWAIT = """new Promise((done, failed) => {
  const look = () => (window.composed ? window.composed.then(done, failed) : setTimeout(look, 5));
  look();
})"""
