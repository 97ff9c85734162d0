"""Recipes: JSON round trip, digests that are equal exactly when recipes are, refusals in the right words."""

import json
from dataclasses import replace

import pytest
from hypothesis import given

from app.domain.cells import Cells
from app.domain.errors import BadPrompt, BadRecipe, BadSite
from app.domain.recipes import (
    LogitLens,
    PathPatching,
    baseline,
    digest,
    exact_patching,
    parse_recipe,
    pattern_layers,
    plain_json,
    recipe_dict,
    recipe_json,
)
from app.domain.session import WORKED_EXAMPLE, parse_session, session_dict
from app.domain.sites import Head
from app.domain.views import View, parse_view, view_dict
from tests.unit.domain.strategies import recipes, sessions

Z = {"activation": "z", "layer": 0}
PATTERN = {"activation": "pattern", "layer": 0}
LENS = {"kind": "logit_lens", "model": "ground-truth", "prompts": ["cat dog"]}


@given(recipes)
def test_a_recipe_survives_json(recipe):
    assert parse_recipe(recipe_json(recipe)) == recipe


@given(recipes, recipes)
def test_digests_are_equal_exactly_when_recipes_are(one, other):
    assert (digest(recipe_dict(one)) == digest(recipe_dict(other))) == (one == other)


@given(recipes)
def test_a_view_survives_json(recipe):
    assert parse_view(view_dict(View(recipe))) == View(recipe)


@given(sessions)
def test_a_session_survives_json(session):
    assert parse_session(json.dumps(session_dict(session))) == session


@given(recipes)
def test_the_baseline_of_a_recipe_has_no_interventions_and_nothing_else_changed(recipe):
    plain, kept = recipe_dict(baseline(recipe)), recipe_dict(recipe)
    assert plain.pop("interventions") == []
    kept.pop("interventions")
    assert plain == kept


def test_statistics_are_of_prompts_or_of_background_texts_never_of_both_or_none():
    asked = {"kind": "head_statistics", "model": "ground-truth"}
    assert parse_recipe({**asked, "corpus": True}).prompts == ()
    for fields, says in (({}, "no prompts"), ({"corpus": True, "prompts": ["cat"]}, "drop both, or corpus")):
        with pytest.raises(BadRecipe, match=says):
            parse_recipe({**asked, **fields})


@pytest.mark.parametrize("kind", ["behaviour_scores", "copying_scores"])
def test_numbers_of_the_model_alone_take_no_prompts_and_no_interventions(kind):
    asked = {"kind": kind, "model": "ground-truth"}
    assert parse_recipe(asked).prompts == ()
    for fields in ({"prompts": ["cat dog"]}, {"interventions": [{"kind": "ablate", "site": Z}]}):
        with pytest.raises(BadRecipe, match=r"a number of the model alone, .*; drop them"):
            parse_recipe({**asked, **fields})


def test_a_bare_string_names_a_listed_model_and_a_bare_prompt_is_a_clean_prompt():
    recipe = parse_recipe(LENS)
    assert isinstance(recipe, LogitLens)
    assert (recipe.model.source, recipe.model.name, recipe.prompts[0].clean) == ("listed", "ground-truth", "cat dog")


def test_one_answer_may_be_written_without_a_list():
    recipe = parse_recipe({**LENS, "prompts": [{"clean": "cat", "answer": " dog"}]})
    assert recipe.prompts[0].answer == (" dog",)


def test_a_source_head_may_be_written_as_it_is_printed_and_is_the_same_question():
    path = {**LENS, "kind": "path_patching", "source": "L1H2"}
    recipe, same = parse_recipe(path), parse_recipe({**path, "source": {"layer": 1, "head": 2}})
    assert isinstance(recipe, PathPatching)
    assert recipe.source == Head(1, 2)
    assert digest(recipe_dict(recipe)) == digest(recipe_dict(same))


