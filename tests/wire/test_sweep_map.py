"""The sweep of the Ablate & patch workspace: addressed, asked for, run, drawn; what is missing is said first."""

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app.domain.cells import Cells
from app.domain.cost import Cost
from app.domain.errors import Cancelled
from app.domain.interventions import Ablate, GaussianNoise
from app.domain.recipes import parse_recipe
from app.domain.results import SweepResult
from app.domain.sites import Head, Site
from callbacks.sweep import run_request, unit_of
from callbacks.sweep_map import SLOTS, cost_text
from tests.wire.page import PAIR, READY, Page, changed, experiment, prompt_set, sweep
from tests.wire.patching import PATCH, RUN, addressed, computed, drawn, requested
from tests.wire.test_draw import state, view, words

ABLATE = Ablate(Site("z", 1, (0,)))
FEW = Cells(heads=(Head(1, 0), Head(1, 1)))


def test_a_quick_sweep_starts_by_itself_and_is_drawn(served: Page) -> None:
    store, asked = changed(clean="the river apple dog the river", corrupted="the dog apple dog the dog"), sweep()
    request = requested(served, store, asked)
    answers = served.run_background(RUN, {"sweep-map-request.data": request})
    assert answers[-1]["response"]["sweep-map-text"]["children"] == "all cells done"
    digests = addressed(served, store, asked)
    result = served.engine.result(digests["baseline"])
    assert isinstance(result, SweepResult)
    assert np.isfinite(result.effect()).all()
    assert state(drawn(served, "sweep-map", {"digests-sweep.data": digests}, store, asked), "sweep-map") == "ready"
    assert requested(served, store, asked) is None


def test_behind_another_workspace_nothing_is_addressed(served: Page) -> None:
    assert addressed(served, experiment(), sweep(), shown=view(workspace="look")) is None


def test_the_same_sweep_is_not_asked_for_twice_but_for_the_button(served: Page) -> None:
    store = changed(clean="a river apple house the river", corrupted="a dog apple house the dog")
    before = {"sweep-map-request.data": requested(served, store, sweep())}
    assert requested(served, store, sweep(), **before) is None
    assert requested(served, store, sweep(), by="sweep-map-start.n_clicks", **before) is not None


def test_a_long_sweep_waits_for_the_button_and_says_what_it_takes(served: Page) -> None:
    store = changed(clean="the river apple house " * 15, corrupted=None)
    asked = sweep(method="tracing", noise=GaussianNoise((1,)), draws=100, cells=Cells("pattern", "edge"))
    assert addressed(served, store, asked)["error"] is None
    assert requested(served, store, asked) is None
    given = {"digests-sweep.data": addressed(served, store, asked), "experiment.data": store, "sweep.data": asked}
    said = served.strip("sweep-map", {**given, "view.data": PATCH})["text"]
    assert said.startswith(f"{8 * 61 * 62 // 2} cells · about ")  # two layers of four heads, 60 words and BOS
    assert said.endswith(" MB")


@pytest.mark.parametrize(("bound", "end"), [(300, "300 MB"), (256, "300 MB, above the 268 MB set for sweeps")])
def test_more_memory_than_is_set_for_sweeps_is_said(bound: int, end: str) -> None:
    settings = SimpleNamespace(sweep_memory=bound)
    engine = SimpleNamespace(preview=lambda recipe: Cost(10, 0, 1.0, 300_000_000), settings=settings)
    page: Any = SimpleNamespace(engine=engine)
    asked = parse_recipe({"kind": "ablation", "model": "ground-truth", "prompts": ["a"]})
    assert cost_text(page, [asked]) == f"10 cells · about 1 s · {end}"


@pytest.mark.parametrize(
    ("counts", "prompts", "said"),
    [
        ((80,), 1, "80 cells · "),
        ((80, 80), 1, "160 cells (80 × 2 runs) · "),
        ((80, 80), 2, "160 cells (40 × 2 prompts × 2 runs) · "),
        ((80, 20), 2, "100 cells · "),
    ],
)
def test_cells_are_counted_by_prompt_and_by_run(served: Page, counts: tuple[int, ...], prompts: int, said: str) -> None:
    left = iter(counts)
    engine = SimpleNamespace(preview=lambda recipe: Cost(next(left), 0, 1.0, 1), settings=served.engine.settings)
    page: Any = SimpleNamespace(engine=engine)
    asked = parse_recipe({"kind": "ablation", "model": "ground-truth", "prompts": ["a"] * prompts})
    assert cost_text(page, [asked] * len(counts)).startswith(said)


def test_an_estimate_counts_what_is_estimated_and_what_is_checked(served: Page) -> None:
    engine = SimpleNamespace(preview=lambda recipe: Cost(80, 0, 53.9, 1), settings=served.engine.settings)
    page: Any = SimpleNamespace(engine=engine)
    pair = {"clean": "a", "corrupted": "b", "answer": "a", "incorrect_answer": "b"}
    asked = parse_recipe({"kind": "attribution_patching", "model": "ground-truth", "prompts": [pair]})
    assert cost_text(page, [asked]).startswith("1 estimate + 80 exact checks · about 55 s · ")


