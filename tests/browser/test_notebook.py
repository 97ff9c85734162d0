"""The page in a cell of a running notebook: what is selected in its frame is in the kernel; recipes go both ways."""

import ast
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Frame, expect

from tests.browser.screen import CENTRE, Screen
from tests.kernels import kernel

FORGETFUL = """const no = {get() { throw new DOMException("denied", "SecurityError"); }};
if (window !== top) ["localStorage", "sessionStorage"].forEach((name) => Object.defineProperty(window, name, no));"""
"""Browsers that block third parties let the frame of a notebook remember nothing."""


@pytest.fixture
def lab() -> Iterator[Callable[[str], str]]:
    """`lab(html)`: the address of a page that shows it, of another origin, as a notebook's is."""
    shown: list[str] = []

    class Lab(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write("<link rel=icon href=data:,>".join(["", *shown]).encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Lab) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield lambda html: shown.append(html) or f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_what_is_selected_in_the_frame_of_a_cell_is_in_the_notebook_and_recipes_go_both_ways(
    browser: Browser, tmp_path: Path, lab: Callable[[str], str]
) -> None:
    allowed = ["clipboard-read", "clipboard-write"]
    with kernel(tmp_path) as open_notebook, browser.new_context(permissions=allowed) as context:
        notebook = open_notebook("page-and-back")
        notebook.run(until="shown")
        screen = Screen(context.new_page(), "http://127.0.0.1:")
        screen.page.add_init_script(FORGETFUL)
        screen.page.goto(lab(notebook.html("shown")))
        frame = framed(screen)
        told = json.dumps([{"layer": 1, "head": 1}, {"layer": 0, "head": 2}], separators=(",", ":"))
        with screen.page.expect_response(lambda answer: told in (answer.request.post_data or "")):
            click_head(frame, 1, 1)
            click_head(frame, 0, 2, add=True)
        notebook.run(since="selected", until="on-screen")
        assert notebook.text("selected") == "(Head(layer=1, head=1), Head(layer=0, head=2))"
        assert notebook.text("on-screen").startswith("('direct_logit_attribution', (2, 4, 9, 9)")

        frame.get_by_label("Export Attention").click()
        frame.get_by_role("menuitem", name="Copy recipe").click()
        expect(frame.get_by_text("Copied.", exact=True)).to_be_visible()
        copied = frame.evaluate("navigator.clipboard.readText()")
        notebook.write("pasted", f"engine.evaluate({copied!r}).recipe")
        notebook.run(since="pasted", until="pasted")
        assert json.loads(ast.literal_eval(notebook.text("pasted"))) == json.loads(copied)

        notebook.run(since="back")
        recipe = ast.literal_eval(notebook.text("back").splitlines()[-1])
        frame.evaluate("text => navigator.clipboard.writeText(text)", recipe)
        frame.locator("body").click(position={"x": 700, "y": 60})
        screen.page.keyboard.press("Control+v")
        frame.wait_for_function("microtome.session().experiment.interventions.length === 2")
        notebook.write("pasted", "shown.close()")
        notebook.run(since="pasted", until="pasted")
        frame.evaluate("microtome.dispatch({type: 'clear'})")
        expect(frame.get_by_text("Python no longer listens to this page")).to_be_visible()
        assert urlsplit(frame.evaluate("microtome.address()")).query == ""
        assert screen.complaints == []


def framed(screen: Screen) -> Frame:
    """The page in the cell's output, its matrix drawn."""
    frame = screen.page.wait_for_selector("iframe").content_frame()
    assert frame is not None
    frame.wait_for_selector("#head-matrix-panel.is-ready")
    frame.wait_for_selector("#head-matrix .js-plotly-plot .main-svg", state="attached")
    return frame


def click_head(frame: Frame, layer: int, head: int, *, add: bool = False) -> None:
    """Click a cell of the matrix."""
    x, y, left, top = frame.evaluate(CENTRE, ["head-matrix", head, layer])
    matrix = frame.locator("#head-matrix .js-plotly-plot")
    matrix.click(position={"x": x - left, "y": y - top}, modifiers=["Shift"] if add else [])
