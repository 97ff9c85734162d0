"""Equal questions: recipes that ask the same have one digest, and others have others."""

from dataclasses import replace

import pytest
from hypothesis import given

from app.domain.questions import same_question, settled
from app.domain.recipes import (
    parse_recipe,
    recipe_json,
)
from tests.unit.domain.strategies import recipes
from tests.unit.domain.test_recipes import LENS, Z


@given(recipes)
def test_a_settled_recipe_names_its_references_and_asks_nothing_else(recipe):
    once = settled(recipe)
    assert settled(once) == once
    references = [getattr(each, "reference", ()) for each in (once, *once.interventions)]
    assert not {"prompts", "corrupted"}.intersection(each for each in references if isinstance(each, str))


def test_equal_questions_about_the_recipes_own_prompts_are_one_question():
    mean = {"kind": "ablate", "method": "mean", "site": Z}
    asked = [
        parse_recipe({**LENS, "interventions": [{**mean, "reference": reference}]})
        for reference in ("prompts", ["cat dog"])
    ]
    assert settled(asked[0]) == settled(asked[1])


@given(recipes)
def test_labels_of_prompts_make_another_question_only_of_what_is_drawn_by_them(recipe):
    labelled = replace(recipe, prompts=tuple(replace(each, labels=(("topic", "new"),)) for each in recipe.prompts))
    drawn_by_them = recipe.kind in ("activation_map", "direction_distribution")
    assert (settled(labelled) == settled(recipe)) is not drawn_by_them or not recipe.prompts


ABLATION = {**LENS, "kind": "ablation"}
PATCHING = {**LENS, "kind": "activation_patching"}
ESTIMATE = {**LENS, "kind": "attribution_patching"}
QUERIES = {**ESTIMATE, "cells": {"activation": "q"}}
TEXT = {**LENS, "kind": "generation"}
PATHS = {**LENS, "kind": "path_patching", "receiver": "L9H0"}


@pytest.mark.parametrize(
    ("asked", "unread"),
    [
        ({**ABLATION, "method": "zero"}, {"reference": ["a"], "pooled": False, "seed": 3, "draws": 7}),
        ({**ABLATION, "method": "mean"}, {"seed": 3, "draws": 7}),
        ({**ABLATION, "method": "resample"}, {"pooled": False}),
        (PATCHING, {"draws": 7}),
        (ESTIMATE, {"softmax_correction": False}),
        ({**ESTIMATE, "sample": 0}, {"seed": 3}),
        (TEXT, {"seed": 3}),
    ],
)
def test_options_that_a_method_does_not_read_make_no_other_question(asked, unread):
    plain = parse_recipe(asked)
    for name, value in unread.items():
        other = parse_recipe({**asked, name: value})
        assert other != plain
        assert settled(other) == settled(plain)


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        ({**ABLATION, "method": "mean"}, {"reference": ["a"], "pooled": False}),
        ({**ABLATION, "method": "resample"}, {"reference": ["a"], "seed": 3, "draws": 7}),
        ({**PATCHING, "noise": {"positions": [1]}}, {"draws": 7}),
        (QUERIES, {"softmax_correction": False, "seed": 3}),
        ({**TEXT, "temperature": 1.0}, {"seed": 3}),
    ],
)
def test_options_that_a_method_reads_make_another_question(asked, read):
    for name, value in read.items():
        assert settled(parse_recipe({**asked, name: value})) != settled(parse_recipe(asked))


@pytest.mark.parametrize(
    ("asked", "ordered", "otherwise"),
    [
        (ABLATION, {"freeze": ["pattern", "scale"]}, {"freeze": ["scale", "pattern", "scale"]}),
        (ABLATION, {"cells": {"layers": [1, 2]}}, {"cells": {"layers": [2, 1, 2]}}),
        (PATCHING, {"cells": {"by": "position", "positions": [1, 2]}},
         {"cells": {"by": "position", "positions": [2, 1]}}),
        (PATHS, {"layers": [1, 2]}, {"layers": [2, 1]}),
        (PATHS, {"heads": [{"layer": 0, "head": 1}, {"layer": 2, "head": 0}]},
         {"heads": [{"layer": 2, "head": 0}, {"layer": 0, "head": 1}]}),
        (LENS, {"interventions": [{"kind": "ablate", "site": Z, "freeze": ["pattern", "scale"]}]},
         {"interventions": [{"kind": "ablate", "site": Z, "freeze": ["scale", "pattern"]}]}),
        (PATCHING, {"noise": {"positions": [1], "freeze": ["pattern", "scale"]}},
         {"noise": {"positions": [1], "freeze": ["scale", "pattern"]}}),
    ],
)  # fmt: skip
def test_sets_ask_the_same_in_every_order(asked, ordered, otherwise):
    one, other = parse_recipe({**asked, **ordered}), parse_recipe({**asked, **otherwise})
    assert one != other
    assert settled(one) == settled(other)


def test_the_order_of_positions_under_noise_is_a_question_of_its_own():
    asked = [parse_recipe({**PATCHING, "noise": {"positions": at}}) for at in ([1, 2], [2, 1])]
    assert settled(asked[0]) != settled(asked[1])


def test_an_intervention_that_zeroes_has_no_draw():
    zero = {"kind": "ablate", "method": "zero", "site": Z}
    asked = [parse_recipe({**LENS, "interventions": [{**zero, **more}]}) for more in ({}, {"seed": 4, "draw": 2})]
    assert settled(asked[0]) == settled(asked[1])


def test_a_question_is_the_same_under_another_name_of_the_model():
    here, there, other = (recipe_json(parse_recipe({**LENS, **more})) for more in ({}, {"model": "x"}, {"top_k": 3}))
    assert same_question(here, there)
    assert not same_question(here, other)
