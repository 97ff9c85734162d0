"""The analyses on the models that come with Microtome: the attention-only ground truth and the real default."""

import numpy as np
import pytest
import torch
from transformer_lens.tools.analysis import direct_logit_attribution as oracle_attribution
from transformer_lens.tools.analysis.logit_lens import logit_lens as oracle_lens

from app.compute.attention_pattern import attention_pattern
from app.compute.correctness_meters import correctness_meters
from app.compute.direct_logit_attribution import direct_logit_attribution
from app.compute.logit_lens import logit_lens
from app.compute.prediction import prediction
from app.compute.residual_trajectory import residual_trajectory
from app.compute.runs import forward, run
from app.domain.errors import BadSite
from app.domain.interventions import Ablate, Patch
from app.domain.prompts import PromptPair
from app.domain.recipes import (
    AttentionPattern,
    CorrectnessMeters,
    DirectLogitAttribution,
    LogitLens,
    Prediction,
    ResidualTrajectory,
)  # fmt: skip
from app.domain.results import METRICS
from app.domain.sites import Site
from app.models.tokens import token_id, tokenise
from tests.loaded import ground_truth, smollm2
from tests.unit.compute.asking import TOLERANCE, ask

REPEATED = PromptPair("apple river house apple", "tree river house tree", ("river",), ("house",))
MARY = PromptPair(
    "When Mary and John went to the store, John gave a drink to",
    "When Mary and John went to the store, Mary gave a drink to",
    (" Mary",),
    (" John",),
)


@pytest.mark.parametrize("processing", ["compatibility", "raw"])
@pytest.mark.parametrize("interventions", [(), (Ablate(Site("z", 1, (0,)), "mean"),), (Patch(Site("resid_pre", 1)),)])
def test_an_attention_only_model_has_no_mlp_components_and_its_sum_holds(processing, interventions):
    model = ground_truth(processing)
    found = ask(direct_logit_attribution, DirectLogitAttribution, model, *interventions, prompts=(REPEATED,))
    assert found.component_labels == ("embed", "pos_embed", "L0.attn", "L1.attn", "bias")
    np.testing.assert_allclose(found.components.sum(-1), found.logit_diff, atol=TOLERANCE)
    np.testing.assert_allclose(found.heads[0].sum(-1) + found.attn_bias[0], found.components[0, 2:4], atol=TOLERANCE)


def test_an_attention_only_model_has_no_middle_of_the_block_and_no_mlp_to_change():
    model = ground_truth()
    found = ask(residual_trajectory, ResidualTrajectory, model, prompts=(REPEATED,))
    assert found.points == ("0_pre", "1_pre", "final")
    np.testing.assert_allclose(found.lens[0, -1], found.logit_diff[0], atol=TOLERANCE)
    for activation, says in (("mlp_out", "has no MLPs"), ("resid_mid", "it is attention only")):
        with pytest.raises(BadSite, match=says):
            forward(model, (64, 1, 2), (), (Ablate(Site(activation, 0)),))


def test_the_ground_truth_repeats_what_it_saw_until_its_induction_layer_is_removed():
    model = ground_truth()
    plain = ask(prediction, Prediction, model, prompts=(REPEATED,))
    assert plain.top_tokens[0, 0] == "river"
    removed = ask(prediction, Prediction, model, Ablate(Site("z", 1)), prompts=(REPEATED,))
    at = METRICS.index("probability")
    assert removed.metrics[at, 0] < plain.metrics[at, 0] / 10
    pattern = ask(attention_pattern, AttentionPattern, model, prompts=(REPEATED,)).pattern
    assert pattern[1, :, 4, 2].max() > 0.5  # from the second apple to what followed the first


@pytest.mark.parametrize("model", [ground_truth, smollm2])
def test_all_meters_hold(model):
    pair = REPEATED if model is ground_truth else MARY
    found = ask(correctness_meters, CorrectnessMeters, model(), prompts=(pair,))
    assert found.notes == ("",) * 5
    assert (found.deviation <= found.tolerance).all()


def test_the_default_models_attributions_equal_transformer_lens():
    model = smollm2()
    ids = torch.tensor([tokenise(model, MARY.clean, 64).ids])
    answers = {"answer_tokens": token_id(model, " Mary"), "incorrect_tokens": token_id(model, " John")}
    found = ask(direct_logit_attribution, DirectLogitAttribution, model, prompts=(MARY,))
    components = oracle_attribution(model.bridge, ids, **answers, unit="component").attribution.flatten()
    heads = oracle_attribution(model.bridge, ids, **answers, unit="head").attribution.flatten()[: 30 * 9]
    np.testing.assert_allclose(found.components[0, :-1], components, atol=TOLERANCE)
    np.testing.assert_allclose(found.heads[0].flatten(), heads, atol=TOLERANCE)
    np.testing.assert_allclose(found.components.sum(-1), found.logit_diff, atol=TOLERANCE)


def test_the_default_models_lens_and_patterns_equal_transformer_lens():
    model = smollm2()
    ids = torch.tensor([tokenise(model, MARY.clean, 64).ids])
    options = {"positions": None, "layers": range(1, 31), "return_type": "probs"}
    expected = oracle_lens(model.bridge, ids, top_k=3, **options).readout
    found = ask(logit_lens, LogitLens, model, prompts=(MARY,), top_k=3)
    np.testing.assert_allclose(found.top_probabilities, expected.values[:, 0], atol=TOLERANCE)
    np.testing.assert_allclose(found.entropy, expected.entropy[:, 0], atol=1e-3)  # a sum over 49,152 tokens
    names = [f"blocks.{layer}.attn.hook_pattern" for layer in (0, 23)]
    _, cached = model.bridge.run_with_cache(ids, names_filter=names)
    patterns = ask(attention_pattern, AttentionPattern, model, prompts=(MARY,), layers=(0, 23)).pattern
    np.testing.assert_allclose(patterns, torch.cat([cached[name] for name in names]), atol=TOLERANCE)


def test_raw_weights_of_the_default_model_give_the_same_attributions_and_log_probabilities():
    raw, folded = smollm2("raw"), smollm2()
    found, expected = (
        ask(direct_logit_attribution, DirectLogitAttribution, model, prompts=(MARY,)) for model in (raw, folded)
    )
    np.testing.assert_allclose(found.components, expected.components, atol=1e-3)  # folding rounds every weight again
    np.testing.assert_allclose(found.logit_diff, expected.logit_diff, atol=1e-3)
    ids = tokenise(raw, MARY.clean, 64).ids
    torch.testing.assert_close(run(raw, ids).log_probs, run(folded, ids).log_probs, atol=1e-3, rtol=0)


def test_the_name_mover_of_the_default_model_is_found_and_its_removal_costs_what_was_measured():
    model = smollm2()
    found = ask(direct_logit_attribution, DirectLogitAttribution, model, prompts=(MARY,))
    assert np.unravel_index(found.heads[0].argmax(), found.heads[0].shape) == (23, 3)
    removed = ask(prediction, Prediction, model, Ablate(Site("z", 23, (3,))), prompts=(MARY,))
    assert found.logit_diff[0] == pytest.approx(3.72, abs=0.01)
    assert removed.metrics[0, 0] - found.logit_diff[0] == pytest.approx(-3.17, abs=0.01)
