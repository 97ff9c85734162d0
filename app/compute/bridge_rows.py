"""The rows of a sweep by the bridge's own blocks and hooks, for what the replay does not cover.

Exact on every architecture, because nothing but TransformerLens' modules computes.

The base run is one ordinary pass, in which what enters each block (stream, masks, rotary angles) is noted. Rows are
stacked along the batch and join it at the first layer they touch, with the base run's stream there; from then on the
bridge's blocks are called one after another with what they were called with in the base run, and the final norm and
unembedding on the last position alone. A model that does not agree with its own ordinary pass when driven like this
(compared once) gets whole passes instead, its rows stacked all the same.

The model's lock is held for one wave at a time, and no hook outlives it.
Not done: leaving out positions before the first changed one (the replay does).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.effective import check_hooks
from app.compute.freezing import freeze_hooks
from app.compute.hooks import EVERY_ROW, Placed, batch_hooks, row_hooks
from app.compute.passes import Hook, Ids, batch_passed, passed, quiet_scales, wave_tokens
from app.compute.variations import Held, Row
from app.domain.interventions import Frozen
from app.domain.sites import Site
from app.models.loaded import LoadedModel

AGREES = {"float32": 1e-4, "float16": 2e-2, "bfloat16": 1e-1}
"""Largest difference between driven blocks and an ordinary pass, relative to the largest logit, by weight precision:
the same modules in the same order, so rounding of other batch sizes only."""
_DRIVEN = "driven"


@dataclass(frozen=True, eq=False)
class Entry:
    """What a block is called with: the stream apart, the rest as it was; caches left out."""

    stream: Float[Tensor, "1 pos d_model"]
    args: tuple[Any, ...]
    options: dict[str, Any]


@dataclass(frozen=True, eq=False)
class BridgeBase:
    """One prompt under the interventions in force (app.compute.variations.Base). `entries` are empty where the model
    gets whole passes."""

    model: LoadedModel
    ids: Ids
    in_force: Row
    frozen: list[Hook]
    engine: str
    logits: Float[Tensor, " d_vocab"]
    entries: tuple[Entry, ...]

    def waves(self, rows: Sequence[Row]) -> Iterator[list[int]]:
        """Rows that begin at about the same layer together, the last layers first."""
        order = sorted(range(len(rows)), key=lambda at: -self._first(rows[at]))
        size = self._most_rows()
        yield from (order[start : start + size] for start in range(0, len(order), size))

    def run(self, rows: Sequence[Row]) -> Float[Tensor, "row d_vocab"]:
        """Final logits of every row."""
        for row in rows:
            check_hooks(self.model, row)
        found = self.logits.expand(len(rows), -1).clone()
        order = sorted((at for at, row in enumerate(rows) if row), key=lambda at: self._first(rows[at]))
        if order:
            found[order] = self._changed([rows[at] for at in order])
        return found

    def cost(self, rows: Sequence[Row]) -> float:
        """Floating-point operations: two per weight and token, the attention, and the unembedding."""
        facts, n = self.model.facts, len(self.ids)
        layer = 2 * n * _weights_per_layer(self.model) + 4 * n * n * facts.n_heads * facts.d_head
        layers = sum(facts.n_layers - self._first(row) for row in rows)
        return float(layers * layer + len(rows) * 2 * facts.d_model * facts.d_vocab)

    def _first(self, row: Row) -> int:
        """The first layer that has to be computed."""
        n_layers = self.model.facts.n_layers
        return min((held.site.layer for held in row), default=n_layers) if self.entries or not row else 0

    def _changed(self, rows: list[Row]) -> Float[Tensor, "row d_vocab"]:
        """Rows in ascending order of their first layer."""
        placed: list[Placed] = [(EVERY_ROW, held) for held in self.in_force]
        placed += [(slice(at, at + 1), held) for at, row in enumerate(rows) for held in row]
        hooks = [*self.frozen, *batch_hooks(placed)]
        if not self.entries:
            tokens = torch.tensor([self.ids], device=self.model.facts.device).expand(len(rows), -1)
            return batch_passed(self.model, tokens, hooks)
        return _drive(self.model, self.entries, [self._first(row) for row in rows], hooks)

    def _most_rows(self) -> int:
        facts, n = self.model.facts, len(self.ids)
        wide = 8 * facts.d_model + 4 * (facts.d_mlp or 0) + 4 * facts.n_heads * n
        logits = facts.d_vocab * (2 if self.entries else 2 * n)
        most = self.model.sweep_bytes // (4 * (n * wide + logits))
        return max(1, min(wave_tokens(facts.device) // n, most))


def bridge_base(
    model: LoadedModel,
    ids: Ids,
    in_force: Row = (),
    freeze: frozenset[Frozen] = frozenset(),
    *,
    reason: str,
) -> BridgeBase:
    """The base run of these tokens; `reason` says why the replay is not used."""
    check_hooks(model, in_force)
    with model.lock:
        frozen, driven = freeze_hooks(model, ids, freeze), can_be_driven(model)
        logits, entries = entered(model, ids, [*frozen, *row_hooks(in_force)])
    return BridgeBase(model, ids, in_force, frozen, f"bridge: {reason}", logits, entries if driven else ())


def entered(model: LoadedModel, ids: Ids, hooks: list[Hook]) -> tuple[Float[Tensor, " d_vocab"], tuple[Entry, ...]]:
    """Logits at END of an ordinary pass, and what each block was called with in it."""
    found: list[Entry] = []

    def note(module: Any, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        stream, rest = (args[0], args[1:]) if args else (options["hidden_states"], ())
        kept = {name: _without_cache(value) for name, value in options.items() if name != "hidden_states"}
        found.append(Entry(stream.detach(), tuple(map(_without_cache, rest)), kept))

    handles = [block.register_forward_pre_hook(note, with_kwargs=True) for block in model.bridge.blocks]
    try:
        return passed(model, ids, hooks), tuple(found)
    finally:
        for handle in handles:
            handle.remove()


def _without_cache(value: Any) -> Any:
    """Keys and values of an earlier call would be added to."""
    return None if "Cache" in type(value).__name__ else value


def _drive(
    model: LoadedModel, entries: Sequence[Entry], firsts: list[int], hooks: list[Hook]
) -> Float[Tensor, "row d_vocab"]:
    """Final logits of rows that enter at the given layers, in ascending order."""
    bridge = model.bridge
    stream = entries[0].stream[:0]
    with model.lock, torch.no_grad(), quiet_scales(), bridge.hooks(fwd_hooks=hooks):
        for layer in range(firsts[0], len(entries)):
            entry = entries[layer]
            stream = torch.cat([stream, entry.stream.expand(firsts.count(layer), -1, -1)])
            out = bridge.blocks[layer](stream, *entry.args, **entry.options)
            stream = out[0] if isinstance(out, tuple) else out
        end = stream[:, -1:]
        logits = bridge.unembed(bridge.ln_final(end) if hasattr(bridge, "ln_final") else end)[:, -1].float()
    cap = getattr(bridge.cfg, "output_logits_soft_cap", None)
    return torch.tanh(logits / cap) * cap if cap is not None and cap > 0 else logits


def can_be_driven(model: LoadedModel) -> bool:
    """Whether driven blocks agree with ordinary passes, of a plain row and a changed one; found out once per model."""
    if _DRIVEN not in model.memo:
        try:
            model.memo[_DRIVEN] = _deviation(model) <= AGREES[model.facts.spec.dtype]
        except (AttributeError, TypeError, ValueError, LookupError, RuntimeError):
            model.memo[_DRIVEN] = False
    return model.memo[_DRIVEN]


def _deviation(model: LoadedModel) -> float:
    ids = tuple((1 + 7919 * at) % model.facts.d_vocab for at in range(min(12, model.facts.n_ctx)))
    zero: Callable[[Tensor], Tensor] = torch.zeros_like
    change = Held(Site("resid_post", model.facts.n_layers // 2, positions=(1,)), zero)
    plain, entries = entered(model, ids, [])
    expected = torch.stack([plain, passed(model, ids, row_hooks((change,)))])
    found = _drive(model, entries, [0, change.site.layer], batch_hooks([(slice(1, 2), change)]))
    return float((found - expected).abs().max() / expected.abs().max())


def _weights_per_layer(model: LoadedModel) -> int:
    facts = model.facts
    attention = 2 * facts.d_model * facts.d_head * (facts.n_heads + facts.n_key_value_heads)
    gated = getattr(model.bridge.cfg, "gated_mlp", False)
    return attention + (3 if gated else 2) * facts.d_model * (facts.d_mlp or 0)
