"""Draw callbacks read results by digest: figures and rows, or words instead, or nothing while something is coming."""

from typing import Any

import numpy as np
import pytest

from app.domain.experiment import parse_experiment
from app.domain.interventions import Ablate
from app.domain.sites import Site
from layouts import ids
from tests.wire.page import PAIR, Page, changed, experiment

ABLATE = Ablate(Site("z", 1, (0,)))
PANELS = [
    (ids.HEAD_MATRIX, "figure", "heads"),
    (ids.COMPONENTS, "rowData", "direct_logit_attribution"),
    (ids.TRAJECTORY, "figure", "residual_trajectory"),
    (ids.LENS, "figure", "logit_lens"),
    (ids.ATTENTION, "figure", "attention_pattern"),
    (ids.THUMBNAILS, "aria-label", "attention_pattern"),
    (ids.PREDICTION, "figure", "prediction"),
]
every_panel = pytest.mark.parametrize(("panel", "prop", "kind"), PANELS)


def view(**fields: Any) -> dict[str, Any]:
    """The view store."""
    return {"workspace": "look", "show": "baseline", **fields}


def heads(quantity: str = "direct", **fields: Any) -> dict[str, Any]:
    """The store of what is shown of the heads."""
    return {"quantity": quantity, **fields}


def drawn(served: Page, panel: str, prop: str, kind: str, store: dict[str, Any], **fields: Any) -> Any:
    """What the panel's callback writes once the experiment has been computed."""
    found = {f"digests-{kind}.data": served.digests(kind, store)}
    return served.ask(f"{panel}.{prop}", {**found, "experiment.data": store, "view.data": view(**fields)})


def state(answer: Any, panel: str) -> str:
    """`ready`, `empty` or `error`."""
    return answer[f"{panel}-panel"]["className"].split("is-")[1]


def words(answer: Any, panel: str) -> str:
    """What the panel says instead of numbers."""
    return answer[f"{panel}-message"]["children"]


@every_panel
def test_a_computed_experiment_is_drawn(served: Page, panel: str, prop: str, kind: str) -> None:
    answer = drawn(served, panel, prop, kind, experiment())
    assert state(answer, panel) == "ready"
    assert answer[panel][prop]


@every_panel
@pytest.mark.parametrize("show", ["intervened", "difference"])
def test_intervened_and_difference_are_drawn_once_something_is_changed(
    served: Page, panel: str, prop: str, kind: str, show: str
) -> None:
    answer = drawn(served, panel, prop, kind, experiment(PAIR, ABLATE), show=show)
    assert state(answer, panel) == "ready"
    assert show in answer[f"{panel}-of"]["children"]


@every_panel
def test_a_difference_without_interventions_says_what_to_do(served: Page, panel: str, prop: str, kind: str) -> None:
    answer = drawn(served, panel, prop, kind, experiment(), show="difference")
    assert state(answer, panel) == "empty"
    assert "Ablate or Patch" in words(answer, panel)


@every_panel
def test_a_refused_computation_is_said_in_the_panel(served: Page, panel: str, prop: str, kind: str) -> None:
    answer = drawn(served, panel, prop, kind, changed(answer=("river apple",)))
    assert state(answer, panel) == "error"
    assert "river apple" in words(answer, panel)


@every_panel
def test_a_digest_store_that_is_none_is_refused(served: Page, panel: str, prop: str, kind: str) -> None:
    answer = served.ask(f"{panel}.{prop}", {f"digests-{kind}.data": 7, "experiment.data": experiment()})
    assert state(answer, panel) == "error"


@every_panel
def test_a_view_that_is_none_is_refused(served: Page, panel: str, prop: str, kind: str) -> None:
    answer = drawn(served, panel, prop, kind, experiment(), show="sideways")
    assert state(answer, panel) == "error"


@every_panel
def test_a_digest_of_another_analysis_draws_nothing(served: Page, panel: str, prop: str, kind: str) -> None:
    other = served.digests("correctness_meters", experiment())
    given = {f"digests-{kind}.data": other, "experiment.data": experiment(), "view.data": view()}
    assert served.ask(f"{panel}.{prop}", given) is None


@every_panel
def test_the_panel_waits_while_the_intervened_run_is_on_its_way(served: Page, panel: str, prop: str, kind: str) -> None:
    plain = {f"digests-{kind}.data": served.digests(kind, experiment())}
    given = {**plain, "experiment.data": experiment(PAIR, ABLATE), "view.data": view(show="intervened")}
    assert served.ask(f"{panel}.{prop}", given) is None


@pytest.mark.parametrize("panel", [ids.HEAD_MATRIX, ids.TRAJECTORY])
def test_without_answers_the_panel_says_what_to_do(served: Page, panel: str) -> None:
    kind = {panel: kind for panel, _, kind in PANELS}[panel]
    answer = drawn(served, panel, "figure", kind, changed(answer=(), incorrect_answer=()))
    assert state(answer, panel) == "empty"
    assert "answer" in words(answer, panel)


