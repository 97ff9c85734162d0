"""Neurons over the wire: both panels are drawn, a model without MLPs says so, and what the page asks is checked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.domain.prompts import PromptPair
from app.engine import Engine
from app.settings import Settings
from layouts import ids
from tests import tiny as tiny_words
from tests.loaded import tiny
from tests.wire.page import PAIR, READY, Page, experiment
from tests.wire.test_draw import view, words

HERE = view(workspace="residual", section="features")


def drawn(served: Page, panel: str, asked: dict[str, Any], pair: PromptPair = PAIR) -> Any:
    store = experiment(pair, model=served.engine.spec)
    given = {"experiment.data": store, "status.data": READY, "neurons-asked.data": asked}
    answer = served.ask("digests-neurons.data", given)
    assert answer is not None
    given = {"digests-neurons.data": answer["digests-neurons"]["data"], "neurons-shown.data": "attribution"}
    return served.ask(f"{panel}.figure", given | {"view.data": HERE, "experiment.data": store})


@pytest.mark.parametrize("panel", [ids.NEURONS, ids.NEURON_CARD])
def test_a_model_without_mlps_says_that_it_has_no_neurons(served: Page, panel: str) -> None:
    assert "no MLPs" in words(drawn(served, panel, {"layer": 0, "neuron": None}), panel)


def test_what_is_no_neuron_is_refused(served: Page) -> None:
    assert "asks for no neuron" in words(drawn(served, ids.NEURONS, {"layer": 0, "unit": 3}), ids.NEURONS)


@pytest.fixture
def with_mlps(tmp_path: Path) -> Iterator[Page]:
    """A page on a tiny model that has them."""
    settings = Settings(cache=tmp_path, device="cpu", port=0)
    engine = Engine(settings, tiny("llama"))
    yield Page(engine, settings)
    engine.close()


def test_neurons_and_the_card_of_the_largest_are_drawn(with_mlps: Page) -> None:
    pair = PromptPair(tiny_words.CLEAN, None, (tiny_words.ANSWER,), (tiny_words.INCORRECT,))
    bars = drawn(with_mlps, ids.NEURONS, {"layer": 1, "neuron": None}, pair)[ids.NEURONS]["figure"]
    assert bars["layout"]["meta"]["rows"][0].startswith("L1N")
    card = drawn(with_mlps, ids.NEURON_CARD, {"layer": 1, "neuron": 7}, pair)
    assert card[ids.NEURON_CARD]["figure"]["layout"]["meta"]["neuron"] == 7
    assert card[ids.OF.format(ids.NEURON_CARD)]["children"].startswith("Neuron L1N7")
