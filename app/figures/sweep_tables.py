"""Sweeps, estimates, self-repair and generated text as long tables: one row per experiment x prompt x metric.

Columns as in tables.py; axes that a sweep does not have are not there. `usable` says whether the prompt's clean and
corrupted values are far enough apart for a ratio; `recovered` is empty where they are not. Columns of text are
categories: thousands of rows share few names. `summary_table` has one row per cell: mean, standard error, 95 %
bootstrap interval, sign-flip p-value, q-value and number of prompts, of effects on every metric.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from app.domain.errors import BadInput
from app.domain.results import (
    METRICS,
    AttributionPatchingResult,
    GenerationResult,
    Result,
    SelfRepairResult,
    SweepResult,
)
from app.domain.spread import spread
from app.figures.head_labels import head_labels
from app.figures.sweep_words import AnySweep, cell_name

_STATISTICS = ("mean", "standard_error", "low", "high", "p_value", "q_value", "n")
_GROUPS = ("", "top", "bottom", "random")


def sweep_rows(result: SweepResult) -> pd.DataFrame:
    """Metric x prompt x cell, in this order."""
    n_metrics, n_prompts, n_cells = result.values.shape
    rows = _places(result, n_prompts, n_metrics)
    rows["metric"] = _repeated(METRICS[:n_metrics], n_prompts * n_cells)
    rows["value"] = result.values.ravel()
    rows["clean"] = np.repeat(result.clean.ravel(), n_cells)
    if not np.isfinite(result.corrupted).any():
        return rows
    usable = np.stack([result.usable(metric) for metric in METRICS[:n_metrics]])
    rows["corrupted"] = np.repeat(result.corrupted.ravel(), n_cells)
    rows["recovered"] = np.stack([result.recovered(metric) for metric in METRICS[:n_metrics]]).ravel()
    rows["usable"] = np.repeat(usable.ravel(), n_cells)
    return rows


def attribution_patching_rows(result: AttributionPatchingResult) -> pd.DataFrame:
    """Prompt x cell: estimate, exact value where computed, and why it was."""
    n_prompts, n_cells = result.estimate.shape
    rows = _places(result, n_prompts)
    rows["metric"] = pd.Categorical(["logit_diff"] * len(rows))
    rows["group"] = pd.Categorical(np.take(_GROUPS, np.tile(result.group, n_prompts)), categories=_GROUPS)
    rows["estimate"], rows["exact"] = result.estimate.ravel(), result.exact.ravel()
    rows["clean"] = np.repeat(result.clean[0], n_cells)
    rows["corrupted"] = np.repeat(result.corrupted[0], n_cells)
    return rows


def _places(result: AnySweep, n_prompts: int, blocks: int = 1) -> pd.DataFrame:
    """Component, axes, token and prompt of every cell, repeated for all prompts and blocks of them."""
    n_cells, repeats = len(result.cells), n_prompts * blocks
    columns: dict[str, Any] = {"component": _labels(_components(result), repeats)}
    for at, axis in enumerate(result.cell_axes):
        columns[axis] = pd.array(np.tile(result.cells[:, at], repeats), dtype="Int64")
    for axis, name in (("position", "token"), ("source_position", "source_token")):
        if axis in result.cell_axes:
            columns[name] = _tokens(result, axis, n_prompts, blocks)
    columns["prompt"] = pd.array(np.tile(np.repeat(np.arange(n_prompts), n_cells), blocks), dtype="Int64")
    return pd.DataFrame(columns)


def _components(result: AnySweep) -> list[str]:
    """`L5H1`, `L5N312`, or `L5.mlp_out` where a cell is a whole layer's activation."""
    named = result.cell_axes[:2] if result.cell_axes[1:2] in (("head",), ("neuron",)) else ("layer",)
    places = result.cells[:, : len(named)].tolist()
    if named == ("layer",):
        return [f"L{layer}.{result.activation}" for (layer,) in places]
    return [cell_name(named, tuple(place), result.activation) for place in places]


def _labels(names: list[str], repeats: int) -> pd.Categorical:
    codes, categories = pd.factorize(np.array(names, dtype=object))
    return pd.Categorical.from_codes(np.tile(codes, repeats), categories)


def _repeated(names: tuple[str, ...], times: int) -> pd.Categorical:
    return pd.Categorical.from_codes(np.repeat(np.arange(len(names)), times), list(names))


