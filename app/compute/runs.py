"""A run: one forward pass of the bridge on one prompt under interventions, and what the analyses read from it.

The bridge is the authority. Everything is captured by hooks at exact names, after the interventions at the same
place, in one pass under the model's lock; nothing is left on the model. Most values are kept at END (the last
position) only, `resid_post` at all positions, so that a run of 512 tokens stays near 40 MB.

Recent runs are remembered (compute/memo.py). Runs of equally long prompts that are asked for together share a pass.
Not done: padding, attention patterns (compute/attention_pattern.py asks for those it needs).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.bridge_values import bridge_values
from app.compute.effective import check_hooks
from app.compute.freezing import freeze_hooks
from app.compute.held import held_at, takes_from_pair
from app.compute.hooks import batch_hooks, row_hooks
from app.compute.memo import once, remember, remembered, share_of
from app.compute.passes import (
    Hook,
    Ids,
    Keep,
    at_end,
    batch_captured,
    block_hooks,
    captured,
    everywhere,
    passed,
    wave_tokens,
)
from app.compute.variations import Row
from app.domain.interventions import Frozen, Interventions, frozen
from app.models.loaded import LoadedModel

_BLOCK_HOOKS = {
    "resid_pre": "hook_resid_pre",
    "resid_mid": "hook_resid_mid",
    "resid_post": "hook_resid_post",
    "z": "attn.hook_z",
    "attn_out": "hook_attn_out",
    "mlp_out": "hook_mlp_out",
    "attn_post_norm_scale": "ln1_post.hook_scale",
}
_HOOKS = {"pos_embed": "hook_pos_embed", "final_scale": "ln_final.hook_scale", "linear_logits": "unembed.hook_out"}


@dataclass(frozen=True, eq=False)
class Run:
    """Float32, at END unless the axes name `pos`. `resid_pre`, `attn_out` and the like are the values the model used,
    interventions included; `attn_out` and `mlp_out` are what was added to the residual stream (after a post-norm
    where the model has one). None where the architecture has no such activation."""

    ids: Ids
    resid_pre: Float[Tensor, "layer d_model"]
    resid_mid: Float[Tensor, "layer d_model"] | None
    resid_post: Float[Tensor, "layer pos d_model"]
    pos_embed: Float[Tensor, " d_model"] | None
    z: Float[Tensor, "layer head d_head"]
    attn_out: Float[Tensor, "layer d_model"]
    mlp_out: Float[Tensor, "layer d_model"] | None
    attn_post_norm_scale: Float[Tensor, "layer 1"] | None
    final_scale: Float[Tensor, " 1"]
    linear_logits: Float[Tensor, " d_vocab"]
    """Before the output transform (Gemma's soft cap, Cohere's scale), in which attribution is linear."""
    logits: Float[Tensor, " d_vocab"]

    @property
    def log_probs(self) -> Float[Tensor, " d_vocab"]:
        """Of the next token, nats."""
        return self.logits.log_softmax(-1)

    @property
    def nbytes(self) -> int:
        """Memory of the tensors."""
        values = (getattr(self, field.name) for field in fields(self))
        return sum(value.nbytes for value in values if isinstance(value, Tensor))


Asked = tuple[Ids, Interventions, Ids | None]
"""What a run is of: tokens, interventions, and the tokens of the pair's other prompt."""


def run(
    model: LoadedModel,
    ids: Ids,
    interventions: Interventions = (),
    corrupted_ids: Ids | None = None,
    at: int | None = None,
) -> Run:
    """The run of these tokens, from the memo or by one forward pass and those its values come from. `at` is the
    position that is kept instead of END, but of logits."""
    asked = (ids, interventions, corrupted_ids)
    if at is None or at == len(ids) - 1:
        return once(model, _key(model, asked), lambda: _runs(model, [asked])[0])
    return once(model, (*_key(model, asked), at), lambda: _runs(model, [asked], at)[0])


def run_ahead(model: LoadedModel, asked: Iterable[Asked]) -> None:
    """Remember what `run` will be asked for next: equally long prompts together, several times as fast as one by one.
    Runs with something frozen, and those that the memo could not hold, are left to `run`."""
    with model.lock:
        new = {_key(model, each): each for each in asked if not frozen(each[1])}
        left = [each for key, each in new.items() if remembered(model, key) is None]
        for batch in _batches(model, left):
            for each, found in zip(batch, _runs(model, batch), strict=True):
                remember(model, _key(model, each), found)


def capture(
    model: LoadedModel,
    ids: Ids,
    keep: Mapping[str, Keep],
    interventions: Interventions = (),
    corrupted_ids: Ids | None = None,
) -> tuple[Float[Tensor, " d_vocab"], dict[str, Tensor]]:
    """Logits at END and activations by hook name after the interventions; a hook that does not fire is left out."""
    with model.lock:
        return captured(model, ids, keep, hooks_for(model, ids, interventions, corrupted_ids))


def forward(
    model: LoadedModel,
    ids: Ids,
    hooks: Iterable[Hook] = (),
    interventions: Interventions = (),
    corrupted_ids: Ids | None = None,
) -> Float[Tensor, " d_vocab"]:
    """Logits at END of one pass; `hooks` see activations after the interventions."""
    with model.lock:
        return passed(model, ids, [*hooks_for(model, ids, interventions, corrupted_ids), *hooks])


