"""Which tokens an output promotes and suppresses."""

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.logit_lens import CHUNK_BYTES
from app.models.loaded import LoadedModel


def ranked_tokens(model: LoadedModel, outputs: Float[Tensor, "... d_model"], top_k: int) -> tuple[Tensor, ...]:
    """Logits and ids `[... rank]` of the most promoted tokens, then of the most suppressed, against the mean.
    `outputs` are as the unembedding reads them; in chunks of rows, because the vocabulary is wide."""
    W_U = model.bridge.W_U.float()
    found: list[tuple[Tensor, ...]] = []
    for rows in outputs.flatten(0, -2).split(max(1, CHUNK_BYTES // (4 * W_U.shape[1]))):
        logits = rows @ W_U
        logits -= logits.mean(-1, keepdim=True)
        found.append((*logits.topk(top_k), *logits.topk(top_k, largest=False)))
    return tuple(torch.cat(part).unflatten(0, outputs.shape[:-1]) for part in zip(*found, strict=True))
