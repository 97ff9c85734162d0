"""Exact values are those of the exact sweep; estimates come first, and everything is signed as that sweep signs it."""

import re

import numpy as np
import pytest
import torch

from app.compute.activation_patching import activation_patching
from app.compute.attribution_patching import attribution_patching
from app.domain.cells import Cells
from app.domain.errors import BadAnswer, BadPrompt, BadRecipe, Cancelled
from app.domain.interventions import Ablate, Patch
from app.domain.models import Provenance
from app.domain.prompts import PromptPair
from app.domain.recipes import ActivationPatching, AttributionPatching
from app.domain.results import METRICS
from app.domain.sites import Site
from tests import tiny as words
from tests.loaded import ground_truth, tiny
from tests.unit.compute.asking import PAIR, PROCESSINGS, TOLERANCE, answer, ask, cache, each_model, incorrect
from tests.unit.compute.patched import denoising, estimated

PATTERN = r"blocks\.\d+\.attn\.hook_pattern"
SCALE = r"(blocks\.\d+\.(ln1|ln1_post|ln2|ln2_post)|ln_final)\.hook_scale"
FROZEN = {("pattern",): PATTERN, ("scale",): SCALE, ("pattern", "scale"): f"{PATTERN}|{SCALE}"}
LONGER = PromptPair("w1 w2 w3 w4 w2 w5 w6 w8 w12", "w1 w2 w3 w9 w2 w5 w6 w8 w12", ("w7", "w8"), ("w11",))
BOTH = (PAIR, LONGER)


def attribution(model, *interventions, prompts=BOTH, **options):
    return ask(attribution_patching, AttributionPatching, model, *interventions, prompts=prompts, **options)


def sweep(model, *interventions, prompts=BOTH, **options):
    return ask(activation_patching, ActivationPatching, model, *interventions, prompts=prompts, **options)


def reports(model, **options):
    """Every report of one computation, and its result."""
    recipe = AttributionPatching(model=model.facts.spec, prompts=BOTH, **options)
    told = []
    result = attribution_patching(
        model, recipe, lambda done, total, partial=None: told.append((done, total, partial)),
        digest="d", provenance=Provenance.of(model.facts, {}),
    )  # fmt: skip
    return told, result


@pytest.mark.parametrize("direction", ["denoising", "noising"])
@each_model
def test_chosen_cells_are_exactly_those_of_the_exact_sweep(architecture, processing, direction):
    model = tiny(architecture, processing)
    found = attribution(model, cells=Cells("z", "position"), direction=direction, top=3, bottom=2, sample=4)
    exact = sweep(model, cells=Cells("z", "position"), direction=direction)
    chosen = found.group > 0
    np.testing.assert_array_equal(found.cells, exact.cells)
    np.testing.assert_allclose(found.exact[:, chosen], exact.effect()[:, chosen], atol=TOLERANCE)
    assert np.isnan(found.exact[:, ~chosen]).all()
    assert [int((found.group == group).sum()) for group in (1, 2, 3)] == [3, 2, 4]
    for name in ("clean", "corrupted"):
        np.testing.assert_allclose(getattr(found, name), getattr(exact, name), atol=TOLERANCE)
    assert found.str_tokens.tolist() == exact.str_tokens.tolist()


def test_groups_are_the_ends_of_the_order_by_mean_estimate_and_a_seeded_sample():
    found = attribution(tiny("gpt2"), cells=Cells("z"), top=2, bottom=2, sample=3, seed=5)
    order = np.argsort(found.estimate.mean(axis=0))
    assert set(np.flatnonzero(found.group == 1)) == set(order[-2:])
    assert set(np.flatnonzero(found.group == 2)) == set(order[:2])
    again = attribution(tiny("gpt2"), cells=Cells("z"), top=2, bottom=2, sample=3, seed=5)
    other = attribution(tiny("gpt2"), cells=Cells("z"), top=2, bottom=2, sample=3, seed=6)
    np.testing.assert_array_equal(found.group, again.group)
    assert (found.group != other.group).any()


def test_more_cells_wanted_than_there_are_gives_them_all_once():
    found = attribution(tiny("gpt2"), cells=Cells("attn_out"), top=2, bottom=20, sample=40)
    assert sorted(found.group.tolist()) == [1, 1, 2]
    assert not np.isnan(found.exact).any()


def test_estimates_have_the_sign_and_direction_of_the_sweep():
    """At the last stream the map is close to linear, so the estimate is near the effect and shares its sign."""
    for direction in ("denoising", "noising"):
        options = {"cells": Cells("resid_post", layers=(2,), by="position", positions=(7,)), "direction": direction}
        found = attribution(tiny("gpt2"), prompts=(PAIR,), **options)
        assert np.sign(found.estimate).item() == np.sign(found.exact).item()
        assert found.exact.item() == pytest.approx(sweep(tiny("gpt2"), prompts=(PAIR,), **options).effect().item())


