"""What a functional forward pass needs of a model, read off the bridge: one frozen description for every family.

A family is data, not a class: which norms there are, how positions enter, how keys and values are shared, whether the
MLP runs beside the attention or after it. Every tensor is the bridge's own (a view, never a copy), so folding, or its
absence, is respected and nothing is held twice. Rotary angles come from the model's own rotary module: the bridge's
`cfg.rotary_base` reads 10000 whatever the model says (reference/transformerlens.md, gotcha 3).

What is not understood is refused with `Uncovered`; what is understood wrongly is caught by `replay.verify`.
Not done: state-space and mixture-of-experts layers, ALiBi, attention sinks, rotary that differs between layers.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Activation = Callable[[Tensor], Tensor]
Angles = tuple[Float[Tensor, "pos d_rotary"], Float[Tensor, "pos d_rotary"]]


class Uncovered(Exception):
    """A part of the model that the replay does not know; the text completes "bridge: ..."."""


@dataclass(frozen=True, eq=False)
class Linear:
    """`x @ weight.T + bias`."""

    weight: Float[Tensor, "d_out d_in"]
    bias: Float[Tensor, " d_out"] | None

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)


@dataclass(frozen=True, eq=False)
class Norm:
    """LayerNorm, or RMSNorm where `rms` (no centring); `None` weights are ones, `None` biases zeros."""

    rms: bool
    eps: float
    weight: Float[Tensor, " d"] | None
    bias: Float[Tensor, " d"] | None

    def __call__(self, x: Tensor) -> Tensor:
        if not self.rms:
            return functional.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)
        scaled = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)
        return scaled if self.weight is None else scaled * self.weight


@dataclass(frozen=True, eq=False)
class Attention:
    """`scale` multiplies the scores; `soft_cap` bounds them; a key further back than `window` is not seen."""

    n_heads: int
    n_key_value_heads: int
    d_head: int
    q: Linear
    k: Linear
    v: Linear
    o: Linear
    q_norm: Norm | None
    k_norm: Norm | None
    scale: float
    soft_cap: float | None
    window: int | None


@dataclass(frozen=True, eq=False)
class MLP:
    """`out(act(gate(x)) * up(x))` where gated, otherwise `out(act(up(x)))`."""

    up: Linear
    gate: Linear | None
    out: Linear
    act: Activation


@dataclass(frozen=True, eq=False)
class Block:
    """One layer. `parallel`: the MLP reads the stream before the attention and both are added to it. The `_post`
    norms act on what a sublayer adds (Gemma-2). `ln1=None` reads the stream as it is; `mlp=None`: attention only."""

    ln1: Norm | None
    ln1_post: Norm | None
    attn: Attention
    ln2: Norm | None
    ln2_post: Norm | None
    mlp: MLP | None
    parallel: bool


@dataclass(frozen=True, eq=False)
class Weights:
    """A whole model. `angles(n)` gives cos and sin of the rotary embedding at positions 0..n-1; `adjacent` pairs
    neighbouring dimensions instead of halves; `logit_cap` is the final soft-cap."""

    W_E: Float[Tensor, "d_vocab d_model"]
    embed_scale: float
    W_pos: Float[Tensor, "n_ctx d_model"] | None
    angles: Callable[[int], Angles] | None
    adjacent: bool
    blocks: tuple[Block, ...]
    ln_final: Norm | None
    unembed: Linear
    logit_cap: float | None


def read_weights(bridge: Any) -> Weights:
    """Every part of the bridge, or `Uncovered`."""
    if bridge.W_E.dtype != torch.float32:
        raise Uncovered(f"{bridge.W_E.dtype} cannot be verified to float32 tolerance")
    _only(bridge, ("embed", "pos_embed", "rotary_emb", "blocks", "ln_final", "unembed"), "the model")
    embed = bridge.embed.original_component
    return Weights(
        W_E=embed.weight,
        embed_scale=float(getattr(embed, "embed_scale", 1.0)),
        W_pos=bridge.pos_embed.original_component.weight if hasattr(bridge, "pos_embed") else None,
        angles=_angles(bridge),
        adjacent=bool(getattr(bridge.cfg, "rotary_adjacent_pairs", False)) or _native_rotary(bridge) is not None,
        blocks=tuple(_block(bridge.cfg, block) for block in bridge.blocks),
        ln_final=_norm(getattr(bridge, "ln_final", None), bridge.cfg),
        unembed=Linear(bridge.W_U.T, bridge.b_U),
        logit_cap=_positive(bridge.cfg.output_logits_soft_cap),
    )


def _block(cfg: Any, block: Any) -> Block:
    _only(block, ("ln1", "ln1_post", "attn", "ln2", "ln2_post", "mlp"), "a block")
    mlp = getattr(block, "mlp", None)
    ln1, ln2 = (_norm(getattr(block, name, None), cfg) for name in ("ln1", "ln2"))
    parallel = mlp is not None and bool(cfg.parallel_attn_mlp)
    return Block(
        ln1=ln1,
        ln1_post=_norm(getattr(block, "ln1_post", None), cfg),
        attn=_attention(cfg, block.attn),
        ln2=ln1 if parallel and not hasattr(block, "ln2") else ln2,
        ln2_post=_norm(getattr(block, "ln2_post", None), cfg),
        mlp=None if mlp is None else _mlp(cfg, mlp),
        parallel=parallel,
    )


def _attention(cfg: Any, attn: Any) -> Attention:
    _only(attn, ("q", "k", "v", "o", "qkv", "q_norm", "k_norm"), "an attention layer")
    if getattr(cfg, "qk_norm_after_rope", False):
        raise Uncovered("queries and keys are normalised after the rotation")
    module = attn.original_component
    return Attention(
        n_heads=cfg.n_heads,
        n_key_value_heads=cfg.n_key_value_heads or cfg.n_heads,
        d_head=cfg.d_head,
        q=_linear(attn.q),
        k=_linear(attn.k),
        v=_linear(attn.v),
        o=_linear(attn.o),
        q_norm=_norm(getattr(attn, "q_norm", None), cfg),
        k_norm=_norm(getattr(attn, "k_norm", None), cfg),
        scale=_scale(cfg, module),
        soft_cap=_positive(getattr(module, "attn_logit_softcapping", None) or cfg.attn_scores_soft_cap),
        window=getattr(module, "sliding_window", None),
    )


def _scale(cfg: Any, module: Any) -> float:
    """What multiplies the scores: the module's own factor, or 1 / its divisor (native models), or 1 / sqrt(d_head)."""
    if hasattr(module, "scaling"):
        return float(module.scaling)
    return 1 / float(getattr(module, "scale", None) or math.sqrt(cfg.d_head))


