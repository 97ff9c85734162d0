"""Sweeps made by hand, of any axes and size, for the tests of figures, tables and exports."""

from dataclasses import replace
from typing import Any

import numpy as np

from app.domain.cells import Cells
from app.domain.models import ModelFacts, ModelSpec
from app.domain.recipes import digest, parse_recipe, recipe_json
from app.domain.results import (
    METRICS,
    AttributionPatchingResult,
    GenerationResult,
    SelfRepairResult,
    SweepResult,
)
from tests.unit.figures.results import PROVENANCE, floats

TOKENS = ("<|endoftext|>", "When", " Mary", " and", " John", " went", " to", " the", " store", ",", " John", " gave",
          " a", " drink", " to")  # fmt: skip
OTHER = (*TOKENS[:2], " Anna", *TOKENS[3:8], " park", *TOKENS[9:])
_PAIR = {"clean": "When Mary and John", "corrupted": "When Mary and Mary", "answer": " Mary", "incorrect_answer": " J"}


def facts(n_layers: int, n_heads: int) -> ModelFacts:
    """A model of this size."""
    return ModelFacts(
        spec=ModelSpec("bundled", "tiny"), title="Tiny", identity="ab12", revision="rev 1",
        n_layers=n_layers, n_heads=n_heads, n_key_value_heads=n_heads, d_model=8, d_head=4, d_mlp=64, d_vocab=50,
        n_ctx=64, normalization="LN", parallel_blocks=False, device="cpu", bos_token="<|endoftext|>",
        sweep_engine="replay",
    )  # fmt: skip


def _common(kind: str, prompts: int, **fields: Any) -> dict[str, Any]:
    asked = {"kind": kind, "model": {"source": "bundled", "name": "tiny"}, "prompts": [_PAIR] * prompts, **fields}
    recipe = recipe_json(parse_recipe(asked))
    return {"recipe": recipe, "digest": digest(recipe), "provenance": PROVENANCE}


