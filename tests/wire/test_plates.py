"""The figure of several panels over the wire: added as they are on screen, left as files that open as it again."""

import ast
import json
from typing import Any

import pytest

from app.analyses import ANALYSES, FIGURES
from app.domain.prompts import PromptPair
from app.domain.session import parse_session
from app.export.manifest import read_manifest
from app.export.opened import opened
from callbacks.asked_panels import ANSWERS
from layouts import ids
from layouts.plate import SHOWN_BY
from tests.wire.page import Page, experiment
from tests.wire.test_export import clicked, why


def _panel(served: Page, panel: str) -> dict[str, Any]:
    return clicked(served, panel, "plate")["taken"]["data"]["panel"]


def _session(*panels: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"experiment": experiment(), "plate": {"panels": panels, **fields}}


def test_panels_leave_in_one_figure_that_opens_as_itself(served: Page) -> None:
    session = _session(_panel(served, ids.HEAD_MATRIX), _panel(served, ids.PREDICTION), preset="acl-page")
    answer = served.client.post("/plate/html", json={"session": session})
    assert answer.status_code == 200
    reopened, made = opened(answer.data)
    assert reopened == parse_session(session)
    assert made == read_manifest(answer.data, "html")
    assert [each["view"]["recipe"]["kind"] for each in made["panels"]] == ["direct_logit_attribution", "prediction"]


def test_recipes_and_programs_are_copied_as_they_would_be_files(served: Page) -> None:
    recipe = clicked(served, ids.PREDICTION, "copy-recipe")["taken"]["data"]["text"]
    assert json.loads(recipe)["kind"] == "prediction"
    program = clicked(served, ids.PREDICTION, "copy-script")["taken"]["data"]["text"]
    assert program.startswith('"""Next-token prediction, recomputed with TransformerLens alone.')


def test_the_caption_for_latex_says_what_was_computed_on_what(served: Page) -> None:
    session = _session({**_panel(served, ids.HEAD_MATRIX), "title": "50% & more_"}, preset="nature-column")
    said = served.client.post("/plate/tex", json={"session": session}).get_data(as_text=True)
    assert r"\includegraphics[width=89mm]{microtome-figure.pdf}" in said
    assert r"\textbf{a} 50\% \& more\_; n = 1 prompt." in said
    assert "compatibility weights, float32, revision" in said


def test_a_notebook_has_a_program_per_panel_that_is_python(served: Page) -> None:
    session = _session(_panel(served, ids.HEAD_MATRIX), _panel(served, ids.PREDICTION))
    book = json.loads(served.client.post("/plate/ipynb", json={"session": session}).data)
    assert (book["nbformat"], [cell["cell_type"] for cell in book["cells"]]) == (
        4,
        ["markdown"] + ["markdown", "code"] * 2,
    )
    assert book["cells"][1]["source"] == ["## a direct logit attribution"]
    for cell in book["cells"][2::2]:
        ast.parse("".join(cell["source"]))


@pytest.mark.parametrize(
    ("form", "sent", "status", "said"),
    [
        ("eps", {"session": _session()}, 404, "No figure leaves as 'eps'"),
        ("pdf", {"session": _session()}, 400, "Add to figure"),
        ("pdf", {"session": _session(columns=99)}, 400, "columns = 99"),
        ("pdf", {"session": {}}, 400, "experiment"),
        ("pdf", [], 404, "No figure"),
    ],
)
def test_what_is_no_figure_is_refused_in_words(served: Page, form: str, sent: Any, status: int, said: str) -> None:
    answer = served.client.post(f"/plate/{form}", json=sent)
    assert (answer.status_code, said in answer.get_data(as_text=True)) == (status, True)


def test_an_empty_figure_says_how_to_fill_it_and_what_its_colours_are_worth(served: Page) -> None:
    assert ids.PLATE in ANSWERS
    answer = served.client.post("/panel/plate", json={"asked": {"preset": "slides"}}).get_json()
    assert (answer["state"], "Add to figure" in answer["message"]) == ("mt-panel is-empty", True)
    assert [seen["reads"] for seen in answer["content"]["check"]] == [True] * 5
    assert answer["content"]["places"] == {"width": 338.67, "points": 16}


def test_a_panel_without_numbers_says_why_it_cannot_be_added(served: Page) -> None:
    unseen = experiment(PromptPair("the ship the door the ship", None, ("door",), ("moon",)))  # no other test sweeps it
    assert "Sweep" in why(clicked(served, ids.HEAD_MATRIX, "plate", unseen, quantity="mean"))


def test_what_names_panels_in_the_list_is_known_and_on_the_page() -> None:
    assert set(SHOWN_BY) <= {*ANALYSES, *FIGURES}
    assert set(SHOWN_BY.values()) <= {part for part in vars(ids).values() if isinstance(part, str)}
    assert {kind for kind in ANALYSES if kind.startswith("direction_")} <= set(SHOWN_BY)
