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
from app.domain.directions import Probe
from app.domain.errors import BadRecipe
from app.domain.samples import Sample
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


def asked(n=60, **fields):
    """Each of n samples per group is of a text of its own."""
    plus, minus = (tuple(Sample(f"{side}{at}") for at in range(n)) for side in "+-")
    return Probe("resid_post", 0, plus, minus, **fields)


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
    assert probe(plus, minus, asked(10, seed=2))[1]["control_accuracy"] == pytest.approx(np.mean(wanted))


def test_a_share_that_leaves_nothing_to_score_is_refused():
    with pytest.raises(BadRecipe, match=r"a share nearer to 0\.25"):
        probe(*groups(1.0, n=4), asked(4, held_out=0.05))
    sides = [tuple(Sample(text, at) for at in range(4)) for text in ("a", "b")]
    with pytest.raises(BadRecipe, match="all samples of a text are on one side"):
        probe(*groups(1.0, n=4), Probe("resid_post", 0, *sides))


def of_texts(n_texts, each):
    """Samples that say which text they are of and nothing else of their group."""
    rng, width = np.random.default_rng(0), 2 * n_texts
    texts = [10 * rng.standard_normal(width) + 0.1 * rng.standard_normal((each, width)) for _ in range(n_texts)]
    rows, half = torch.from_numpy(np.concatenate(texts)).float(), n_texts // 2
    groups_of = (range(half), range(half, n_texts))
    sides = [tuple(Sample(f"t{at}", k) for at in group for k in range(each)) for group in groups_of]
    return rows[: half * each], rows[half * each :], Probe("resid_post", 0, *sides, held_out=0.5)


def test_tokens_of_one_text_are_never_on_both_sides():
    """A split by sample recognises the text of a sample, and scores 1 where there is nothing to be known."""
    plus, minus, asked_of = of_texts(n_texts=40, each=6)
    samples, labels = np.concatenate([plus, minus]).astype(float), np.repeat([1, 0], len(plus))
    assert by_hand(samples, labels, 1.0, 0.5, 0)[1] > 0.95
    _, facts = probe(plus, minus, asked_of)
    assert facts["held_out_accuracy"] < 0.8
    assert (facts["n_train"], facts["n_held_out"]) == (120, 120)


def test_where_a_text_has_both_groups_its_samples_stay_together_and_labels_are_shuffled_over_samples():
    sides = [tuple(Sample(f"t{at}", k) for at in range(12) for k in (side, side + 2)) for side in (0, 1)]
    rng = np.random.default_rng(1)
    plus, minus = (torch.from_numpy(rng.standard_normal((24, 4)) + sign).float() for sign in (2, -2))
    _, facts = probe(plus, minus, Probe("resid_post", 0, *sides))
    assert (facts["n_train"], facts["n_held_out"]) == (36, 12)
    assert facts["held_out_accuracy"] > facts["control_accuracy"]
