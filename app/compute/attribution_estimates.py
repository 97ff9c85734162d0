"""First-order estimates of activation patching, one prompt at a time.

`estimate = sum (a_source - a_base) . d logit_diff / d a` at the base run, over the activation's last axis and over all
that a cell covers (Nanda 2022, https://www.neelnanda.io/mechanistic-interpretability/attribution-patching). The base
run is the one that is patched, the source the other prompt's plain run. Two forward passes and one backward pass give
every cell.

Queries and keys can instead be estimated by the change of their recomputed attention rows (attention_rows.py): one
more forward pass, two for keys by position where a pair has no common beginning. GradDrop: the mean magnitude of the
estimate over one backward pass per layer, each without what passes through that layer (gradients.py), so that a direct
and an indirect effect that cancel are still seen; the sign is the plain estimate's. A cell inside a layer has no
estimate in that layer's own pass and is averaged over the others, as in the paper; a cell of the residual stream is
averaged over all.

Integrated gradients (`ig_steps` = m > 1): the gradient is the mean of those at m inputs on the way from the base run to
the source, `e_base + (k/m) (e_source - e_base)`, k = 0 .. m-1, `e` the stream before the first layer after its hooks;
differences stay those of the two runs. This is EAP-IG's input variant (Hanna et al. 2024,
https://arxiv.org/abs/2403.17806) with its left Riemann sum, so that m = 1 is plain attribution patching. Estimates of
that first stream then add up to the effect of patching all of it, up to about 1/m of it (not the midpoint rule,
whose first step is not the base run). Corrected rows meet the mean gradient of the pattern, and GradDrop takes its
magnitudes of mean gradients. Every further step costs a forward and a backward pass.

Long prompts go through a few layers at a time, the last ones first, so that the graph and what is kept of it stay
within the memory of sweeps (graph_parts.py); each part costs forward passes of both runs.

Cells of several layers add up their layers' estimates. That is the first order of changing each alone: held together,
a later layer no longer passes on what an earlier one changes, which the sum still counts.
"""

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.estimated_changes import Changes, Patched, changes_of_activations, changes_of_rows, seen, why_not
from app.compute.gradients import Tape, record
from app.compute.graph_parts import looked_at, parts
from app.compute.passes import Hook
from app.domain.cells import Cells
from app.domain.results import Ints
from app.domain.sites import Site
from app.models.loaded import LoadedModel

FIRST = Site("resid_pre", 0)


@dataclass(frozen=True, eq=False)
class Estimates:
    """`cells` in the order of the places; logits of both runs at END; `note` says what was left out, or nothing."""

    cells: Float[Tensor, " cell"]
    base_logits: Float[Tensor, " d_vocab"]
    source_logits: Float[Tensor, " d_vocab"]
    note: str = ""


@dataclass(frozen=True)
class Refined:
    """What an estimate has beyond one gradient times a difference: see the module."""

    softmax_correction: bool = False
    grad_drop: bool = False
    ig_steps: int = 1


def estimates(
    model: LoadedModel,
    patched: Patched,
    cells: Cells,
    places: Ints,
    refined: Refined,
    tell: Callable[[], None] = lambda: None,
) -> Estimates:
    """Estimates of the cells at `places [cell axis]`, all of which the prompt has. `tell` is called after every
    backward pass."""
    passes = Passes(model, patched, cells, places, refined, tell)
    layers = parts(model, passes.wanted, len(patched.ids), int(places[:, 0].min()))
    first = [passes.part(0, each, keep=len(layers) == 1) for each in layers]
    for step, each in itertools.product(range(1, refined.ig_steps), layers):
        passes.part(step, each, keep=len(layers) == 1)
    mean = {dropped: total / refined.ig_steps for dropped, total in passes.sums.items()}
    found = mean[None]
    if refined.grad_drop:
        found = _mean_magnitude(mean, cells, model.facts.n_layers).copysign(found)
    return replace(first[0], cells=found, note=max(part.note for part in first))


@dataclass(frozen=True, eq=False)
class _Between:
    """What the two runs differ in, of some layers; `note` as in `Estimates`."""

    changes: Changes
    source_logits: Float[Tensor, " d_vocab"]
    note: str = ""


