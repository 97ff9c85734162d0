"""Models come and go: loaded once, a few at a time, least recently used out first, failures told and tried again."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from app.domain.errors import Busy, ModelError
from app.domain.models import ModelFacts, ModelSpec
from app.jobs.threads import ComputeThread
from app.residents import ModelStatus, ResidentModels
from tests.loaded import tiny

LONG = 10.0
RETRY = 1.0


def spec(name: str) -> ModelSpec:
    return ModelSpec("folder", name)


@dataclass(frozen=True, eq=False)
class Model:
    """What this module needs of a model: its facts."""

    facts: ModelFacts


class Shelf:
    """Loads models by name, writes down which; `trouble` makes it fail."""

    def __init__(self) -> None:
        self.loaded: list[str] = []
        self.trouble: Exception | None = None
        self.go = threading.Event()
        self.go.set()

    def __call__(self, wanted: ModelSpec, tell: Callable[[str], None]) -> Model:
        tell(f"reading {wanted.name}")
        assert self.go.wait(LONG)
        self.loaded.append(wanted.name)
        if self.trouble is not None:
            raise self.trouble
        return Model(replace(tiny("gpt2").facts, title=wanted.name, spec=wanted))


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def models(shelf: Shelf) -> Iterator[ResidentModels]:
    thread = ComputeThread()
    yield ResidentModels(thread, shelf, limit=2, retry=RETRY)
    thread.close()


def test_a_model_is_loaded_once_however_many_want_it(models: ResidentModels, shelf: Shelf) -> None:
    assert models.want(spec("a")) is models.want(spec("a"))
    assert models.get(spec("a")) is models.get(spec("a"))
    assert shelf.loaded == ["a"]


def test_the_least_recently_used_leaves_when_there_is_no_room(models: ResidentModels, shelf: Shelf) -> None:
    for name in "abac":
        models.get(spec(name))
    assert shelf.loaded == ["a", "b", "c"]
    models.get(spec("a"))
    assert shelf.loaded == ["a", "b", "c"]  # b has left, not a
    models.get(spec("b"))
    assert shelf.loaded == ["a", "b", "c", "b"]


def test_facts_stay_when_the_model_has_left(models: ResidentModels, shelf: Shelf) -> None:
    for name in "abc":
        models.get(spec(name))
    assert models.facts(spec("a")).title == "a"
    assert models.status(spec("a")).phase == "ready"
    assert shelf.loaded == ["a", "b", "c"]


def test_a_model_that_is_kept_never_leaves(models: ResidentModels, shelf: Shelf) -> None:
    live = Model(replace(tiny("gpt2").facts, spec=ModelSpec("live", "mine")))
    models.keep(live.facts.spec, live)
    for name in "abc":
        models.get(spec(name))
    assert models.get(live.facts.spec) is live
    assert shelf.loaded == ["a", "b", "c"]


def test_status_goes_from_starting_over_loading_to_ready(models: ResidentModels, shelf: Shelf) -> None:
    shelf.go.clear()
    assert models.status(spec("a")).phase == "starting"
    models.starting = False
    assert models.status(spec("a")) == ModelStatus("loading", "Not loaded yet.")
    future = models.want(spec("a"))
    _until(lambda: models.status(spec("a")).message == "reading a")
    assert models.status(spec("a")).phase == "loading"
    shelf.go.set()
    future.result(LONG)
    found = models.status(spec("a"))
    assert found.phase == "ready"
    assert found.facts is not None
    assert found.facts.title == "a"


@pytest.mark.parametrize(
    ("trouble", "told"),
    [(ModelError("the disk is full"), "the disk is full"), (ValueError("bad shape"), "A bug: ValueError: bad shape")],
)
def test_a_failed_load_says_why_and_is_tried_again_after_a_while(
    models: ResidentModels, shelf: Shelf, trouble: Exception, told: str
) -> None:
    shelf.trouble = trouble
    for _ in range(2):  # the second does not try again at once
        with pytest.raises(type(trouble)):
            models.get(spec("a"))
    assert (models.status(spec("a")).phase, models.status(spec("a")).message) == ("failed", told)
    assert shelf.loaded == ["a"]
    shelf.trouble = None
    time.sleep(RETRY)
    assert models.get(spec("a")).facts.title == "a"
    assert models.status(spec("a")).phase == "ready"


def test_a_load_that_a_full_queue_refuses_can_be_asked_for_again(shelf: Shelf) -> None:
    thread = ComputeThread(limit=1)
    models = ResidentModels(thread, shelf, limit=2)
    go, begun = threading.Event(), threading.Event()
    thread.submit(lambda: (begun.set(), go.wait(LONG)))
    assert begun.wait(LONG)
    thread.submit(lambda: None)
    with pytest.raises(Busy):
        models.want(spec("a"))
    go.set()
    _until(lambda: not thread.waiting)
    assert models.get(spec("a")).facts.title == "a"
    thread.close()


def _until(holds: Callable[[], Any]) -> None:
    end = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)
