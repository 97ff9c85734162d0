"""Two readings of one stream: logit lens (norm recomputed) and cumulative attribution (the run's own norm)."""

import numpy as np
import pytest
import torch

from app.compute.direct_logit_attribution import direct_logit_attribution
from app.compute.residual_trajectory import residual_trajectory
from app.domain.errors import BadAnswer
from app.domain.interventions import Ablate, Patch
from app.domain.prompts import PromptPair
from app.domain.recipes import DirectLogitAttribution, ResidualTrajectory
from app.domain.sites import Site
from tests import tiny as words
from tests.loaded import tiny
from tests.unit.compute.asking import PAIR, TOLERANCE, TWO_ANSWERS, answer, ask, cache, each_model, incorrect


def trajectory(model, *interventions, **options):
    return ask(residual_trajectory, ResidualTrajectory, model, *interventions, **options)


@each_model
def test_the_lens_equals_a_slow_loop_through_the_models_own_norm_and_unembedding(architecture, processing):
    model = tiny(architecture, processing)
    _, cached = cache(model)
    found = trajectory(model)
    stack = cached.accumulated_resid(incl_mid=architecture != "neox")[:, 0, -1]
    assert len(found.points) == len(stack)
    for resid, value in zip(stack, found.lens[0], strict=True):
        with torch.no_grad():
            logits = model.bridge.unembed(model.bridge.ln_final(resid[None, None]))[0, 0]
        assert value == pytest.approx(float(logits[answer(model)] - logits[incorrect(model)]), abs=TOLERANCE)


@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_cumulative_equals_transformer_lens_logit_attrs_of_the_accumulated_stream(architecture):
    model = tiny(architecture)
    _, cached = cache(model)
    stack = cached.accumulated_resid(incl_mid=architecture != "neox", pos_slice=-1)
    expected = cached.logit_attrs(stack, answer(model), incorrect_tokens=incorrect(model), pos_slice=-1).flatten()
    bias = float(model.bridge.b_U[answer(model)] - model.bridge.b_U[incorrect(model)])
    np.testing.assert_allclose(trajectory(model).cumulative[0], expected + bias, atol=TOLERANCE)


@each_model
def test_steps_of_the_cumulative_reading_are_direct_attributions(architecture, processing):
    model = tiny(architecture, processing)
    found = trajectory(model)
    components = ask(direct_logit_attribution, DirectLogitAttribution, model)
    written = components.components[0, components.component_labels.index("L0.attn") : -1]
    by_step = written.reshape(3, 2).sum(-1) if architecture == "neox" else written
    np.testing.assert_allclose(np.diff(found.cumulative[0]), by_step, atol=TOLERANCE)


@each_model
@pytest.mark.parametrize("interventions", [(), (Ablate(Site("z", 1)),), (Patch(Site("resid_pre", 2)),)])
def test_both_readings_end_at_the_logit_difference(architecture, processing, interventions):
    found = trajectory(tiny(architecture, processing), *interventions, prompts=(PAIR,))
    np.testing.assert_allclose(found.lens[:, -1], found.logit_diff, atol=TOLERANCE)
    np.testing.assert_allclose(found.cumulative[:, -1], found.logit_diff, atol=TOLERANCE)


def test_points_are_named_by_layer_and_parallel_blocks_have_no_middle():
    assert trajectory(tiny("gpt2")).points == ("0_pre", "0_mid", "1_pre", "1_mid", "2_pre", "2_mid", "final")
    assert trajectory(tiny("neox")).points == ("0_pre", "1_pre", "2_pre", "final")


def test_an_intervention_shows_at_the_point_where_it_is_made():
    model = tiny("llama")
    plain, patched = trajectory(model), trajectory(model, Patch(Site("resid_pre", 1)))
    changed = np.abs(plain.lens[0] - patched.lens[0]) > TOLERANCE
    assert changed[plain.points.index("1_pre")]
    assert not changed[: plain.points.index("1_pre")].any()


def test_several_answers_are_averaged():
    model = tiny("gpt2", "raw")
    singles = tuple(
        PromptPair(TWO_ANSWERS.clean, None, (one,), TWO_ANSWERS.incorrect_answer) for one in TWO_ANSWERS.answer
    )
    expected = trajectory(model, prompts=singles).lens.mean(0)
    np.testing.assert_allclose(trajectory(model, prompts=(TWO_ANSWERS,)).lens[0], expected, atol=TOLERANCE)


def test_a_prompt_without_both_answers_is_refused():
    with pytest.raises(BadAnswer, match="name an incorrect_answer"):
        trajectory(tiny("llama"), prompts=(PromptPair("w1 w2", answer=("w7",)),))
