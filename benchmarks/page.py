"""A server process and a Chromium page to measure, cleaned up afterwards."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

CHROMIUM = os.environ.get("BROWSER_PATH", "/usr/bin/chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
NUMBERS_ON_SCREEN = """() => {
  const plot = document.querySelector('#head-matrix .js-plotly-plot');
  const z = plot && plot.data && plot.data[0] && plot._fullData && plot.calcdata && plot.calcdata[0][0].z;
  return !!z && z.some(row => Array.from(row).some(v => Number.isFinite(v) && v !== 0));
}"""


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def server(*options: str) -> Iterator[tuple[str, subprocess.Popen[bytes], float]]:
    """`python -m app` on a free port: address, process and the moment it was started."""
    port, began = free_port(), time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "app", "--port", str(port), *options], stdout=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}/", process, began
    finally:
        process.terminate()
        process.wait(20)


def answers(address: str, seconds: float = 30) -> None:
    """Wait until the address answers."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(address).read()
            return
        time.sleep(0.02)
    raise TimeoutError(f"{address} did not answer within {seconds} s")


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A fresh 1440x900 page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser.new_page(viewport={"width": 1440, "height": 900})
        finally:
            browser.close()
