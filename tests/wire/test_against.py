"""The second sweep beside the first, the prompts of a cell, and self-repair."""

from typing import Any

import numpy as np
import pytest

from app.domain.cells import Cells
from app.domain.interventions import Ablate
from app.domain.sites import Site
from app.domain.spread import pearson, sign_flips, spearman
from app.figures.scales import short
from app.figures.sweep_words import cell_names
from tests.wire.page import PAIR, READY, Page, changed, experiment, prompt_set, sweep
from tests.wire.patching import PATCH, addressed, computed, drawn, requested
from tests.wire.test_draw import state, view, words

ABLATE = Ablate(Site("z", 1, (0,)))
BOTH = ("sweep-map", "against")
THREE = {"method": "zero", "against": ("mean", "resample"), "against_as": "map"}


def test_without_a_second_method_the_panel_says_what_to_do(served: Page) -> None:
    given = {"digests-against.data": addressed(served, experiment(), sweep(), "against")}
    answer = drawn(served, "against", given, experiment(), sweep())
    assert state(answer, "against") == "empty"
    assert "Choose other methods" in words(answer, "against")
    assert answer["against-agreement"]["children"] == []


def three(served: Page, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Zero, mean and resample, computed: the sweep store, and what each panel's callback wrote."""
    asked = sweep(**{**THREE, **fields})
    given = computed(served, experiment(), asked, BOTH)
    panels = ("sweep-map", "against", "against-2")
    return asked, {panel: drawn(served, panel, given, experiment(), asked) for panel in panels}


def test_zero_mean_and_resample_stand_side_by_side_with_one_scale(served: Page) -> None:
    _, answers = three(served)
    cells = [answer[panel]["figure"]["data"][0] for panel, answer in answers.items()]
    assert len({each["zmax"] for each in cells}) == 1
    assert all(each["z"]["shape"] == cells[0]["z"]["shape"] for each in cells)
    said = [answers[panel][f"{panel}-of"]["children"] for panel in answers]
    assert ["zero ablation" in said[0], "mean ablation" in said[1], "resample ablation" in said[2]] == [True] * 3


def lines(answers: dict[str, Any], panel: str) -> list[str]:
    """What the panel says of its agreement with those to its left."""
    found = answers[panel][f"{panel}-agreement"]["children"]
    return ["".join(part["props"]["children"] if isinstance(part, dict) else part for part in line["props"]["children"])
            for line in found]  # fmt: skip


@pytest.mark.parametrize("drawn_as", ["map", "scatter"])
def test_every_pair_of_sweeps_says_how_far_it_agrees_and_which_heads_flip(served: Page, drawn_as: str) -> None:
    asked, answers = three(served, against_as=drawn_as)
    assert [line.split(" r ")[0] for line in lines(answers, "against")] == ["zero"]
    assert [line.split(" r ")[0] for line in lines(answers, "against-2")] == ["zero", "mean"]
    found = {
        kind: addressed(served, experiment(), asked, kind)["baseline"] for kind in ("sweep", "against", "against-2")
    }
    results: Any = {kind: served.engine.result(digest) for kind, digest in found.items()}
    for line, (x, y) in zip(
        lines(answers, "against") + lines(answers, "against-2"),
        (("sweep", "against"), ("sweep", "against-2"), ("against", "against-2")), strict=True,
    ):  # fmt: skip
        effects = [results[kind].effect().mean(axis=0) for kind in (x, y)]
        limit = 0.05 * max(np.abs(each).max() for each in effects)
        flips = [cell_names(results[x])[at] for at in np.flatnonzero(sign_flips(*effects, limit))]
        assert f"r {short(pearson(*effects))} · ρ {short(spearman(*effects))}" in line
        assert all(name in line for name in flips)
        assert line.endswith("no flips") == (not flips)
    said = [answers[panel][f"{panel}-of"]["children"] for panel in ("against", "against-2")]
    assert not any("Pearson" in words for words in said), "the lines say it"


def test_an_agreement_of_patching_and_ablation_counts_what_both_have(served: Page) -> None:
    asked = sweep(method="denoising", against=("estimate", "zero"), against_as="map", metric="probability")
    given = computed(served, experiment(), asked, BOTH)
    answers = {panel: drawn(served, panel, given, experiment(), asked) for panel in ("against", "against-2")}
    assert [line.split(" r ")[0] for line in lines(answers, "against-2")] == ["denoise", "attribution patching"]


def test_a_place_without_a_method_is_empty_and_one_of_junk_an_error(served: Page) -> None:
    asked = sweep(**THREE)
    given = computed(served, experiment(), asked, BOTH)
    answer = drawn(served, "against-3", given, experiment(), asked)
    assert (state(answer, "against-3"), answer["against-3-agreement"]["children"]) == ("empty", [])
    assert (
        state(drawn(served, "against-2", {**given, "digests-against-2.data": 7}, experiment(), asked), "against-2")
        == "error"
    )


def test_one_button_runs_all_sweeps_beside_the_map(served: Page) -> None:
    store = changed(clean="moon river apple house the river", corrupted="moon dog apple house the dog")
    request = requested(served, store, sweep(**THREE), "against", by="against-start.n_clicks")
    assert [recipe["method"] for recipe in request["recipes"]] == ["mean", "resample"]
    answers = served.run_background("against-progress.value", {"against-request.data": request})
    assert answers[-1]["response"]["against-text"]["children"] == "all cells done"
    assert any("against-ended" in (answer.get("sideUpdate") or {}) for answer in answers)
    assert requested(served, store, sweep(**THREE), "against") is None


def test_a_sweep_beside_that_lacks_its_pair_does_not_keep_the_others_from_running(served: Page) -> None:
    store = changed(clean="sun river apple house the river", corrupted=None)
    asked = sweep(method="zero", against=("noising", "mean"))
    request = requested(served, store, asked, "against", by="against-start.n_clicks")
    assert [recipe["method"] for recipe in request["recipes"]] == ["mean"]


@pytest.mark.parametrize(("drawn_as", "said"), [("map", "Effect on logit diff"), ("scatter", "Spearman")])
def test_a_second_sweep_is_drawn_as_map_or_with_the_first_as_scatter(served: Page, drawn_as: str, said: str) -> None:
    asked = sweep(method="denoising", against=("zero",), against_as=drawn_as)
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
    asked = sweep(method=method, against=(against,), metric="probability")
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
    asked = {"method": "denoising", "against": ("zero",), "against_as": "map"}
    one, other = limits(served, sweep(**asked))
    own, beside = limits(served, sweep(**asked, one_scale=False))
    assert one == other == max(own, beside)
    assert own != beside


def test_the_second_map_follows_another_prompt_and_leaves_marks_to_the_page(served: Page) -> None:
    asked = sweep(method="denoising", against=("noising",), against_as="map")
    given = computed(served, experiment(), asked, BOTH)
    assert drawn(served, "against", given, experiment(), asked, by="selected-patch.data") is None
    assert drawn(served, "against", given, experiment(), asked, by="prompt-shown.data") is None
    placed = sweep(method="denoising", against=("noising",), against_as="map", cells=Cells("resid_pre", "position"))
    given = computed(served, experiment(), placed, BOTH)
    for panel in ("sweep-map", "against"):
        assert drawn(served, panel, given, experiment(), placed, by="selected-patch.data") is None
        assert state(drawn(served, panel, given, experiment(), placed, by="prompt-shown.data"), panel) == "ready"


def test_a_second_sweep_that_has_not_run_asks_for_its_button(served: Page) -> None:
    store = changed(clean="of river apple house the river", corrupted="of dog apple house the dog")
    asked = sweep(against=("zero",), against_as="map")
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
    chosen = {"selected-patch.data": {"heads": [head], "primary": head}}
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
    assert "the rest undoes" in answer["self-repair-of"]["children"]


@pytest.mark.parametrize(
    ("store", "said"),
    [
        (experiment(), "Ablate something first"),
        (changed(answer=(), incorrect_answer=()), "Name an answer"),
        (prompt_set({"answer": ()}), "Prompt 1 of the set has no two answers"),
    ],
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
