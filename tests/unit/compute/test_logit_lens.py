"""The lens against TransformerLens' own, and against the model's true output at the last layer."""

import numpy as np
import pytest
import torch
from transformer_lens.tools.analysis.logit_lens import logit_lens as oracle

from app.compute import logit_lens as lens_module
from app.compute.logit_lens import logit_lens
from app.compute.prediction import prediction
from app.domain.errors import BadRecipe
from app.domain.interventions import Ablate
from app.domain.prompts import PromptPair
from app.domain.recipes import LogitLens, Prediction
from app.domain.results import METRICS
from app.domain.sites import Site
from tests.loaded import tiny
from tests.unit.compute.asking import PAIR, TOLERANCE, answer, ask, cache, each_model, incorrect, tokens


def lens(model, *interventions, **options):
    return ask(logit_lens, LogitLens, model, *interventions, **options)


@each_model
def test_every_layer_and_position_equals_transformer_lens_logit_lens(architecture, processing):
    model = tiny(architecture, processing)
    found = lens(model)
    stack = {"positions": None, "layers": range(1, 4), "return_type": "probs"}  # entry 0 is the embedding
    top = oracle(model.bridge, tokens(model), top_k=5, **stack).readout
    chosen = oracle(model.bridge, tokens(model), targets=[answer(model), incorrect(model)], **stack).readout
    assert found.top_tokens.shape == (3, 8, 5)
    np.testing.assert_allclose(found.top_probabilities, top.values[:, 0], atol=TOLERANCE)
    np.testing.assert_allclose(found.entropy, top.entropy[:, 0], atol=TOLERANCE)
    np.testing.assert_allclose(found.answer_probability, chosen.values[:, 0, :, 0], atol=TOLERANCE)
    np.testing.assert_allclose(found.answer_rank, chosen.target_ranks[:, 0, :, 0], atol=0)
    log_odds = chosen.values[:, 0].log()
    np.testing.assert_allclose(
        found.logit_diff, log_odds[..., 0] - log_odds[..., 1], atol=1e-3
    )  # of logs of small numbers


@each_model
def test_the_last_layer_gives_the_true_output(architecture, processing):
    model = tiny(architecture, processing)
    logits, _ = cache(model)
    found = lens(model, top_k=1)
    np.testing.assert_allclose(found.top_probabilities[-1, :, 0], logits[0].softmax(-1).amax(-1), atol=TOLERANCE)
    expected = logits[0, :, answer(model)] - logits[0, :, incorrect(model)]
    np.testing.assert_allclose(found.logit_diff[-1], expected, atol=TOLERANCE)


def test_the_last_cell_is_the_prediction_also_under_interventions():
    model, change = tiny("gemma"), Ablate(Site("z", 1, (2,)))
    predicted, read = ask(prediction, Prediction, model, change, top_k=5), lens(model, change)
    assert read.top_tokens[-1, -1].tolist() == predicted.top_tokens[0].tolist()
    assert read.answer_probability[-1, -1] == pytest.approx(
        predicted.metrics[METRICS.index("probability"), 0], abs=TOLERANCE
    )


def test_chunks_do_not_show(monkeypatch):
    model = tiny("gpt2")
    whole = lens(model)
    monkeypatch.setattr(lens_module, "CHUNK_BYTES", 4 * model.facts.d_vocab * 5)
    told = []
    recipe = LogitLens(model=model.facts.spec, prompts=(PAIR,))
    chunked = logit_lens(
        model,
        recipe,
        lambda done, total, partial=None: told.append((done, total)),
        digest="d",
        provenance=whole.provenance,
    )
    assert told == [(0, 24), (5, 24), (10, 24), (15, 24), (20, 24)]
    np.testing.assert_allclose(chunked.top_probabilities, whole.top_probabilities, atol=TOLERANCE)
    np.testing.assert_allclose(chunked.entropy, whole.entropy, atol=TOLERANCE)


def test_without_answers_the_top_tokens_stand_and_the_answers_numbers_are_nan():
    found = lens(tiny("llama"), prompts=(PromptPair("w1 w2 w3"),))
    assert np.isnan(found.logit_diff).all()
    assert np.isnan(found.answer_rank).all()
    assert np.isnan(found.answer_probability).all()
    assert np.isfinite(found.entropy).all()
    assert found.str_tokens[0] == "<|endoftext|>"


def test_with_an_answer_alone_only_the_difference_is_nan():
    found = lens(tiny("llama"), prompts=(PromptPair("w1 w2 w3", answer=("w7",)),))
    assert np.isnan(found.logit_diff).all()
    assert np.isfinite(found.answer_rank).all()


def test_a_prompt_is_chosen_by_its_index_and_a_missing_one_is_refused():
    model = tiny("llama")
    prompts = (PAIR, PromptPair("w5 w6"))
    assert len(lens(model, prompts=prompts, prompt=1).str_tokens) == 3
    with pytest.raises(BadRecipe, match="2 prompts, so prompt 2 does not exist"):
        lens(model, prompts=prompts, prompt=2)
    with pytest.raises(BadRecipe, match="top_k=51 is not possible; give a number from 1 to 50"):
        lens(model, top_k=51)


def test_probabilities_are_sorted_and_entropy_lies_between_zero_and_uniform():
    found = lens(tiny("neox"))
    assert (np.diff(found.top_probabilities, axis=-1) <= 0).all()
    assert (found.entropy > 0).all()
    assert (found.entropy <= torch.log(torch.tensor(50.0)).item()).all()
