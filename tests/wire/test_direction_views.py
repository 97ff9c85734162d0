"""The panels of one direction over the wire: computed on their section alone, drawn from their stores, exported."""

import io
import json
from typing import Any

import pandas as pd
import pytest

from app.domain.interventions import Ablate
from app.domain.sites import Site
from callbacks.direction_views import VIEWS
from layouts import ids
from tests.wire.page import PAIR, READY, Page, experiment, prompt_set
from tests.wire.test_draw import state, view, words
from tests.wire.test_export import content, why

APPLE = {"name": "apple", "direction": {"kind": "tokens", "tokens": ["apple"], "minus": ["dog"], "matrix": "W_U"}}
NARROW = {"name": "narrow", "direction": {"kind": "vector", "values": "AACAPw=="}}
PANELS = {row.id: row.kind for row in VIEWS}
each_panel = pytest.mark.parametrize("panel", PANELS)
SET = prompt_set({"clean": "the dog apple house the dog"}, {"clean": "house the tree"})
ABLATED = experiment(PAIR, Ablate(Site("z", 1, (0,))))


def given(store: Any, directions: Any, selection: Any, shown: Any, residual: Any) -> dict[str, Any]:
    """What the page sends of itself."""
    stores = {"experiment": store, "directions": directions, "selection": selection or {}, "view": shown}
    return {f"{name}.data": value for name, value in {**stores, "residual": residual or {}, "status": READY}.items()}


def drawn(
    served: Page, panel: str, store: Any = None, directions: Any = (APPLE,), selection: Any = None,
    residual: Any = None, **fields: Any,
) -> Any:  # fmt: skip
    """What the panel shows after its numbers are there; None where nothing was asked."""
    shown = view(**{"workspace": "residual", "section": "direction", **fields})
    sent = {"experiment": store or experiment(), "directions": list(directions), "selection": selection, "view": shown}
    return served.panel(panel, {name: value or None for name, value in {**sent, "residual": residual}.items()})


def said(answer: Any, panel: str) -> str:
    """Beside the title."""
    return answer[f"{panel}-of"]["children"]


@each_panel
def test_each_panel_shows_the_direction_that_is_looked_at(served: Page, panel: str) -> None:
    answer = drawn(served, panel)
    assert state(answer, panel) == "ready"
    assert "apple" in said(answer, panel)


@each_panel
def test_each_panel_says_what_to_do_without_a_direction_and_why_it_has_no_numbers(served: Page, panel: str) -> None:
    empty = drawn(served, panel, directions=())
    assert state(empty, panel) == "empty"
    assert "Directions, + new" in words(empty, panel)
    refused = drawn(served, panel, directions=(NARROW,))
    assert state(refused, panel) == "error"
    assert "has 1 numbers" in words(refused, panel)


def test_behind_another_section_nothing_is_computed(served: Page) -> None:
    assert drawn(served, ids.PROJECTION, section="lens") is None
    assert drawn(served, ids.PROJECTION, workspace="look") is None


def test_writers_and_the_distribution_follow_the_selected_layer_and_token(served: Page) -> None:
    place = {"layers": [0], "positions": [2]}
    assert said(drawn(served, ids.WRITERS, selection=place), ids.WRITERS).startswith("after L0 at 2 ")
    assert "after L0 at 2" in said(drawn(served, ids.DISTRIBUTION, selection=place), ids.DISTRIBUTION)
    assert "after L1 at END" in said(drawn(served, ids.DISTRIBUTION), ids.DISTRIBUTION)
    beyond = drawn(served, ids.DISTRIBUTION, SET, selection={"positions": [5]})
    notes = beyond[ids.DISTRIBUTION]["figure"]["layout"]["annotations"]
    assert "no position 5" in notes[0]["text"]


def test_a_difference_of_runs_is_shown_but_weights_have_one_run(served: Page) -> None:
    for panel in (ids.PROJECTION, ids.DISTRIBUTION, ids.WRITERS):
        assert said(drawn(served, panel, ABLATED, show="difference"), panel).endswith("difference")
    assert said(drawn(served, ids.READERS, ABLATED, show="difference"), ids.READERS) == "apple, weights alone"


def test_what_is_asked_of_a_panel_changes_it(served: Page) -> None:
    asked = {"projection": {"activation": "attn_out", "normalised": True}, "writers": {"of": "set"},
             "distribution": {"by": "answer"}, "readers": {"by": "norm"}}  # fmt: skip
    title = drawn(served, ids.PROJECTION, residual=asked)[ids.PROJECTION]["figure"]["layout"]["meta"]["title"]
    assert title.startswith("Cosine of attn_out on apple")
    assert "3 prompts" in said(drawn(served, ids.WRITERS, SET, residual=asked), ids.WRITERS)
    rows = drawn(served, ids.DISTRIBUTION, SET, residual=asked)[ids.DISTRIBUTION]["figure"]["layout"]["yaxis"]
    assert [name.split("<br>")[0] for name in rows["ticktext"]] == ["apple", "dog"]
    labelled = prompt_set({"clean": "the dog apple", "labels": (("topic", "b"),)})
    grouped = drawn(served, ids.DISTRIBUTION, labelled, residual={"distribution": {"by": "label:topic"}})
    layout = grouped[ids.DISTRIBUTION]["figure"]["layout"]
    assert [name.split("<br>")[0] for name in layout["yaxis"]["ticktext"]] == ["b"]
    assert "side" in layout["meta"]["readings"]
    cells = drawn(served, ids.READERS, residual=asked)[ids.READERS]["figure"]["data"][0]
    assert cells["zmin"] == 0


@each_panel
def test_each_panel_leaves_as_table_recipe_and_program(served: Page, panel: str) -> None:
    def left(form: str, directions: Any = (APPLE,)) -> Any:
        entry = json.dumps(ids.export_item(form), sort_keys=True, separators=(",", ":")) + ".n_clicks"
        page = given(experiment(), list(directions), None, view(workspace="residual", section="direction"), None)
        return served.ask("export-download.data", {entry: 1, "export-of.data": panel} | page, by=entry)

    assert pd.read_csv(io.BytesIO(content(left("csv"))))["value"].notna().any()
    assert json.loads(content(left("recipe")))["kind"] == PANELS[panel]
    assert b"unit = made(DIRECTION)" in content(left("script"))
    assert "make one in the rail" in why(left("csv", ()))
