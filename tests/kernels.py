"""The notebooks of docs/notebooks in a kernel, cell by cell, so that a test can look and act in between."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "docs" / "notebooks"
_PATIENCE_S = 300
"""Of one cell, on a busy machine; a cell that works does not take this long."""


class Running:
    """One notebook in a kernel."""

    def __init__(self, client: NotebookClient, wait: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._client, self._wait = client, wait

    @property
    def cells(self) -> list[Any]:
        """Cells with their outputs as far as they have run."""
        return self._client.nb.cells

    def run(self, until: str | None = None, since: str | None = None) -> None:
        """The cells from the one tagged `since` to the one tagged `until`; a cell that raises is an error."""
        first = 0 if since is None else self._at(since)
        for at in range(first, len(self.cells) if until is None else self._at(until) + 1):
            self._wait(self._client.async_execute_cell(self.cells[at], at))

    def text(self, tag: str) -> str:
        """What the cell says, as plain text."""
        return "\n".join(_plain(each) for each in self.cells[self._at(tag)].outputs)

    def html(self, tag: str) -> str:
        """What the cell shows, as a notebook draws it."""
        return "".join(each.data.get("text/html", "") for each in self.cells[self._at(tag)].outputs if "data" in each)

    def write(self, tag: str, source: str) -> None:
        """Type something else into a cell."""
        self.cells[self._at(tag)].source = source

    def _at(self, tag: str) -> int:
        return next(at for at, cell in enumerate(self.cells) if tag in cell.metadata.get("tags", ()))


@contextmanager
def kernel(cache: Path) -> Iterator[Any]:
    """`open_notebook(name)`: notebooks one after the other in one kernel, on CPU and with a cache of the test's own."""
    environment = os.environ | {"MICROTOME_CACHE": str(cache), "MICROTOME_DEVICE": "cpu"}
    client = NotebookClient(nbformat.v4.new_notebook(), timeout=_PATIENCE_S)
    runner = asyncio.Runner()
    with ThreadPoolExecutor(1) as thread:  # the loop's own: the test's has Playwright's

        def wait(work: Coroutine[Any, Any, Any]) -> Any:
            return thread.submit(runner.run, work).result()

        def open_notebook(name: str) -> Running:
            client.nb = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
            return Running(client, wait)

        started = client.async_setup_kernel(env=environment, cwd=str(NOTEBOOKS))
        wait(started.__aenter__())
        try:
            yield open_notebook
        finally:
            wait(started.__aexit__(None, None, None))
            thread.submit(runner.close).result()


def _plain(output: Any) -> str:
    return output.text if output.output_type == "stream" else output.get("data", {}).get("text/plain", "")
