"""Read a bridge into compute/replay_weights.py's description.

Every tensor is the bridge's own (a view, never a copy), so folding, or its absence, is respected and nothing is held
twice. Rotary angles come from the model's own rotary module: the bridge's `cfg.rotary_base` reads 10000 whatever
the model says.

What is not understood is refused with `Uncovered`; what is understood wrongly is caught by `replay_verify`.
Not done: state-space and mixture-of-experts layers, ALiBi, attention sinks, low precision.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.replay_weights import (
    ALL_LAYERS,
    MLP,
    Activation,
    Angles,
    Attention,
    Block,
    Linear,
    Norm,
    Uncovered,
    Weights,
)  # fmt: skip

_UNSCALED = ("GPTNeoSelfAttention",)


def read_weights(bridge: Any) -> Weights:
    """Every part of the bridge, or `Uncovered`."""
    if bridge.W_E.dtype != torch.float32:
        raise Uncovered(f"{bridge.W_E.dtype} cannot be verified to float32 tolerance")
    _only(bridge, ("embed", "pos_embed", "rotary_emb", "blocks", "ln_final", "unembed"), "the model")
    embed = bridge.embed.original_component
    return Weights(
        W_E=embed.weight,
        embed_scale=float(getattr(embed, "embed_scale", 1.0)),
        W_pos=_positions(bridge),
        angles=_angles(bridge),
        adjacent=bool(getattr(bridge.cfg, "rotary_adjacent_pairs", False)) or _native_rotary(bridge) is not None,
        blocks=tuple(_block(bridge.cfg, block, layer) for layer, block in enumerate(bridge.blocks)),
        ln_final=_norm(getattr(bridge, "ln_final", None), bridge.cfg),
        unembed=Linear(bridge.W_U.T, bridge.b_U),
        logit_cap=_positive(bridge.cfg.output_logits_soft_cap),
    )


def _block(cfg: Any, block: Any, layer: int) -> Block:
    _only(block, ("ln1", "ln1_post", "attn", "ln2", "ln2_post", "mlp"), "a block")
    mlp = getattr(block, "mlp", None)
    ln1, ln2 = (_norm(getattr(block, name, None), cfg) for name in ("ln1", "ln2"))
    parallel = mlp is not None and bool(cfg.parallel_attn_mlp)
    return Block(
        ln1=ln1,
        ln1_post=_norm(getattr(block, "ln1_post", None), cfg),
        attn=_attention(cfg, block.attn, layer),
        ln2=ln1 if parallel and not hasattr(block, "ln2") else ln2,
        ln2_post=_norm(getattr(block, "ln2_post", None), cfg),
        mlp=None if mlp is None else _mlp(cfg, mlp),
        parallel=parallel,
    )


def _attention(cfg: Any, attn: Any, layer: int) -> Attention:
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
        window=_window(module, layer),
        rotation=_layer_type(module, layer) or ALL_LAYERS,
    )


def _scale(cfg: Any, module: Any) -> float:
    """What multiplies the scores: the module's own factor, or 1 / its divisor (native models), or 1 / sqrt(d_head)."""
    if type(module).__name__ in _UNSCALED:
        return 1.0
    if hasattr(module, "scaling"):
        return float(module.scaling)
    return 1 / float(getattr(module, "scale", None) or math.sqrt(cfg.d_head))


def _window(module: Any, layer: int) -> int | None:
    """How far back the layer sees: its module knows (Gemma-2), or the configuration (Mistral, GPT-Neo)."""
    if hasattr(module, "sliding_window"):
        return module.sliding_window
    config = getattr(module, "config", None)
    if hasattr(module, "attention_type"):
        return getattr(config, "window_size", None) if module.attention_type == "local" else None
    slides = _layer_type(module, layer) != "full_attention" and getattr(config, "use_sliding_window", True)
    return getattr(config, "sliding_window", None) if slides else None


def _layer_type(module: Any, layer: int) -> str | None:
    """`full_attention` or `sliding_attention`; None where the configuration makes no difference between layers."""
    kinds = getattr(getattr(module, "config", None), "layer_types", None)
    return kinds[layer] if kinds else None


def _positions(bridge: Any) -> Float[Tensor, "n_ctx d_model"] | None:
    """Learned positions from 0 on; OPT keeps two rows before them."""
    if not hasattr(bridge, "pos_embed"):
        return None
    inner = bridge.pos_embed.original_component
    return inner.weight[getattr(inner, "offset", 0) :]


def _mlp(cfg: Any, mlp: Any) -> MLP:
    _only(mlp, ("in", "gate", "out"), "an MLP")
    if not hasattr(mlp, "in"):
        raise Uncovered("an MLP has no single input projection")
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


def _angles(bridge: Any) -> Callable[[int], dict[str, Angles]]:
    native, module = _native_rotary(bridge), getattr(getattr(bridge, "rotary_emb", None), "original_component", None)
    if native is not None:
        return lambda n: {ALL_LAYERS: (native.cos_cached[:n], native.sin_cached[:n])}
    if module is None:
        if bridge.cfg.positional_embedding_type == "rotary":
            raise Uncovered("its rotary embedding is not one shared module")
        return lambda n: {}
    kinds = [[kind] for kind in module.layer_types] if hasattr(module, "layer_types") else [[]]
    like = bridge.W_E[:1]

    def angles(n: int) -> dict[str, Angles]:
        at = torch.arange(n, device=like.device)[None]
        return {(kind or [ALL_LAYERS])[0]: _unbatched(*module(like, at, *kind)) for kind in kinds}

    return angles


def _unbatched(cos: Tensor, sin: Tensor) -> Angles:
    return cos[0], sin[0]


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
