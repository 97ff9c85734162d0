"""Which prompt of a pair is run, and which interventions apply to which prompt, in every analysis of single runs."""

from dataclasses import fields

import numpy as np
import pytest

from app.compute.attention_pattern import attention_pattern
from app.compute.attention_weights import attention_weights
from app.compute.correctness_meters import correctness_meters
from app.compute.direct_logit_attribution import direct_logit_attribution
from app.compute.generation import generation
from app.compute.logit_lens import logit_lens
from app.compute.prediction import prediction
from app.compute.prompts import read_prompt, read_prompts
from app.compute.residual_trajectory import residual_trajectory
from app.domain.errors import BadRecipe
from app.domain.interventions import Ablate, Patch
from app.domain.prompts import PromptPair
from app.domain.recipes import (
    AttentionPattern,
    AttentionWeights,
    CorrectnessMeters,
    DirectLogitAttribution,
    Generation,
    LogitLens,
    Prediction,
    ResidualTrajectory,
)
from app.domain.results import METRICS, array_axes
from app.domain.sites import Site
from tests import tiny as words
from tests.loaded import tiny
from tests.unit.compute.asking import PAIR, ask

SWAPPED = PromptPair(words.CORRUPTED, words.CLEAN, PAIR.answer, PAIR.incorrect_answer)
ANALYSES = {
    "prediction": (prediction, Prediction),
    "direct_logit_attribution": (direct_logit_attribution, DirectLogitAttribution),
    "attention_pattern": (attention_pattern, AttentionPattern),
    "attention_weights": (attention_weights, AttentionWeights),
    "residual_trajectory": (residual_trajectory, ResidualTrajectory),
    "logit_lens": (logit_lens, LogitLens),
    "generation": (generation, Generation),
    "correctness_meters": (correctness_meters, CorrectnessMeters),
}
OF_THE_PAIR = {"corrupted_metrics", "recipe"}
LOST = Site("resid_pre", 1, positions=(4,))


def same(one, other, but=OF_THE_PAIR):
    for field in fields(one):
        if field.name not in but:
            mine, theirs = (getattr(each, field.name) for each in (one, other))
            if field.name in array_axes(type(one)):
                np.testing.assert_array_equal(mine, theirs, err_msg=field.name)
            else:
                assert mine == theirs


@pytest.mark.parametrize("name", ANALYSES)
def test_running_the_corrupted_prompt_is_running_the_clean_one_of_the_swapped_pair(name):
    compute, kind = ANALYSES[name]
    for change in ((), (Patch(LOST),), (Ablate(Site("z", 0), "mean"),)):
        found = ask(compute, kind, tiny("llama"), *change, base="corrupted")
        same(found, ask(compute, kind, tiny("llama"), *change, prompts=(SWAPPED,)))


@pytest.mark.parametrize("base", ["clean", "corrupted"])
def test_metrics_of_the_corrupted_prompt_are_the_same_numbers_whichever_prompt_is_run(base):
    at = [METRICS.index(name) for name in ("logit_diff", "answer_log_prob", "rank")]
    found = ask(prediction, Prediction, tiny("llama"), Ablate(LOST), base=base)
    plain = ask(prediction, Prediction, tiny("llama"), prompts=(PromptPair(words.CORRUPTED, None, *_answers()),))
    np.testing.assert_array_equal(found.corrupted_metrics[at], plain.metrics[at])
    divergence = found.corrupted_metrics[METRICS.index("kl_divergence"), 0]
    assert (divergence == 0) == (base == "corrupted")


def _answers():
    return PAIR.answer, PAIR.incorrect_answer


@pytest.mark.parametrize("name", ["prediction", "direct_logit_attribution", "residual_trajectory"])
def test_an_intervention_holds_on_the_prompts_it_names_and_on_no_other(name):
    compute, kind = ANALYSES[name]
    found, plain, lost = (
        ask(compute, kind, tiny("gpt2"), *change, prompts=(PAIR, SWAPPED))
        for change in ((Ablate(LOST, prompts=(1,)),), (), (Ablate(LOST),))
    )
    for field, axes in array_axes(type(found)).items():
        at = axes.index("prompt")
        for prompt, expected in ((0, plain), (1, lost)):
            pair = (np.take(getattr(each, field), prompt, at) for each in (found, expected))
            np.testing.assert_array_equal(*pair, err_msg=field)


@pytest.mark.parametrize("name", ["attention_pattern", "attention_weights", "logit_lens", "generation"])
@pytest.mark.parametrize("prompt", [0, 1])
def test_a_recipe_for_one_prompt_knows_which_it_is(name, prompt):
    compute, kind = ANALYSES[name]
    options = {"prompts": (PAIR, SWAPPED), "prompt": prompt}
    found = ask(compute, kind, tiny("gpt2"), Ablate(LOST, prompts=(1,)), **options)
    same(found, ask(compute, kind, tiny("gpt2"), *((Ablate(LOST),) if prompt else ()), **options))


def test_a_read_prompt_says_which_it_is_and_what_patches_take_from():
    model = tiny("gpt2")
    recipe = Prediction(model=model.facts.spec, prompts=(PAIR, SWAPPED), base="corrupted")
    first, second = read_prompts(model, recipe, 64)
    assert (first.index, second.index) == (0, 1)
    assert first.clean == second.corrupted == read_prompt(model, PAIR, 64).corrupted
    with pytest.raises(BadRecipe, match="prompt 3 has no corrupted one"):
        read_prompt(model, PromptPair("w1"), 64, 3, "corrupted")
