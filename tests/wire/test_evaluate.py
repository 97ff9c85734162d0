"""Compute callbacks leave digests, errors in words, and nothing while the model is not there."""

import pytest

from app.domain.interventions import Ablate
from app.domain.models import ModelSpec
from app.domain.sites import Site
from callbacks import evaluate
from callbacks.evaluate import UNREADABLE
from layouts import ids
from tests.wire.page import PAIR, READY, Page, changed, experiment

ABLATE = Ablate(Site("z", 1, (0,)))
KINDS = (*ids.ANALYSIS_KINDS, *ids.SWEEP_METHODS)


@pytest.mark.parametrize("kind", ids.ANALYSIS_KINDS)
def test_an_experiment_becomes_a_digest_whose_result_is_in_the_cache(served: Page, kind: str) -> None:
    found = served.digests(kind, experiment())
    assert found["error"] is None
    assert found["intervened"] is None
    assert served.engine.result(found["baseline"]) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_an_intervention_adds_a_second_digest_and_keeps_the_first(served: Page, kind: str) -> None:
    plain, both = served.digests(kind, experiment()), served.digests(kind, experiment(PAIR, ABLATE))
    assert both["baseline"] == plain["baseline"]
    assert both["intervened"] not in (None, both["baseline"])


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_of_two_tokens_is_an_error_in_words(served: Page, kind: str) -> None:
    found = served.digests(kind, changed(answer=("river apple",)))
    assert found["baseline"] is None
    assert "river apple" in found["error"]


@pytest.mark.parametrize("kind", KINDS)
def test_why_a_prompt_cannot_be_read_is_said_once_beside_the_tokens(served: Page, kind: str) -> None:
    store = changed(clean="the zebra", corrupted=None)
    assert served.digests(kind, store)["error"] == UNREADABLE
    said = served.ask("token-strip.children", {"experiment.data": store, "status.data": READY})
    assert "'zebra'" in said["token-strip"]["children"]["props"]["children"]


@pytest.mark.parametrize("kind", ["logit_lens", "correctness_meters"])
def test_what_would_take_minutes_of_a_long_prompt_says_so_instead(
    served: Page, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "LONGEST", 6)
    found = served.digests(kind, experiment())
    assert found["baseline"] is None
    assert "up to 6" in found["error"]
    assert served.digests("prediction", experiment())["error"] is None


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_experiment_is_refused_in_words(served: Page, kind: str) -> None:
    found = served.digests(kind, {"model": 3})
    assert "not an experiment" in found["error"]


@pytest.mark.parametrize("kind", ["direct_logit_attribution", "residual_trajectory", *ids.SWEEP_METHODS])
def test_without_answers_there_is_nothing_to_attribute_and_no_error(served: Page, kind: str) -> None:
    found = served.digests(kind, changed(answer=(), incorrect_answer=()))
    assert found == {"baseline": None, "intervened": None, "error": None}


def test_before_the_page_has_opened_its_session_nothing_happens(served: Page) -> None:
    given = {"experiment.data": None, "status.data": READY}
    assert served.ask("digests-prediction.data", given) is None


def test_an_unchanged_answer_is_not_sent_again(served: Page) -> None:
    before = served.digests("prediction", experiment())
    given = {"experiment.data": experiment(), "status.data": READY, "digests-prediction.data": before}
    assert served.ask("digests-prediction.data", given) == {}


def test_an_unknown_model_is_an_error_that_names_it(served: Page) -> None:
    found = served.digests("prediction", experiment(model=ModelSpec("listed", "no-such-model")))
    assert "no-such-model" in found["error"]
