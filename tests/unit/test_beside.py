"""The page that Python shows: what it opens with, what it tells, and what that is in Python."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from app.beside import Shown
from app.domain.errors import BadInput
from app.domain.recipes import parse_recipe, recipe_json
from app.domain.reopened import session_of
from app.domain.session import parse_session, selection_dict
from app.domain.sites import Head
from app.domain.views import Selection, View
from app.engine import Engine
from tests.loaded import tiny
from tests.tiny import ANSWER, CLEAN, INCORRECT

PAIR = {"clean": CLEAN, "answer": ANSWER, "incorrect_answer": INCORRECT}
ASKED: dict[str, Any] = {"kind": "logit_lens", "prompts": [PAIR]}


@pytest.fixture
def live(make_engine: Callable[..., Engine]) -> Engine:
    """An engine on a bridge that was handed over."""
    return make_engine(model=tiny("gpt2"))


def place(shown: Shown) -> str:
    """Where the page reads and tells its session."""
    address = urlsplit(shown.url)
    return f"{address.scheme}://{address.netloc}{address.path}screen/{address.query.removeprefix('screen=')}"


def read(address: str, told: Any = None) -> Any:
    """As the page asks, and as it tells."""
    content = None if told is None else json.dumps(told).encode()
    with urlopen(Request(address, content), timeout=30) as answer:
        return json.loads(answer.read())


def selected(shown: Shown, **fields: Any) -> Any:
    """What its page tells after a selection."""
    session = read(place(shown))
    return session | {"selection": session["selection"] | fields}


def test_a_recipe_without_a_model_is_of_the_engines_own(live: Engine) -> None:
    result = live.evaluate(ASKED)
    assert result.provenance.model == "tiny-gpt2"
    assert live.evaluate(json.dumps(ASKED)).digest == result.digest


def test_a_page_opens_with_what_is_shown_and_says_in_python_what_is_selected(live: Engine) -> None:
    shown = live.show(ASKED)
    opening = parse_session(read(place(shown)))
    assert opening == session_of(View(parse_recipe(live.evaluate(ASKED).recipe)))
    assert shown.session == opening
    told = selected(shown, heads=[{"layer": 1, "head": 2}], primary={"layer": 1, "head": 2}, positions=[3])
    assert read(place(shown), told) is True
    assert shown.selection == Selection((Head(1, 2),), Head(1, 2), positions=(3,))
    assert read(place(shown))["selection"] == json.loads(json.dumps(selection_dict(shown.selection)))
    assert "L1H2; positions 3 selected" in shown._repr_html_()
    assert live.evaluate(ASKED).figure(shown.selection).to_plotly_json()["layout"]["shapes"]


def test_what_is_on_screen_is_a_recipe_and_a_figure(live: Engine) -> None:
    shown = live.show(ASKED)
    assert recipe_json(shown.recipe()) == live.evaluate(ASKED).recipe
    assert shown.recipe("attention").kind == "attention_pattern"
    assert "(logit lens)" in shown.figure().to_plotly_json()["layout"]["title"]["text"]
    with pytest.raises(BadInput, match="no panel 'hologram'"):
        shown.recipe("hologram")


def test_all_ways_of_naming_it_open_the_same_page(live: Engine) -> None:
    result = live.evaluate(ASKED)
    recipe = parse_recipe(result.recipe)
    given = (ASKED, result, result.recipe, recipe, View(recipe), session_of(View(recipe)))
    assert {live.show(each).screen.told for each in given} == {live.show(ASKED).screen.told}
    with pytest.raises(BadInput, match="no session, view or recipe"):
        live.show("the river")


def test_screens_share_one_server_on_this_machine_alone_and_do_not_mix(live: Engine) -> None:
    first, second = live.show(ASKED), live.show(ASKED)
    assert urlsplit(first.url).hostname == "127.0.0.1"
    assert first.url.split("?")[0] == second.url.split("?")[0]
    assert read(place(first), selected(first, layers=[1]))
    assert (first.selection.layers, second.selection.layers) == ((1,), ())
    assert read(place(first)[:-1], {}) is False
    assert read(place(first)[:-1]) is None


def test_a_page_may_stand_in_a_frame_of_any_notebook(live: Engine) -> None:
    with urlopen(live.show(ASKED).url, timeout=30) as answer:
        assert answer.headers["X-Frame-Options"] is None
        assert "frame-ancestors" not in (answer.headers["Content-Security-Policy"] or "")


def test_a_closed_one_keeps_what_was_on_it_and_its_page_hears_that_nobody_listens(live: Engine) -> None:
    shown = live.show(ASKED)
    assert read(place(shown), told := selected(shown, layers=[1]))
    shown.close()
    assert read(place(shown), selected(shown, layers=[0])) is False
    assert shown.selection.layers == (1,)
    assert read(place(shown)) == told, "a frame that is drawn later opens with what was on it"


def test_behind_a_notebook_servers_proxy_everything_lies_under_its_path(live: Engine, monkeypatch: Any) -> None:
    shown = live.show(ASKED, proxy="https://hub.example/user/ada/")
    address = urlsplit(shown.url)
    assert (address.hostname, address.path.rpartition("absolute")[0]) == ("hub.example", "/user/ada/proxy/")
    port = address.path.split("/")[-2]
    local = f"http://127.0.0.1:{port}{address.path}"
    assert read(f"{local}screen/{shown.screen.token}") == json.loads(shown.screen.told)
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    assert live.show(ASKED).url.startswith("/user/ada/proxy/absolute/")
