"""What several prompts say about each cell of a sweep: mean, its uncertainty, and whether it could be chance.

All in the unit of the values. The standard error is std (n - 1) / sqrt(n). The interval is the percentile bootstrap
over prompts, 95 %, 1,000 resamples. The p-value is the two-sided sign-flip permutation test that the mean effect is 0:
every pattern of signs is equally likely under it; all 2^n patterns up to 12 prompts, 1,000 random ones above. n prompts
cannot give less than 2^(1 - n), so that fewer than 6 never reach 0.05. The q-value is that p-value corrected for the
number of cells that could reach 0.05: of cells with q < 0.05 about 5 % at most do nothing (Benjamini and Hochberg 1995,
https://doi.org/10.1111/j.2517-6161.1995.tb02031.x).
NaN values (not computed) are left out, cell by cell; what needs two prompts is NaN with one, never 0.

Source and oracle: transformer_lens.utilities.statistics. Seeds mean the same random numbers there and here: torch and
NumPy share the Mersenne Twister, of which both take `uint32 % n`.
"""

import functools
import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Doubles = NDArray[np.float64]
RESAMPLES = 1000
EXACT = 12
"""Most prompts for which every sign pattern is tried."""
SIGNIFICANT = 0.05
FEWEST = 6
"""Fewest prompts whose p-value can fall below SIGNIFICANT."""
_TIE = 100 * float(np.finfo(np.float32).eps)
"""Relative size of what counts as equal to the observed mean: the inputs are float32."""
_CHUNK = 2**18
"""Numbers of one intermediate array: 2 MiB, which stay in a processor's cache."""


@dataclass(frozen=True, eq=False)
class Spread:
    """Statistics per cell over its `n` computed prompts; `low` and `high` bound the 95 % interval."""

    mean: Doubles
    standard_error: Doubles
    low: Doubles
    high: Doubles
    p_value: Doubles
    n: NDArray[np.int64]

    @property
    def tested(self) -> NDArray[np.bool_]:
        """`[cell]`: of enough prompts for p to fall below 0.05."""
        return self.n >= FEWEST

    @functools.cached_property
    def q_value(self) -> Doubles:
        """`[cell]` p-values of the tested cells after Benjamini and Hochberg; NaN where nothing is tested."""
        found, tested = np.full(len(self.p_value), np.nan), np.flatnonzero(self.tested)
        falling = tested[np.argsort(-self.p_value[tested], kind="stable")]
        ranks = np.arange(len(falling), 0, -1)
        found[falling] = np.minimum.accumulate(self.p_value[falling] * len(falling) / ranks)
        return found

    @property
    def insignificant(self) -> NDArray[np.bool_]:
        """`[cell]`: q is 0.05 or more, where the number of prompts could have given less."""
        return self.tested & (self.q_value >= SIGNIFICANT)


def spread(values: ArrayLike, over: ArrayLike | None = None, tested: ArrayLike | None = None, seed: int = 0) -> Spread:
    """`values [prompt cell]` -> statistics per cell.

    With `over [prompt]` all are of the ratio of means, mean(values) / mean(over), its standard error linearised.
    `tested [prompt cell]` are the effects of the p-value, by default the values.
    """
    numbers = np.asarray(values, dtype=np.float64)
    spans = np.ones(len(numbers)) if over is None else np.asarray(over, dtype=np.float64)
    effects = numbers if tested is None else np.asarray(tested, dtype=np.float64)
    found = np.full((5, numbers.shape[1]), np.nan)
    for prompts, cells in _alike(np.isfinite(numbers)):
        here = np.ix_(prompts, cells)
        means, errors = _means(numbers[here], spans[prompts])
        found[:2, cells] = means, errors
        if len(prompts) > 1:
            found[2:4, cells] = _bootstrap(numbers[here], spans[prompts], seed)
            found[4, cells] = _sign_flip(effects[here], seed)
    return Spread(*found, n=np.isfinite(numbers).sum(axis=0))


