"""Opening files: what the export menu writes comes back as the page that wrote it, and nothing else is taken."""

import base64
from typing import Any

import pytest

from app.domain.experiment import Experiment
from app.domain.session import Session, parse_session, session_dict
from layouts import ids
from tests.wire.page import PAIR, SPEC, Page
from tests.wire.test_export import clicked, content


def opened(served: Page, file: bytes) -> Any:
    sent = {"content": "data:;base64," + base64.b64encode(file).decode(), "number": 1}
    return served.ask("opened-read.data", {"opened-file.data": sent}, "opened-file.data")


def found(served: Page, file: bytes) -> Session:
    return parse_session(opened(served, file)["opened-read"]["data"]["session"])


@pytest.mark.parametrize("form", ["html", "recipe"])
def test_what_leaves_a_panel_opens_as_the_page_that_it_was_on(served: Page, form: str) -> None:
    file = content(clicked(served, ids.LENS, form, show="baseline"))
    session = found(served, file)
    assert session.experiment == Experiment(SPEC, PAIR)
    assert session.view.workspace == ("residual" if form == "recipe" else "look")


def test_a_saved_session_opens_as_it_was(served: Page) -> None:
    session = Session(Experiment(SPEC, PAIR))
    assert found(served, content(clicked(served, "page", "session", session=session_dict(session)))) == session


def test_a_figure_says_whether_weights_and_versions_are_as_they_were(served: Page) -> None:
    file = content(clicked(served, ids.LENS, "html"))
    assert "same weights and versions" in opened(served, file)["opened-read"]["data"]["told"]
    older = file.replace(b'["torch", "', b'["torch", "0.')
    told = opened(served, older)["opened-read"]["data"]["told"]
    assert "torch: 0." in told
    assert "computed anew" in told


@pytest.mark.parametrize(
    "file", [b"", b"hello", b"[1]", b"{}", b"%PDF-1.4", b"<svg></svg>", b'{"experiment": 3}', b"[" * 100_000]
)
def test_another_file_is_refused_in_words_and_changes_nothing(served: Page, file: bytes) -> None:
    answer = opened(served, file)
    assert "opened-read" not in answer
    assert len(answer["notifications"]["sendNotifications"][0]["message"]) > 30
