"""The real program in a process of its own, and the system's Chromium looking at it.

Every page is strict: a console error, an uncaught exception or a request that leaves the machine fails the test.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from app.domain.errors import ModelError
from app.models.bundled import packaged_file
from tests.browser.screen import PATIENCE_MS, Screen

ROOT = Path(__file__).parents[2]
expect.set_options(timeout=PATIENCE_MS)
ADDRESS = re.compile(r"http://\S+")


@pytest.fixture(scope="session")
def address(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`python -m app` with the default model and an empty cache, on any free port; the address it tells."""
    try:
        packaged_file()
    except ModelError as error:
        pytest.skip(str(error))
    command = [sys.executable, "-m", "app", "serve", "--port", "0", "--device", "cpu"]
    own = {"MICROTOME_CACHE": str(tmp_path_factory.mktemp("results")), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | own, stdout=subprocess.PIPE, text=True) as server:
        try:
            told = server.stdout.readline() if server.stdout else ""
            found = ADDRESS.search(told)
            assert found, f"the server did not tell its address: {told!r}"
            yield found[0]
        finally:
            server.terminate()


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Callable[..., Screen]]:
    """`visit(link)`: the page in a browser of its own, nothing remembered; strict when the test ends."""
    visited: list[Screen] = []

    def open_page(link: str = "") -> Screen:
        context = browser.new_context(
            viewport={"width": 1500, "height": 950}, permissions=["clipboard-read", "clipboard-write"]
        )
        visited.append(Screen(context.new_page(), address))
        return visited[-1].open(link if link.startswith("http") else address + link)

    yield open_page
    for screen in visited:
        screen.page.context.close()
    assert [screen.complaints for screen in visited if screen.complaints] == []
