"""A forward pass as a pure function of the bridge's weights, made for running many that share almost everything.

`trace` runs one prompt and keeps what later runs reuse. `propagate` runs many rows that each differ from the trace
at one place only: a row joins the batch at the layer where it differs, starts at the first position that differs
(the keys and values before it are the trace's), and at the last layer only the last position is computed. So every
weight matrix is read once for all rows of a call, and nothing is computed that is equal to the trace.

Stateless: no hooks, no lock, any number of threads. Exact up to float32 rounding; `verify` compares it with the
bridge before a model is trusted to it (docs/performance.md has the measurements behind the design).
Interventions in force are held values: what a site is set to, in the trace and in every row.
Not done: edits of q, k, v, scores and patterns; gradients; several prompts in one batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from app.compute.replay_weights import ALL_LAYERS, Angles, Attention, Block, Norm, Weights
from app.domain.sites import Activation

PLACES: tuple[Activation, ...] = ("resid_pre", "z", "attn_out", "resid_mid", "mlp_out", "resid_post")
"""Where values can be held."""


@dataclass(frozen=True, eq=False)
class Held:
    """`place` of `layer` is `value[position]` there, in every run. `None` means all positions, all heads."""

    place: Activation
    layer: int
    value: Float[Tensor, "pos ..."]
    positions: tuple[int, ...] | None = None
    heads: tuple[int, ...] | None = None


@dataclass(frozen=True, eq=False)
class Trace:
    """One run of one prompt. `resid[l]` enters layer l, `resid[-1]` enters the final norm; `k` is rotated."""

    angles: dict[str, Angles]
    held: tuple[Held, ...]
    resid: list[Float[Tensor, "pos d_model"]] = field(default_factory=list)
    k: list[Float[Tensor, "pos n_key_value_heads d_head"]] = field(default_factory=list)
    v: list[Float[Tensor, "pos n_key_value_heads d_head"]] = field(default_factory=list)
    z: list[Float[Tensor, "pos head d_head"]] = field(default_factory=list)
    attn_out: list[Float[Tensor, "pos d_model"]] = field(default_factory=list)
    mlp_out: list[Float[Tensor, "pos d_model"]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.resid[0])


@dataclass(frozen=True, eq=False)
class Injection:
    """Rows that leave the trace at `place` of `layer`. `rows(first)` is the value there at positions first.. on."""

    layer: int
    place: Literal["resid_pre", "attn_out", "resid_post"]
    rows: Callable[[int], Float[Tensor, "row pos d_model"]]


@torch.inference_mode()
def trace(weights: Weights, ids: Sequence[int], held: tuple[Held, ...] = ()) -> Trace:
    """Run one prompt with the held interventions."""
    angles = weights.angles(len(ids))
    kept = Trace(angles, held)
    x = embed(weights, ids)[None]
    for layer, block in enumerate(weights.blocks):
        x = hold(held, "resid_pre", layer, x, 0)
        kept.resid.append(x[0])
        q, k, v = _q_k_v(weights, block, x, angles, 0)
        z = hold(held, "z", layer, _attend(block.attn, q, k, v), 0)
        attn_out = hold(held, "attn_out", layer, project(block, z), 0)
        middle = hold(held, "resid_mid", layer, x + attn_out, 0)
        mlp_out = _mlp_out(kept, layer, block, x if block.parallel else middle, 0)
        for name, value in {"k": k, "v": v, "z": z, "attn_out": attn_out, "mlp_out": mlp_out}.items():
            getattr(kept, name).append(value[0])
        x = hold(held, "resid_post", layer, middle + mlp_out, 0)
    kept.resid.append(x[0])
    return kept


@torch.inference_mode()
def propagate(
    weights: Weights, base: Trace, injections: Sequence[Injection], start: int = 0
) -> Float[Tensor, "row d_model"]:
    """The stream before the final norm at the last position, one row per injected row, in the order of layers.
    No row may differ from the trace before position `start`."""
    here: dict[int, list[Injection]] = {}
    for injection in injections:
        here.setdefault(injection.layer, []).append(injection)
    last = len(weights.blocks) - 1
    x = base.resid[0].new_empty(0, len(base) - start, base.resid[0].shape[-1])
    for layer in range(min(here, default=last + 1), last + 1):
        first = len(base) - 1 if layer == last else start
        x = _layer(weights, base, layer, x, here.get(layer, []), start, first)
    return x[:, -1]


def end_logits(weights: Weights, resid: Float[Tensor, "row d_model"]) -> Float[Tensor, "row d_vocab"]:
    """Final norm, unembedding and soft-cap."""
    logits = weights.unembed(resid if weights.ln_final is None else weights.ln_final(resid))
    return logits if weights.logit_cap is None else torch.tanh(logits / weights.logit_cap) * weights.logit_cap


def embed(weights: Weights, ids: Sequence[int]) -> Float[Tensor, "pos d_model"]:
    """Token embedding plus the learned position embedding where there is one."""
    tokens = torch.tensor(ids, device=weights.W_E.device)
    found = weights.W_E[tokens] * weights.embed_scale
    return found if weights.W_pos is None else found + weights.W_pos[: len(ids)]


def project(block: Block, z: Float[Tensor, "row pos head d_head"]) -> Float[Tensor, "row pos d_model"]:
    """z -> what the attention adds to the stream: W_O, b_O, and the post-norm where there is one."""
    out = block.attn.o(z.flatten(-2))
    return out if block.ln1_post is None else block.ln1_post(out)


def project_change(
    block: Block, z: Float[Tensor, "pos head d_head"], heads: Sequence[int], new: Float[Tensor, "row pos d_head"]
) -> Float[Tensor, "row pos d_model"]:
    """As `project`, one row per entry of `heads` in which only that head's z is `new`: z W_O + (new - z[head]) W_O."""
    attn = block.attn
    W_O = attn.o.weight.unflatten(1, (attn.n_heads, attn.d_head))[:, list(heads)].permute(1, 2, 0)
    change = new - z[:, list(heads)].transpose(0, 1)
    out = torch.baddbmm(attn.o(z.flatten(-2))[None], change, W_O)  # [row pos d_model]
    return out if block.ln1_post is None else block.ln1_post(out)