def test_a_cancelled_sweep_keeps_its_cells_on_screen_and_goes_on(served: Page) -> None:
    store = changed(clean="a river apple house the river " * 8, corrupted=None)
    asked = sweep(method="zero", cells=Cells("pattern", "edge"))

    def cancelled_after_the_first_cells(value: tuple[float, str]) -> None:
        if value[0] > 0:
            raise Cancelled("Cancelled.")

    request = requested(served, store, asked, by="sweep-map-start.n_clicks")
    with pytest.raises(Cancelled):
        run_request(served.engine, SLOTS[0], cancelled_after_the_first_cells, request)
    given = {"digests-sweep.data": addressed(served, store, asked)}
    until = time.monotonic() + 20
    while served.engine.counters().running and time.monotonic() < until:
        time.sleep(0.05)  # the computation notices at its next report
    assert state(drawn(served, "sweep-map", given, store, asked), "sweep-map") == "ready"
    known = {**given, "experiment.data": store, "sweep.data": asked, "view.data": PATCH}
    assert served.strip("sweep-map", known, "sweep-map-cancel.n_clicks")["start"] == "Resume"
    assert "computed" in served.strip("sweep-map", known, "view.data")["text"]


def test_cells_and_prompts_are_counted_apart(served: Page) -> None:
    pairs = [changed(clean=f"{word} river apple house the river", corrupted=None)["prompt"] for word in ("a", "to")]
    store = {**experiment(), "prompt": pairs[0], "prompts": pairs}
    asked = sweep(method="zero", cells=FEW)
    given = {"digests-sweep.data": addressed(served, store, asked), "experiment.data": store, "sweep.data": asked}
    assert served.strip("sweep-map", {**given, "view.data": PATCH})["text"].startswith("4 cells (2 × 2 prompts) · ")


@pytest.mark.parametrize(
    ("store", "asked", "said"),
    [
        (changed(corrupted=None), sweep(), "corrupted prompt"),
        (changed(answer=(), incorrect_answer=()), sweep(), "Name an answer"),
        (changed(incorrect_answer=()), sweep(), "Name an answer and another"),
        (changed(answer=(), incorrect_answer=()), sweep(metric="probability"), "Name an answer in the rail for every"),
        (changed(incorrect_answer=()), sweep(method="estimate", metric="probability"), "Name an answer and another"),
        (prompt_set({"incorrect_answer": ()}), sweep(), "Prompt 1 of the set has no two answers"),
        (prompt_set({"answer": ()}), sweep(method="estimate", metric="rank"), "Prompt 1 of the set has no two"),
        (experiment(), sweep(method="tracing"), "select them in the rail"),
    ],
)  # fmt: skip
def test_what_must_be_given_first_is_said_in_the_panel(served: Page, store: Any, asked: Any, said: str) -> None:
    digests = addressed(served, store, asked)
    assert digests == {"baseline": None, "intervened": None, "error": None}
    answer = drawn(served, "sweep-map", {"digests-sweep.data": digests}, store, asked)
    assert state(answer, "sweep-map") == "empty"
    assert said in words(answer, "sweep-map")


@pytest.mark.parametrize(
    ("store", "asked"),
    [
        (changed(incorrect_answer=()), sweep(metric="probability")),
        (changed(answer=(), incorrect_answer=()), sweep(metric="kl_divergence")),
        (prompt_set({"incorrect_answer": ()}), sweep(metric="probability")),
        (
            changed(answer=(), incorrect_answer=()),
            sweep(method="tracing", metric="probability", noise=GaussianNoise((1,))),
        ),
    ],
)
def test_what_a_metric_does_not_read_is_not_demanded(served: Page, store: Any, asked: Any) -> None:
    answer = drawn(served, "sweep-map", computed(served, store, asked), store, asked)
    assert state(answer, "sweep-map") == "ready"


def test_the_button_is_off_once_all_cells_are_computed_and_on_for_another_question(served: Page) -> None:
    asked = sweep(method="zero", seed=1, cells=FEW)
    given = {**computed(served, experiment(), asked), "experiment.data": experiment(), "sweep.data": asked}
    told = served.strip("sweep-map", {**given, "view.data": PATCH})
    assert (told["text"], told["done"]) == ("all cells done", True)
    store = changed(clean="a river apple dog a river", corrupted=None)
    given = {"digests-sweep.data": addressed(served, store, asked), "experiment.data": store, "sweep.data": asked}
    assert served.strip("sweep-map", {**given, "view.data": PATCH})["done"] is False


def described(served: Page, store: Any, asked: Any, by: str = "view.data", **more: Any) -> Any:
    """The words and the button of the map's foot."""
    given = {
        **computed(served, store, asked),
        "experiment.data": store,
        "sweep.data": asked,
        "view.data": PATCH,
        **more,
    }
    told = served.strip("sweep-map", given, by)
    return told["text"], told["done"]


