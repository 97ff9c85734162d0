"""Every refusal before anything is computed, in words that name what to do; and what is fine."""

import math
from typing import Any

import pytest

from app.checks import check
from app.domain.cells import Cells
from app.domain.errors import BadAnswer, BadInput, BadPrompt, BadRecipe, BadSite
from app.domain.interventions import Ablate, GaussianNoise, KnockOutEdge, Patch
from app.domain.prompts import PromptPair
from app.domain.recipes import (
    Ablation,
    ActivationPatching,
    AttributionPatching,
    Generation,
    PathPatching,
    Prediction,
    SelfRepair,
)
from app.domain.sites import Head, Site
from tests import tiny as words
from tests.loaded import tiny

PAIR = PromptPair(words.CLEAN, words.CORRUPTED, (words.ANSWER,), (words.INCORRECT,))
SHORT = PromptPair("w1 w2", None, (words.ANSWER,), (words.INCORRECT,))
LONG = "w1 " * 40
Z = Site("z", 0)


def ask(
    kind: type[Any], *interventions: Any, prompts: Any = (PAIR,), architecture: str = "gpt2", **fields: Any
) -> None:
    model = tiny(architecture)
    recipe = kind(model=model.facts.spec, prompts=prompts, interventions=interventions, **fields)
    check(model, recipe, 32)


@pytest.mark.parametrize(
    ("intervention", "error", "says"),
    [
        (Ablate(Site("z", 3)), BadSite, "3 layers"),
        (Ablate(Site("z", 0, None, (8,))), BadSite, "The prompt has 8 positions"),
        (Ablate(Site("mlp_post", 0, neurons=(128,))), BadSite, "128 neurons per layer"),
        (Ablate(Z, prompts=(1,)), BadSite, "The recipe has 1 prompts"),
        (Ablate(Z, "mean", ("w1", "nonsense")), BadPrompt, "not in the vocabulary"),
        (Ablate(Z, "mean", (LONG,)), BadPrompt, "the limit is 32"),
        (Ablate(Z, "mean", ()), BadRecipe, "has no texts"),
        (Ablate(Z, "mean", ("w1 w2",), pooled=False), BadPrompt, "8 tokens or more"),
        (Ablate(Z, "resample", "prompts", draw=-1), BadRecipe, "draw = -1"),
        (Ablate(Z, "resample", "prompts"), BadPrompt, "nothing to resample from"),
        (Ablate(Z, "resample", seed=-1), BadRecipe, "seed = -1"),
        (Patch(Z, "w1"), BadPrompt, "positions and source_positions"),
        (Patch(Z, LONG), BadPrompt, "the limit is 32"),
        (Patch(Site("z", 0, None, (7,)), "w1 w2"), BadSite, "patched from has 3 positions"),
        (Patch(Site("z", 0, None, (7,)), source_positions=(9,)), BadSite, "patched from has 8 positions"),
        (KnockOutEdge(0, ((9, 1),)), BadSite, "The prompt has 8 positions"),
        (KnockOutEdge(0, ((3, 1), (3, 2)), (4,)), BadSite, "4 heads"),
        (KnockOutEdge(0, ((3, 1), (3, 2)), value=0.7, renormalise=True), BadSite, "more than 1"),
        (GaussianNoise((8,)), BadSite, "The prompt has 8 positions"),
        (GaussianNoise((1,), draw=-1), BadRecipe, "draw = -1"),
        (GaussianNoise((1,), seed=2**32), BadRecipe, "from 0 to 4294967295"),
    ],
)
def test_an_intervention_that_cannot_be_made_is_refused(intervention, error, says):
    with pytest.raises(error, match=says):
        ask(Prediction, intervention)


def test_a_patch_needs_the_pairs_other_prompt_and_for_all_positions_one_of_the_same_length():
    with pytest.raises(BadRecipe, match="give a corrupted prompt"):
        ask(Prediction, Patch(Z), prompts=(SHORT,))
    unequal = PromptPair(words.CLEAN, "w1 w2")
    with pytest.raises(BadPrompt, match="8 tokens and the corrupted one 3; they first differ at position 3"):
        ask(Prediction, Patch(Z), prompts=(unequal,))
    ask(Prediction, Patch(Site("z", 0, None, (2,))), prompts=(unequal,))
    ask(Prediction, Patch(Site("z", 0, None, (7,)), source_positions=(2,)), prompts=(unequal,))


def test_interventions_are_checked_on_the_prompts_they_apply_to():
    late = Ablate(Site("z", 0, None, (7,)), prompts=(0,))
    ask(Prediction, late, prompts=(PAIR, SHORT))
    with pytest.raises(BadSite, match="The prompt has 3 positions"):
        ask(Prediction, Ablate(late.site), prompts=(PAIR, SHORT))
    with pytest.raises(BadSite, match="The prompt has 3 positions"):
        ask(Prediction, late, prompts=(PromptPair(words.CLEAN, "w1 w2"),), base="corrupted")


