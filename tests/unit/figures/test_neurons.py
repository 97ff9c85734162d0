"""Neurons as ranked bars and as a card."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import BadInput
from app.domain.views import Selection, Style
from app.figures.neurons import neuron_bars, neuron_card
from app.figures.tables import long_table
from tests.unit.figures import results


def test_the_largest_come_first_by_what_is_asked():
    result = results.neurons()
    for quantity, values in (
        (None, result.attribution), ("activation", result.activations[4]),
        ("largest", result.activations[np.abs(result.activations).argmax(0), np.arange(40)]),
    ):  # fmt: skip
        figure = neuron_bars(result, Style(quantity=quantity), Selection(positions=(4,)))
        bars = dict(zip(figure.data[0].customdata, figure.data[0].x, strict=True))
        order = np.argsort(-np.abs(values))[:20]
        assert list(bars) == [f"L3N{at}" for at in order] == list(figure.layout.meta["rows"])
        np.testing.assert_allclose([*bars.values()], values[order])
    assert "activation at 4 ·Mary" in figure.layout.meta["title"] or quantity == "largest"


def test_without_attributions_activations_rank_and_asking_for_them_is_refused():
    result = results.neurons(answers=False)
    assert "largest activation" in neuron_bars(result, Style(), Selection()).layout.meta["title"]
    with pytest.raises(BadInput, match="name answers"):
        neuron_bars(result, Style(quantity="attribution"), Selection())
    with pytest.raises(BadInput, match="not ranked by"):
        neuron_bars(result, Style(quantity="size"), Selection())


def test_the_card_has_the_text_and_the_tokens_with_their_logits():
    result = results.neurons()
    figure = neuron_card(result, Style(width=600, height=500), Selection())
    np.testing.assert_array_equal(figure.data[0].y, result.activations[:, 2])
    assert figure.data[0].customdata[2] == "2 ·Mary"
    promoted, suppressed, excited = (said.text.split("<br>") for said in figure.layout.annotations)
    assert promoted[:2] == ["<b>promotes", "logits per unit</b>"]
    assert promoted[2].split()[0].startswith("+")
    assert promoted[2].endswith(" ·the")
    assert "−" in suppressed[2]
    assert len(excited) == 2 + 3
    changed = neuron_card(result, Style(show="difference"), Selection()).layout.meta["title"]
    assert changed.startswith("Neuron L3N2: Δ activations; read-outs of its weights")
    unknown = neuron_card(replace(result, note="It is not known."), Style(), Selection()).layout.annotations[2]
    assert unknown.text.split("<br>")[2:] == ["It is not known."]


def test_the_table_has_every_activation_and_the_tokens_of_one_neuron():
    result = results.neurons()
    table = long_table(result)
    assert len(table[table["metric"] == "activation"]) == 6 * 40
    one = table[(table["metric"] == "suppressed_logit") & (table["rank"] == 1)].iloc[0]
    assert (one["component"], one["top_token"]) == ("L3N2", "<b>")
