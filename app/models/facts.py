"""What a bridge says of itself, as plain values; asked of the model, never assumed from its name."""

import hashlib
import json
from typing import Any

from app.domain.models import ModelFacts, ModelSpec


def facts_of(
    bridge: Any, spec: ModelSpec, *, title: str, weights: str, revision: str, bos_token: str | None
) -> ModelFacts:
    """`weights` is a hash of the weights or a pinned revision; with processing and dtype it is the identity."""
    cfg = bridge.cfg
    return ModelFacts(
        title=title,
        spec=spec,
        identity=identity(weights, spec),
        revision=revision,
        n_layers=cfg.n_layers,
        n_heads=cfg.n_heads,
        n_key_value_heads=cfg.n_key_value_heads or cfg.n_heads,
        d_model=cfg.d_model,
        d_head=cfg.d_head,
        d_mlp=cfg.d_mlp if has_mlp(bridge) else None,
        d_vocab=cfg.d_vocab,
        n_ctx=cfg.n_ctx,
        normalization=cfg.normalization_type,
        parallel_blocks=has_mlp(bridge) and "blocks.0.hook_resid_mid" not in bridge.hook_dict,
        device=str(cfg.device),
        bos_token=bos_token,
        sweep_engine="bridge: not yet verified",
    )


def identity(weights: str, spec: ModelSpec) -> str:
    """SHA-256 over weights, processing and dtype: what decides the numbers besides library versions."""
    return hashlib.sha256(json.dumps([weights, spec.processing, spec.dtype]).encode()).hexdigest()


def has_mlp(bridge: Any) -> bool:
    """False for attention-only models, whose configuration still names a d_mlp."""
    return hasattr(bridge.blocks[0], "mlp")
