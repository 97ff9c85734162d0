"""The next token and the answers' metrics against the bridge's own logits."""

import numpy as np
import pytest
import torch

from app.compute.prediction import prediction
from app.domain.errors import BadAnswer, BadPrompt, BadRecipe
from app.domain.interventions import Ablate, Patch
from app.domain.prompts import PromptPair
from app.domain.recipes import Prediction
from app.domain.results import METRICS
from app.domain.sites import Site
from app.models.tokens import token_string
from tests import tiny as words
from tests.loaded import tiny
from tests.unit.compute.asking import PAIR, TOLERANCE, answer, ask, cache, each_model, incorrect


def predict(model, *interventions, **options):
    return ask(prediction, Prediction, model, *interventions, **options)


def metric(result, name, prompt=0):
    return result.metrics[METRICS.index(name), prompt]


@each_model
def test_top_tokens_are_the_bridges_softmax(architecture, processing):
    model = tiny(architecture, processing)
    logits, _ = cache(model)
    expected = logits[0, -1].softmax(-1).topk(4)
    found = predict(model, top_k=4)
    np.testing.assert_allclose(found.top_probabilities[0], expected.values, atol=TOLERANCE)
    np.testing.assert_allclose(found.top_logits[0], logits[0, -1].topk(4).values, atol=TOLERANCE)
    assert found.top_tokens[0].tolist() == [token_string(model, id) for id in expected.indices.tolist()]


@each_model
def test_the_baselines_metrics_are_read_off_its_logits_and_its_divergence_is_exactly_zero(architecture, processing):
    model = tiny(architecture, processing)
    logits = cache(model)[0][0, -1]
    found = predict(model)
    log_prob = float(logits.log_softmax(-1)[answer(model)])
    assert metric(found, "logit_diff") == pytest.approx(
        float(logits[answer(model)] - logits[incorrect(model)]), abs=TOLERANCE
    )
    assert metric(found, "answer_log_prob") == pytest.approx(log_prob, abs=TOLERANCE)
    assert metric(found, "rank") == int((logits > logits[answer(model)]).sum())
    assert metric(found, "kl_divergence") == 0.0


@each_model
def test_divergence_is_from_the_baseline_to_the_intervened_run(architecture, processing):
    model = tiny(architecture, processing)
    baseline = cache(model)[0][0, -1].log_softmax(-1)
    zero = ("blocks.1.attn.hook_z", lambda z, hook: torch.zeros_like(z))
    ablated = cache(model, hooks=[zero])[0][0, -1].log_softmax(-1)
    expected = torch.nn.functional.kl_div(ablated, baseline, log_target=True, reduction="sum")
    assert metric(predict(model, Ablate(Site("z", 1))), "kl_divergence") == pytest.approx(
        float(expected), abs=TOLERANCE
    )


def test_the_corrupted_metrics_are_those_of_the_corrupted_prompts_plain_run():
    model = tiny("llama")
    alone = predict(model, prompts=(PromptPair(words.CORRUPTED, None, PAIR.answer, PAIR.incorrect_answer),))
    found = predict(model, Ablate(Site("z", 0)))
    np.testing.assert_allclose(found.corrupted_metrics[:4, 0], alone.metrics[:4, 0], atol=TOLERANCE)
    assert found.corrupted_metrics[METRICS.index("kl_divergence"), 0] > 0


def test_metrics_that_the_prompt_names_no_answers_for_are_nan_and_the_others_are_not():
    nothing, only_answer = (PromptPair("w1 w2"), PromptPair("w1 w2", answer=("w7",)))
    found = predict(tiny("llama"), prompts=(nothing, only_answer))
    assert np.isnan(found.metrics).tolist() == [
        [True, True],
        [True, False],
        [True, False],
        [True, False],
        [False, False],
    ]
    assert np.isnan(found.corrupted_metrics).all()


def test_patching_the_whole_first_stream_gives_the_corrupted_prediction():
    model = tiny("neox")
    found = predict(model, Patch(Site("resid_pre", 0)))
    np.testing.assert_allclose(found.metrics, found.corrupted_metrics, atol=TOLERANCE)


def test_what_cannot_be_asked_is_refused():
    model = tiny("llama")
    with pytest.raises(BadAnswer, match="'nonsense' is not in the vocabulary"):
        predict(model, prompts=(PromptPair("w1", answer=("nonsense",)),))
    with pytest.raises(BadRecipe, match="top_k=0 is not possible"):
        predict(model, top_k=0)
    with pytest.raises(BadPrompt, match="they first differ at"):
        predict(model, Patch(Site("z", 0)), prompts=(PromptPair("w1 w2 w3", "w1 w4"),))
