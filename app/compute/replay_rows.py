"""The replay as an engine for sweeps: a prompt's base run, ready for thousands of rows that differ from it in little.

Nothing is estimated: each row is a whole run (compute/replay_wave.py), and the same rows through the bridge's hooks
give the same logits. Traces are remembered among the model's recent runs, so the base, its values and its source cost
one forward pass each.
Not done: functions among a row's changes, mlp_pre and attn_scores; they are refused with `Uncovered`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.memo import remember, remembered
from app.compute.passes import Ids, wave_tokens
from app.compute.replay_plan import STAGES, Plan, Planner
from app.compute.replay_trace import Trace, activation, end, trace, traces
from app.compute.replay_wave import propagated
from app.compute.replay_weights import Uncovered, Weights
from app.compute.variations import Reads, Row, Values
from app.domain.interventions import Frozen
from app.domain.sites import Site
from app.models.loaded import LoadedModel

LOGIT_BYTES = 64 * 2**20
_NOTHING: frozenset[Frozen] = frozenset()


class ReplayBase:
    """`variations.Base` by the replay."""

    engine = "replay"

    def __init__(self, model: LoadedModel, weights: Weights, run: Trace) -> None:
        self._weights, self.trace = weights, run
        self._planner = Planner(weights, run)
        self._size = _Size(model, weights, len(run))
        self.logits: Float[Tensor, " d_vocab"] = end(weights, run)

    def waves(self, rows: Sequence[Row]) -> Iterator[list[int]]:
        """Rows of like starts, late ones first, and of those the late layers first."""
        plans = [self._planner.plan(row) for row in rows]
        order = sorted(range(len(rows)), key=lambda i: _late_first(plans[i]))
        yield from self._size.cut(order, plans)

    @torch.inference_mode()
    def run(self, rows: Sequence[Row]) -> Float[Tensor, "row d_vocab"]:
        plans = [self._planner.plan(row) for row in rows]
        different = [plan for plan in plans if plan is not None]
        if not different:
            return self.logits.expand(len(rows), -1)
        found = propagated(self._weights, self.trace, different)
        if len(different) == len(rows):
            return found
        at = [i for i, plan in enumerate(plans) if plan is not None]
        return self.logits.expand(len(rows), -1).index_copy(0, torch.tensor(at, device=found.device), found)

    def cost(self, rows: Sequence[Row]) -> float:
        """Per token and layer that a row runs: two operations a weight, and attention; and the unembedding."""
        return float(sum(self._size.operations(self._planner.plan(row)) for row in rows))


def replay_base(
    model: LoadedModel, weights: Weights, ids: Ids, in_force: Row = (), freeze: frozenset[Frozen] = _NOTHING
) -> ReplayBase:
    """The run of one prompt under interventions; refuses those that the replay cannot make."""
    return ReplayBase(model, weights, _trace(model, weights, ids, in_force, freeze))


def replay_values(
    model: LoadedModel, weights: Weights, ids: Ids, in_force: Row = (), freeze: frozenset[Frozen] = _NOTHING
) -> Values:
    """That run's own values of any site's layer."""
    run = _trace(model, weights, ids, in_force, freeze)
    return lambda site: activation(weights, run, _known(site))


def replay_reads(
    model: LoadedModel, weights: Weights, ids: Ids, in_force: Row = (), freeze: frozenset[Frozen] = _NOTHING
) -> Reads:
    """What the attention of that run's layers makes of other streams."""
    run = _trace(model, weights, ids, in_force, freeze)

    def read(site: Site, stream: Tensor) -> Tensor:
        entered = {("resid_pre", site.layer): stream.to(run.at("resid_pre", site.layer))}
        return activation(weights, replace(run, kept=entered), _known(site))

    return read


