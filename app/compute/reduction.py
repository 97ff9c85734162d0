"""Many points as points of a plane: PCA at once, UMAP and t-SNE in a thread that tells of itself (docs/formulas.md).

PCA: scores on the two largest principal components, exact, in float64; each component's largest entry is positive.
UMAP and t-SNE: umap-learn and scikit-learn with a seed, both beginning with PCA.
Neither can be stopped from outside: who cancels is let go at once, and what was begun ends by itself, before the next
one begins, because compiled code of both is not made for two at a time.
Source: McInnes et al. 2018; van der Maaten & Hinton 2008.
"""

import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.geometry_recipes import ActivationMap

Points = NDArray[np.float64]
Reduced = tuple[Points, Points]
EVERY_S = 0.2
_one_at_a_time = threading.Lock()


def reduced_with_news(points: Points, recipe: ActivationMap, tell: Callable[[float], None]) -> Reduced:
    """As `reduced`; `tell` hears the seconds that it has taken so far, and may raise to leave."""
    if recipe.method == "pca":
        return reduced(points, recipe)
    found: Future[Reduced] = Future()
    threading.Thread(target=_reduce, args=(found, points, recipe), daemon=True, name=recipe.method).start()
    began = time.monotonic()
    try:
        while not wait((found,), EVERY_S).done:
            tell(time.monotonic() - began)
    except BaseException:
        found.cancel()
        raise
    return found.result()


def _reduce(found: Future[Reduced], points: Points, recipe: ActivationMap) -> None:
    """Nothing, where everybody left before its turn."""
    with _one_at_a_time:
        if not found.set_running_or_notify_cancel():
            return
        try:
            found.set_result(reduced(points, recipe))
        except BaseException as error:  # noqa: BLE001  # raised again in the thread that waits
            found.set_exception(error)


def reduced(points: Points, recipe: ActivationMap) -> tuple[Points, Points]:
    """`[point 2]` coordinates and the components' shares of the variance (NaN but for PCA). The same points give the
    same map again; UMAP's may be another for points that differ in their last digit."""
    return _REDUCED[recipe.method](points, recipe)


def _pca(points: Points, recipe: ActivationMap) -> tuple[Points, Points]:
    U, sizes, rows = np.linalg.svd(points - points.mean(0), full_matrices=False)
    signs = np.sign(np.take_along_axis(rows, np.abs(rows).argmax(1)[:, None], 1))[:2, 0]
    return (U * sizes)[:, :2] * signs, (sizes**2 / max((sizes**2).sum(), np.finfo(float).tiny))[:2]


def _neighbours(recipe: ActivationMap, usual: int, most: float) -> float:
    return min(usual, most) if recipe.neighbours is None else recipe.neighbours


def _tsne(points: Points, recipe: ActivationMap) -> tuple[Points, Points]:
    from sklearn.manifold import TSNE

    perplexity = _neighbours(recipe, 30, (len(points) - 1) / 3)
    reduce: Any = TSNE(perplexity=perplexity, init="pca", learning_rate="auto", random_state=recipe.seed)
    return reduce.fit_transform(points), np.full(2, np.nan)


def _umap(points: Points, recipe: ActivationMap) -> tuple[Points, Points]:
    with warnings.catch_warnings():  # of its own internals: that a seed means one thread, that there are few points
        warnings.simplefilter("ignore")
        from umap import UMAP

        count = int(_neighbours(recipe, 15, len(points) - 1))
        # from PCA: the usual spectral start is not the same twice where points coincide, as first positions do
        reduce: Any = UMAP(n_neighbors=count, min_dist=recipe.min_dist, random_state=recipe.seed, init="pca")
        return np.asarray(reduce.fit_transform(points)), np.full(2, np.nan)


_REDUCED: dict[str, Callable[[Points, ActivationMap], tuple[Points, Points]]] = {
    "pca": _pca, "tsne": _tsne, "umap": _umap,
}  # fmt: skip
