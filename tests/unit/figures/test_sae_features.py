"""Features as ranked bars beside the error, as a card, and as a table."""

import numpy as np
import pytest

from app.domain.errors import BadInput
from app.domain.results import difference
from app.domain.sae_results import BEFORE
from app.domain.views import Selection, Style
from app.figures.sae_features import reconstruction_said, sae_feature_bars, sae_feature_card
from app.figures.tables import long_table
from tests.unit.figures import results


def test_the_largest_come_first_by_what_is_asked_named_by_what_they_promote():
    result = results.features()
    for quantity, values in (
        (None, result.attribution), ("activation", result.activations[4]), ("largest", result.activations[1:].max(0)),
    ):  # fmt: skip
        figure = sae_feature_bars(result, Style(quantity=quantity), Selection(positions=(4,)))
        order = np.argsort(-np.abs(values))[:20]
        assert figure.layout.meta["rows"] == result.feature_ids[order].tolist()
        np.testing.assert_allclose(figure.data[0].x, values[order])
    assert figure.layout.yaxis.ticktext[0].split(" ", 1)[1] in ("·the", "&lt;b>", "a,b")
    assert "error" in figure.layout.xaxis2.title.text
    np.testing.assert_array_equal(figure.data[1].x, result.errors)
    assert "6" in figure.data[1].customdata[0]


def test_without_shares_activations_rank_and_asking_for_shares_is_refused():
    result = results.features(answers=False)
    assert "largest activation" in sae_feature_bars(result, Style(), Selection()).layout.meta["title"]
    with pytest.raises(BadInput, match="name answers"):
        sae_feature_bars(result, Style(quantity="attribution"), Selection())
    with pytest.raises(BadInput, match="not ranked by"):
        sae_feature_bars(result, Style(quantity="size"), Selection())


def test_the_card_has_the_text_the_tokens_and_the_places_with_their_token_in_bold():
    result = results.features()
    figure = sae_feature_card(result, Style(width=600, height=500), Selection())
    np.testing.assert_array_equal(figure.data[0].y, result.activations[:, 7])
    promoted, _, places = (said.text.split("<br>") for said in figure.layout.annotations)
    assert promoted[:2] == ["<b>promotes", "logits per unit</b>"]
    assert promoted[2].split()[0].startswith("+")
    assert promoted[2].endswith(" ·the")
    assert "<b>·Mary</b>" in places[1]
    assert "12 texts, 1.25% of tokens" in places[0]
    nowhere = {name: getattr(result, name)[:0] for name in ("context_tokens", "context_activations", "context_texts")}
    none = sae_feature_card(results.features(**nowhere), Style(), Selection()).layout.annotations[2]
    assert "on no token" in none.text


def test_what_is_lost_is_said_in_numbers():
    result = results.features()
    said = reconstruction_said(result, Style())
    assert said == "L0 6.00 · FVU 0.250 · loss 3.00 → 3.50 (zero: 9.00) · logit diff +2.00 → +1.50"
    delta = difference(results.features(active=result.active + 1), result)
    assert reconstruction_said(delta, Style(show="difference")).startswith("L0 +1.00 · FVU 0 · loss 0 → 0")
    assert "logit diff" not in reconstruction_said(results.features(answers=False), Style())


def test_the_table_has_activations_losses_and_places():
    result = results.features()
    table = long_table(result)
    assert len(table[table["metric"] == "activation"]) == 6 * 30
    one = table[(table["metric"] == "loss") & (table["replaced"] == "reconstruction")].iloc[0]
    assert one["value"] == 3.5
    place = table[table["metric"] == "context_activation"].iloc[0]
    assert (place["text"], place["position"], place["top_token"]) == (3, 11, " Mary")
    assert place["value"] == result.context_activations[0, BEFORE]
    assert place["component"] == "L3.resid_post feature 70"