def replay_traces(model: LoadedModel, weights: Weights, prompts: Sequence[Ids]) -> dict[Ids, Trace]:
    """Several prompts without interventions, for `replay_base` and `replay_values`: those that are not remembered run
    in right-padded batches."""
    found = {ids: run for ids in prompts if (run := remembered(model, _key(ids))) is not None}
    for batch in _batches(sorted({ids for ids in prompts if ids not in found}, key=len)):
        found |= {run.ids: remember(model, _key(run.ids), run) for run in traces(weights, batch)}
    return found


def _batches(prompts: Sequence[Ids], tokens: int = 2048) -> Iterator[list[Ids]]:
    """Prompts of like lengths, at most so many padded tokens at once."""
    batch: list[Ids] = []
    for ids in prompts:
        if batch and (len(batch) + 1) * len(ids) > tokens:
            yield batch
            batch = []
        batch.append(ids)
    if batch:
        yield batch


def _trace(model: LoadedModel, weights: Weights, ids: Ids, in_force: Row, freeze: frozenset[Frozen]) -> Trace:
    for held in in_force:
        _known(held.site)
    key = _key(ids, in_force, freeze)
    found: Trace | None = remembered(model, key)
    return remember(model, key, trace(weights, ids, in_force, freeze)) if found is None else found


def _known(site: Site) -> Site:
    if site.activation not in STAGES:
        raise Uncovered(f"the replay has no {site.activation}")
    return site


def _key(ids: Ids, in_force: Row = (), freeze: frozenset[Frozen] = _NOTHING) -> tuple[object, ...]:
    """Held values count by identity."""
    return "trace", ids, in_force, freeze


class _Size:
    """How much work and memory rows take."""

    def __init__(self, model: LoadedModel, weights: Weights, n_positions: int) -> None:
        attn, mlp = weights.blocks[0].attn, weights.blocks[0].mlp
        used = [attn.q, attn.k, attn.v, attn.o] + ([] if mlp is None else [mlp.up, mlp.gate, mlp.out])
        self._n_layers, self._n_positions, self._d_vocab = len(weights.blocks), n_positions, len(weights.unembed.weight)
        self._per_token = 2 * sum(each.weight.numel() for each in used if each is not None)
        self._per_token += 4 * n_positions * attn.n_heads * attn.d_head
        self._unembedding = 2 * weights.unembed.weight.numel()
        floats = sum(max(each.weight.shape) for each in used if each is not None) + 3 * attn.n_heads * n_positions
        wave = wave_tokens(weights.W_E.device)
        self._work = wave * self._n_layers
        self._tokens = max(n_positions, min(2 * wave, model.sweep_bytes // (16 * floats)))
        self._rows = max(1, min(LOGIT_BYTES, model.sweep_bytes // 4) // (4 * self._d_vocab))

    def operations(self, plan: Plan | None) -> float:
        """Of one row."""
        return 0.0 if plan is None else self._layers(plan) * self._tokens_of(plan) * self._per_token + self._unembedding

    def cut(self, order: Sequence[int], plans: Sequence[Plan | None]) -> Iterator[list[int]]:
        """Groups of rows, in order, within the bounds of work, of tokens and of logits. Rows that are the base, which
        come last, go apart: among others, their logits would be a copy of everyone's."""
        wave: list[int] = []
        work = tokens = 0
        for index in order:
            plan = plans[index]
            new = 0 if plan is None else self._tokens_of(plan)
            more = 0 if plan is None else new * self._layers(plan)
            full = work + more > self._work or tokens + new > self._tokens or len(wave) >= self._rows
            if wave and (full or (plan is None) != (plans[wave[-1]] is None)):
                yield wave
                wave, work, tokens = [], 0, 0
            wave.append(index)
            work, tokens = work + more, tokens + new
        if wave:
            yield wave

    def _layers(self, plan: Plan) -> int:
        return self._n_layers - plan.entry[0]

    def _tokens_of(self, plan: Plan) -> int:
        return 1 if plan.entry > (self._n_layers - 1, 0) else self._n_positions - plan.start


def _late_first(plan: Plan | None) -> tuple[int, ...]:
    return (1, 0, 0) if plan is None else (0, -plan.start, -plan.entry[0], -plan.entry[1])