def test_noising_estimates_run_the_clean_prompt():
    model = tiny("llama")
    found = attribution(model, prompts=(PAIR,), cells=Cells("v"), direction="noising", top=0, bottom=0, sample=0)
    expected = estimated(model, denoising(model, words.CORRUPTED, words.CLEAN), Cells("v"))
    np.testing.assert_allclose(found.estimate[0], expected, rtol=1e-6)
    assert found.engine == "bridge: gradients"


def test_a_shorter_prompt_has_no_estimates_where_it_has_no_positions():
    found = attribution(tiny("neox"), cells=Cells("resid_pre", "position"), top=2, bottom=2, sample=2)
    beyond = found.cells[:, 1] >= 8
    assert np.isnan(found.estimate[0, beyond]).all()
    assert np.isnan(found.exact[0, beyond]).all()
    assert not np.isnan(found.estimate[0, ~beyond]).any()
    assert not np.isnan(found.estimate[1]).any()


def test_estimates_fill_in_prompt_by_prompt_and_then_exact_values():
    told, result = reports(tiny("llama"), cells=Cells("z"), top=2, bottom=2, sample=2)
    partials = [partial for _, _, partial in told if partial is not None]
    np.testing.assert_array_equal(partials[0].estimate[0], result.estimate[0])
    assert np.isnan(partials[0].estimate[1]).all()
    assert np.isnan(partials[0].clean[:, 1]).all()
    assert not partials[0].group.any()
    complete = [partial for partial in partials if not np.isnan(partial.estimate).any()]
    assert len(complete) > 2
    known = [int((~np.isnan(partial.exact)).sum()) for partial in complete]
    assert known[0] == 0
    assert known == sorted(known)
    assert known[-1] == 12
    assert told[-1][0] == told[-1][1] == 2 + 12


def test_a_computation_that_was_cancelled_goes_on_where_it_was():
    model = tiny("llama")
    options = {"cells": Cells("z", "position"), "top": 4, "bottom": 4, "sample": 4}
    recipe = AttributionPatching(model=model.facts.spec, prompts=BOTH, **options)
    kept = []

    def cancel_in_the_middle(done, total, partial=None):
        if partial is not None and not np.isnan(partial.exact[0]).all():
            kept.append(partial)
            raise Cancelled("enough")

    provenance = Provenance.of(model.facts, {})
    with pytest.raises(Cancelled):
        attribution_patching(model, recipe, cancel_in_the_middle, digest="d", provenance=provenance)
    before = kept[0].exact.copy()
    kept[0].exact[~np.isnan(before)] += 100  # what is known is kept, not computed again
    resumed = attribution_patching(model, recipe, digest="d", provenance=provenance, resume=kept[0])
    fresh = attribution(model, **options)
    known = ~np.isnan(before)
    np.testing.assert_allclose(resumed.exact[known], fresh.exact[known] + 100, rtol=1e-6)
    np.testing.assert_allclose(resumed.exact[~known], fresh.exact[~known], atol=TOLERANCE)


def test_estimates_that_are_known_are_not_made_again():
    model = tiny("llama")
    whole = attribution(model, cells=Cells("z"))
    told, _ = reports(model, cells=Cells("z"))
    first = next(partial for _, _, partial in told if partial is not None)
    first.estimate[0] += 100
    recipe = AttributionPatching(model=model.facts.spec, prompts=BOTH, cells=Cells("z"))
    found = attribution_patching(model, recipe, digest="d", provenance=first.provenance, resume=first)
    np.testing.assert_allclose(found.estimate, whole.estimate + np.array([[100], [0]]), rtol=1e-5)
    np.testing.assert_allclose(found.clean, whole.clean, atol=TOLERANCE)
    assert found.engine == whole.engine


def test_between_the_passes_of_grad_drop_somebody_may_cancel():
    model, told = tiny("gpt2"), []

    def cancel(done, total, partial=None):
        told.append((done, total))
        if len(told) == 3:
            raise Cancelled("enough")

    recipe = AttributionPatching(model=model.facts.spec, prompts=(PAIR,), cells=Cells("z"), grad_drop=True)
    with pytest.raises(Cancelled):
        attribution_patching(model, recipe, cancel, digest="d", provenance=Provenance.of(model.facts, {}))
    assert told == [(0, 1)] * 3  # before the first prompt, and after two of its four backward passes


