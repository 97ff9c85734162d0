"""The lens against TransformerLens' own, and against the model's true output at the last layer."""

import numpy as np
import pytest
import torch
from transformer_lens.tools.analysis.logit_lens import logit_lens as oracle

from app.compute import logit_lens as lens_module
from app.compute.logit_lens import logit_lens
from app.compute.prediction import prediction
from app.compute.residual_trajectory import residual_trajectory
from app.domain.errors import BadAnswer, BadRecipe, BadSite
from app.domain.interventions import Ablate
from app.domain.prompts import PromptPair
from app.domain.recipes import LogitLens, Prediction, ResidualTrajectory
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


@each_model
def test_the_divergence_is_that_of_the_final_distribution_from_the_lens(architecture, processing):
    model = tiny(architecture, processing)
    logits, cached = cache(model)
    found = lens(model)
    final = logits[0].log_softmax(-1)
    with torch.no_grad():
        for layer in range(3):
            read = model.bridge.unembed(model.bridge.ln_final(cached[f"blocks.{layer}.hook_resid_post"]))
            read = model.bridge.adapter.apply_output_logits_transform(read)[0].log_softmax(-1)
            kl = torch.nn.functional.kl_div(read, final, log_target=True, reduction="none").sum(-1)
            np.testing.assert_allclose(found.kl_divergence[layer], kl, atol=TOLERANCE)
    np.testing.assert_allclose(found.kl_divergence[-1], 0, atol=TOLERANCE)


def test_any_token_has_its_logit_probability_and_rank_at_every_point():
    model = tiny("gpt2")
    found = lens(model, top_k=50, tokens=("w3", "w40"))
    for at in np.ndindex(3, 8):
        ranked = found.top_tokens[at].tolist()
        for token, word in enumerate(("w3", "w40")):
            place = ranked.index(word)
            assert found.token_ranks[(*at, token)] == place
            assert found.token_probabilities[(*at, token)] == pytest.approx(
                found.top_probabilities[at][place], abs=1e-6
            )
    log_odds = np.log(found.token_probabilities[..., 0] / found.token_probabilities[..., 1])
    np.testing.assert_allclose(found.token_logits[..., 0] - found.token_logits[..., 1], log_odds, atol=1e-3)


def test_the_answers_are_followed_where_no_token_is_chosen():
    found = lens(tiny("llama"))
    assert found.tokens == (PAIR.answer[0], PAIR.incorrect_answer[0])
    np.testing.assert_allclose(found.token_probabilities[..., 0], found.answer_probability, atol=1e-6)
    np.testing.assert_array_equal(found.token_ranks[..., 0], found.answer_rank)


def test_some_positions_are_those_of_the_whole_map():
    model = tiny("neox")
    whole, some = lens(model), lens(model, positions=(6, 2))
    assert some.positions == (6, 2)
    np.testing.assert_allclose(some.kl_divergence, whole.kl_divergence[:, [6, 2]], atol=TOLERANCE)
    np.testing.assert_allclose(some.token_logits, whole.token_logits[:, [6, 2]], atol=TOLERANCE)


def test_the_points_between_sublayers_are_those_of_the_trajectory():
    model, change = tiny("gpt2", "raw"), Ablate(Site("z", 1, (2,)))
    found = lens(model, change, points=("resid_pre", "resid_mid", "resid_post"), positions=(7,))
    assert found.points == ("0_pre", "0_mid", "0_post", "1_mid", "1_post", "2_mid", "2_post")
    path = ask(residual_trajectory, ResidualTrajectory, model, change)
    np.testing.assert_allclose(found.logit_diff[:, 0], path.lens[0], atol=TOLERANCE)  # 1_pre is 0_post, and so on


def test_points_positions_and_tokens_that_are_not_there_are_refused():
    with pytest.raises(BadSite, match="parallel"):
        lens(tiny("neox"), points=("resid_mid",))
    with pytest.raises(BadSite, match="8 positions"):
        lens(tiny("gpt2"), positions=(8,))
    with pytest.raises(BadAnswer, match="w1 w2"):
        lens(tiny("gpt2"), tokens=("w1 w2",))


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
    assert [total for _, total in told] == [24] * len(told)
    assert len(told) > 5
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
