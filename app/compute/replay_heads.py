"""Head ablations on the replay: each ablated head is one row that leaves the trace at its own layer.

A row's stream differs from the trace by (new z - z) W_O of one head, so it is injected as that layer's `attn_out` and
nothing below it, and not even that layer's attention, is computed again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.hooks import patched_sites
from app.compute.prompts import ReadPrompt
from app.compute.references import mean_z
from app.compute.replay import PLACES, Held, Injection, Trace, end_logits, hold, project_change, propagate, trace
from app.compute.replay_weights import Weights
from app.compute.runs import Interventions, capture, everywhere
from app.domain.interventions import Ablate, Patch
from app.domain.sites import Head
from app.models.loaded import LoadedModel

WAVE_TOKENS = {"cpu": 1024, "cuda": 16384, "mps": 4096}
"""Rows x positions that run at once: enough for the matrix products to be fast, few enough for the first results to
be early, cancelling to be quick and memory to stay low (benchmarks/head_ablation.py; docs/performance.md)."""
LOGIT_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class HeadCells:
    """One prompt ready for its head ablations: `ablated(heads)` gives final logits, one row per head, for at most
    `batch` heads in ascending order. `engine` is what computes them."""

    engine: str
    batch: int
    clean: Float[Tensor, " d_vocab"]
    ablated: Callable[[tuple[Head, ...]], Float[Tensor, "row d_vocab"]]


def replayed(
    model: LoadedModel,
    weights: Weights,
    prompt: ReadPrompt,
    interventions: Interventions,
    replacement: Float[Tensor, "layer head d_head"],
) -> HeadCells:
    """The cells of one prompt on top of interventions that `replayable` allows."""
    base = trace(weights, prompt.clean.ids, held(model, prompt, interventions))

    def ablated(heads: tuple[Head, ...]) -> Tensor:
        with torch.inference_mode():
            return end_logits(weights, propagate(weights, base, _injections(weights, base, heads, replacement)))

    tokens = WAVE_TOKENS.get(weights.W_E.device.type, 1024) // len(base)
    batch = max(1, min(tokens, LOGIT_BYTES // (4 * model.facts.d_vocab)))
    return HeadCells("replay", batch, end_logits(weights, base.resid[-1][-1:])[0], ablated)


def replayable(interventions: Interventions) -> bool:
    """Whether every intervention sets a place that the replay knows."""
    return all(each.site.activation in PLACES for each in interventions)


def held(model: LoadedModel, prompt: ReadPrompt, interventions: Interventions) -> tuple[Held, ...]:
    """Interventions as held values. Patched values come from the bridge's plain run of the corrupted prompt."""
    names = patched_sites(interventions)
    corrupted: Mapping[str, Tensor] = {}
    if names and prompt.corrupted_ids is not None:
        _, corrupted = capture(model, prompt.corrupted_ids, dict.fromkeys(names, everywhere))
    return tuple(_held(model, each, len(prompt.clean), corrupted) for each in interventions)


def _held(model: LoadedModel, each: Ablate | Patch, n_positions: int, corrupted: Mapping[str, Tensor]) -> Held:
    site, facts = each.site, model.facts
    if isinstance(each, Patch):
        value = corrupted[site.hook_name]
    elif each.method == "mean":
        value = mean_z(model, each.reference)[site.layer].expand(n_positions, -1, -1)
    else:
        shape = (facts.n_heads, facts.d_head) if site.activation == "z" else (facts.d_model,)
        value = torch.zeros(n_positions, *shape, device=facts.device)
    return Held(site.activation, site.layer, value, site.positions, site.heads)


def _injections(weights: Weights, base: Trace, heads: tuple[Head, ...], replacement: Tensor) -> list[Injection]:
    by_layer = {layer: [head.head for head in found] for layer, found in groupby(heads, lambda head: head.layer)}
    return [_injection(weights, base, layer, found, replacement[layer]) for layer, found in by_layer.items()]


def _injection(weights: Weights, base: Trace, layer: int, heads: list[int], new: Tensor) -> Injection:
    def rows(first: int) -> Tensor:
        z = base.z[layer][first:]
        out = project_change(weights.blocks[layer], z, heads, new[heads][:, None].expand(-1, len(z), -1))
        return hold(base.held, "attn_out", layer, out, first)

    return Injection(layer, "attn_out", rows)