class Passes:
    """The passes of one prompt. `sums` are the estimates of every cell so far, by the dropped layer (None = no layer),
    summed over the steps; `behind` the gradients of the stream that goes out of the next part of a step."""

    def __init__(
        self,
        model: LoadedModel,
        patched: Patched,
        cells: Cells,
        places: Ints,
        refined: Refined,
        tell: Callable[[], None],
    ) -> None:
        self.model, self.patched, self.cells, self.places = model, patched, cells, places
        self.wanted, self.steps, self.tell = looked_at(cells, refined.softmax_correction), refined.ig_steps, tell
        self.dropped: tuple[int | None, ...] = (None, *(range(model.facts.n_layers) if refined.grad_drop else ()))
        dtype = torch.float32 if torch.device(model.facts.device).type == "mps" else torch.float64
        zeros = partial(torch.zeros, len(places), dtype=dtype, device=model.facts.device)
        self.sums = {dropped: zeros() for dropped in self.dropped}
        self.behind: dict[int | None, Tensor] = {}
        self._kept: _Between | None = None

    def part(self, step: int, layers: range, *, keep: bool) -> Estimates:
        """Add the estimates of these layers at one step. `keep` what the runs differ in for the next step, where these
        are all layers; that of several parts would not fit into the memory, and is seen again."""
        changed = [layer for layer in layers if layer in _layers(self.places, self.cells.window, layers.stop)]
        sites = tuple(Site(activation, layer) for activation in self.wanted for layer in changed)
        hooks = [*self.patched.hooks, *self._on_the_way(step)]
        tape = record(
            self.model, self.patched.ids, sites, self.patched.answers, hooks,
            dropping=len(self.dropped) > 1, layers=layers,
        )  # fmt: skip
        between = self._kept or self._between(sites, None if step else tape)
        self._kept = between if keep and self.steps > 1 else None
        self._add(tape, between.changes, layers)
        return Estimates(self.sums[None], tape.logits, between.source_logits, between.note)

    def _on_the_way(self, step: int) -> list[Hook]:
        """The first stream moved `step / steps` of the way from what the hooks make of it to the source's."""
        if step == 0:
            return []
        share, source = step / self.steps, self._first_of_source

        def move(resid_pre: Tensor, hook: Any) -> Tensor:
            return resid_pre + share * (source.to(resid_pre) - resid_pre)

        return [(FIRST.hook_name, move)]

    @functools.cached_property
    def _first_of_source(self) -> Float[Tensor, "pos d_model"]:
        return seen(self.model, self.patched.source_ids, (FIRST,))[1][FIRST]

    def _between(self, sites: Sequence[Site], base_run: Tape | None) -> _Between:
        """`base_run` where it has just been recorded."""
        logits, source = seen(self.model, self.patched.source_ids, sites)
        if base_run is None:
            base = seen(self.model, self.patched.ids, sites, self.patched.hooks)[1]
        else:
            base = {site: base_run.value(site) for site in sites}
        rows = len(self.wanted) > 1 and bool(sites)
        note = why_not(self.model, self.patched, base, source) if rows else ""
        if rows and not note:
            return _Between(changes_of_rows(self.model, self.patched, self.cells, base, source), logits)
        return _Between(changes_of_activations(self.cells, base, source), logits, note)

    def _add(self, tape: Tape, changes: Changes, layers: range) -> None:
        """One backward pass per dropped layer; one that lies below these layers changes nothing in them."""
        plain = None
        behind = self.behind if layers.stop < self.model.facts.n_layers else {}
        for dropped in self.dropped:
            if plain is None or (dropped or 0) >= layers.start:
                gradients, before = tape.through(changes, dropped, behind.get(dropped))
                here = _per_cell(self.places, self.cells.window, changes, gradients, self.sums[None])
                self.tell()
                plain = (here, before) if plain is None else plain
            else:
                here, before = plain
            self.sums[dropped] += here
            self.behind[dropped] = before


def _layers(places: Ints, window: int, n_layers: int) -> tuple[int, ...]:
    """Every layer that some cell changes."""
    first = {int(layer) for layer in np.unique(places[:, 0])}
    return tuple(layer for layer in range(n_layers) if first & set(range(layer - window + 1, layer + 1)))


def _per_cell(
    places: Ints, window: int, changes: Changes, gradients: Mapping[Site, Tensor], like: Float[Tensor, " cell"]
) -> Float[Tensor, " cell"]:
    found, device = torch.zeros_like(like), like.device
    for site, effect in changes.items():
        inside = (places[:, 0] <= site.layer) & (site.layer < places[:, 0] + window)
        rows = torch.from_numpy(places[inside, 1:].astype(np.int64)).to(device)
        found[torch.from_numpy(inside).to(device)] += effect(gradients[site])[tuple(rows.T)]
    return found


def _mean_magnitude(sums: Mapping[int | None, Tensor], cells: Cells, n_layers: int) -> Float[Tensor, " cell"]:
    """Over the passes in which a cell has an estimate; the plain one's where a model has no other layer to drop."""
    count, plain = n_layers - (not cells.activation.startswith("resid_")), sums[None]
    if not count:
        return plain.abs()
    return sum((each.abs() for dropped, each in sums.items() if dropped is not None), 0 * plain) / count