def hooks_for(
    model: LoadedModel,
    ids: Ids,
    interventions: Interventions,
    corrupted_ids: Ids | None = None,
    freeze: frozenset[Frozen] = frozenset(),
) -> list[Hook]:
    """The interventions as hooks: what they or `freeze` freeze first, then what is held. Runs that they take values
    from happen here, before any hooked pass begins."""
    row = _row(model, (ids, interventions, corrupted_ids))
    return [*freeze_hooks(model, ids, freeze | frozen(interventions)), *row_hooks(row)]


def _row(model: LoadedModel, asked: Asked) -> Row:
    """What a run holds; refused where the bridge does not act on it."""
    ids, interventions, corrupted_ids = asked
    row = held_at(model, ids, corrupted_ids, interventions, lambda source: bridge_values(model, source))
    check_hooks(model, row)
    return row


def _key(model: LoadedModel, asked: Asked) -> tuple[object, ...]:
    ids, interventions, corrupted_ids = asked
    other = corrupted_ids if takes_from_pair(interventions) else None
    return "run", ids, interventions, other, model.facts.spec.prepend_bos  # reference means are read with BOS or not


def _batches(model: LoadedModel, asked: Sequence[Asked]) -> Iterator[list[Asked]]:
    """Two or more of one length, as many as a wave has tokens and as stay remembered together."""
    most = min(wave_tokens(model.facts.device), share_of(model) // (8 * model.facts.n_layers * model.facts.d_model))
    by_length: dict[int, list[Asked]] = {}
    for each in asked:
        by_length.setdefault(len(each[0]), []).append(each)
    for length, group in by_length.items():
        size = most // length
        parts = [group[at : at + size] for at in range(0, len(group), size)] if size > 1 else []
        yield from (part for part in parts if len(part) > 1)


def capture_each(model: LoadedModel, asked: Sequence[Asked], keep: Mapping[str, Keep]) -> list[dict[str, Tensor]]:
    """What `keep` keeps of every run, in order; equally long prompts share a pass where nothing is frozen."""
    found: dict[int, dict[str, Tensor]] = {}
    with model.lock:
        for places in _together(model, asked):
            tokens = torch.tensor([asked[at][0] for at in places], device=model.facts.device)
            _, kept = batch_captured(model, tokens, keep, _hooks(model, [asked[at] for at in places]))
            for row, at in enumerate(places):
                found[at] = {name: value[row] for name, value in kept.items()}
    return [found[at] for at in range(len(asked))]


def _together(model: LoadedModel, asked: Sequence[Asked]) -> Iterator[list[int]]:
    """Places of runs that one pass can make: equally long ones, as many as a wave has tokens."""
    by_length: dict[int, list[int]] = {}
    for at, (ids, interventions, _) in enumerate(asked):
        if frozen(interventions):
            yield [at]
        else:
            by_length.setdefault(len(ids), []).append(at)
    for length, places in by_length.items():
        size = max(1, wave_tokens(model.facts.device) // length)
        yield from (places[at : at + size] for at in range(0, len(places), size))


def _runs(model: LoadedModel, asked: Sequence[Asked], at: int = -1) -> list[Run]:
    """Runs of equally long prompts in one pass; one of them alone may have something frozen."""
    blocks = {field: block_hooks(model, name) for field, name in _BLOCK_HOOKS.items()}
    single = {field: name for field, name in _HOOKS.items() if name in model.bridge.hook_dict}
    keep: dict[str, Keep] = dict.fromkeys((*chain(*blocks.values()), *single.values()), lambda value: value[:, at])
    keep |= dict.fromkeys(blocks["resid_post"], everywhere) | {_HOOKS["linear_logits"]: at_end}
    with model.lock:
        logits, kept = batch_captured(
            model, torch.tensor([ids for ids, *_ in asked], device=model.facts.device), keep, _hooks(model, asked)
        )
    return [_run(asked[row][0], row, logits, kept, blocks) for row in range(len(asked))]


def _hooks(model: LoadedModel, asked: Sequence[Asked]) -> list[Hook]:
    if len(asked) == 1:
        return hooks_for(model, *asked[0])
    rows = [_row(model, each) for each in asked]
    return batch_hooks([(slice(at, at + 1), held) for at, row in enumerate(rows) for held in row])


def _run(ids: Ids, row: int, logits: Tensor, kept: Mapping[str, Tensor], blocks: Mapping[str, tuple[str, ...]]) -> Run:
    """One row of a pass."""
    stacks = {field: _stack(kept, names, row) for field, names in blocks.items()}
    singles = {field: kept[name][row].float().clone() if name in kept else None for field, name in _HOOKS.items()}
    return Run(ids=ids, logits=logits[row].clone(), **stacks, **singles)  # pyright: ignore[reportArgumentType]  # None where absent


def _stack(kept: Mapping[str, Tensor], names: tuple[str, ...], row: int) -> Tensor | None:
    return torch.stack([kept[name][row] for name in names]).float() if names else None
