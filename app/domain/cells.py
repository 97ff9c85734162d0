"""Which places a sweep tries, one at a time: every combination of its axes that a model and prompt have.

A cell is one experiment: one row of the sweep's table. Its axes are among `layer, head, position, source_position,
neuron`; an axis that is not there means all of it (no `position` = all positions at once). `layer` is the first layer
of a window of `window` layers that are changed together, cut where the model ends.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import BadSite
from app.domain.models import ModelFacts
from app.domain.sites import HEAD_ACTIVATIONS, Head, Site, check_site

SweptActivation = Literal[
    "resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "q", "k", "v", "z", "pattern", "mlp_post"
]
Axis = Literal["layer", "head", "position", "source_position", "neuron"]
By = Literal["all", "position", "edge"]


@dataclass(frozen=True)
class Cells:
    """`by`: `all` positions at once; one `position` each (of the query on `pattern`); one attention `edge` each
    (pattern only). The rest restricts: None = all. `mlp_post` needs its layers named, because a layer has thousands."""

    activation: SweptActivation = "z"
    by: By = "all"
    layers: tuple[int, ...] | None = None
    heads: tuple[Head, ...] | None = None
    positions: tuple[int, ...] | None = None
    neurons: tuple[int, ...] | None = None
    window: int = 1

    def __post_init__(self) -> None:
        if self.by == "edge" and self.activation != "pattern":
            raise BadSite(f"Edges are entries of pattern, not of {self.activation}; use by=position or all.")
        if self.heads is not None and self.activation not in HEAD_ACTIVATIONS:
            raise BadSite(f"{self.activation} has no heads, so the sweep cannot be restricted to some; give layers.")
        if self.neurons is not None and self.activation != "mlp_post":
            raise BadSite(f"{self.activation} has no neurons; sweep mlp_post, or drop them.")
        if self.activation == "mlp_post" and self.layers is None:
            raise BadSite("A sweep over neurons needs its layers named; give layers, for example [5].")
        if self.by == "all" and self.positions is not None:
            raise BadSite(f"positions={self.positions} restrict a sweep by position; set by to position.")
        if self.window < 1:
            raise BadSite(f"A window of {self.window} layers is none; give 1 or more.")

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of a cell, in order."""
        middle: tuple[Axis, ...] = ("head",) if self.activation in HEAD_ACTIVATIONS else ()
        middle = ("neuron",) if self.activation == "mlp_post" else middle
        last: dict[By, tuple[Axis, ...]] = {
            "all": (), "position": ("position",), "edge": ("position", "source_position"),
        }  # fmt: skip
        return ("layer", *middle, *last[self.by])

    def n_heads(self, facts: ModelFacts) -> int:
        """How many heads the activation has: k and v have key-value heads."""
        return facts.n_key_value_heads if self.activation in ("k", "v") else facts.n_heads

    def check(self, facts: ModelFacts, n_positions: int) -> None:
        """Refuse what this model or prompt does not have."""
        for layer in self.layers or (0,):
            check_site(facts, Site(self.activation, layer, positions=self.positions, neurons=self.neurons), n_positions)
        for head in self.heads or ():
            check_site(facts, Site(self.activation, head.layer, (head.head,)), n_positions)

    def count(self, facts: ModelFacts, n_positions: int) -> int:
        """How many places there are, without making them: an edge sweep of a long prompt has millions."""
        positions = range(n_positions) if self.positions is None else sorted(set(self.positions))
        each = {"all": 1, "position": len(positions), "edge": sum(positions) + len(positions)}
        return len(self._components(facts)) * each[self.by]

    def places(self, facts: ModelFacts, n_positions: int) -> NDArray[np.int32]:
        """`[cell axis]`, in ascending order of the axes."""
        components, last = self._components(facts), self._positions(n_positions)
        repeated = np.repeat(components, len(last), axis=0)
        return np.hstack([repeated, np.tile(last, (len(components), 1))])

    def _positions(self, n_positions: int) -> NDArray[np.int32]:
        """`[place axis]` of one component: none, the positions, or the edges."""
        if self.by == "all":
            return np.zeros((1, 0), np.int32)
        chosen = np.arange(n_positions) if self.positions is None else np.unique(self.positions)
        if self.by == "position":
            return chosen.astype(np.int32)[:, None]
        edges = [np.stack([np.full(dest + 1, dest), np.arange(dest + 1)], axis=1) for dest in chosen]
        return np.concatenate([np.zeros((0, 2), int), *edges]).astype(np.int32)

    def _components(self, facts: ModelFacts) -> NDArray[np.int32]:
        """`[component axis]`: layers, or heads or neurons of layers."""
        layers = np.arange(facts.n_layers) if self.layers is None else np.unique(self.layers)
        inner = np.zeros((1, 0), np.int32)
        if self.activation == "mlp_post":
            inner = (np.arange(facts.d_mlp or 0) if self.neurons is None else np.unique(self.neurons))[:, None]
        elif self.activation in HEAD_ACTIVATIONS:
            inner = np.arange(self.n_heads(facts))[:, None]
        found = np.hstack([np.repeat(layers, len(inner))[:, None], np.tile(inner, (len(layers), 1))]).astype(np.int32)
        if self.heads is None:
            return found
        chosen = {(head.layer, head.head) for head in self.heads}
        return found[[(int(layer), int(head)) in chosen for layer, head in found]]

    def sites(self, place: tuple[int, ...], n_layers: int) -> tuple[Site, ...]:
        """What a cell changes: one site per layer of its window. An edge's site is its query's row."""
        at: dict[str, int] = dict(zip(self.axes, place, strict=True))
        parts = {
            name: None if at.get(axis) is None else (at[axis],)
            for name, axis in (("heads", "head"), ("positions", "position"), ("neurons", "neuron"))
        }
        last = min(at["layer"] + self.window, n_layers)
        return tuple(Site(self.activation, layer, **parts) for layer in range(at["layer"], last))