def test_a_path_names_the_head_that_writes_or_the_one_that_reads_and_tries_the_others():
    path = {**LENS, "kind": "path_patching"}
    found = parse_recipe({**path, "receiver": "L2H1", "component": "v"})
    assert isinstance(found, PathPatching)
    assert found.tried(4) == Cells("z", layers=(0, 1)), "heads that write"
    assert replace(found, receiver=None, source=Head(2, 1)).tried(4) == Cells("v", layers=(3,)), "heads that read"
    for ends in ({}, {"source": "L1H2", "receiver": "L2H1"}):
        with pytest.raises(BadRecipe, match="either a source or a receiver"):
            parse_recipe({**path, **ends})
    for late in ({"layers": [2]}, {"heads": [{"layer": 2, "head": 0}]}):
        with pytest.raises(BadRecipe, match=r"layer 2 write nothing that L2H1 reads; .* before layer 2"):
            parse_recipe({**path, "receiver": "L2H1", **late})


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"source": "1.2"}, BadSite, "write it as L5H1"),
        ({"component": "z"}, BadRecipe, "component"),
        ({"layers": [3, 1]}, BadRecipe, "Heads of layer 1 do not read what L1H2 writes; .* after layer 1"),
        ({"heads": [{"layer": 0, "head": 1}]}, BadRecipe, "Heads of layer 0 do not read"),
    ],
)
def test_a_path_that_cannot_exist_is_refused(change, error, words):
    with pytest.raises(error, match=words):
        parse_recipe({**LENS, "kind": "path_patching", "source": "L1H2", **change})


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"kind": "logit_lense"}, BadRecipe, "logit_lens"),
        ({"top_q": 3}, BadRecipe, "top_q"),
        ({"prompts": []}, BadRecipe, "no prompts"),
        ({"prompts": [""]}, BadPrompt, "empty"),
        ({"prompts": [{"clean": "a", "corrupted": " "}]}, BadPrompt, "corrupted prompt is empty"),
        ({"top_k": "many"}, BadRecipe, "top_k"),
        ({"model": {"source": "pickle", "name": "x"}}, BadRecipe, "source"),
    ],
)
def test_what_is_not_a_recipe_is_refused_in_words_that_name_the_fault(change, error, words):
    with pytest.raises(error, match=words):
        parse_recipe({**LENS, **change})


def test_text_that_is_not_json_is_refused():
    with pytest.raises(BadRecipe, match="Invalid JSON"):
        parse_recipe("{")


@pytest.mark.parametrize(
    ("site", "words"),
    [
        ({"activation": "mlp_out", "layer": 0, "heads": [1]}, "no head axis"),
        ({"activation": "z", "layer": -1}, "layers count from 0"),
        ({"activation": "z", "layer": 0, "heads": []}, "selects nothing"),
        ({"activation": "z", "layer": 0, "positions": [-2]}, "selects nothing"),
    ],
)
def test_a_site_that_cannot_exist_is_refused(site, words):
    with pytest.raises(BadSite, match=words):
        parse_recipe({**LENS, "interventions": [{"kind": "ablate", "site": site}]})


def test_a_mean_over_positions_is_refused_on_a_pattern_whose_rows_mean_their_positions():
    bad = {"kind": "ablate", "method": "mean", "site": {"activation": "pattern", "layer": 0}}
    with pytest.raises(BadSite, match="set pooled to false, or use zero or resample"):
        parse_recipe({**LENS, "interventions": [bad]})
    assert parse_recipe({**LENS, "interventions": [{**bad, "pooled": False}]})


@pytest.mark.parametrize(
    ("intervention", "words"),
    [
        ({"kind": "patch", "site": Z, "source_positions": [1]}, "must pair with the site's positions"),
        ({"kind": "patch", "site": {**Z, "positions": [1, 2]}, "source_positions": [1]}, "with the same count"),
        ({"kind": "patch", "site": {**PATTERN, "positions": [1]}, "source_positions": [2]}, "patch q, k or z"),
        ({"kind": "knock_out_edge", "layer": 0, "edges": []}, "pairs"),
        ({"kind": "knock_out_edge", "layer": 0, "edges": [[1, 2]]}, "key <= query"),
        ({"kind": "knock_out_edge", "layer": 0, "edges": [[2, 1]], "value": 1.5}, "between 0 and 1"),
        ({"kind": "gaussian_noise", "positions": []}, "selects nothing"),
        ({"kind": "gaussian_noise", "positions": [1], "scale": -1}, "0 or more"),
    ],
)
def test_an_intervention_that_means_nothing_is_refused(intervention, words):
    with pytest.raises(BadSite, match=words):
        parse_recipe({**LENS, "interventions": [intervention]})


def test_running_the_corrupted_prompts_needs_one_in_every_pair():
    with pytest.raises(BadRecipe, match="not every prompt has a corrupted one"):
        parse_recipe({**LENS, "base": "corrupted"})


