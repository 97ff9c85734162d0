"""One page on the ground-truth model for all wire tests: they only ask, so they can share it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.engine import Engine
from app.settings import Settings
from tests.wire.page import SPEC, Page
from tests.wire.plain import routed


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page, its model loaded."""
    cache: Path = tmp_path_factory.mktemp("wire") / "results"
    settings = Settings(cache=cache, model="ground-truth", device="cpu", port=0)
    engine = Engine(settings)
    engine.want(SPEC)
    engine.facts(SPEC)
    yield Page(engine, settings)
    engine.close()


@pytest.fixture
def client(engine: Engine) -> Any:
    """A client of the plain routes on an engine of its own."""
    return routed(engine)