@pytest.mark.filterwarnings("ignore:A forward hook edited hook_scale")  # the oracle freezes scales
@pytest.mark.parametrize("freeze", FROZEN, ids="+".join)
@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_what_is_frozen_stands_still_in_gradients_and_in_exact_cells(architecture, freeze):
    """The estimate is the derivative along the patch: moved by a small step of it, the run under hand-written hooks
    that hold the frozen parts moves by that much."""
    model = tiny(architecture)
    cells = Cells("resid_pre", "position", (1,), positions=(4,))
    found = attribution(model, prompts=(PAIR,), cells=cells, freeze=freeze)
    exact = sweep(model, prompts=(PAIR,), cells=cells, freeze=freeze)
    np.testing.assert_allclose(found.exact, exact.effect(), atol=TOLERANCE)
    _, plain = cache(model, words.CORRUPTED)
    held = [(name, lambda x, hook, value=plain[name]: value) for name in plain if re.fullmatch(FROZEN[freeze], name)]
    name, step = Site("resid_pre", 1).hook_name, 1e-2
    change = (cache(model)[1][name] - plain[name]) * (torch.arange(8) == 4)[:, None]

    def moved(by):
        logits, _ = cache(model, words.CORRUPTED, [*held, (name, lambda x, hook: x + by * change)])
        return float(logits[0, -1, answer(model)] - logits[0, -1, incorrect(model)])

    # float32 rounding of 1e-6 over a step of 2e-2, and the third order of the step
    assert found.estimate.item() == pytest.approx((moved(step) - moved(-step)) / (2 * step), rel=1e-2, abs=3e-4)
    free = attribution(model, prompts=(PAIR,), cells=cells)
    assert abs(free.estimate.item() - found.estimate.item()) > 1e-3


def test_another_recipes_partial_is_not_resumed():
    model = tiny("gpt2")
    other = attribution(model, cells=Cells("z"), top=1, bottom=1, sample=1)
    recipe = AttributionPatching(model=model.facts.spec, prompts=BOTH, cells=Cells("v"), top=1, bottom=1, sample=1)
    found = attribution_patching(model, recipe, digest="d", provenance=other.provenance, resume=other)
    np.testing.assert_array_equal(found.estimate, attribution(model, cells=Cells("v")).estimate)


@pytest.mark.parametrize("intervention", [Ablate(Site("z", 0, (1,))), Patch(Site("mlp_out", 0), source=words.CLEAN)])
def test_interventions_hold_in_the_run_that_is_patched(intervention):
    model = tiny("gpt2")
    options = {"prompts": (PAIR,), "cells": Cells("attn_out", "position", (2,), positions=(7,))}
    found = attribution(model, intervention, **options)
    exact = sweep(model, intervention, **options)
    plain = attribution(model, **options)
    np.testing.assert_allclose(found.exact, exact.effect(), atol=TOLERANCE)
    assert found.corrupted[0, 0] == pytest.approx(float(exact.corrupted[0, 0]), abs=TOLERANCE)
    assert found.clean[0, 0] == pytest.approx(float(plain.clean[0, 0]), abs=TOLERANCE)  # values come from a plain run
    assert abs(found.estimate.item() - plain.estimate.item()) > 1e-4


@pytest.mark.parametrize("processing", PROCESSINGS)
def test_on_the_ground_truth_model_estimates_rank_heads_as_their_effects_do(processing):
    model = ground_truth(processing)
    pair = PromptPair("apple river house apple", "tree river house apple", ("river",), ("house",))
    found = attribution(model, prompts=(pair,), cells=Cells("z", "position"), top=8, bottom=8, sample=40)
    known = ~np.isnan(found.exact[0])
    estimate, exact = found.estimate[0, known], found.exact[0, known]
    assert np.corrcoef(estimate, exact)[0, 1] > 0.9
    assert estimate.argmax() == exact.argmax()


def test_metrics_of_both_runs_are_reported_in_order():
    found = attribution(tiny("gpt2"), prompts=(PAIR,), cells=Cells("z"), top=0, bottom=0, sample=0)
    at = METRICS.index("kl_divergence")
    assert found.corrupted[at, 0] == 0  # the run that is patched is the baseline
    assert found.clean[at, 0] > 0


def test_what_cannot_be_patched_is_refused():
    model = tiny("gpt2")
    with pytest.raises(BadRecipe, match="Prompt 0 has no corrupted prompt"):
        attribution(model, prompts=(PromptPair("w1 w2", None, ("w7",), ("w9",)),))
    with pytest.raises(BadPrompt, match="same count"):
        attribution(model, prompts=(PromptPair("w1 w2", "w1 w2 w3", ("w7",), ("w9",)),))
    with pytest.raises(BadAnswer, match="name an incorrect_answer"):
        attribution(model, prompts=(PromptPair("w1 w2", "w1 w3", ("w7",)),))
    with pytest.raises(BadRecipe, match="sample = -1 is no count"):
        attribution(model, sample=-1)