def test_an_experiment_makes_recipes_for_the_baseline_and_for_the_switched_on_interventions():
    zero = {"kind": "ablate", "site": {"activation": "z", "layer": 3, "heads": [1]}}
    off = {"kind": "ablate", "site": {"activation": "z", "layer": 4, "heads": [2]}}
    spoken = session_dict(WORKED_EXAMPLE)
    spoken["experiment"]["interventions"] = [{"intervention": zero, "on": True}, {"intervention": off, "on": False}]
    experiment = parse_session(spoken).experiment
    assert experiment.recipe("logit_lens").interventions == ()
    assert [i.site.layer for i in experiment.recipe("logit_lens", intervened=True).interventions] == [3]
    assert experiment.has_interventions


@pytest.mark.parametrize(
    ("method", "base"),
    [("mean", "corrupted"), ("denoising", "clean"), ("noising", "clean"), ("tracing", "clean"), ("estimate", "clean")],
)
def test_sweeps_of_patching_have_a_direction_and_no_base_run(method, base):
    spoken = session_dict(WORKED_EXAMPLE)
    spoken["experiment"]["base"] = "corrupted"
    spoken["sweep"]["noise"] = {"positions": [1]}
    session = parse_session(spoken)
    assert session.sweep.recipe(session.experiment, method).base == base


@pytest.mark.parametrize(
    ("given", "read"),
    [(None, ()), ("mean", ("mean",)), ([], ()), (["mean", "zero"], ("mean", "zero"))],
)
def test_a_session_from_when_one_method_at_most_stood_beside_the_first_is_read(given, read):
    asked = session_dict(WORKED_EXAMPLE)
    asked["sweep"]["against"] = given
    assert parse_session(asked).sweep.against == read
    assert parse_session(json.dumps(asked)).sweep.against == read


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["mean", "mean"], "holds a method twice"),
        (["denoising"], "holds a method twice"),
        (["zero", "mean", "resample", "noising"], "4 methods beside denoising are too many; give 3 or fewer"),
        ("guess", "Input should be 'zero'"),
        (7, "This is not a session"),
    ],
)
def test_methods_that_cannot_stand_side_by_side_are_refused(given, said):
    asked = session_dict(WORKED_EXAMPLE)
    asked["sweep"]["against"] = given
    with pytest.raises(BadRecipe, match=said):
        parse_session(asked)


def test_causal_tracing_without_noise_is_refused():
    asked = session_dict(WORKED_EXAMPLE)
    asked["sweep"]["noise"] = None
    session = parse_session(asked)
    with pytest.raises(BadRecipe, match="there is none; give noise with positions"):
        session.sweep.recipe(session.experiment, "tracing")


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        (
            {"kind": "attribution_patching", "cells": {"activation": "q"}, "freeze": ["scale"], "top": 3},
            {"cells": {"activation": "q"}, "freeze": ["scale"]},
        ),
        ({"kind": "path_patching", "source": "L1H2", "component": "v"}, {}),
    ],
)
def test_exact_patching_is_of_the_same_pairs_in_the_same_direction(asked, fields):
    shared = {**LENS, "direction": "noising", "interventions": [{"kind": "ablate", "site": Z}]}
    found = exact_patching(parse_recipe({**shared, **asked}))  # type: ignore[arg-type]  # one of the two
    assert found == parse_recipe({**shared, "kind": "activation_patching", **fields})


def test_a_long_prompt_asks_for_its_attention_layer_by_layer():
    assert pattern_layers(n_layers=30, n_heads=9, n_positions=64, layer=7) is None
    assert pattern_layers(n_layers=30, n_heads=9, n_positions=512, layer=7) == (7,)


@pytest.mark.parametrize("option", ["kind", "model", "prompts", "interventions"])
def test_an_experiment_gives_what_is_its_own_and_refuses_it_as_an_option(option):
    with pytest.raises(BadRecipe, match=f"'{option}', which the experiment gives itself"):
        WORKED_EXAMPLE.experiment.recipe("logit_lens", **{option: "x"})


def test_json_that_nests_without_end_is_refused_in_words():
    with pytest.raises(BadRecipe, match="not a recipe"):
        parse_recipe("[" * 100_000)
    with pytest.raises(ValueError, match="too deeply"):
        plain_json("[" * 100_000)
