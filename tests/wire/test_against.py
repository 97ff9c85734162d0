"""The second sweep beside the first, the prompts of a cell, and self-repair."""

from typing import Any

import pytest

from app.domain.cells import Cells
from app.domain.interventions import Ablate
from app.domain.sites import Site
from tests.wire.page import PAIR, READY, Page, changed, experiment, sweep
from tests.wire.patching import PATCH, addressed, computed, drawn
from tests.wire.test_draw import state, view, words

ABLATE = Ablate(Site("z", 1, (0,)))
BOTH = ("sweep", "against")


def test_without_a_second_method_the_panel_says_what_to_do(served: Page) -> None:
    given = {"digests-against.data": addressed(served, experiment(), sweep(), "against")}
    answer = drawn(served, "against", given, experiment(), sweep())
    assert state(answer, "against") == "empty"
    assert "second method" in words(answer, "against")


@pytest.mark.parametrize(("drawn_as", "said"), [("map", "Effect on logit diff"), ("scatter", "Spearman")])
def test_a_second_sweep_is_drawn_as_map_or_with_the_first_as_scatter(served: Page, drawn_as: str, said: str) -> None:
    asked = sweep(method="denoising", against="zero", against_as=drawn_as)
    given = computed(served, experiment(), asked, BOTH)
    answer = drawn(served, "against", given, experiment(), asked)
    assert state(answer, "against") == "ready"
    assert said in answer["against-of"]["children"]


def test_an_estimate_alone_stands_beside_its_exact_values(served: Page) -> None:
    asked = sweep(method="estimate")
    given = computed(served, experiment(), asked, BOTH)
    answer = drawn(served, "against", given, experiment(), asked)
    assert "exact against estimated" in answer["against-of"]["children"].lower()


@pytest.mark.parametrize(("method", "against"), [("zero", "estimate"), ("estimate", "zero")])
def test_an_estimate_compared_with_another_sweep_is_a_scatter_of_the_two(
    served: Page, method: Any, against: Any
) -> None:
    asked = sweep(method=method, against=against, metric="probability")
    given = computed(served, experiment(), asked, BOTH)
    answer = drawn(served, "against", given, experiment(), asked)
    said = answer["against-of"]["children"].lower()
    assert [part in said for part in ("zero", "attribution patching", "exact against")] == [True, True, False]


def limits(served: Page, asked: Any) -> list[float]:
    """The colour limits of the two maps."""
    given = computed(served, experiment(), asked, BOTH)
    answers = [drawn(served, panel, given, experiment(), asked)[panel] for panel in ("sweep-map", "against")]
    return [answer["figure"]["data"][0]["zmax"] for answer in answers]


def test_two_maps_of_the_same_unit_have_the_same_colours_unless_told_otherwise(served: Page) -> None:
    asked = {"method": "denoising", "against": "zero", "against_as": "map"}
    one, other = limits(served, sweep(**asked))
    own, beside = limits(served, sweep(**asked, one_scale=False))
    assert one == other == max(own, beside)
    assert own != beside


def test_the_second_map_follows_another_prompt_and_leaves_marks_to_the_page(served: Page) -> None:
    asked = sweep(method="denoising", against="noising", against_as="map")
    given = computed(served, experiment(), asked, BOTH)
    assert drawn(served, "against", given, experiment(), asked, by="selection.data") is None
    assert drawn(served, "against", given, experiment(), asked, by="prompt-shown.data") is None
    placed = sweep(method="denoising", against="noising", against_as="map", cells=Cells("resid_pre", "position"))
    given = computed(served, experiment(), placed, BOTH)
    for panel in ("sweep-map", "against"):
        assert drawn(served, panel, given, experiment(), placed, by="selection.data") is None
        assert state(drawn(served, panel, given, experiment(), placed, by="prompt-shown.data"), panel) == "ready"


def test_a_second_sweep_that_has_not_run_asks_for_its_button(served: Page) -> None:
    store = changed(clean="of river apple house the river", corrupted="of dog apple house the dog")
    asked = sweep(against="zero", against_as="map")
    given = {"digests-against.data": addressed(served, store, asked, "against")}
    answer = drawn(served, "against", given, store, asked)
    assert "Run sweep" in words(answer, "against")


def two_prompts() -> dict[str, Any]:
    """An experiment of two prompts."""
    other = changed(clean="a river apple house the river", corrupted="a dog apple house the dog")["prompt"]
    return experiment() | {"prompts": [experiment()["prompt"], other]}


def test_the_strip_shows_the_selected_cell_on_every_prompt(served: Page) -> None:
    asked = sweep(method="zero")
    given = computed(served, two_prompts(), asked)
    head = {"layer": 1, "head": 2}
    chosen = {"selection.data": {"heads": [head], "primary": head}}
    answer = drawn(served, "strip", given, two_prompts(), asked, **chosen)
    assert state(answer, "strip") == "ready"
    assert answer["strip-of"]["children"].startswith("L1H2 on each prompt")


def test_the_strip_of_a_state_that_is_none_is_refused(served: Page) -> None:
    assert state(drawn(served, "strip", {"digests-sweep.data": 7}, two_prompts(), sweep()), "strip") == "error"


def test_one_prompt_has_no_spread_to_show(served: Page) -> None:
    asked = sweep(method="zero")
    answer = drawn(served, "strip", computed(served, experiment(), asked), experiment(), asked)
    assert (state(answer, "strip"), "Add prompts" in words(answer, "strip")) == ("empty", True)


def repaired(served: Page, store: Any, shown: Any = PATCH) -> Any:
    """The digest store of self-repair."""
    given = {"experiment.data": store, "status.data": READY, "view.data": shown}
    answer = served.ask("digests-self_repair.data", given)
    return answer["digests-self_repair"]["data"] if answer else None


def test_self_repair_is_computed_and_drawn_once_something_is_ablated(served: Page) -> None:
    store = experiment(PAIR, ABLATE)
    answer = drawn(served, "self-repair", {"digests-self_repair.data": repaired(served, store)}, store, sweep())
    assert state(answer, "self-repair") == "ready"
    assert "repaired" in answer["self-repair-of"]["children"]


@pytest.mark.parametrize(
    ("store", "said"),
    [(experiment(), "Ablate something first"), (changed(answer=(), incorrect_answer=()), "Name an answer")],
)
def test_self_repair_says_what_it_needs(served: Page, store: Any, said: str) -> None:
    answer = drawn(served, "self-repair", {"digests-self_repair.data": repaired(served, store)}, store, sweep())
    assert state(answer, "self-repair") == "empty"
    assert said in words(answer, "self-repair")


def test_self_repair_of_what_does_not_hold_is_an_error(served: Page) -> None:
    store = experiment(PAIR, Ablate(Site("z", 99)))
    answer = drawn(served, "self-repair", {"digests-self_repair.data": repaired(served, store)}, store, sweep())
    assert state(answer, "self-repair") == "error"


def test_self_repair_is_not_computed_behind_another_workspace(served: Page) -> None:
    assert repaired(served, experiment(PAIR, ABLATE), view()) is None