@pytest.mark.parametrize("show", ["intervened", "difference"])
def test_a_run_that_is_not_there_is_not_said_to_be_done(served: Page, show: str) -> None:
    asked, other = sweep(method="zero", cells=FEW), {"view.data": {**PATCH, "show": show}}
    assert described(served, experiment(), asked) == ("all cells done", True)
    assert described(served, experiment(), asked, **other) == ("", True)  # nothing that could be started
    answer = drawn(served, "sweep-map", computed(served, experiment(), asked), experiment(), asked, **other)
    assert "Nothing is changed yet" in words(answer, "sweep-map")


def test_words_about_the_sweep_before_go_when_another_one_is_on_screen(served: Page) -> None:
    given = {"experiment.data": experiment(), "status.data": READY, "view.data": PATCH}
    first = served.ask("digests-sweep.data", {**given, "sweep.data": sweep(method="zero")})
    assert first is not None
    assert first["sweep-map-text"]["children"] == ""
    again = {**given, "sweep.data": sweep(method="zero"), "digests-sweep.data": first["digests-sweep"]["data"]}
    assert not served.ask("digests-sweep.data", again)  # nothing else to address: words that stand may be right


def test_the_end_of_a_sweep_asks_for_words_about_what_is_on_screen_by_then(served: Page) -> None:
    asked = sweep(method="zero", cells=FEW)
    assert described(served, experiment(), asked, by="sweep-map-ended.data") == ("all cells done", True)
    store = experiment(PAIR, ABLATE)
    difference = {"view.data": {**PATCH, "show": "difference"}}
    text, disabled = described(served, store, asked, by="sweep-map-ended.data", **difference)
    assert text.startswith("2 cells")
    assert not disabled


def test_a_sweep_that_does_not_hold_is_an_error_in_the_panel(served: Page) -> None:
    asked = sweep(cells=Cells(heads=(Head(9, 0),)))
    digests = addressed(served, experiment(), asked)
    answer = drawn(served, "sweep-map", {"digests-sweep.data": digests}, experiment(), asked)
    assert state(answer, "sweep-map") == "error"
    assert "layers" in words(answer, "sweep-map")


def test_a_sweep_that_has_not_run_asks_for_the_button(served: Page) -> None:
    store = changed(clean="was river apple house the river", corrupted="was dog apple house the dog")
    digests = addressed(served, store, sweep())
    answer = drawn(served, "sweep-map", {"digests-sweep.data": digests}, store, sweep())
    assert "Run sweep" in words(answer, "sweep-map")


def test_recovered_has_no_difference(served: Page) -> None:
    store, asked = experiment(PAIR, ABLATE), sweep(normalised="recovered")
    given = {"digests-sweep.data": addressed(served, store, asked)}
    answer = drawn(served, "sweep-map", given, store, asked, **{"view.data": {**PATCH, "show": "difference"}})
    assert "read it as effect" in words(answer, "sweep-map")


def test_a_selection_alone_draws_only_maps_that_depend_on_it(served: Page) -> None:
    given = {"selected-patch.data": {"heads": [], "positions": [1]}}
    plain = computed(served, experiment(), sweep(method="zero"))
    assert drawn(served, "sweep-map", given, experiment(), sweep(method="zero"), **plain) is None
    asked = sweep(method="zero", cells=Cells(by="position"))
    found = computed(served, experiment(), asked)
    assert drawn(served, "sweep-map", given, experiment(), asked, **found) is not None


@pytest.mark.parametrize("junk", [7, {"method": "sideways"}, {"cells": {"activation": "mlp_post"}}])
def test_a_sweep_store_that_is_none_is_refused(served: Page, junk: Any) -> None:
    assert addressed(served, experiment(), junk)["error"]
    assert state(drawn(served, "sweep-map", {"digests-sweep.data": None}, experiment(), junk), "sweep-map") == "error"


def test_an_estimate_is_drawn_on_the_logit_difference_whatever_metric_is_chosen(served: Page) -> None:
    asked = sweep(method="estimate", metric="rank")
    found = computed(served, experiment(), asked)
    answer = drawn(served, "sweep-map", found, experiment(), asked)
    assert state(answer, "sweep-map") == "ready"
    assert "logit diff" in answer["sweep-map-of"]["children"]


def test_an_estimate_that_runs_counts_estimates_and_checks(served: Page) -> None:
    store = changed(clean="sun river apple house sun river", corrupted="sun dog apple house sun dog")
    request = requested(served, store, sweep(method="estimate"), by="sweep-map-start.n_clicks")
    (recipe,) = map(parse_recipe, request["recipes"])
    heard: list[tuple[int, int]] = []
    served.engine.evaluate(recipe, lambda done, total, partial=None: heard.append((done, total)))
    assert heard[-1][1] > 1  # one prompt, and the cells that are checked
    assert unit_of(SLOTS[0], recipe) == "estimates and checks"
