"""Results of one direction as long tables (app/figures/tables.py)."""

from typing import Any

import numpy as np
import pandas as pd

from app.domain.direction_results import (
    DirectionDistributionResult,
    DirectionProjectionResult,
    DirectionReadersResult,
    DirectionWritersResult,
)
from app.figures.head_labels import head_labels

_METRIC = {False: "projection", True: "cosine"}


def projection_rows(result: DirectionProjectionResult) -> pd.DataFrame:
    """One row per prompt, layer and position that there is."""
    prompt, layer, position = np.nonzero(np.isfinite(result.projection))
    return pd.DataFrame(
        {
            "prompt": prompt, "layer": layer, "position": position, "token": result.str_tokens[prompt, position],
            "component": result.activation, "metric": _METRIC[result.normalised],
            "value": result.projection[prompt, layer, position],
        }
    )  # fmt: skip


def distribution_rows(result: DirectionDistributionResult) -> pd.DataFrame:
    """`side` is which prompt of the pair, `answer` what answers it, `label:topic` a label of the pair; position is
    empty at END."""
    side, prompt, layer = np.nonzero(np.isfinite(result.projection))
    rows = pd.DataFrame(
        {
            "prompt": prompt, "side": np.array(result.sides)[side], "answer": result.answers[side, prompt],
            "layer": layer, "component": result.activation, "metric": _METRIC[result.normalised],
            "value": result.projection[side, prompt, layer],
            **{name: values[prompt] for name, values in result.labels.items()},
        }
    )  # fmt: skip
    return rows.assign(position=pd.array([result.position] * len(rows), dtype="Int64"))


def writer_rows(result: DirectionWritersResult) -> pd.DataFrame:
    """Kinds: head, attn (a layer: its heads + b_O), attn_bias, mlp, neuron, mlp_rest (an MLP without its named
    neurons), embed, pos_embed, unwritten, and the projection itself. head, attn_bias, mlp, embed, pos_embed and
    unwritten sum to it."""
    found = pd.concat([_writers_of(result, prompt) for prompt in range(len(result.projection))], ignore_index=True)
    return found.astype({"layer": "Int64", "head": "Int64", "neuron": "Int64", "position": "Int64"})


def _writers_of(result: DirectionWritersResult, prompt: int) -> pd.DataFrame:
    layers = np.arange(result.layer + 1)
    heads = result.heads[prompt, : len(layers)]
    layer, head = np.indices(heads.shape).reshape(2, -1)
    parts = [
        pd.DataFrame({"component": head_labels(*heads.shape).ravel(), "layer": layer, "head": head, "kind": "head",
                      "value": heads.ravel()}),
        pd.DataFrame([_named(label) for label in result.component_labels]).assign(value=result.components[prompt]),
        *_neuron_rows(result, prompt),
        pd.DataFrame([{"component": "unwritten", "kind": "unwritten", "value": result.unwritten[prompt]},
                      {"component": "resid_post", "kind": "projection", "layer": result.layer,
                       "value": result.projection[prompt]}]),
    ]  # fmt: skip
    bias = result.attn_bias[prompt, : len(layers)]
    if np.any(result.attn_bias[:, : len(layers)]):
        parts.append(pd.DataFrame({"component": [f"L{at}.b_O" for at in layers], "layer": layers, "kind": "attn_bias",
                                   "value": bias}))  # fmt: skip
    rows = pd.concat(parts, ignore_index=True)
    rows = rows.reindex(columns=["component", "layer", "head", "neuron", "kind", "value"])
    return rows.assign(prompt=prompt, position=result.positions[prompt], token=result.tokens[prompt], metric="written")


def _neuron_rows(result: DirectionWritersResult, prompt: int) -> list[pd.DataFrame]:
    """The named neurons, and what is left of their MLPs."""
    index, values = result.neuron_index[prompt, : result.layer + 1], result.neurons[prompt, : result.layer + 1]
    if not values.shape[-1] or np.isnan(values).all():
        return []
    layer, rank = np.indices(values.shape).reshape(2, -1)
    neuron = index[layer, rank]
    names = [f"L{at}N{number}" for at, number in zip(layer, neuron, strict=True)]
    whole = result.components[prompt, [result.component_labels.index(f"L{at}.mlp") for at in range(len(values))]]
    rest = {"component": [f"L{at}.mlp rest" for at in range(len(values))], "layer": np.arange(len(values))}
    return [
        pd.DataFrame({"component": names, "layer": layer, "neuron": neuron, "kind": "neuron", "value": values.ravel()}),
        pd.DataFrame(rest).assign(kind="mlp_rest", value=whole - values.sum(-1)),
    ]


def _named(component: str) -> dict[str, Any]:
    """`L5.mlp` -> layer 5, kind mlp; `embed` -> no layer, kind embed."""
    layer, dot, kind = component.partition(".")
    return {"component": component, "layer": int(layer[1:]) if dot else None, "kind": kind if dot else component}


def reader_names(result: DirectionReadersResult) -> list[str]:
    """`L5H1.q`, of key-value heads `L5KV0.k`, of MLPs `L5.mlp`."""
    shared = result.provenance.heads_per_key_value
    each = zip(result.inputs, result.layers, result.heads, strict=True)
    kinds = {"k": "KV", "v": "KV"} if shared and shared > 1 else {}
    return [f"L{layer}.{reads}" if head < 0 else f"L{layer}{kinds.get(reads, 'H')}{head}.{reads}"
            for reads, layer, head in each]  # fmt: skip


def reader_rows(result: DirectionReadersResult) -> pd.DataFrame:
    """`norm` and `z` of every reader, with what random directions have."""
    one = pd.DataFrame({"component": reader_names(result), "kind": result.inputs, "layer": result.layers,
                        "head": pd.array(np.where(result.heads < 0, -1, result.heads), dtype="Int64")})  # fmt: skip
    one["head"] = one["head"].replace(-1, pd.NA)
    around = {name: getattr(result, name) for name in ("random_mean", "random_sd", "random_low", "random_high")}
    parts = [one.assign(metric=name, value=getattr(result, name), **around) for name in ("norm", "z")]
    return pd.concat(parts, ignore_index=True)
