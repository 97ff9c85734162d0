"""The figure and the table of one direction, from numbers made by hand."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.direction_card import DirectionCardResult
from app.domain.views import Selection, Style
from app.figures.direction_card import card_lines, direction_card_bars
from app.figures.tables import long_table
from tests.unit.figures.heads import common

PROBE = {"kind": "probe", "activation": "resid_post", "layer": 7, "plus": ["a", "b", "c", "<b>d"], "minus": ["e"] * 4}


def card(others: int = 2, direction: dict = PROBE, **changes: object) -> DirectionCardResult:
    """Two tokens of each sort, one direction that cannot be made."""
    named = [{"name": f"<i>d{at}", "direction": {"kind": "random", "seed": at}} for at in range(others)]
    values = {
        "vector": np.array([3, 4], np.float32), "fact_names": ("length", "held_out_accuracy", "new_fact"),
        "facts": np.array([5, 0.9375, 2], np.float32),
        "promoted_tokens": np.array([" Mary", "<b>"]), "promoted_logits": np.array([2, 1], np.float32),
        "suppressed_tokens": np.array([" John", "\n"]), "suppressed_logits": np.array([-3, -0.5], np.float32),
        "nearest_tokens": np.array([" Mary", " Ann"]), "nearest_cosines": np.array([0.5, 0.25], np.float32),
        "other_names": tuple(each["name"] for each in named), "other_notes": ("", "too narrow")[:others],
        "cosines": np.array([-0.25, np.nan], np.float32)[:others],
    }  # fmt: skip
    return DirectionCardResult(**common("direction_card", direction=direction, others=named), **{**values, **changes})


def drawn(result: DirectionCardResult, **style: int):
    return direction_card_bars(result, Style(**style), Selection())


def test_promoted_tokens_stand_above_suppressed_ones_the_strongest_at_the_ends():
    tokens, nearest, others = drawn(card()).data
    assert list(tokens.x) == [2, 1, -0.5, -3]
    assert list(np.sign(tokens.marker.color)) == [1, 1, -1, -1]
    assert list(nearest.x) == [0.5, 0.25]
    assert others.x[0] == -0.25
    assert np.isnan(others.x[1])


def test_names_are_shown_literally_and_cosines_have_their_whole_range():
    layout = drawn(card()).layout
    assert list(layout.yaxis.ticktext) == ["·Mary", "&lt;b>", "⏎", "·John"]
    assert list(layout.yaxis3.ticktext) == ["&lt;i>d0", "&lt;i>d1"]
    assert layout.xaxis3.range[0] < -1
    assert layout.xaxis2.range[0] == 0


def test_without_others_there_are_two_columns():
    assert len(drawn(card(others=0)).data) == 2


def test_an_export_says_how_the_direction_was_made_and_how_well():
    said = [each.text for each in drawn(card(), width=760, height=520).layout.annotations]
    assert "read at: resid_post, layer 7" in said
    assert "held-out accuracy: 93.8%" in said
    assert "new fact: 2" in said
    assert not any("<b>d" in text for text in said)


@pytest.mark.parametrize(
    ("direction", "label", "words"),
    [
        ({"kind": "tokens", "tokens": [" a"], "minus": [" b"]}, "tokens", "·a − ·b"),
        ({"kind": "mean_difference", "activation": "mlp_out", "layer": 3, "plus": [{"text": "x", "position": 2}],
          "minus": ["y" * 60]}, "towards", "1: “x” at 2"),
        ({"kind": "principal_component", "activation": "resid_pre", "layer": 1, "samples": ["a", "b", "c"],
          "component": 1}, "component", "1 (from 0)"),
        (PROBE, "regression", "C = 1, 25% held out, seed 0"),
        ({"kind": "singular_vector", "head": "L5H1", "side": "read"}, "head", "L5H1: what it reads, rank 0 (from 0)"),
        ({"kind": "random", "seed": 3}, "seed", "3"),
        ({"kind": "placebo", "of": {"kind": "tokens", "tokens": [" a"]}}, "of", "·a in W_U"),
    ],
)  # fmt: skip
def test_how_it_was_made_is_said_in_words(direction, label, words):
    lines = dict(card_lines(card(direction=direction)))
    assert lines[label].startswith(words)
    assert lines["space"]


def test_long_groups_are_quoted_by_their_first_texts_ends():
    said = dict(card_lines(card(direction={**PROBE, "plus": ["x" * 60, "b", "c", "d"]})))["towards"]
    assert said == f"4: “…{'x' * 47}”; “b”; “c”; …"


def test_the_table_has_facts_tokens_cosines_and_the_vector():
    table = long_table(card())
    facts = table[table["metric"] == "held_out_accuracy"]["value"].tolist()
    assert facts == [0.9375]
    assert table[table["metric"] == "suppressed_logit"]["top_token"].tolist() == [" John", "\n"]
    assert table[table["metric"] == "cosine"]["direction"].tolist() == ["<i>d0", "<i>d1"]
    vector = table[table["metric"] == "vector"]
    assert (vector["dimension"].tolist(), vector["value"].tolist()) == ([0, 1], [3, 4])
    alone = long_table(replace(card(0)))
    assert "direction" not in alone
