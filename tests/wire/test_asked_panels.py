"""Panels that the page asks for itself: whatever is sent is answered in words, or with nothing."""

from typing import Any

import pytest

from callbacks.asked_panels import ANSWERS
from layouts import ids
from tests.wire.page import Page, experiment
from tests.wire.test_draw import view

SECTIONS = {
    ids.TOKEN_TRAJECTORY: "lens", ids.COMPONENT_LENS: "lens", ids.DECOMPOSITION: "parts", ids.NEURONS: "features",
    ids.NEURON_CARD: "features", ids.GEOMETRY: "geometry", ids.ACTIVATION_MAP: "geometry",
}  # fmt: skip
WRONG: tuple[Any, ...] = (None, 3, "x", [], [1], {"a": 1}, {"kind": 3}, {"layer": -1}, {"layer": "x", "position": []})


@pytest.mark.parametrize("panel", ANSWERS)
def test_what_no_page_sends_is_answered_without_a_fault(served: Page, panel: str) -> None:
    section = view(workspace="residual", section=SECTIONS.get(panel, "direction"))
    sent = {"asked": {}, "experiment": experiment(), "view": section, "selection": {}, "directions": [], "residual": {}}
    for field in sent:
        for wrong in WRONG:
            answer = served.client.post(f"/panel/{panel}", json={**sent, field: wrong})
            assert answer.status_code in (200, 204, 400), (field, wrong, answer.status_code)


def test_other_panels_and_what_is_no_page_are_not_answered(served: Page) -> None:
    assert served.client.post("/panel/nothing", json={}).status_code == 404
    assert served.client.post(f"/panel/{ids.DECOMPOSITION}", data="[").status_code == 404
