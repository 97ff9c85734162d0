"""Directions as values: what they say of themselves, and what is none."""

import json

import pytest
from hypothesis import given

from app.domain.directions import (
    MeanDifference,
    NamedDirection,
    Placebo,
    PrincipalComponent,
    Probe,
    SingularVector,
    TokenDirection,
    Vector,
)
from app.domain.errors import BadLink, BadRecipe, BadSite
from app.domain.residual_asked import ResidualAsked
from app.domain.samples import Sample
from app.domain.session import WORKED_EXAMPLE, chosen_direction, parse_directions, session_dict
from app.domain.sites import Head
from tests.unit.domain.strategies import vectors

MARY = TokenDirection((" Mary",), (" John",))


@given(vectors)
def test_a_named_direction_comes_back_from_json(direction):
    named = NamedDirection("it", direction)
    spoken = session_dict(replaced((named,)))["directions"]
    assert parse_directions(json.loads(json.dumps(spoken))) == (named,)


def replaced(library):
    from dataclasses import replace

    return replace(WORKED_EXAMPLE, directions=library)


def test_texts_stand_for_their_last_positions_and_heads_for_their_labels():
    [first, second] = parse_directions(
        [
            {"name": "a", "direction": {"kind": "mean_difference", "activation": "resid_post", "layer": 2,
                                        "plus": ["x"], "minus": [{"text": "y", "position": 1}]}},
            {"name": "b", "direction": {"kind": "singular_vector", "head": "L1H2"}},
        ]
    )  # fmt: skip
    assert first.direction == MeanDifference("resid_post", 2, (Sample("x"),), (Sample("y", 1),))
    assert second.direction == SingularVector(Head(1, 2))


def test_numbers_survive_base64_as_float32():
    assert Vector.of((1.0, -0.5, 2.5)).numbers == (1.0, -0.5, 2.5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TokenDirection(()), "at least one token"),
        (lambda: TokenDirection((" a",), (" a",)), "no direction between"),
        (lambda: MeanDifference("resid_post", 0, (), (Sample("x"),)), "plus has 0 samples"),
        (lambda: PrincipalComponent("resid_post", 0, (Sample("x"), Sample("y")), 1), "1 principal components"),
        (lambda: Probe("resid_post", 0, (Sample("x"),) * 4, (Sample("y"),) * 4, held_out=1.5), "between 0 and 1"),
        (lambda: SingularVector(Head(0, 0), -1), "count from 0"),
        (lambda: Vector("not base64!"), "base64"),
        (lambda: Vector.of((0.0, 0.0)), "no direction"),
        (lambda: Vector.of((float("nan"),)), "no direction"),
        (lambda: NamedDirection(" ", MARY), "1 to 40 characters"),
    ],
)
def test_what_is_no_direction_is_refused(make, words):
    with pytest.raises((BadRecipe, BadSite), match=words):
        make()


def test_two_directions_cannot_share_a_name():
    with pytest.raises(BadRecipe, match="one name"):
        replaced((NamedDirection("a", MARY), NamedDirection("a", Placebo(MARY))))


def test_the_direction_looked_at_is_the_named_one_else_the_first():
    library = (NamedDirection("a", MARY), NamedDirection("b", Placebo(MARY)))
    assert chosen_direction(library, ResidualAsked("b")) == library[1]
    assert chosen_direction(library, ResidualAsked()) == library[0]
    assert chosen_direction((), ResidualAsked()) is None


def test_a_name_that_no_direction_has_is_refused_and_shows_no_other():
    library = (NamedDirection("a", MARY), NamedDirection("b", Placebo(MARY)))
    with pytest.raises(BadLink, match="no direction named 'gone' here, there are a, b; choose"):
        chosen_direction(library, ResidualAsked("gone"))
    with pytest.raises(BadLink, match="none at all"):
        chosen_direction((), ResidualAsked("gone"))
