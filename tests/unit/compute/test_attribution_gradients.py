"""Estimates by more than one gradient: layers dropped in turn (GradDrop), and integrated between two inputs."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from app.compute.attribution_estimates import Patched
from app.domain.cells import Cells
from app.domain.sites import Site
from app.models.tokens import answer_ids, tokenise
from tests.loaded import ground_truth, tiny
from tests.unit.compute.asking import each_model
from tests.unit.compute.patched import (
    denoising,
    estimated,
    logit_diff,
    moving,
    source_values,
)  # fmt: skip
from tests.unit.compute.test_attribution_estimates import ROUNDING, _through_the_rows


@pytest.mark.parametrize("activation", ["z", "attn_out", "mlp_out", "resid_mid", "resid_pre", "q"])
@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma"])
def test_grad_drop_is_the_mean_magnitude_over_runs_in_which_one_layer_is_detached(architecture, activation):
    model = tiny(architecture)
    patched, cells = denoising(model), Cells(activation, "position")
    passes = [_detached(model, patched, cells, layer) for layer in range(3)]
    count = 3 if activation.startswith("resid") else 2  # inside a layer there is nothing while it is dropped
    found, plain = estimated(model, patched, cells, drop=True), estimated(model, patched, cells)
    np.testing.assert_allclose(np.abs(found), np.abs(passes).sum(0) / count, atol=ROUNDING)
    np.testing.assert_array_equal(np.sign(found[plain != 0]), np.sign(plain[plain != 0]))


def _detached(model, patched, cells, layer):
    """Estimates where this layer's contributions to the stream begin the graph anew."""
    names = [Site(activation, layer).hook_name for activation in ("attn_out", "mlp_out")]
    hooks = [(each, lambda activation, hook: activation.detach().requires_grad_()) for each in names]
    found = estimated(model, replace(patched, hooks=hooks), cells).reshape(3, -1)
    if cells.activation in ("attn_out", "mlp_out"):
        found[layer] = 0  # it is itself what is dropped
    return found.flatten()


@pytest.mark.parametrize("cells", [
    Cells("z", "position"), Cells("mlp_out", "position"), Cells("resid_pre", "position"), Cells("v", "all"),
    Cells("q", "position"), Cells("pattern", "edge", (1,)),
], ids=lambda cells: cells.activation)  # fmt: skip
@each_model
def test_integrated_estimates_meet_the_mean_gradient_of_inputs_set_by_hand(architecture, processing, cells):
    model = tiny(architecture, processing)
    patched, steps = denoising(model), 3
    expected = np.mean([_at_input(model, patched, cells, step / steps) for step in range(steps)], axis=0)
    found = estimated(model, patched, cells, steps=steps)
    np.testing.assert_allclose(found, expected, atol=ROUNDING)
    assert np.abs(found - estimated(model, patched, cells)).max() > 100 * ROUNDING, "one gradient is another estimate"


def _at_input(model, patched, cells, share):
    """The change between the two whole runs times the gradient where the first stream is this much of both, cell by
    cell with a mask per cell."""
    found, mixed = [], _mixed(model, patched, share)
    for layer in {int(place[0]) for place in cells.places(model.facts, len(patched.ids))}:
        site = Site(cells.activation, layer)
        change = source_values(model, patched, site) - source_values(model, _swapped(patched), site)
        gradient = _gradient(model, patched, site, mixed)
        for place in cells.places(model.facts, len(patched.ids)):
            if place[0] == layer:
                _, choose = moving(cells, place, torch.ones_like(change))
                found.append(float((choose(torch.zeros_like(change), None) * change * gradient).sum()))
    return found


def _swapped(patched):
    return replace(patched, ids=patched.source_ids, source_ids=patched.ids)


def _mixed(model, patched, share):
    """The first stream, this much of the source's and the rest of the run's own."""
    own, source = (source_values(model, each, Site("resid_pre", 0)) for each in (_swapped(patched), patched))
    return (1 - share) * own + share * source


def _gradient(model, patched, site, stream):
    """By torch alone: the first stream is set, the activation is kept, the logit difference goes back to it."""
    kept = []
    (a,), (b,) = patched.answers

    def keep(activation, hook):
        kept.append(activation * 1)  # q, k, v and z come as views
        return kept[0]

    begin = (Site("resid_pre", 0).hook_name, lambda resid_pre, hook: stream.clone().requires_grad_())
    with torch.enable_grad():
        logits = model.bridge.run_with_hooks(torch.tensor([patched.ids]), fwd_hooks=[begin, (site.hook_name, keep)])
        return torch.autograd.grad(logits[0, -1, a] - logits[0, -1, b], kept[0])[0]


def test_integrated_estimates_under_an_intervention_go_from_its_run_to_its_run_on_the_other_input():
    """So the first stream's add up to the exact effect of patching it, whatever the interventions change behind it."""
    model = tiny("gpt2")
    hook = (Site("mlp_out", 1).hook_name, lambda mlp_out, hook: 0 * mlp_out)
    shifted = (Site("resid_pre", 0).hook_name, lambda resid_pre, hook: resid_pre * 1.5)
    patched, cells = replace(denoising(model), hooks=[hook, shifted]), Cells("resid_pre", layers=(0,))
    source = source_values(model, denoising(model), Site("resid_pre", 0))
    effect = logit_diff(model, patched, [hook, moving(cells, (0,), source)]) - logit_diff(model, patched, patched.hooks)
    fewer, more = (estimated(model, patched, cells, steps=steps)[0] for steps in (40, 80))
    np.testing.assert_allclose(2 * more - fewer, effect, rtol=0.01)  # the term in 1/m taken away
    assert abs(effect) > 0.01


@pytest.mark.parametrize("activation", ["q", "k"])
def test_integrated_rows_meet_the_mean_gradient_of_the_pattern(activation):
    model = tiny("llama")
    patched, cells, steps = denoising(model), Cells(activation, "position", (1,)), 3
    inputs = [_mixed(model, patched, step / steps) for step in range(steps)]
    gradient = torch.stack([_gradient(model, patched, Site("pattern", 1), each)[0] for each in inputs]).mean(0)
    expected = [_through_the_rows(model, patched, cells, place, gradient) for place in cells.places(model.facts, 8)]
    found = estimated(model, patched, cells, correction=True, steps=steps)
    np.testing.assert_allclose(found, expected, atol=1e-5)  # float32 rows
    assert np.abs(found - estimated(model, patched, cells, correction=True)).max() > 1e-4


def test_grad_drop_changes_nothing_in_the_last_layer_which_only_the_final_norm_follows():
    model = ground_truth()
    texts = "apple river house apple", "apple tree house apple"
    source, run = (tokenise(model, text, 32).ids for text in texts)
    patched = Patched(run, source, (answer_ids(model, ("river",)), answer_ids(model, ("tree",))))
    plain, dropped = (np.abs(estimated(model, patched, Cells("z"), drop=drop)) for drop in (False, True))
    assert plain.max() > 0.1
    np.testing.assert_allclose(dropped[4:], plain[4:], atol=ROUNDING)  # the last layer has no layer after it to drop
