"""Short links over the wire: a session is saved, and its address opens it; nothing else is taken."""

import json
from typing import Any

import pytest

from app.domain.experiment import Experiment
from app.domain.session import Session, session_dict
from app.engine import Engine
from app.factory import create_app
from app.settings import Settings
from tests.wire.page import PAIR, SPEC

SESSION = session_dict(Session(Experiment(SPEC, PAIR)))


@pytest.fixture
def page(engine: Engine, settings: Settings) -> Any:
    """The whole page under a prefix: Dash takes every address that nobody else has."""
    prefixed = Settings(cache=settings.cache, model="ground-truth", device="cpu", url_prefix="/microtome/")
    return create_app(engine, prefixed).server.test_client()


def test_a_saved_session_opens_by_its_short_link_under_a_prefix(page: Any) -> None:
    answer = page.post("/microtome/views", data=json.dumps(SESSION), content_type="text/plain")
    view = answer.json["view"]
    assert len(view) == 8
    opened = page.get(f"/microtome/v/{view}")
    assert (opened.status_code, opened.headers["Location"]) == (302, f"../#v={view}")
    assert page.get(f"/microtome/views/{view}.json").json == SESSION
    assert page.post("/microtome/views", data=json.dumps(SESSION)).json["view"] == view


@pytest.mark.parametrize("sent", ["", "[1]", "{}", '{"experiment": 3}', "[" * 100_000, json.dumps(SESSION | {"x": 1})])
def test_what_is_no_session_is_refused_in_words_and_not_kept(page: Any, engine: Engine, sent: str) -> None:
    answer = page.post("/microtome/views", data=sent)
    assert answer.status_code == 400
    assert "session" in answer.text
    assert not (engine.settings.cache_folder / "views").exists()


def test_a_view_that_is_not_there_is_said(page: Any) -> None:
    answer = page.get("/microtome/views/00000000.json")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (404, "no-store")
    assert "no saved view '00000000'" in answer.text
    assert page.get("/microtome/v/%0d%0aX").headers["Location"] == "../#v=%0D%0AX"