def hold(held: tuple[Held, ...], place: Activation, layer: int, x: Tensor, first: int) -> Tensor:
    """`x [row pos ...]`, whose positions are first.. on, with the interventions in force there."""
    for entry in held:
        if (entry.place, entry.layer) == (place, layer):
            x = _set(entry, x, first)
    return x


def _set(entry: Held, x: Tensor, first: int) -> Tensor:
    everywhere = range(first, first + x.shape[1])
    wanted = [p for p in (everywhere if entry.positions is None else entry.positions) if p in everywhere]
    at = torch.tensor([p - first for p in wanted], dtype=torch.long, device=x.device)
    x = x.clone()
    if entry.heads is None:
        x[:, at] = entry.value[wanted]
    else:
        heads = torch.tensor(entry.heads, device=x.device)
        x[:, at[:, None], heads] = entry.value[wanted][:, list(entry.heads)]
    return x


def _layer(
    weights: Weights, base: Trace, layer: int, x: Tensor, joining: list[Injection], start: int, first: int
) -> Float[Tensor, "row pos d_model"]:
    """One layer for all rows: positions start.. come in, positions first.. go out."""
    block, held = weights.blocks[layer], base.held
    x = _join(hold(held, "resid_pre", layer, x, start), joining, "resid_pre", start)
    attn_out = _attn_out(weights, base, layer, x, start, first)
    attn_out = _join(hold(held, "attn_out", layer, attn_out, first), joining, "attn_out", first)
    old, new = x[:, first - start :], len(attn_out) - len(x)
    before = torch.cat([old, base.resid[layer][first:].expand(new, -1, -1)])
    if block.parallel:
        same = base.mlp_out[layer][first:].expand(new, -1, -1)
        mlp_out = torch.cat([_mlp_out(base, layer, block, old, first), same])
        after = before + attn_out + mlp_out
    else:
        middle = hold(held, "resid_mid", layer, before + attn_out, first)
        after = middle + _mlp_out(base, layer, block, middle, first)
    return _join(hold(held, "resid_post", layer, after, first), joining, "resid_post", first)


def _join(x: Tensor, joining: list[Injection], place: str, first: int) -> Tensor:
    new = [injection.rows(first) for injection in joining if injection.place == place]
    return torch.cat([x, *new]) if new else x


def _attn_out(weights: Weights, base: Trace, layer: int, x: Tensor, start: int, first: int) -> Tensor:
    """Attention of rows whose positions before `start` are the trace's; queries from `first` on."""
    block = weights.blocks[layer]
    if not len(x):
        return x[:, first - start :]
    q, k, v = _q_k_v(weights, block, x, base.angles, start)
    k, v = (_after(prefix[layer][:start], now) for prefix, now in ((base.k, k), (base.v, v)))
    z = _attend(block.attn, q[:, first - start :], k, v)
    return project(block, hold(base.held, "z", layer, z, first))


