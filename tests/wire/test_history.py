"""The history of runs over the wire: answers say what they took, two runs are compared, a session's file carries it."""

import json
import time
from typing import Any

import pytest

from app.answered import HEADER
from app.domain.experiment import parse_experiment
from app.domain.history import history_json, parse_history
from app.domain.interventions import Ablate
from app.domain.recipes import recipe_dict
from app.domain.results import METRICS
from app.domain.session import Session, parse_session, session_dict
from app.domain.sites import Site
from tests.node import in_node
from tests.wire.page import PAIR, READY, Page, changed, experiment
from tests.wire.test_export import clicked, content
from tests.wire.test_opening import opened

ABLATED = experiment(PAIR, Ablate(Site("z", 1, (2,))))
PROMPT = "the river apple house the moon"


def told(answer: Any) -> list[Any]:
    """`[digest, name, seconds, in_parts]` of what was computed or found for an answer."""
    return json.loads(answer.headers.get(HEADER, "[]"))


def asked(served: Page, **fields: Any) -> Any:
    given = {"experiment.data": changed(clean=PROMPT, corrupted=None, **fields), "status.data": READY}
    return served.post("digests-logit_lens.data", given)


def test_an_answer_says_what_was_computed_for_it_and_the_next_one_that_it_was_there(served: Page) -> None:
    began = time.monotonic()
    ((digest, name, seconds, in_parts),) = told(asked(served))
    assert (name, in_parts) == ("Logit lens", False)
    assert 0 < seconds <= time.monotonic() - began
    assert told(asked(served)) == [[digest, name, None, False]]
    assert told(served.client.get("/status")) == []


def test_a_sweep_in_the_background_says_so_when_it_is_fetched(served: Page) -> None:
    recipe = parse_experiment(changed(clean=PROMPT, corrupted=None)).recipe("ablation", method="zero")
    request = {"recipes": [recipe_dict(recipe)], "digests": [], "text": "", "start": "", "done": True, "run": 1}
    output, values = "head-matrix-progress.value", {"head-matrix-request.data": request}
    handles = served.post(output, values).get_json()
    query = f"?cacheKey={handles['cacheKey']}&job={handles['job']}"
    until = time.monotonic() + 60
    while not told(answer := served.post(output, values, query=query)):
        assert time.monotonic() < until
        time.sleep(0.02)
    assert "response" in answer.get_json()
    ((_, name, seconds, in_parts),) = told(answer)
    assert (name, in_parts) == ("Ablation sweep, zero", True)
    assert seconds > 0


def test_two_runs_are_compared_by_the_numbers_of_each(served: Page) -> None:
    found = served.client.post("/compare", json={"runs": [ABLATED, experiment()]}).get_json()
    results = [
        served.engine.evaluate(parse_experiment(store).recipe("prediction", intervened=True)).metrics[:, 0]
        for store in (ABLATED, experiment())
    ]
    for row, metric in zip(found["metrics"], METRICS, strict=True):
        now, then = (float(each[METRICS.index(metric)]) for each in results)
        assert row[1:] == pytest.approx([now, then, now - then])
    heads = [
        served.engine.evaluate(parse_experiment(store).recipe("direct_logit_attribution", intervened=True)).heads[0]
        for store in (ABLATED, experiment())
    ]
    assert heads[0][1, 2] == 0
    difference = heads[0] - heads[1]
    assert abs(difference).max() > 0
    assert found["figure"]["data"][0]["zmax"] == pytest.approx(abs(difference).max())
    assert found["why"] == ""


def test_runs_without_a_common_head_say_why_and_what_is_no_pair_of_runs_is_refused(served: Page) -> None:
    other = experiment() | {"prompt": experiment()["prompt"] | {"answer": [], "incorrect_answer": []}}
    found = served.client.post("/compare", json={"runs": [other, experiment()]}).get_json()
    assert found["figure"] is None
    assert "answer" in found["why"]
    assert [row[1] is None for row in found["metrics"]] == [True, True, True, True, False]
    for sent in (None, {"runs": [experiment()]}, {"runs": [experiment(), 3]}):
        answer = served.client.post("/compare", json=sent)
        assert answer.status_code == 400
        assert len(answer.text) > 20


def kept(session: dict[str, Any]) -> Any:
    """The history that the page's own script keeps of this session."""
    answers = [["ab", "Logit lens", 0.5, False], ["cd", "Ablation sweep, zero", None, True]]
    noted = f"past.noted([], {json.dumps(session)}, {json.dumps(answers)}, {{at: 5, id: 'x'}})"
    return in_node(f"past.changed({noted}, 'x', {{name: 'mine', pinned: true}})", past="13-history")


def test_the_file_of_a_session_carries_the_history_with_names_and_pins(served: Page) -> None:
    session = session_dict(Session(parse_experiment(ABLATED)))
    runs = kept(session)
    assert history_json(parse_history(runs)) == runs
    file = content(clicked(served, "page", "session", session=session, history=runs))
    found = opened(served, file)["opened-read"]["data"]
    assert parse_session(found["session"]) == parse_session(session)
    assert (found["history"], found["unread"]) == (runs, 0)
    damaged = json.loads(file) | {"history": [*runs, {"id": 3}, runs[0] | {"states": []}]}
    found = opened(served, json.dumps(damaged).encode())["opened-read"]["data"]
    assert (found["history"], found["unread"]) == (runs, 2)
