"""Neurons over the wire: both panels are drawn, a model without MLPs says so, and what the page asks is checked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.domain.prompts import PromptPair
from app.engine import Engine
from app.settings import Settings
from callbacks.neurons import answer
from callbacks.on_page import OnPage
from layouts import ids
from tests import tiny as tiny_words
from tests.loaded import tiny
from tests.wire.page import Page, experiment
from tests.wire.test_draw import view, words

HERE = view(workspace="residual", section="features")


def drawn(served: Page, panel: str, asked: dict[str, Any]) -> Any:
    return served.panel(panel, {"experiment": experiment(), "view": HERE, "asked": asked})


@pytest.mark.parametrize("panel", [ids.NEURONS, ids.NEURON_CARD])
def test_a_model_without_mlps_says_that_it_has_no_neurons(served: Page, panel: str) -> None:
    assert "no MLPs" in words(drawn(served, panel, {"layer": 0, "neuron": None}), panel)


def test_what_is_no_neuron_is_refused(served: Page) -> None:
    assert "asks for no neuron" in words(drawn(served, ids.NEURONS, {"layer": 0, "unit": 3}), ids.NEURONS)


@pytest.fixture
def with_mlps(tmp_path: Path) -> Iterator[Engine]:
    """A tiny model that has them."""
    engine = Engine(Settings(cache=tmp_path, device="cpu", port=0), tiny("llama"))
    yield engine
    engine.close()


def test_neurons_and_the_card_of_the_largest_are_drawn(with_mlps: Engine) -> None:
    pair = PromptPair(tiny_words.CLEAN, None, (tiny_words.ANSWER,), (tiny_words.INCORRECT,))
    page = {"experiment": experiment(pair, model=with_mlps.spec), "view": HERE}
    bars, *_ = answer(ids.NEURONS, with_mlps, OnPage.sent(page | {"asked": {"layer": 1, "neuron": None}}))
    assert bars.layout.meta["rows"][0].startswith("L1N")
    assert set(bars.layout.meta["readings"]) == {"attribution", "largest", "activation "}
    card, _, _, of = answer(ids.NEURON_CARD, with_mlps, OnPage.sent(page | {"asked": {"layer": 1, "neuron": 7}}))
    assert card.layout.meta["neuron"] == 7
    assert of.startswith("Neuron L1N7")
