"""The paths into one head over the wire: addressed, asked for, run, drawn, exported; what is missing is said first."""

import io
from typing import Any

import pandas as pd
import pytest

from app.domain.interventions import Ablate
from app.domain.recipes import PathPatching, parse_recipe
from app.domain.sites import Head, Site
from app.domain.sweep_asked import PathsAsked
from tests.wire.page import PAIR, READY, Page, changed, experiment, sweep
from tests.wire.patching import PATCH, drawn
from tests.wire.test_draw import state, view, words
from tests.wire.test_export import content, why
from tests.wire.test_export_sweeps import clicked

L1H2 = {"layer": 1, "head": 2}
CHOSEN = {"heads": [L1H2], "primary": L1H2}


def addressed(served: Page, store: Any, asked: Any, selection: Any = CHOSEN, shown: Any = PATCH) -> Any:
    """The digest store of the paths."""
    given = {"experiment.data": store, "status.data": READY, "sweep.data": asked, "view.data": shown}
    answer = served.ask("digests-paths.data", given | {"selected-patch.data": selection})
    return answer["digests-paths"]["data"] if answer else None


def requested(served: Page, store: Any, asked: Any, digests: Any) -> Any:
    """The request that the page writes by itself, or None."""
    given = {"digests-paths.data": digests, "experiment.data": store, "sweep.data": asked, "view.data": PATCH}
    answer = served.ask("paths-request.data", given | {"paths-start.n_clicks": 1}, "digests-paths.data")
    return answer["paths-request"]["data"] if answer else None


def computed(served: Page, store: Any, asked: Any, selection: Any = CHOSEN) -> dict[str, Any]:
    """The digest store by property, everything computed."""
    digests = addressed(served, store, asked, selection)
    request = requested(served, store, asked, digests)
    if request:
        served.run_background("paths-progress.value", {"paths-request.data": request})
    return {"digests-paths.data": digests, "selection.data": selection}


def test_quick_paths_into_the_primary_head_start_by_themselves_and_are_drawn(served: Page) -> None:
    store, asked = changed(clean="a river apple house a river", corrupted="a dog apple house a dog"), sweep()
    digests = addressed(served, store, asked)
    assert digests["receiver"] == L1H2
    request = requested(served, store, asked, digests)
    (recipe,) = map(parse_recipe, request["recipes"])
    assert isinstance(recipe, PathPatching)
    assert (recipe.receiver, recipe.component, recipe.direction) == (Head(1, 2), "q", "denoising")
    *_, last = served.run_background("paths-progress.value", {"paths-request.data": request})
    assert last["response"]["paths-text"]["children"] == "all paths done"
    answer = drawn(served, "paths", {"digests-paths.data": digests}, store, asked)
    assert state(answer, "paths") == "ready"
    assert answer["paths-of"]["children"].startswith("Effect on logit diff, path patching into L1H2.q (denoising)")


def test_the_paths_are_read_as_the_sweep_is_and_go_into_the_input_and_direction_asked_for(served: Page) -> None:
    asked = sweep(paths=PathsAsked("v", "noising"), normalised="recovered")
    answer = drawn(served, "paths", computed(served, experiment(), asked), experiment(), asked)
    assert answer["paths-of"]["children"].startswith("Recovered logit diff, path patching into L1H2.v (noising)")


def test_a_held_receiver_stays_while_another_head_is_selected(served: Page) -> None:
    asked = sweep(paths=PathsAsked(receiver=Head(1, 0)))
    assert addressed(served, experiment(), asked)["receiver"] == {"layer": 1, "head": 0}
    other = {"heads": [{"layer": 1, "head": 3}], "primary": {"layer": 1, "head": 3}}
    assert addressed(served, experiment(), asked, other) == addressed(served, experiment(), asked)
    assert addressed(served, experiment(), sweep(), other) != addressed(served, experiment(), sweep())


def test_the_difference_of_the_intervened_and_the_baseline_paths_is_an_effect_only(served: Page) -> None:
    store, shown = experiment(PAIR, Ablate(Site("z", 0, (1,)))), view(workspace="patch", show="difference")
    asked = sweep()
    digests = addressed(served, store, asked, shown=shown)
    given = {"digests-paths.data": digests, "experiment.data": store, "sweep.data": asked, "view.data": shown}
    request = served.ask("paths-request.data", given | {"paths-start.n_clicks": 1}, "paths-start.n_clicks")
    if request:
        served.run_background("paths-progress.value", {"paths-request.data": request["paths-request"]["data"]})
    answer = drawn(served, "paths", given, store, asked)
    assert answer["paths-of"]["children"].startswith("Δ effect on logit diff, path patching into L1H2.q")
    shares = sweep(normalised="recovered")
    refused = drawn(served, "paths", {**given, "sweep.data": shares}, store, shares)
    assert (state(refused, "paths"), "read it as effect" in words(refused, "paths")) == ("empty", True)


