"""A linear probe: the direction along which a logistic regression tells two groups of activations apart.

scikit-learn's LogisticRegression (L2, strength 1 / C) on standardised activations (mean and standard deviation of the
training share alone). A share of the texts, drawn with the seed and stratified by the group of their first sample, is
held out for its accuracy, with all samples of each: tokens of one text say much of each other. The weights are those of
the training share, divided by the standard deviations, so that they are in the stream's own units: along them the
log-odds of `plus` grow by one per unit of their product with the activation.

The control is the same, split, trained and scored alike, with the labels shuffled: mean accuracy of CONTROLS shuffles.
They are shuffled over texts, and over samples where a text has some of both groups.
A probe says little where its accuracy is not far above both the control and `chance`, the larger group's share.
Source: Alain and Bengio 2016 (https://arxiv.org/abs/1610.01644); control tasks: Hewitt and Liang 2019
(https://arxiv.org/abs/1909.03368), here with shuffled labels. Not done: choice of C, other classifiers.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from app.domain.directions import Probe
from app.domain.errors import BadRecipe

CONTROLS = 10
"""Shuffles of the labels."""
MOST_STEPS = 2000
"""Of the optimiser; what is separable keeps growing slowly, and stops here or before."""


@dataclass(frozen=True, eq=False)
class _Split:
    """Samples that are trained on, and those that are held out."""

    train: NDArray[np.float64]
    held_out: NDArray[np.float64]
    train_labels: NDArray[np.int64]
    held_out_labels: NDArray[np.int64]


def probe(
    plus: Float[Tensor, "sample d_model"], minus: Float[Tensor, "sample d_model"], asked: Probe
) -> tuple[Float[Tensor, " d_model"], dict[str, float]]:
    """The weights in the stream's units, positive towards `plus`, and how well they tell the groups apart."""
    samples = torch.cat([plus, minus]).double().cpu().numpy()
    labels = np.repeat([1, 0], [len(plus), len(minus)])
    split = _split(samples, labels, asked)
    fitted = _fitted(split, asked)
    scaler, regression = (fitted.named_steps[name] for name in ("standardscaler", "logisticregression"))
    weights = torch.from_numpy(regression.coef_[0] / scaler.scale_)
    return weights.float().to(plus.device), _facts(fitted, split, samples, labels, asked)


def _facts(
    fitted: Pipeline, split: _Split, samples: NDArray[np.float64], labels: NDArray[np.int64], asked: Probe
) -> dict[str, float]:
    return {
        "held_out_accuracy": float(fitted.score(split.held_out, split.held_out_labels)),
        "control_accuracy": _control(samples, labels, asked),
        "chance": float(max(np.mean(split.held_out_labels), 1 - np.mean(split.held_out_labels))),
        "train_accuracy": float(fitted.score(split.train, split.train_labels)),
        "n_train": float(len(split.train)),
        "n_held_out": float(len(split.held_out)),
    }


def _control(samples: NDArray[np.float64], labels: NDArray[np.int64], asked: Probe) -> float:
    """Mean held-out accuracy with shuffled labels."""
    shuffle, found = np.random.RandomState(asked.seed), []
    _, first, text = _texts(asked)
    by_text = bool((labels == labels[first][text]).all())
    for _ in range(CONTROLS):
        shuffled = shuffle.permutation(labels[first])[text] if by_text else shuffle.permutation(labels)
        split = _split(samples, shuffled, asked)
        found.append(_fitted(split, asked).score(split.held_out, split.held_out_labels))
    return float(np.mean(found))


def _texts(asked: Probe) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """The texts in the order in which they come first, the first sample of each, and of every sample which it is of."""
    every = [each.text for each in (*asked.plus, *asked.minus)]
    texts = list(dict.fromkeys(every))
    place = {text: at for at, text in enumerate(texts)}
    return texts, np.array([every.index(text) for text in texts]), np.array([place[text] for text in every])


def _split(samples: NDArray[np.float64], labels: NDArray[np.int64], asked: Probe) -> _Split:
    """Whole texts on one side or the other."""
    texts, first, text = _texts(asked)
    options: Any = {"test_size": asked.held_out, "random_state": asked.seed, "stratify": labels[first]}
    try:
        sides: list[Any] = train_test_split(np.arange(len(texts)), **options)
    except ValueError:
        raise _too_few(asked, len(texts)) from None
    train, held_out = (np.concatenate([np.flatnonzero(text == at) for at in side]) for side in sides)
    if min(len(set(labels[side])) for side in (train, held_out)) < 2:
        raise _too_few(asked, len(texts))
    return _Split(samples[train], samples[held_out], labels[train], labels[held_out])


def _too_few(asked: Probe, texts: int) -> BadRecipe:
    return BadRecipe(
        f"held_out = {asked.held_out:g} of {texts} texts leaves a group without samples on one side; give a share "
        f"nearer to 0.25, or more texts: all samples of a text are on one side."
    )


def _fitted(split: _Split, asked: Probe) -> Pipeline:
    regression = LogisticRegression(C=asked.C, max_iter=MOST_STEPS)
    return make_pipeline(StandardScaler(), regression).fit(split.train, split.train_labels)
