"""Who reads a direction: how much of it gets through the weights that read the stream (docs/formulas.md).

`|W^T d| / (|W|_F / sqrt(d_model))` of every head's W_Q, W_K, W_V and every MLP's W_in and W_gate, the norm before them
folded in and centred where it centres; `d` has length 1. For a random `d` the mean of its square is 1 (less the share
of the mean where the norm centres), so 1 = reads as much of it as of any direction. What random directions
make of it is measured, per reader, by `draws` of them; `z = (norm - their mean) / their standard deviation`.
Heads that share keys and values have one row for k and one for v.

It says what a reader is able to see, not what it makes of it on a prompt: scales of norms, positions and biases
are left out, and norms of queries and keys (Qwen 3) too.
Source: Elhage et al. 2021 (reading and writing subspaces). Not done: which query reads it together with which key.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.directions import made
from app.compute.normalization import affine_norm
from app.compute.prompts import array
from app.compute.report import Report, silent
from app.domain.direction_recipes import DirectionReaders, check_place
from app.domain.direction_results import DirectionReadersResult
from app.domain.models import Provenance
from app.domain.recipes import recipe_json
from app.models.loaded import LoadedModel

_OF_ATTENTION = {"q": "W_Q", "k": "W_K", "v": "W_V"}
_OF_MLP = {"mlp": "W_in", "gate": "W_gate"}


@dataclass(frozen=True, eq=False)
class _Reader:
    """`weights[i]` is head i's matrix, or the MLP's."""

    reads: str
    layer: int
    weights: Float[Tensor, "head d_model d_out"]


def direction_readers(
    model: LoadedModel,
    recipe: DirectionReaders,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> DirectionReadersResult:
    """Every reader of every layer."""
    check_place(model.facts, recipe, ())
    unit = made(model, recipe.direction).unit
    tried = torch.cat([unit[None], _random(recipe, model.facts.d_model).to(unit)])
    inputs: list[str] = []
    layers: list[int] = []
    heads: list[int] = []
    found: list[Tensor] = []
    for layer in range(model.facts.n_layers):
        report(layer, model.facts.n_layers)
        for reader in _readers(model, layer):
            count = len(reader.weights)
            found.append(_read(reader.weights, tried))
            inputs += [reader.reads] * count
            layers += [layer] * count
            heads += [-1] if reader.reads in _OF_MLP else list(range(count))
    norms = array(torch.cat(found))
    random = norms[:, 1:]
    low, high = np.percentile(random, (2.5, 97.5), axis=1).astype(np.float32)
    return DirectionReadersResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, direction=str(recipe.direction),
        draws=recipe.draws, seed=recipe.seed, inputs=tuple(inputs), layers=np.array(layers, np.int32),
        heads=np.array(heads, np.int32), norm=norms[:, 0], random_mean=random.mean(1),
        random_sd=random.std(1, ddof=1), random_low=low, random_high=high,
    )  # fmt: skip


def _random(recipe: DirectionReaders, d_model: int) -> Float[Tensor, "draw d_model"]:
    """Unit vectors, the same on every device."""
    found = torch.randn(recipe.draws, d_model, generator=torch.Generator().manual_seed(recipe.seed))
    return found / found.norm(dim=-1, keepdim=True)


def _read(weights: Float[Tensor, "head d_model d_out"], tried: Float[Tensor, "draw d_model"]) -> Tensor:
    """`[head draw]` of `|W^T d| sqrt(d_model) / |W|_F`."""
    whole = weights.norm(dim=(-2, -1)) / weights.shape[-2] ** 0.5
    return (tried @ weights).norm(dim=-1) / whole[:, None]


def _readers(model: LoadedModel, layer: int) -> Iterator[_Reader]:
    """A layer's matrices as they read the stream. Without a norm before it (OLMo 2) the stream itself is read."""
    with model.lock:
        block = model.bridge.blocks[layer]
        yield from _folded(model, layer, block.attn, getattr(block, "ln1", None), _OF_ATTENTION)
        if model.facts.d_mlp is not None:
            norm = getattr(block, "ln2", getattr(block, "ln1", None))  # GPT-J: one norm for both
            yield from _folded(model, layer, block.mlp, norm, _OF_MLP)


def _folded(model: LoadedModel, layer: int, part: Any, norm: Any, names: dict[str, str]) -> Iterator[_Reader]:
    for reads, name in names.items():
        weights = getattr(part, name, None)
        if weights is None:
            continue
        weights = weights.float()
        weights = weights if weights.ndim == 3 else weights[None]
        before = None if norm is None else affine_norm(norm, model.facts.d_model, weights)
        yield _Reader(reads, layer, weights if before is None else before.folded_into(weights))
