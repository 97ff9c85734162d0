"""Neurons over the wire: a model without MLPs says so, and what the page asks is checked."""

from typing import Any

import pytest

from layouts import ids
from tests.wire.page import READY, Page, experiment
from tests.wire.test_draw import view, words

HERE = view(workspace="residual", section="features")


def drawn(served: Page, panel: str, asked: dict[str, Any]) -> Any:
    given = {"experiment.data": experiment(), "status.data": READY, "neurons-asked.data": asked}
    answer = served.ask("digests-neurons.data", given)
    assert answer is not None
    given = {"digests-neurons.data": answer["digests-neurons"]["data"], "neurons-shown.data": "attribution"}
    return served.ask(f"{panel}.figure", given | {"view.data": HERE, "experiment.data": experiment()})


@pytest.mark.parametrize("panel", [ids.NEURONS, ids.NEURON_CARD])
def test_a_model_without_mlps_says_that_it_has_no_neurons(served: Page, panel: str) -> None:
    assert "no MLPs" in words(drawn(served, panel, {"layer": 0, "neuron": None}), panel)


def test_what_is_no_neuron_is_refused(served: Page) -> None:
    assert "asks for no neuron" in words(drawn(served, ids.NEURONS, {"layer": 0, "unit": 3}), ids.NEURONS)