def test_a_result_that_the_cache_does_not_have_is_computed_quietly(served: Page) -> None:
    store = changed(clean="the river dog house the river")
    digest = served.engine.digest(parse_experiment(store).recipe("prediction"))
    assert served.engine.result(digest) is None
    kept = {"baseline": digest, "intervened": None, "error": None}
    given = {"digests-prediction.data": kept, "experiment.data": store, "view.data": view()}
    assert state(served.ask("prediction.figure", given), "prediction") == "ready"


def test_the_components_of_the_table_sum_to_the_logit_difference(served: Page) -> None:
    rows = drawn(served, ids.COMPONENTS, "rowData", "direct_logit_attribution", experiment())[ids.COMPONENTS]["rowData"]
    digest = served.digests("prediction", experiment())["baseline"]
    logit_diff = served.engine.result(digest).metrics[0, 0]  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    total = sum(row["direct"] for row in rows if row["kind"] != "attn")
    np.testing.assert_allclose(total, logit_diff, atol=1e-4)  # float32 sums of a few dozen terms


def test_rows_that_have_no_sweep_yet_are_empty_not_zero(served: Page) -> None:
    store = changed(clean="the river tree house the river")
    rows = drawn(served, ids.COMPONENTS, "rowData", "direct_logit_attribution", store)[ids.COMPONENTS]["rowData"]
    assert {row["zero"] for row in rows} == {None}


def test_an_ablation_that_was_never_swept_asks_for_the_sweep(served: Page) -> None:
    store = changed(clean="the river tree house the dog")
    answer = number(served, "zero", store)
    assert state(answer, "head-matrix") == "empty"
    assert "Sweep" in words(answer, "head-matrix")


def test_the_theme_of_the_page_travels_as_a_cookie(served: Page) -> None:
    paper = {}
    for theme in ("light", "dark"):
        served.client.set_cookie("microtome-theme", theme)
        answer = drawn(served, ids.TRAJECTORY, "figure", "residual_trajectory", experiment())
        paper[theme] = answer[ids.TRAJECTORY]["figure"]["layout"]["template"]["layout"]["font"]["color"]
    served.client.delete_cookie("microtome-theme")
    assert paper["light"] != paper["dark"]


def test_the_read_out_names_the_logit_difference(served: Page) -> None:
    found = {"digests-prediction.data": served.digests("prediction", experiment())}
    answer = served.ask("readout.children", {**found, "experiment.data": experiment(), "view.data": view()})
    assert answer is not None
    labels = [value["props"]["children"][0]["props"]["children"] for value in answer["readout"]["children"]]
    assert labels == ["logit diff", "P", "rank", "KL"]


def test_the_read_out_of_what_is_refused_is_empty(served: Page) -> None:
    answer = served.ask("readout.children", {"digests-prediction.data": 7, "experiment.data": experiment()})
    assert answer == {"readout": {"children": []}}


@every_panel
def test_a_panel_says_of_which_experiment_of_the_page_it_is(served: Page, panel: str, prop: str, kind: str) -> None:
    answer = drawn(served, panel, prop, kind, experiment() | {"number": 7})
    assert answer[f"{panel}-panel"]["className"].split()[-1] == "of-7"


def test_the_same_numbers_of_the_next_experiment_are_drawn_as_of_the_next(served: Page) -> None:
    first, second = (served.digests("prediction", experiment() | {"number": number}) for number in (7, 8))
    assert {name: first[name] for name in ("baseline", "intervened")} == {
        name: second[name] for name in ("baseline", "intervened")
    }
    assert (first["number"], second["number"]) == (7, 8)


def test_digests_of_before_are_drawn_as_of_before(served: Page) -> None:
    old = served.digests("prediction", experiment() | {"number": 7})
    given = {"digests-prediction.data": old, "experiment.data": experiment() | {"number": 8}, "view.data": view()}
    assert "of-7" in served.ask("prediction.figure", given)["prediction-panel"]["className"]


def number(served: Page, name: str, store: dict[str, Any], **fields: Any) -> Any:
    """What the head matrix shows where this number is chosen."""
    found = {"digests-heads.data": served.digests("heads", store), "heads.data": heads(name)}
    return served.ask("head-matrix.figure", {**found, "experiment.data": store, "view.data": view(**fields)})


def test_a_chosen_number_is_drawn_under_its_own_name_once_it_is_computed(served: Page) -> None:
    store = changed(clean="the river tree house the dog")
    assert "Entropy is not computed yet: press Compute" in words(number(served, "entropy", store), "head-matrix")
    served.engine.evaluate(parse_experiment(store).recipe("head_statistics"))
    answer = number(served, "entropy", store)
    meta = answer["head-matrix"]["figure"]["layout"]["meta"]
    assert (meta["numbers"], state(answer, "head-matrix")) == ([["entropy", "baseline"]], "ready")


def test_a_number_that_compares_two_prompts_asks_for_the_other_one(served: Page) -> None:
    answer = number(served, "denoising", changed(corrupted=None))
    assert state(answer, "head-matrix") == "empty"
    assert "corrupted prompt" in words(answer, "head-matrix")


def test_a_number_that_no_head_has_is_refused_with_the_list(served: Page) -> None:
    answer = number(served, "charm", experiment())
    assert state(answer, "head-matrix") == "error"
    assert "choose one of direct, projection, along, zero" in words(answer, "head-matrix")
