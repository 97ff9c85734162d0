"""The sweep: asked for by itself or by hand, streamed, cancelled, never started twice."""

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.domain.errors import Cancelled
from app.domain.experiment import parse_experiment
from app.domain.interventions import Ablate
from app.domain.recipes import recipe_dict
from app.domain.results import SweepResult
from app.domain.sites import Site
from callbacks import sweep
from callbacks.head_matrix import SLOT
from tests.wire.page import PAIR, SPEC, Page, changed, experiment
from tests.wire.test_draw import heads, state, view

OUTPUT = "head-matrix-progress.value"
DONE = "all heads done"
ABLATE = Ablate(Site("z", 1, (0,)))


def asked(served: Page, store: dict[str, Any], by: str = "view.data", **fields: Any) -> Any:
    """The request that the page would write, or None."""
    before, chosen = fields.pop("before", None), heads(fields.pop("quantity", "direct"))
    known = {"digests-heads.data": served.digests("heads", store), "heads.data": chosen}
    given = {**known, "experiment.data": store, "view.data": view(**fields), "head-matrix-request.data": before}
    answer = served.ask("head-matrix-request.data", {**given, "head-matrix-start.n_clicks": 1}, by)
    return answer["head-matrix-request"]["data"] if answer else None


def swept(served: Page, store: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    """Every answer of the background callback."""
    given = {"head-matrix-request.data": asked(served, store, **fields)}
    return served.run_background(OUTPUT, given)


def test_a_short_prompt_is_swept_without_being_asked(served: Page) -> None:
    request = asked(served, changed(clean="a river apple house the river"))
    assert [recipe["method"] for recipe in request["recipes"]] == ["zero"]
    assert request["recipes"][0]["interventions"] == []


def test_a_long_prompt_waits_for_the_button(served: Page) -> None:
    store = changed(clean="the river apple house " * 16, corrupted=None)  # 64 words and BOS
    assert asked(served, store) is None
    assert asked(served, store, by="head-matrix-start.n_clicks")["recipes"][0]["interventions"] == []


def test_a_difference_asks_for_both_sweeps(served: Page) -> None:
    store = experiment(replace(PAIR, clean="to river apple house the river"), ABLATE)
    recipes = asked(served, store, show="difference", quantity="mean")["recipes"]
    assert [(recipe["method"], len(recipe["interventions"])) for recipe in recipes] == [("mean", 0), ("mean", 1)]


def test_what_has_no_sweep_ends_the_one_that_runs_and_nothing_else(served: Page) -> None:
    store = changed(clean="house river apple house the river")
    request = asked(served, store)
    nothing = changed(answer=(), incorrect_answer=())
    assert asked(served, nothing, before=request)["recipes"] == []
    assert asked(served, nothing) is None
    served.run_background(OUTPUT, {"head-matrix-request.data": request})
    assert asked(served, nothing, before=request) is None, "what is finished needs no end"


def test_the_same_sweep_is_not_asked_for_twice(served: Page) -> None:
    store = changed(clean="and river apple house the river")
    request = asked(served, store)
    assert asked(served, store, before=request) is None


def test_an_experiment_that_does_not_hold_is_not_swept(served: Page) -> None:
    assert asked(served, changed(answer=("river apple",))) is None


def test_a_sweep_runs_and_its_result_is_drawn_and_not_asked_for_again(served: Page) -> None:
    store = changed(clean="fish river apple house the river")
    answers = swept(served, store)
    assert answers[-1]["response"]["head-matrix-text"]["children"] == DONE
    zero = served.digests("zero", store)
    result = served.engine.result(zero["baseline"])
    assert isinstance(result, SweepResult)
    assert np.isfinite(result.values[0]).all()
    drawn = served.ask(
        "head-matrix.figure",
        {
            "digests-heads.data": served.digests("heads", store),
            "heads.data": heads("zero"),
            "experiment.data": store,
            "view.data": view(),
        },
    )
    assert state(drawn, "head-matrix") == "ready"
    assert asked(served, store) is None


def test_the_last_answer_ticks_so_that_the_finished_sweep_is_drawn(served: Page) -> None:
    answers = swept(served, changed(clean="of river apple house the river"))
    ticks = [a for a in answers if "head-matrix-tick" in (a.get("sideUpdate") or {})]
    assert ticks


@pytest.mark.parametrize("request_", [{"recipes": 7}, {"recipes": [7]}, {"recipes": [{}] * 9}, {}, None, 7, ["zero"]])
def test_what_is_no_request_is_not_run(served: Page, request_: Any) -> None:
    given = {"head-matrix-request.data": request_}
    assert served.run_background(OUTPUT, given, limit_s=10)[-1] == {}


def test_a_recipe_named_twice_is_swept_once(served: Page) -> None:
    recipe = recipe_dict(parse_experiment(changed(clean="was river apple house the river")).recipe("ablation"))
    given = {"head-matrix-request.data": {"recipes": [recipe, recipe], "text": DONE}}
    before = served.engine.counters().hits
    assert served.run_background(OUTPUT, given)[-1]["response"]["head-matrix-text"]["children"] == DONE
    assert served.engine.counters().hits == before  # a second time would have been found in the cache


@pytest.mark.parametrize("junk", [7, "zero", [], {"baseline": 7}, {"baseline": ["x"]}, {"baseline": {}}])
def test_digests_that_are_none_ask_for_no_sweep(served: Page, junk: Any) -> None:
    given = {
        "digests-zero.data": junk,
        "experiment.data": experiment(),
        "view.data": view(),
        "head-matrix-start.n_clicks": 1,
    }
    assert not served.ask("head-matrix-request.data", given, "head-matrix-start.n_clicks")


@pytest.mark.parametrize("words", [1, 16])  # as many times: quick, and waiting for the button
def test_another_sweep_on_screen_first_ends_the_one_that_runs(served: Page, words: int) -> None:
    running = asked(served, changed(clean="sun river apple house the river"))
    other = changed(clean="the moon apple house " * words, corrupted=None)
    request = asked(served, other, before=running)
    assert (request["recipes"], request["digests"]) == ([], [])
    assert served.run_background(OUTPUT, {"head-matrix-request.data": request})[-1]["response"]["head-matrix-progress"]
    after = asked(served, other, "head-matrix-ended.data", before=request)
    assert (after is not None) == (words == 1), "what is quick starts once the other has ended"
    if after:
        assert len(after["recipes"]) == 1


@pytest.mark.parametrize("before", [7, "zero", [1], {"digests": 7}])
def test_an_earlier_request_that_is_none_counts_as_none(served: Page, before: Any) -> None:
    store = changed(clean="tree river apple house the river")
    assert len(asked(served, store, before=before)["recipes"]) == 1


def test_an_error_in_the_sweep_is_said_in_its_strip(served: Page) -> None:
    given = {"head-matrix-request.data": {"recipes": [{"kind": "sideways"}]}}
    answers = served.run_background(OUTPUT, given)
    assert "not a recipe" in answers[-1]["response"]["head-matrix-text"]["children"]


def test_the_effect_difference_is_effect_minus_effect(served: Page) -> None:
    store = experiment(PAIR, ABLATE)
    swept(served, store, show="difference")
    digests = served.digests("zero", store)
    results = [served.engine.result(digests[run]) for run in ("intervened", "baseline")]
    effects = [r.effect() for r in results if isinstance(r, SweepResult)]
    known = {"digests-heads.data": served.digests("heads", store), "heads.data": heads("zero")}
    given = {**known, "experiment.data": store, "view.data": view(show="difference")}
    answer = served.ask("head-matrix.figure", given)
    assert answer is not None
    z = answer["head-matrix"]["figure"]["data"][0]["z"]
    shown = _array(z)
    np.testing.assert_allclose(shown.ravel(), (effects[0] - effects[1])[0], atol=1e-5)  # float32, the same four numbers


def _array(spec: Any) -> Any:
    import base64

    rows, columns = (int(n) for n in spec["shape"].split(","))
    return np.frombuffer(base64.b64decode(spec["bdata"]), spec["dtype"]).reshape(rows, columns)


def test_a_cancelled_sweep_stops_at_its_next_report(served: Page) -> None:
    def cancelled(value: Any) -> None:
        raise Cancelled("Cancelled.")

    store = changed(clean="to river apple house the river")
    request = asked(served, store)
    with pytest.raises(Cancelled):
        sweep.run_request(served.engine, SLOT, cancelled, request)
    time.sleep(0.2)  # the computation notices between batches
    assert served.engine.counters().waiting == 0


def described(served: Page, store: dict[str, Any], by: str | None = None, **fields: Any) -> dict[str, str]:
    """The words in the strip, and on the button, while nothing runs."""
    chosen = heads(fields.pop("quantity", "direct"))
    digests = {"digests-heads.data": served.digests("heads", store), "heads.data": chosen}
    given = {**digests, "experiment.data": store, "view.data": view(**fields)}
    told = served.strip("head-matrix", given, by)
    return {part: told[part] for part in ("text", "start")}


def test_how_much_there_is_to_do_is_said_before_the_start(served: Page) -> None:
    store = changed(clean="in river apple house the river")
    count = served.engine.facts(SPEC).n_layers * served.engine.facts(SPEC).n_heads
    assert described(served, store, quantity="mean") == {"text": f"{count} heads, not swept yet", "start": "Sweep mean"}


def test_a_sweep_cancelled_before_its_first_cell_begins_anew(served: Page) -> None:
    said = described(served, changed(clean="is river apple house the river"), by="head-matrix-cancel.n_clicks")
    assert said == {"text": "cancelled: what was computed is kept", "start": "Sweep zero"}


@pytest.mark.parametrize("digests", [7, {"baseline": 7}, {"baseline": ["x"], "intervened": {}}])
def test_the_strip_survives_digests_that_are_none(served: Page, digests: Any) -> None:
    given = {"digests-heads.data": digests, "experiment.data": experiment(), "view.data": view()}
    answer = served.ask("head-matrix-start.children", given)
    assert answer is not None
    assert answer["head-matrix-text"]["children"] == "" or "reload" in answer["head-matrix-text"]["children"]