def _cells(spoken: dict[str, Any], size: tuple[int, int], tokens: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    cells = Cells(**spoken)
    return {
        "activation": cells.activation, "cell_axes": cells.axes, "cells": cells.places(facts(*size), len(tokens[0])),
        "str_tokens": np.array(tokens), "other_tokens": np.array(tokens),
    }  # fmt: skip


def sweep(
    method: str = "denoising", *, size: tuple[int, int] = (2, 3), tokens: tuple[tuple[str, ...], ...] = (TOKENS[:4],),
    corrupted: bool = True, seed: int = 0, reference: str = "none", **cells: Any,
) -> SweepResult:  # fmt: skip
    """One prompt per row of `tokens`; clean logit differences near +3, corrupted near -3, effects of both signs, most
    of them small."""
    patched = method in ("denoising", "noising", "causal tracing")
    baseline = "corrupted" if method in ("denoising", "causal tracing") else "clean"
    placed, n = _cells(cells, size, tokens), len(tokens)
    strength = floats(len(placed["cells"]), seed=seed) ** 3 * 0.2
    clean = np.array([3.0, -0.25, 0.75, 0, 0], np.float32)[:, None] + floats(5, n, seed=1, scale=0.05)
    other = np.array([-3.0, -4.0, 0.02, 40, 2.5], np.float32)[:, None] + floats(5, n, seed=2, scale=0.05)
    kl = METRICS.index("kl_divergence")  # from the run that the cells start from, where it is 0
    clean[kl], other[kl] = (0, 2.5) if baseline == "clean" else (2.5, 0)
    start = clean if baseline == "clean" else other
    values = start[:, :, None] + strength + floats(5, n, len(strength), seed=seed + 3, scale=0.05)
    if not corrupted:
        other = np.full_like(other, np.nan)
    kind, options = ("activation_patching", {}) if patched else ("ablation", {"method": method})
    if method == "noising":
        options = {"direction": "noising"}
    return SweepResult(
        **_common(kind, n, cells=cells, **options), **placed, method=method, reference=reference, engine="replay",
        baseline=baseline, values=values.astype(np.float32), clean=clean, corrupted=other,
    )  # fmt: skip


def estimate(
    direction: str = "denoising", *, size: tuple[int, int] = (2, 3),
    tokens: tuple[tuple[str, ...], ...] = (TOKENS[:4],), each: int = 1, **cells: Any,
) -> AttributionPatchingResult:  # fmt: skip
    """Estimates with exact values near them for the `each` top, bottom and sampled cells."""
    exactly = sweep(direction, size=size, tokens=tokens, **cells)
    effects = exactly.effect()
    rough = (effects * 0.9 + floats(*effects.shape, seed=9, scale=0.15)).astype(np.float32)
    order = np.argsort(rough.mean(axis=0))
    group = np.zeros(len(order), np.int32)
    group[np.random.default_rng(0).choice(order[each:-each], 2 * each, replace=False)] = 3
    group[order[-each:]], group[order[:each]] = 1, 2
    names = ("activation", "cell_axes", "cells", "str_tokens", "other_tokens", "clean")
    kept = {name: getattr(exactly, name) for name in names}
    return AttributionPatchingResult(
        **_common("attribution_patching", len(tokens), cells=cells, direction=direction), **kept,
        direction=direction, engine="replay", corrupted=exactly.corrupted, estimate=rough,
        exact=np.where(group > 0, effects, np.nan).astype(np.float32), group=group,
    )  # fmt: skip


def paths(
    receiver: str = "L2H1", component: str = "q", n_layers: int | None = 5, direction: str = "denoising", **given: Any
) -> SweepResult:
    """Paths from the three heads of every layer before the receiver's, in a model of `n_layers`."""
    found = sweep(direction, size=(int(receiver[1]), 3))
    path = _common("path_patching", 1, receiver=receiver, component=component, direction=direction, **given)
    provenance = replace(PROVENANCE, n_layers=n_layers, heads_per_key_value=3)
    return replace(found, **{**path, "provenance": provenance})


def self_repair(n_layers: int = 2, n_heads: int = 3, prompts: int = 1) -> SelfRepairResult:
    """Parts that add up to what was repaired: after - before - removed."""
    ablated = {"interventions": [{"kind": "ablate", "site": {"activation": "z", "layer": 0, "heads": [1]}}]}
    before, parts = (
        3 + floats(prompts, scale=0.1),
        np.abs(floats(prompts, 4, seed=1)) * np.float32([0.1, 0.8, 0.3, 0.05]),
    )
    removed = np.full(prompts, -2.5, np.float32)
    heads = floats(prompts, n_layers, n_heads)
    labels = ("embed", *(f"L{layer}.{kind}" for layer in range(n_layers) for kind in ("attn", "mlp")), "bias")
    components = floats(prompts, len(labels), seed=4)
    return SelfRepairResult(
        **_common("self_repair", prompts, **ablated), component_labels=labels,
        part_labels=("rescaling", "heads", "mlps", "embeddings and biases"), removed=removed, parts=parts,
        heads_before=heads, heads_after=heads + floats(prompts, n_layers, n_heads, seed=5, scale=0.2),
        components_before=components, components_after=components * np.float32(1.04),
        scale_ratio=np.full(prompts, 1.042, np.float32), before=before.astype(np.float32),
        after=(before + removed + parts.sum(axis=1)).astype(np.float32),
    )  # fmt: skip


def generation(words: tuple[str, ...] = (" Mary", ",", " who", "\n", "<b>")) -> GenerationResult:
    """A prompt of four tokens, and words after it of falling probability."""
    return GenerationResult(
        **_common("generation", 1), str_tokens=TOKENS[:4], generated=np.array(words),
        log_probs=-np.arange(len(words), dtype=np.float32) / 2,
    )  # fmt: skip
