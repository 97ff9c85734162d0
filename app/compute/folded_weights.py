"""A head's value and output weights as they act on the residual stream itself, the norms around them folded in."""

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.normalization import affine_norm, post_norm
from app.models.loaded import LoadedModel


def folded_ov(model: LoadedModel, layer: int) -> tuple[Float[Tensor, "head d_model d_head"], Tensor]:
    """W_V of every query head as it reads the stream, and W_O as what it writes is added."""
    with model.lock:
        block, after = model.bridge.blocks[layer], post_norm(model, layer)
        W_V, W_O = block.attn.W_V.float(), block.attn.W_O.float()
        before = affine_norm(block.ln1, model.facts.d_model, W_V) if hasattr(block, "ln1") else None
    W_V = W_V.repeat_interleave(len(W_O) // len(W_V), 0)  # query heads share values
    W_V = W_V if before is None else before.folded_into(W_V)
    return W_V, W_O if after is None else after.contribution(W_O, torch.ones_like(W_O[..., :1]))
