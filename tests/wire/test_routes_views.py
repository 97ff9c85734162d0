"""Short links over the wire: a session is saved, and its address opens it; nothing else is taken."""

import json
from typing import Any

import pytest

from app.domain.experiment import Experiment
from app.domain.session import Session, session_dict
from app.engine import Engine
from tests.wire.page import PAIR, SPEC, Page

SESSION = session_dict(Session(Experiment(SPEC, PAIR)))


def test_a_saved_session_opens_by_its_short_link_under_a_prefix(client: Any) -> None:
    answer = client.post("/microtome/views", data=json.dumps(SESSION), content_type="text/plain")
    view = answer.json["view"]
    assert len(view) == 8
    opened = client.get(f"/microtome/v/{view}")
    assert (opened.status_code, opened.headers["Location"]) == (302, f"../#v={view}")
    assert client.get(f"/microtome/views/{view}.json").json == SESSION
    assert client.post("/microtome/views", data=json.dumps(SESSION)).json["view"] == view


@pytest.mark.parametrize("sent", ["", "[1]", "{}", '{"experiment": 3}', "[" * 100_000, json.dumps(SESSION | {"x": 1})])
def test_what_is_no_session_is_refused_in_words_and_not_kept(client: Any, engine: Engine, sent: str) -> None:
    answer = client.post("/microtome/views", data=sent)
    assert answer.status_code == 400
    assert "session" in answer.text
    assert not (engine.settings.cache_folder / "views").exists()


def test_a_view_that_is_not_there_is_said(client: Any) -> None:
    answer = client.get("/microtome/views/00000000.json")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (404, "no-store")
    assert "no saved view '00000000'" in answer.text
    assert client.get("/microtome/v/%0d%0aX").headers["Location"] == "../#v=%0D%0AX"


def test_dash_leaves_these_addresses_alone(served: Page) -> None:
    view = served.client.post("/views", data=json.dumps(SESSION)).json["view"]
    assert served.client.get(f"/v/{view}").headers["Location"] == f"../#v={view}"
    assert served.client.get(f"/views/{view}.json").json == SESSION
