"""The card of the direction that is looked at, over the wire."""

import io
import json
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

from app.domain.session import parse_directions
from layouts import ids
from tests.wire.page import Page, changed, experiment
from tests.wire.test_draw import state, view, words
from tests.wire.test_export import content, why

HERE = view(workspace="residual", section="direction")
LIBRARY = [
    {"name": "fruit", "direction": {"kind": "tokens", "tokens": ["apple"], "minus": ["dog"]}},
    {"name": "<i>noise", "direction": {"kind": "random", "seed": 1}},
    {"name": "narrow", "direction": {"kind": "vector", "values": "AACAPwAAAEA="}},
]


def drawn(served: Page, library: Any = LIBRARY, looked: Any = None, shown: Any = HERE, store: Any = None) -> Any:
    sent = {
        "experiment": store or experiment(),
        "view": shown,
        "directions": library,
        "residual": {"direction": looked},
    }
    return served.panel(ids.DIRECTION_CARD, sent, "data")


def test_the_card_says_how_the_direction_was_made_and_what_is_near_it(served: Page) -> None:
    answer = drawn(served)
    assert state(answer, ids.DIRECTION_CARD) == "ready"
    card = answer[ids.DIRECTION_CARD]["data"]
    assert ["tokens", "apple − dog"] in card["lines"]
    assert card["nearest"][0]["said"].startswith("+")
    assert [other["name"] for other in card["others"]] == ["<i>noise", "narrow"]
    assert card["others"][1] | {"note": ""} == {"name": "narrow", "value": None, "said": "–", "note": ""}
    assert "has 2 numbers" in card["others"][1]["note"]
    assert answer["direction-card-of"]["children"] == "fruit"


def test_the_direction_that_is_looked_at_is_drawn(served: Page) -> None:
    assert drawn(served, looked="<i>noise")["direction-card-of"]["children"] == "<i>noise"


def test_a_direction_that_this_model_cannot_make_is_refused_in_the_panel(served: Page) -> None:
    answer = drawn(served, looked="narrow")
    assert state(answer, ids.DIRECTION_CARD) == "error"
    assert "give a vector of that width" in words(answer, ids.DIRECTION_CARD)


def test_an_empty_library_says_how_to_make_a_direction(served: Page) -> None:
    answer = drawn(served, [])
    assert state(answer, ids.DIRECTION_CARD) == "empty"
    assert "+ new" in words(answer, ids.DIRECTION_CARD)


@pytest.mark.parametrize("shown", [view(), view(workspace="residual", section="lens")])
def test_behind_another_section_nothing_is_computed(served: Page, shown: Any) -> None:
    assert drawn(served, shown=shown) is None


def left(served: Page, form: str, panel: str = ids.DIRECTION_CARD, library: Any = LIBRARY) -> Any:
    """The answer to a click on one entry of the export menu."""
    entry = json.dumps(ids.export_item(form), sort_keys=True, separators=(",", ":")) + ".n_clicks"
    given = {entry: 1, "export-of.data": panel, "experiment.data": experiment(), "view.data": HERE}
    return served.ask("export-download.data", {**given, "directions.data": library}, by=entry)


def test_the_card_and_its_vector_leave_and_the_library_can_be_read_again(served: Page) -> None:
    assert b"promoted_logit" in content(left(served, "csv"))
    assert b"def tokens(direction)" in content(left(served, "script", library=LIBRARY[:2]))
    vector = np.load(io.BytesIO(content(left(served, "npy"))))
    stored = load(content(left(served, "safetensors")))["direction"]
    np.testing.assert_array_equal(vector, stored)
    answer = drawn(served)[ids.DIRECTION_CARD]["data"]
    assert ["length", f"{np.linalg.norm(vector):.3g}"] in answer["lines"]
    again = parse_directions(json.loads(content(left(served, "directions", "page"))))
    assert [each.name for each in again] == ["fruit", "<i>noise", "narrow"]
    assert "+ new" in why(left(served, "npy", library=[]))


def test_another_prompt_changes_no_card(served: Page) -> None:
    assert drawn(served, store=changed(clean="the tree apple house the tree")) == drawn(served)