def _mlp(cfg: Any, mlp: Any) -> MLP:
    _only(mlp, ("in", "gate", "out"), "an MLP")
    gate = getattr(mlp, "gate", None)
    return MLP(
        up=_linear(getattr(mlp, "in")),
        gate=None if gate is None else _linear(gate),
        out=_linear(mlp.out),
        act=_activation(mlp.original_component, cfg),
    )


def _activation(module: Any, cfg: Any) -> Activation:
    """The model's own function where its module keeps it, otherwise by the configuration's name."""
    from transformers.activations import ACT2FN

    for name in ("act", "act_fn", "activation_fn"):
        if callable(getattr(module, name, None)):
            return getattr(module, name)
    if cfg.act_fn not in ACT2FN:
        raise Uncovered(f"the activation {cfg.act_fn!r} is not known")
    return ACT2FN[cfg.act_fn]


def _linear(layer: Any) -> Linear:
    """TransformerLens wraps torch's Linear `[out in]` and transformers' Conv1D `[in out]`."""
    from transformers.pytorch_utils import Conv1D

    inner = layer.original_component
    if not isinstance(inner, (torch.nn.Linear, Conv1D)):
        raise Uncovered(f"a projection is a {type(inner).__name__}")
    return Linear(inner.weight.T if isinstance(inner, Conv1D) else inner.weight, inner.bias)


def _norm(layer: Any, cfg: Any) -> Norm | None:
    """The norm as the bridge computes it; weights that folding left at one are dropped."""
    if layer is None or isinstance(layer.original_component, torch.nn.Identity):
        return None
    inner = layer.original_component
    weight, bias = getattr(inner, "weight", None), getattr(inner, "bias", None)
    weight = 1 + weight if weight is not None and layer.uses_weight_offset else weight
    eps = next((e for n in ("eps", "variance_epsilon") if (e := getattr(inner, n, None)) is not None), cfg.eps)
    return Norm(
        rms=layer.uses_rms_norm,
        eps=float(eps),
        weight=None if weight is None or bool((weight == 1).all()) else weight,
        bias=None if bias is None or bool((bias == 0).all()) else bias,
    )


def _angles(bridge: Any) -> Callable[[int], Angles] | None:
    native = _native_rotary(bridge)
    if native is not None:
        return lambda n: (native.cos_cached[:n], native.sin_cached[:n])
    if not hasattr(bridge, "rotary_emb"):
        return None
    module = bridge.rotary_emb.original_component
    if hasattr(module, "layer_types"):
        raise Uncovered("its layers rotate by different angles")
    like = bridge.W_E[:1]

    def angles(n: int) -> Angles:
        cos, sin = module(like, torch.arange(n, device=like.device)[None])
        return cos[0], sin[0]

    return angles


def _native_rotary(bridge: Any) -> Any:
    """The shared tables of a TransformerLens native model; None elsewhere."""
    return getattr(bridge.blocks[0].attn.original_component, "rotary", None)


def _positive(cap: float | None) -> float | None:
    return float(cap) if cap is not None and cap > 0 else None


def _only(component: Any, known: tuple[str, ...], what: str) -> None:
    """Refuse a component with parts that are not understood."""
    parts = getattr(component, "submodules", None) or dict(component.named_children())
    extra = sorted(name for name in parts if name not in known and not name.startswith(("hook_", "_")))
    if extra:
        raise Uncovered(f"{what} has {', '.join(extra)}")