@pytest.mark.parametrize(
    ("kind", "fields", "error", "says"),
    [
        (Ablation, {"cells": Cells(layers=(3,))}, BadSite, "3 layers"),
        (Ablation, {"cells": Cells(heads=(Head(0, 4),))}, BadSite, "4 heads"),
        (Ablation, {"cells": Cells("resid_pre", "position", positions=(8,))}, BadSite, "8 positions"),
        (Ablation, {"cells": Cells("pattern"), "method": "mean"}, BadSite, "not defined on pattern"),
        (Ablation, {"method": "resample", "draws": 0}, BadRecipe, "from 1 to 100"),
        (Ablation, {"method": "resample", "draws": 100}, BadRecipe, "reference prompts to resample from"),
        (Ablation, {"method": "resample", "reference": ("w1",)}, BadPrompt, "nothing to resample from"),
        (Ablation, {"method": "mean", "reference": ("w1",), "pooled": False}, BadPrompt, "8 tokens or more"),
        (Ablation, {"method": "mean", "reference": ("nonsense",)}, BadPrompt, "not in the vocabulary"),
        (ActivationPatching, {"prompts": (SHORT,)}, BadRecipe, "Prompt 0 has no corrupted prompt"),
        (ActivationPatching, {"prompts": (PromptPair(words.CLEAN, "w1"),)}, BadPrompt, "first differ"),
        (ActivationPatching, {"base": "corrupted"}, BadRecipe, "have a direction instead"),
        (ActivationPatching, {"noise": GaussianNoise((9,))}, BadSite, "8 positions"),
        (ActivationPatching, {"noise": GaussianNoise((1,)), "draws": 101}, BadRecipe, "from 1 to 100"),
        (AttributionPatching, {"prompts": (PromptPair(words.CLEAN, words.CORRUPTED),)}, BadAnswer, "name an answer"),
        (AttributionPatching, {"top": -1}, BadRecipe, "top = -1"),
        (AttributionPatching, {"base": "corrupted"}, BadRecipe, "have a direction instead"),
        (PathPatching, {"source": Head(0, 4)}, BadSite, "4 heads"),
        (PathPatching, {"source": Head(2, 0)}, BadSite, "L2H0 is in the last layer"),
        (PathPatching, {"source": Head(0, 0), "layers": (3,)}, BadSite, "3 layers"),
        (PathPatching, {"source": Head(0, 0), "base": "corrupted"}, BadRecipe, "have a direction instead"),
        (PathPatching, {"source": Head(0, 0), "prompts": (SHORT,)}, BadRecipe, "Prompt 0 has no corrupted prompt"),
        (PathPatching, {"receiver": Head(0, 0)}, BadSite, "L0H0 is in the first layer"),
        (PathPatching, {"receiver": Head(3, 0)}, BadSite, "3 layers"),
        (SelfRepair, {}, BadRecipe, "add an intervention"),
        (Generation, {"prompt": 1}, BadSite, "The recipe has 1 prompts"),
        (Generation, {"max_new_tokens": 201}, BadRecipe, "from 1 to 200"),
        (Generation, {"temperature": -0.5}, BadRecipe, "greedy"),
        (Generation, {"temperature": math.inf}, BadRecipe, "greedy"),
        (Generation, {"seed": -1, "temperature": 1.0}, BadRecipe, "seed = -1"),
    ],
)
def test_a_field_that_cannot_be_computed_is_refused(kind, fields, error, says):
    with pytest.raises(error, match=says):
        ask(kind, **fields)


def test_self_repair_needs_answers():
    with pytest.raises(BadAnswer, match="name an answer"):
        ask(SelfRepair, Ablate(Z), prompts=(PromptPair("w1"),))


def test_a_sweep_by_position_names_the_prompts_whose_lengths_differ():
    with pytest.raises(BadRecipe, match=r"prompt 0 \('.*w1w2.*'\) has 8 tokens and prompt 1 \(.*\) has 3"):
        ask(Ablation, prompts=(PAIR, SHORT), cells=Cells("resid_pre", "position"))
    ask(Ablation, prompts=(PAIR, SHORT), cells=Cells("z"))


def test_a_full_context_leaves_nothing_to_generate():
    model = tiny("gpt2")
    full = Generation(model=model.facts.spec, prompts=(PromptPair("w1 " * 63),))
    with pytest.raises(BadRecipe, match="context of 64 tokens"):
        check(model, full, 512)


@pytest.mark.parametrize("architecture", ["neox", "gemma"])
def test_activations_that_an_architecture_does_not_have_are_refused(architecture):
    site = Site("resid_mid", 0)
    if architecture == "gemma":
        ask(Prediction, Ablate(site), architecture=architecture)
        return
    with pytest.raises(BadInput, match="has no resid_mid"):
        ask(Prediction, Ablate(site), architecture=architecture)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Ablation, {"cells": Cells("mlp_post", layers=(1,)), "method": "mean"}),
        (Ablation, {"cells": Cells("pattern", "edge"), "base": "corrupted"}),
        (Ablation, {"cells": Cells("k", "position"), "method": "resample", "draws": 3}),
        (ActivationPatching, {"noise": GaussianNoise((3,)), "draws": 10, "prompts": (PromptPair(words.CLEAN),)}),
        (AttributionPatching, {"grad_drop": True, "ig_steps": 100}),
        (PathPatching, {"source": Head(0, 3), "component": "v", "layers": (1, 2)}),
        (PathPatching, {"receiver": Head(2, 3), "component": "k"}),
        (Generation, {"temperature": 0.7, "max_new_tokens": 200}),
    ],
)
def test_what_can_be_computed_passes(kind, fields):
    ask(kind, Ablate(Z, "resample", draw=2, freeze=("scale",)), **fields)
