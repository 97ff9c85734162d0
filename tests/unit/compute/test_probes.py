"""Probes against scikit-learn called by itself, on activations of a tiny model and on samples made by hand."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

from app.compute.directions import made
from app.compute.probes import CONTROLS, probe
from app.compute.samples import activations
from app.domain.directions import Probe, Sample
from app.domain.errors import BadRecipe
from tests.loaded import tiny

PLUS = tuple(Sample(f"w{at} w7 w{at + 3}") for at in range(12))
MINUS = tuple(Sample(f"w{at} w11") for at in range(12, 22))
ASKED = Probe("resid_post", 1, PLUS, MINUS, C=0.5, held_out=0.3, seed=4)


def by_hand(samples, labels, C, held_out, seed):
    """Weights in the samples' own units, held-out accuracy: scikit-learn on columns standardised with NumPy."""
    train, test, own, other = train_test_split(samples, labels, test_size=held_out, random_state=seed, stratify=labels)
    mean, spread = train.mean(0), train.std(0)
    fitted = LogisticRegression(C=C, max_iter=5000).fit(scale(train), own)
    return fitted.coef_[0] / spread, fitted.score((test - mean) / spread, other)


def test_a_probe_is_that_of_scikit_learn():
    model = tiny("llama")
    found = made(model, ASKED)
    groups = [activations(model, "resid_post", 1, side).double().numpy() for side in (PLUS, MINUS)]
    labels = np.array([1] * 12 + [0] * 10)
    weights, accuracy = by_hand(np.concatenate(groups), labels, 0.5, 0.3, 4)
    np.testing.assert_allclose(found.vector.numpy(), weights, rtol=1e-3, atol=1e-4)  # two runs of one optimiser
    assert found.facts["held_out_accuracy"] == pytest.approx(accuracy)
    assert (found.facts["n_train"], found.facts["n_held_out"]) == (15, 7)


def groups(distance, n=60, width=8):
    """Two clouds, `distance` apart along the first axis, whose axes have very different units."""
    rng = np.random.default_rng(0)
    units = np.geomspace(0.01, 100, width)
    apart = np.eye(width)[0] * distance
    return [torch.from_numpy((rng.standard_normal((n, width)) + sign * apart) * units).float() for sign in (1, -1)]


def asked(**fields):
    return Probe("resid_post", 0, PLUS, MINUS, **fields)


def test_separable_groups_are_told_apart_along_what_separates_them_and_shuffled_labels_are_not():
    vector, facts = probe(*groups(3.0), asked())
    assert facts["held_out_accuracy"] == 1
    assert facts["control_accuracy"] == pytest.approx(0.5, abs=0.12)  # ten times 30 coins: 0.03 about the mean
    assert facts["chance"] == 0.5
    assert vector.abs().argmax() == 0
    assert vector[0] > 0


def test_groups_that_do_not_differ_are_told_apart_no_better_than_the_control():
    _, facts = probe(*groups(0.0), asked())
    assert abs(facts["held_out_accuracy"] - facts["control_accuracy"]) < 0.2
    assert facts["train_accuracy"] > facts["held_out_accuracy"]


def test_the_control_is_the_mean_over_shuffles_of_the_same_procedure():
    plus, minus = groups(1.0, n=10)
    samples, labels = np.concatenate([plus, minus]).astype(np.float64), np.repeat([1, 0], 10)
    shuffle = np.random.RandomState(2)
    wanted = [by_hand(samples, shuffle.permutation(labels), 1.0, 0.25, 2)[1] for _ in range(CONTROLS)]
    assert probe(plus, minus, asked(seed=2))[1]["control_accuracy"] == pytest.approx(np.mean(wanted))


def test_a_share_that_leaves_nothing_to_score_is_refused():
    with pytest.raises(BadRecipe, match=r"a share nearer to 0\.25"):
        probe(*groups(1.0, n=4), asked(held_out=0.05))