def _alike(known: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(prompts, cells): the cells that are computed on the same prompts, at least one."""
    if known.all() and known.size:  # usual, and sorting thousands of columns is not free
        yield np.arange(len(known)), np.arange(known.shape[1])
        return
    patterns, belongs = np.unique(known, axis=1, return_inverse=True)
    for at, pattern in enumerate(patterns.T):
        if pattern.any():
            yield np.flatnonzero(pattern), np.flatnonzero(belongs.ravel() == at)


def _means(values: Doubles, spans: Doubles) -> tuple[Doubles, Doubles]:
    """Mean(values) / mean(spans), and its standard error."""
    ratio = values.mean(axis=0) / spans.mean()
    if len(values) < 2:
        return ratio, np.full_like(ratio, np.nan)
    left = values - ratio * spans[:, None]
    return ratio, left.std(axis=0, ddof=1) / np.sqrt(len(values)) / abs(spans.mean())


def _bootstrap(values: Doubles, spans: Doubles, seed: int) -> Doubles:
    """`[2 cell]`: percentiles 2.5 and 97.5 of the ratio over resampled prompts."""
    n, n_cells = values.shape
    drawn = (_uniform(RESAMPLES * n, seed, "bootstrap", "mean") % n).reshape(RESAMPLES, n)
    slots = (drawn + n * np.arange(RESAMPLES)[:, None]).ravel()
    counts = np.bincount(slots, minlength=RESAMPLES * n).reshape(RESAMPLES, n).astype(float)  # of each prompt
    weights: Doubles = counts / (counts @ spans)[:, None]
    found, step = np.empty((2, n_cells)), max(1, _CHUNK // RESAMPLES)
    for at in range(0, n_cells, step):
        resampled: Doubles = weights @ values[:, at : at + step]
        found[:, at : at + step] = np.quantile(resampled, (0.025, 0.975), axis=0, overwrite_input=True)
    return found


def _sign_flip(effects: Doubles, seed: int) -> Doubles:
    """`[cell]` two-sided p-value: the share of sign patterns whose |mean| is at least the observed one."""
    n, n_cells = effects.shape
    signs = _every_sign(n) if n <= EXACT else _some_signs(n, seed)
    step = max(1, _CHUNK // len(signs))
    hits = np.empty(n_cells)
    for at in range(0, n_cells, step):
        part = effects[:, at : at + step]
        observed = np.abs(part.sum(axis=0))
        sums: Doubles = signs @ part
        hits[at : at + step] = (np.abs(sums) >= observed * (1 - _TIE)).sum(axis=0)
    return hits / len(signs) if n <= EXACT else (hits + 1) / (len(signs) + 1)


def _every_sign(n: int) -> Doubles:
    """One of every sign pattern and its mirror image, which has the same |mean|."""
    return np.array([(1.0, *rest) for rest in itertools.product((1.0, -1.0), repeat=n - 1)])


def _some_signs(n: int, seed: int) -> Doubles:
    drawn = _uniform(RESAMPLES * n, seed, "permutation") % 2
    return drawn.reshape(RESAMPLES, n).astype(np.float64) * 2 - 1


def _uniform(count: int, seed: int, *labels: str) -> NDArray[np.uint32]:
    """The 32-bit integers that torch draws from TransformerLens' `derive_generator(seed, *labels)`."""
    derived = hashlib.sha256(":".join((str(seed), *labels)).encode()).digest()[:4]
    stream = np.random.RandomState(int.from_bytes(derived, "little"))
    return stream.randint(0, 2**32, count, dtype=np.uint32)


def pearson(x: ArrayLike, y: ArrayLike) -> float:
    """Pearson's correlation over the pairs that are both known; NaN below two pairs or where one side is constant."""
    a, b = _known(x, y)
    if len(a) < 2:
        return float("nan")
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else float("nan")


def spearman(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's rank correlation over the pairs that are both known; equal values share their mean rank."""
    a, b = _known(x, y)
    return pearson(_ranks(a), _ranks(b))


def sign_flips(a: ArrayLike, b: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Cells whose sign differs, among those whose magnitude is above the threshold on both sides."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return (np.abs(x) > threshold) & (np.abs(y) > threshold) & (np.sign(x) != np.sign(y))


def _known(x: ArrayLike, y: ArrayLike) -> tuple[Doubles, Doubles]:
    a, b = np.asarray(x, dtype=np.float64).ravel(), np.asarray(y, dtype=np.float64).ravel()
    both = np.isfinite(a) & np.isfinite(b)
    return a[both], b[both]


def _ranks(values: Doubles) -> Doubles:
    """Ranks from 1; ties get the mean of the ranks they span."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]