def _after(prefix: Float[Tensor, "before n d"], x: Float[Tensor, "row pos n d"]) -> Float[Tensor, "row all n d"]:
    return torch.cat([prefix.expand(len(x), -1, -1, -1), x], 1) if len(prefix) else x


def _mlp_out(base: Trace, layer: int, block: Block, x: Tensor, first: int) -> Tensor:
    mlp = block.mlp
    if mlp is None:
        return torch.zeros((), device=x.device).expand(x.shape)
    y = x if block.ln2 is None else block.ln2(x)
    hidden = mlp.act(mlp.up(y)) if mlp.gate is None else mlp.act(mlp.gate(y)).mul_(mlp.up(y))
    out = mlp.out(hidden)
    return hold(base.held, "mlp_out", layer, out if block.ln2_post is None else block.ln2_post(out), first)


def _q_k_v(
    weights: Weights, block: Block, x: Tensor, angles: dict[str, Angles], start: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Projections `[row pos head d_head]` of positions start.. on, queries and keys normalised and rotated where the
    model does that."""
    attn = block.attn
    y = x if block.ln1 is None else block.ln1(x)
    q, k, v = attn.q(y), attn.k(y), attn.v(y)
    q, k = (_head_norm(norm, part, attn.d_head) for norm, part in ((attn.q_norm, q), (attn.k_norm, k)))
    q, k, v = (part.unflatten(-1, (-1, attn.d_head)) for part in (q, k, v))
    q, k = (
        _rotate(part, angles.get(attn.rotation, angles.get(ALL_LAYERS)), start, weights.adjacent) for part in (q, k)
    )
    return q, k, v


def _head_norm(norm: Norm | None, x: Tensor, d_head: int) -> Tensor:
    """Query and key norms act on one head's dimensions (Qwen-3) or on all heads at once (OLMo-2)."""
    if norm is None or norm.weight is None or len(norm.weight) == x.shape[-1]:
        return x if norm is None else norm(x)
    return norm(x.unflatten(-1, (-1, d_head))).flatten(-2)


def _rotate(x: Float[Tensor, "row pos n d_head"], angles: Angles | None, start: int, adjacent: bool) -> Tensor:
    """Rotary embedding of the first d_rotary dimensions: x cos + rotated(x) sin."""
    if angles is None:
        return x
    cos, sin = (part[start:, None] for part in angles)  # [pos 1 d_rotary]
    n = cos.shape[-1]
    turning, rest = x[..., :n], x[..., n:]
    if adjacent:
        other = torch.stack((-turning[..., 1::2], turning[..., 0::2]), -1).flatten(-2)
    else:
        other = torch.cat((-turning[..., n // 2 :], turning[..., : n // 2]), -1)
    turned = turning * cos + other * sin
    return torch.cat([turned, rest], -1) if rest.shape[-1] else turned


def _attend(attn: Attention, q: Tensor, k: Tensor, v: Tensor) -> Float[Tensor, "row dest_pos head d_head"]:
    """Causal attention; the queries are the last positions of the keys. Heads that share keys are stacked."""
    shared = attn.n_heads // attn.n_key_value_heads
    n_dest, n_src = q.shape[1], k.shape[1]
    k, v = k.transpose(1, 2), v.transpose(1, 2)  # [row n_key_value_heads src_pos d_head]
    q = q.unflatten(2, (-1, shared)).permute(0, 2, 3, 1, 4).flatten(2, 3)  # [row n_key_value_heads shared*dest d_head]
    mask = _mask(n_dest, n_src, attn.window, q).repeat(shared, 1)
    if attn.soft_cap is None:
        z = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=attn.scale)
    else:
        scores = torch.tanh(q @ k.transpose(-1, -2) * (attn.scale / attn.soft_cap)) * attn.soft_cap
        z = (scores + mask).softmax(-1) @ v
    return z.unflatten(2, (shared, n_dest)).permute(0, 3, 1, 2, 4).flatten(2, 3)


def _mask(n_dest: int, n_src: int, window: int | None, like: Tensor) -> Float[Tensor, "dest_pos src_pos"]:
    """0 where a query sees a key, -inf elsewhere."""
    dest = torch.arange(n_src - n_dest, n_src, device=like.device)[:, None]
    src = torch.arange(n_src, device=like.device)
    seen = src <= dest if window is None else (src <= dest) & (src > dest - window)
    return torch.zeros(n_dest, n_src, dtype=like.dtype, device=like.device).masked_fill_(~seen, -torch.inf)
