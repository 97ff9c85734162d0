"""Decompositions as long tables (see tables.py)."""

import json

import numpy as np
import pandas as pd

from app.domain.parts_results import LogitDecompositionResult, NeuronsResult
from app.figures.decomposition_levels import parts_at, ranked
from app.figures.long import stacked, unrolled

MOST_NEURONS = 2000
"""Of the largest mean magnitude; the others are one row together. The arrays (npz) have all."""
_ORDER = (
    "prompt", "component", "kind", "layer", "head", "neuron", "source_position", "source_token", "metric", "value",
)  # fmt: skip


def decomposition_rows(result: LogitDecompositionResult) -> pd.DataFrame:
    """`kind` is the level: rows of components, of heads with attn_bias, and of neurons with mlp_bias each exclude one
    another. The last rows are the logit difference."""
    prompts, layers = np.arange(len(result.logit_diff)), np.arange(result.heads.shape[1])
    heads = np.arange(result.heads.shape[2])
    parts = [
        unrolled(result.components, {"prompt": prompts, "component": result.component_labels}).assign(kind="component"),
        unrolled(result.heads, {"prompt": prompts, "layer": layers, "head": heads}).assign(kind="head"),
        unrolled(result.attn_bias, {"prompt": prompts, "layer": layers}).assign(kind="attn_bias"),
        unrolled(result.mlp_bias, {"prompt": prompts, "layer": layers}).assign(kind="mlp_bias"),
        *_sources(result), *_neurons(result),
    ]  # fmt: skip
    rows = pd.concat(parts, ignore_index=True).assign(metric="direct_logit_attribution")
    total = pd.DataFrame({"prompt": prompts, "metric": "logit_diff", "value": result.logit_diff})
    return stacked([rows, total], _ORDER)


def _sources(result: LogitDecompositionResult) -> list[pd.DataFrame]:
    if not result.sources.size:
        return []
    names = ("prompt", "layer", "head", "source_position")
    rows = unrolled(result.sources, dict(zip(names, map(np.arange, result.sources.shape), strict=True)))
    rows["source_token"] = result.str_tokens[rows["prompt"], rows["source_position"]].astype(object)
    return [rows[rows["source_token"] != ""].assign(kind="source")]


def _neurons(result: LogitDecompositionResult) -> list[pd.DataFrame]:
    if not result.neurons.size:
        return []
    parts = parts_at(result, "neuron", tuple(range(len(result.neurons))))
    chosen = ranked(parts, MOST_NEURONS)
    layer, neuron = np.divmod(chosen, result.neurons.shape[2])
    rows = unrolled(parts.values[:, chosen], {"prompt": np.array(parts.prompts), "at": np.arange(len(chosen))})
    rows["layer"], rows["neuron"] = layer[rows["at"]], neuron[rows["at"]]
    rest = np.nansum(parts.values, axis=1) - parts.values[:, chosen].sum(axis=1)
    others = pd.DataFrame({"prompt": parts.prompts, "component": "other neurons", "value": rest})
    return [pd.concat([rows, others], ignore_index=True).assign(kind="neuron")]


def neuron_rows(result: NeuronsResult) -> pd.DataFrame:
    """Activations by position and attributions of all neurons, then the chosen neuron's tokens by rank."""
    neurons, positions = np.arange(len(result.attribution)), np.arange(len(result.str_tokens))
    axes = {"position": positions, "neuron": neurons}
    activations = unrolled(result.activations, axes).assign(metric="activation")
    activations["token"] = np.asarray(result.str_tokens, dtype=object)[activations["position"]]
    parts = [activations, unrolled(result.attribution, {"neuron": neurons}).assign(metric="direct_logit_attribution")]
    for side, metric in (("promoted_logits", "promoted_logit"), ("suppressed_logits", "suppressed_logit"),
                         ("exciting_activations", "exciting_activation")):  # fmt: skip
        values, tokens = getattr(result, side), getattr(result, f"{side.partition('_')[0]}_tokens")
        rows = unrolled(values, {"rank": np.arange(len(values))}).assign(neuron=result.neuron, metric=metric)
        parts.append(rows.assign(top_token=tokens))
    rows = pd.concat(parts, ignore_index=True)
    rows = rows.assign(layer=result.layer, prompt=int(json.loads(result.recipe).get("prompt", 0)))
    rows["component"] = f"L{result.layer}N" + rows["neuron"].astype(int).astype(str)
    order = ("prompt", "component", "layer", "neuron", "position", "token", "metric", "rank", "top_token", "value")
    return stacked([rows], order)
