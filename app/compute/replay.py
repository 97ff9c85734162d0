"""One layer of a forward pass as a function of the bridge's weights, made for running many rows that share almost all.

The tokens of all rows lie in one flat axis, so every weight matrix is read once for all of them. What differs between
one run (compute/replay_trace.py) and thousands that differ from it in little (compute/replay_rows.py) is the `Pass`: it
sees every activation on its way, may change it, and may let further rows in at that point.

Stateless: no hooks, no lock, any number of threads. Exact up to float32 rounding; `replay_verify` compares it with the
bridge before a model is trusted to it (docs/performance.md has the measurements behind the design).
q and k are visited before query and key norms and before rotation, as TransformerLens' hook_q and hook_k.
Not done: mlp_pre and attn_scores, gradients.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.replay_weights import Angles, Attention, Block, Norm, Weights

Place = Literal[
    "resid_pre", "q", "k", "v", "pattern", "z", "attn_out", "resid_mid", "mlp_post", "mlp_out", "resid_post"
]  # fmt: skip
NormName = Literal["ln1", "ln1_post", "ln2", "ln2_post", "ln_final"]
Tokens = Float[Tensor, "token d_model"]


class Pass(Protocol):
    """The rows that a layer is computed for."""

    frozen_pattern: bool

    def visit(self, place: Place, layer: int, x: Tensor) -> Tensor:
        """What the activation becomes, with the tokens of rows that begin here behind those there are."""
        ...

    def added(self, place: Place, layer: int, x: Tokens, more: Tokens) -> Tokens:
        """`x + more`; tokens that only `more` has are at `place` what the base run is."""
        ...

    def leaving(self, layer: int, x: Tensor) -> Tensor:
        """Of the tokens that come into a layer those that go out: at the last layer only END matters."""
        ...

    def angles(self, place: Place, layer: int, rotation: str, count: int) -> Angles | None:
        """Of the tokens there, for the kind of rotation that the layer has; None where it has none."""
        ...

    def scale(self, name: NormName, layer: int, count: int) -> Float[Tensor, "token 1"] | None:
        """What a frozen norm divides by; None where it is not frozen."""
        ...

    def attend(self, layer: int, q: Tensor | None, k: Tensor | None, v: Tensor) -> Float[Tensor, "token head d_head"]:
        """z of rotated queries and keys; None where patterns are frozen."""
        ...

    def neurons(self, layer: int, out: Tokens) -> Tokens:
        """What the MLP adds, with rows that begin at single neurons behind those there are."""
        ...


def run_layer(weights: Weights, layer: int, x: Tokens, run: Pass) -> Tokens:
    """The stream after a layer, from the stream before it."""
    block = weights.blocks[layer]
    x = run.visit("resid_pre", layer, x)
    z = run.visit("z", layer, run_attention(weights, layer, x, run))
    stream = run.leaving(layer, x)
    added = normed(run, "ln1_post", layer, block.ln1_post, block.attn.o(z.flatten(-2)))
    attn_out = run.visit("attn_out", layer, added)
    middle = run.added("resid_pre", layer, stream, attn_out)
    if not block.parallel:
        stream = middle = run.visit("resid_mid", layer, middle)
    mlp_out = run.visit("mlp_out", layer, _mlp_out(block, layer, stream, run))
    return run.visit("resid_post", layer, run.added("resid_mid", layer, middle, mlp_out))


def run_attention(weights: Weights, layer: int, x: Tokens, run: Pass) -> Float[Tensor, "token head d_head"]:
    """z of a layer, from the stream before it."""
    block, attn = weights.blocks[layer], weights.blocks[layer].attn
    if not len(x):
        return x.new_empty(0, attn.n_heads, attn.d_head)
    y = normed(run, "ln1", layer, block.ln1, x)
    v = run.visit("v", layer, _by_head(attn, attn.v(y)))
    if run.frozen_pattern:
        return run.attend(layer, None, None, v)
    q = run.visit("q", layer, _by_head(attn, attn.q(run.leaving(layer, y))))
    k = run.visit("k", layer, _by_head(attn, attn.k(y)))
    q = rotated(head_normed(attn.q_norm, q), run.angles("q", layer, attn.rotation, len(q)), weights.adjacent)
    k = rotated(head_normed(attn.k_norm, k), run.angles("k", layer, attn.rotation, len(k)), weights.adjacent)
    return run.attend(layer, q, k, v)


def normed(run: Pass, name: NormName, layer: int, norm: Norm | None, x: Tensor) -> Tensor:
    """`x` after a norm, whose scale may be frozen."""
    return x if norm is None else norm(x, run.scale(name, layer, len(x)))


def end_logits(weights: Weights, resid: Float[Tensor, "row d_model"], scale: Tensor | None = None) -> Tensor:
    """Final norm, unembedding and soft-cap: `[row d_vocab]`."""
    logits = weights.unembed(resid if weights.ln_final is None else weights.ln_final(resid, scale))
    return logits if weights.logit_cap is None else torch.tanh(logits / weights.logit_cap) * weights.logit_cap


def embed(weights: Weights, ids: Sequence[int]) -> Float[Tensor, "pos d_model"]:
    """Token embedding plus the learned position embedding where there is one."""
    tokens = torch.tensor(ids, device=weights.W_E.device)
    found = weights.W_E[tokens] * weights.embed_scale
    return found if weights.W_pos is None else found + weights.W_pos[: len(ids)]


def _by_head(attn: Attention, x: Tensor) -> Float[Tensor, "token head d_head"]:
    return x.unflatten(-1, (-1, attn.d_head))


def _mlp_out(block: Block, layer: int, x: Tokens, run: Pass) -> Tokens:
    mlp = block.mlp
    if mlp is None:
        return torch.zeros_like(x)
    y = normed(run, "ln2", layer, block.ln2, x)
    hidden = mlp.act(mlp.up(y)) if mlp.gate is None else mlp.act(mlp.gate(y)).mul_(mlp.up(y))
    out = run.neurons(layer, mlp.out(run.visit("mlp_post", layer, hidden)))
    return normed(run, "ln2_post", layer, block.ln2_post, out)


def head_normed(norm: Norm | None, x: Float[Tensor, "token head d_head"]) -> Tensor:
    """Query and key norms act on one head's dimensions (Qwen-3) or on all heads at once (OLMo-2)."""
    if norm is None or norm.weight is None or len(norm.weight) == x.shape[-1]:
        return x if norm is None else norm(x)
    return norm(x.flatten(-2)).unflatten(-1, (-1, x.shape[-1]))


def rotated(x: Float[Tensor, "token head d_head"], angles: Angles | None, adjacent: bool) -> Tensor:
    """Rotary embedding of the first d_rotary dimensions: pairs (a, b) -> (a cos - b sin, b cos + a sin)."""
    if angles is None:
        return x
    cos, sin = (part[:, None] for part in angles)  # [token 1 d_rotary]
    n = cos.shape[-1]
    a, b = (slice(0, n, 2), slice(1, n, 2)) if adjacent else (slice(0, n // 2), slice(n // 2, n))
    turned = x[..., :n] * cos
    turned[..., a].addcmul_(x[..., b], sin[..., a], value=-1)
    turned[..., b].addcmul_(x[..., a], sin[..., b])
    return torch.cat([turned, x[..., n:]], -1) if x.shape[-1] > n else turned
