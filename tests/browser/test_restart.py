"""The server is restarted, with an empty cache, while the page is open."""

import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect

ROOT = Path(__file__).parents[2]


@contextmanager
def server(port: int, cache: Path) -> Iterator[str]:
    """The real program on the ground-truth model, until the block ends."""
    command = [sys.executable, "-m", "app", "--port", str(port), "--model", "ground-truth", "--cache", str(cache)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}/"
        try:
            _answers(address)
            yield address
        finally:
            process.terminate()


def _answers(address: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"{address}healthz").read()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise TimeoutError(f"{address} did not answer")


def test_a_page_outlives_a_restart_of_its_server(browser: Browser, free_port: int, tmp_path: Path):
    page: Any = browser.new_page(viewport={"width": 1440, "height": 900})
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    with server(free_port, tmp_path / "first") as address:
        page.goto(address)
        expect(page.locator("#readout")).to_contain_text("logit diff", timeout=60_000)
        before = page.text_content("#readout")
    expect(page.locator("#banner")).to_be_visible(timeout=30_000)
    with server(free_port, tmp_path / "second"):
        expect(page.locator("#banner")).to_be_hidden(timeout=60_000)
        assert page.text_content("#readout") == before
        page.fill("#clean-prompt", "river apple house dog sun moon river")
        page.fill("#corrupted-prompt", "")
        page.click("#run")
        expect(page.locator("#readout")).not_to_have_text(before, timeout=60_000)
        expect(page.locator("#head-matrix-panel")).to_have_class(re.compile("is-ready of-3"), timeout=60_000)
        page.route("**/_dash-update-component*", lambda route: route.abort())
        before = page.text_content("#readout")
        page.evaluate(
            """clean => {
          const {model, prompt} = microtome.session().experiment;
          microtome.dispatch({type: "set-experiment", experiment: {model, prompt: {...prompt, clean}}});
        }""",
            "river apple house dog sun moon sun",
        )
        page.wait_for_timeout(500)
    expect(page.locator("#banner")).to_be_visible(timeout=30_000)
    page.unroute("**/_dash-update-component*")
    with server(free_port, tmp_path / "second"):
        expect(page.locator("#readout")).not_to_have_text(before, timeout=60_000)
    page.close()
    assert faults == []
