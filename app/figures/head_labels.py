"""Names of all heads of a model, invisible markers that box and lasso can select, and the head that is shown."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.errors import BadSite
from app.domain.sites import Head
from app.domain.views import Selection
from app.figures.theme import NEUTRAL


def head_labels(n_layers: int, n_heads: int) -> NDArray[np.str_]:
    """`[layer head]` of `L5H1`."""
    layers = np.char.add("L", np.arange(n_layers).astype(str))[:, None]
    return np.char.add(np.char.add(layers, "H"), np.arange(n_heads).astype(str)[None, :])


def heads_handles(layers: Sequence[int | str], heads: Sequence[int | str]) -> go.Scatter:
    """One invisible marker per head of a matrix with these rows and columns; `customdata` is its name."""
    down, across = np.indices((len(layers), len(heads))).reshape(2, -1)
    unseen = {"marker": {"opacity": 0}}
    return go.Scatter(
        x=across, y=down, customdata=np.array([f"L{layer}H{head}" for layer in layers for head in heads]),
        mode="markers", hoverinfo="skip", name="select", selected=unseen, unselected=unseen, showlegend=False,
        marker={"opacity": 0, "size": 4, "color": NEUTRAL},
    )  # fmt: skip


def shown_head(layers: tuple[int, ...], n_heads: int, selection: Selection) -> Head:
    """The primary head, else the first selected, else the first of a result of these layers; refuses one that is not
    there."""
    head = selection.primary or next(iter(selection.heads), None) or Head(layers[0], 0)
    if head.layer not in layers or head.head >= n_heads:
        raise BadSite(
            f"{head} is not in this result, which has layers {', '.join(map(str, layers))} with {n_heads} heads each; "
            f"select one of those."
        )
    return head
