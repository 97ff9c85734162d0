"""The decomposition over the wire: computed for what is asked, drawn at any level from one result."""

from typing import Any

import pytest

from app.domain.interventions import Ablate
from app.domain.residual_asked import PartsAsked, ResidualAsked
from app.domain.sites import Site
from app.domain.views import Level, Selection
from callbacks.exported import source
from callbacks.exported_source import Page as Shown
from callbacks.reading import experiment_of, view_of
from layouts import ids
from tests.wire.page import PAIR, Page, changed, experiment, prompt_set
from tests.wire.test_draw import state, view, words

CHANGED = experiment(PAIR, Ablate(Site("z", 1, (0,))))
HERE = view(workspace="residual", section="parts")


def drawn(served: Page, store: Any, level: Level = "sublayer", show: str = "baseline", **asked: Any) -> Any:
    parts = {"level": level, **asked}
    sent = {"experiment": store, "view": HERE | {"show": show}, "residual": {"parts": parts}}
    return served.panel("decomposition", sent)


@pytest.mark.parametrize(("level", "name"), [("layer", "L1"), ("head", "L1H0"), ("source", "L1H3 ← 5 ·river")])
def test_levels_are_drawn_from_one_result_and_travel_with_each_other(served: Page, level: Level, name: str) -> None:
    answer = drawn(served, experiment(), level)
    assert state(answer, "decomposition") == "ready"
    meta = answer["decomposition"]["figure"]["layout"]["meta"]
    assert name.partition(" ")[0] in " ".join(meta["rows"])
    assert "at the run's own scale" in answer["decomposition-of"]["children"]
    assert meta["reading"] == level
    assert set(meta["readings"]) == {"layer", "sublayer", "head", "source"}  # the model has no neurons
    assert meta["readings"]["head"]["said"].startswith("Logit diff by head, at")
    assert "L1H0" in meta["readings"]["head"]["layout"]["meta"]["rows"]


def test_a_set_has_means_and_points_and_the_prompt_alone_has_neither(served: Page) -> None:
    store = prompt_set({"clean": "the dog apple house the dog"})
    assert len(drawn(served, store)["decomposition"]["figure"]["data"]) == 2
    assert len(drawn(served, store, over="prompt")["decomposition"]["figure"]["data"]) == 1


def test_a_difference_at_the_baselines_scale_says_so(served: Page) -> None:
    answer = drawn(served, CHANGED, "head", "difference", scale="baseline")
    assert answer["decomposition-of"]["children"].startswith("Δ logit diff by head,")
    assert "baseline's scale" in answer["decomposition-of"]["children"]
    assert "rescaling" in answer["decomposition"]["figure"]["layout"]["meta"]["rows"]


def test_without_answers_or_neurons_the_panel_says_why(served: Page) -> None:
    answer = drawn(served, changed(answer=(), incorrect_answer=()))
    assert state(answer, "decomposition") == "empty"
    assert "no MLPs" in words(drawn(served, experiment(), "neuron"), "decomposition")
    refused = drawn(served, prompt_set({"answer": ()}))
    assert "Prompt 1 of the set" in words(refused, "decomposition")


def test_the_export_holds_the_level_on_screen(served: Page) -> None:
    residual = ResidualAsked(parts=PartsAsked("source", "prompt", "baseline"))
    page = Shown(served.engine, experiment_of(CHANGED), view_of(HERE), Selection(), residual=residual)
    behind = source(ids.DECOMPOSITION)
    result = behind.result(page)
    shown, *_ = behind.view(page, result)
    assert (shown.style.level, behind.part(page)) == ("source", "source")
    assert '"scale":"baseline"' in result.recipe.replace(" ", "")
    assert set(behind.tabled(page, result)["kind"].dropna()) >= {"component", "head", "source"}