def _tokens(result: AnySweep, axis: str, n_prompts: int, blocks: int) -> pd.Categorical:
    """Every prompt's own token at the cell's position."""
    at = result.cells[:, result.cell_axes.index(axis)]
    codes, categories = pd.factorize(result.str_tokens.ravel())
    chosen: NDArray[np.int64] = codes.reshape(result.str_tokens.shape)[:n_prompts, at]
    return pd.Categorical.from_codes(np.tile(chosen.ravel(), blocks), categories)


SUMMARISED = (SweepResult, AttributionPatchingResult)
"""Results that have a summary per cell."""


def summarised(result: Result) -> pd.DataFrame:
    """The summary of a sweep; refuses what is none."""
    if not isinstance(result, SUMMARISED):
        raise BadInput("Only sweeps and attribution patching have a summary per cell; take the table.")
    return summary_table(result)


def summary_table(result: AnySweep) -> pd.DataFrame:
    """One row per metric and cell: the effect's statistics over prompts."""
    parts = []
    for metric, effects in _effects(result):
        found = spread(effects)
        rows = _places(result, 1).drop(columns=["prompt", "token", "source_token"], errors="ignore")
        statistics = {name: getattr(found, name) for name in _STATISTICS}
        parts.append(rows.assign(metric=metric, **statistics))
    return pd.concat(parts, ignore_index=True)


def _effects(result: AnySweep) -> list[tuple[str, NDArray[np.float32]]]:
    if isinstance(result, AttributionPatchingResult):
        return [("estimated logit_diff", result.estimate), ("exact logit_diff", result.exact)]
    return [(metric, result.effect(metric)) for metric in METRICS]


def self_repair_rows(result: SelfRepairResult) -> pd.DataFrame:
    """Heads and components before and after, then the logit difference and the parts of the repair."""
    n_prompts = len(result.removed)
    parts = [_before_after(*row, n_prompts) for row in _attributions(result)]
    single = {"removed": result.removed, **dict(zip(result.part_labels, result.parts.T, strict=True)),
              "scale_ratio": result.scale_ratio}  # fmt: skip
    parts += [pd.DataFrame({"prompt": range(n_prompts), "metric": name, "value": v}) for name, v in single.items()]
    ends = {"prompt": range(n_prompts), "metric": "logit_diff", "before": result.before, "after": result.after}
    rows = pd.concat([*parts, pd.DataFrame(ends)], ignore_index=True)
    rows = rows.reindex(columns=["component", "layer", "head", "prompt", "metric", "before", "after", "value"])
    return rows.astype({"layer": "Int64", "head": "Int64", "prompt": "Int64"})


def _attributions(result: SelfRepairResult) -> list[tuple[pd.DataFrame, NDArray[np.float32], NDArray[np.float32]]]:
    """(labels, before, after) of the heads, then of the components; both [prompt, row]."""
    n_prompts, n_layers, n_heads = result.heads_before.shape
    layer, head = np.indices((n_layers, n_heads)).reshape(2, -1)
    heads = pd.DataFrame({"component": head_labels(n_layers, n_heads).ravel(), "layer": layer, "head": head})
    components = pd.DataFrame({"component": result.component_labels})
    components["layer"] = pd.to_numeric(components["component"].str.extract(r"^L(\d+)\.", expand=False))
    flat = (n_prompts, n_layers * n_heads)
    return [
        (heads, result.heads_before.reshape(flat), result.heads_after.reshape(flat)),
        (components, result.components_before, result.components_after),
    ]


def _before_after(
    labels: pd.DataFrame, before: NDArray[np.float32], after: NDArray[np.float32], n_prompts: int
) -> pd.DataFrame:
    rows = pd.concat([labels] * n_prompts, ignore_index=True)
    return rows.assign(
        prompt=np.repeat(np.arange(n_prompts), len(labels)), metric="direct_logit_attribution", before=before.ravel(),
        after=after.ravel(),
    )  # fmt: skip


def generation_rows(result: GenerationResult) -> pd.DataFrame:
    """One row per generated token; `position` counts on from the prompt."""
    steps = np.arange(len(result.generated))
    rows = pd.DataFrame(
        {
            "position": steps + len(result.str_tokens), "token": result.generated, "metric": "log_prob",
            "value": result.log_probs, "probability": np.exp(result.log_probs),
        }
    )  # fmt: skip
    return rows.astype({"position": "Int64"})
