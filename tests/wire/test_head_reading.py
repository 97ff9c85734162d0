"""Why a query attends there, over the wire: of the primary head and the position last selected."""

from typing import Any

from app.domain.interventions import Ablate
from app.domain.sites import Site
from layouts import ids
from tests.wire.page import PAIR, READY, Page, changed, experiment
from tests.wire.test_draw import state, view, words
from tests.wire.test_export import clicked, content, why
from tests.wire.test_head_card import SELECTED

STORE = "digests-head_reading"
HERE = view(workspace="attention")


def asked(served: Page, store: Any, selection: Any = SELECTED, shown: Any = HERE) -> Any:
    """The digest store of the reading."""
    given = {"experiment.data": store, "status.data": READY, "selected-attention.data": selection, "view.data": shown}
    answer = served.ask(f"{STORE}.data", given)
    return answer[STORE]["data"] if answer else None


def drawn(served: Page, store: Any, selection: Any = SELECTED, **fields: Any) -> Any:
    """What the panel shows."""
    shown = view(workspace="attention", **fields)
    given = {f"{STORE}.data": asked(served, store, selection), "view.data": shown, "experiment.data": store}
    return served.ask("head-reading.figure", {**given, "selection.data": selection})


def said(answer: Any) -> str:
    """Head, query and run in the title."""
    return answer["head-reading-of"]["children"]


def test_the_primary_head_is_read_from_the_last_token_where_none_is_selected(served: Page) -> None:
    answer = drawn(served, experiment())
    assert state(answer, "head-reading") == "ready"
    assert said(answer).startswith("L1H0 from ")
    assert "river, baseline" in said(answer)


def test_the_position_last_selected_is_the_query(served: Page) -> None:
    answer = drawn(served, experiment(), SELECTED | {"positions": [4, 2]})
    assert said(answer).startswith("L1H0 from 2 ")
    keys = answer["head-reading"]["figure"]["layout"]["yaxis"]["ticktext"]
    assert [key.split()[0] for key in keys] == ["0", "1", "2"]


def test_a_difference_of_runs_is_read(served: Page) -> None:
    answer = drawn(served, experiment(PAIR, Ablate(Site("z", 0, (0,)))), show="difference")
    assert state(answer, "head-reading") == "ready"
    assert said(answer).endswith("difference")


def test_without_a_primary_head_the_panel_says_what_to_select(served: Page) -> None:
    answer = drawn(served, experiment(), {})
    assert state(answer, "head-reading") == "empty"
    assert "Select a head" in words(answer, "head-reading")


def test_a_query_beyond_the_prompt_is_refused_in_the_panel(served: Page) -> None:
    answer = drawn(served, experiment(), SELECTED | {"positions": [99]})
    assert state(answer, "head-reading") == "error"
    assert "99" in words(answer, "head-reading")


def test_another_prompt_is_read_anew(served: Page) -> None:
    other = changed(clean="the tree apple house the tree")
    assert asked(served, other)["baseline"] != asked(served, experiment())["baseline"]


def test_behind_another_workspace_nothing_is_computed(served: Page) -> None:
    assert asked(served, experiment(), shown=view()) is None


def test_the_reading_leaves_as_table_and_program(served: Page) -> None:
    assert b"promoted" in content(clicked(served, ids.HEAD_READING, "csv", selection=SELECTED))
    program = clicked(served, ids.HEAD_READING, "script", selection=SELECTED)
    assert b"LAYER, HEAD, QUERY, TOP_K = 1, 0, " in content(program)
    assert "Select a head" in why(clicked(served, ids.HEAD_READING, "csv"))