@pytest.mark.parametrize(
    ("store", "selection", "said"),
    [
        (experiment(), {}, "Select a head"),
        (experiment(), {"primary": {"layer": 0, "head": 1}, "heads": []}, "L0H1 is in the first layer"),
        (changed(corrupted=None), CHOSEN, "corrupted prompt"),
        (changed(answer=(), incorrect_answer=()), CHOSEN, "Name an answer"),
    ],
)
def test_what_must_be_given_first_is_said_in_the_panel(served: Page, store: Any, selection: Any, said: str) -> None:
    digests = addressed(served, store, sweep(), selection)
    assert digests["baseline"] is None
    answer = drawn(served, "paths", {"digests-paths.data": digests}, store, sweep())
    assert (state(answer, "paths"), said in words(answer, "paths")) == ("empty", True)
    assert requested(served, store, sweep(), digests) is None


def test_paths_that_have_not_run_ask_for_their_button(served: Page) -> None:
    store = changed(clean="of river apple house of river", corrupted="of dog apple house of dog")
    digests = addressed(served, store, sweep())
    answer = drawn(served, "paths", {"digests-paths.data": digests}, store, sweep())
    assert "Run paths" in words(answer, "paths")
    given = {"digests-paths.data": digests, "experiment.data": store, "sweep.data": sweep(), "view.data": PATCH}
    told = served.strip("paths", given | {"status.data": READY})
    assert told["text"].startswith("4 paths · ")
    assert (told["start"], told["done"]) == ("Run paths", False)


@pytest.mark.parametrize("receiver", [7, {"layer": -1}, "L1H2"])
def test_a_receiver_that_is_none_is_refused(served: Page, receiver: Any) -> None:
    digests = addressed(served, experiment(), sweep()) | {"receiver": receiver}
    answer = drawn(served, "paths", {"digests-paths.data": digests}, experiment(), sweep())
    assert state(answer, "paths") == "error"


def test_a_head_that_the_model_does_not_have_is_an_error(served: Page) -> None:
    digests = addressed(served, experiment(), sweep(paths=PathsAsked(receiver=Head(99, 0))))
    answer = drawn(served, "paths", {"digests-paths.data": digests}, experiment(), sweep())
    assert (state(answer, "paths"), "layers" in words(answer, "paths")) == ("error", True)


def test_nothing_is_addressed_behind_another_workspace(served: Page) -> None:
    assert addressed(served, experiment(), sweep(), shown=view()) is None


@pytest.mark.parametrize(
    ("form", "held"),
    [
        ("svg", b"into L1H2.q"),
        ("script", b"RECEIVER = (1, 2"),
        ("recipe", b'"receiver": {'),
        ("summary", b"L0H3,0,3,logit_diff"),
    ],
)
def test_the_panel_leaves_the_page_as_figure_program_recipe_and_summary(served: Page, form: str, held: bytes) -> None:
    computed(served, experiment(), sweep())
    answer = clicked(served, "paths", form, experiment(), sweep(), **{"selection.data": CHOSEN})
    assert held in content(answer)
    assert answer["export-download"]["data"]["filename"].startswith("microtome-paths-L1H2-q-baseline.")


def test_the_table_has_a_row_per_path_and_metric(served: Page) -> None:
    computed(served, experiment(), sweep())
    answer = clicked(served, "paths", "csv", experiment(), sweep(), **{"selection.data": CHOSEN})
    table = pd.read_csv(io.BytesIO(content(answer)))
    assert table.groupby("component").size().to_dict() == {f"L0H{head}": 5 for head in range(4)}


@pytest.mark.parametrize(("selection", "said"), [({}, "Select a head"), (CHOSEN, "Run paths")])
def test_paths_that_are_not_there_leave_with_words_of_what_to_do(served: Page, selection: Any, said: str) -> None:
    store = changed(clean="to river apple house to river", corrupted="to dog apple house to dog")
    assert said in why(clicked(served, "paths", "csv", store, sweep(), **{"selection.data": selection}))


def test_another_receiver_has_its_button_and_true_words_before_what_it_takes_is_counted(served: Page) -> None:
    store = changed(clean="was river apple house was river", corrupted="was dog apple house was dog")
    known = {"experiment.data": store, "sweep.data": sweep(), "view.data": PATCH, "status.data": READY}
    first = addressed(served, store, sweep())
    request = requested(served, store, sweep(), first)
    running = {"paths-cancel.disabled": False, "paths-request.data": request}
    other = {"heads": [{"layer": 1, "head": 0}], "primary": {"layer": 1, "head": 0}}
    moved = known | running | {"digests-paths.data": addressed(served, store, sweep(), other)}
    at_once = served.ask("paths-start.children", moved, "digests-paths.data")
    assert at_once is not None
    assert (at_once["paths-text"]["children"], at_once["paths-done"]["data"]) == ("counting what it takes", False)
    told = served.strip("paths", moved, "digests-paths.data")
    assert told["text"].endswith("MB · the one before was stopped, its paths are kept")


def test_words_about_paths_that_run_are_left_to_their_progress(served: Page) -> None:
    store = changed(clean="of river apple dog of river", corrupted="of dog apple dog of dog")
    digests = addressed(served, store, sweep())
    known = {"experiment.data": store, "sweep.data": sweep(), "view.data": PATCH, "status.data": READY}
    known |= {"digests-paths.data": digests, "paths-cancel.disabled": False}
    request = requested(served, store, sweep(), digests)
    answer = served.ask("paths-start.children", known | {"paths-request.data": request}, "view.data")
    assert answer is not None
    assert ("paths-text" in answer, answer["paths-done"]["data"]) == (False, False)
