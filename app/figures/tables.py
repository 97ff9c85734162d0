"""Results as long tables: one row per experiment x prompt x metric, vectorised, nothing dropped.

Axis columns are `layer`, `head`, `position` (query), `source_position` (key), `component`, `prompt`, `rank`; `token` is
the prompt's token at `position` (`source_token` at `source_position`), `top_token` a predicted one. `value` is the
number, `clean` and `corrupted` its baselines, `recovered` = (value - corrupted) / (clean - corrupted): 0 = corrupted,
1 = clean. Integer columns are nullable where a row has no such axis. NaN = not computed or not defined.
"""

import json
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from app.domain.attention_results import AttentionWeightsResult, HeadReadingResult
from app.domain.direction_card import DirectionCardResult
from app.domain.direction_results import (
    DirectionDistributionResult,
    DirectionProjectionResult,
    DirectionReadersResult,
    DirectionWritersResult,
)
from app.domain.errors import BadInput
from app.domain.geometry_results import ActivationMapResult, ResidualGeometryResult
from app.domain.head_quantities import head_quantity, quantities_of
from app.domain.head_results import (
    BehaviourScoresResult,
    CopyingScoresResult,
    HeadProjectionResult,
    HeadStatisticsResult,
    HeadTokensResult,
)
from app.domain.lens_results import ComponentLensResult, LogitLensResult
from app.domain.parts_results import LogitDecompositionResult, NeuronsResult
from app.domain.results import (
    METRICS,
    AttentionPatternResult,
    AttributionPatchingResult,
    CorrectnessMetersResult,
    DirectLogitAttributionResult,
    GenerationResult,
    PredictionResult,
    ResidualTrajectoryResult,
    Result,
    SelfRepairResult,
    SweepResult,
)
from app.domain.sae_results import SaeFeaturesResult
from app.domain.steering_results import SteeringCurveResult
from app.figures import direction_tables, geometry_tables, sweep_tables
from app.figures.direction_card import direction_card_rows
from app.figures.head_labels import head_labels
from app.figures.lens_tables import component_lens_rows, lens_rows
from app.figures.long import stacked, unrolled
from app.figures.parts_tables import decomposition_rows, neuron_rows
from app.figures.sae_tables import sae_rows
from app.figures.steering_tables import steering_rows


def attribution_rows(result: DirectLogitAttributionResult, prompt: int | None = None) -> pd.DataFrame:
    """`component, layer, head, kind, direct` of one prompt, or of the mean over prompts.

    Kinds: head, attn (a whole layer: its heads + b_O), attn_bias (`L5.b_O`, only in models that have one), mlp, embed,
    pos_embed, bias. All rows but `attn` sum to the logit difference.
    """
    pick = (lambda a: a.mean(axis=0)) if prompt is None else (lambda a: a[prompt])
    heads, bias = pick(result.heads), pick(result.attn_bias)
    n_layers, n_heads = heads.shape
    layer, head = np.indices(heads.shape).reshape(2, -1)
    parts = [
        pd.DataFrame({"component": head_labels(n_layers, n_heads).ravel(), "layer": layer, "head": head, "kind": "head",
                      "direct": heads.ravel()}),
        pd.DataFrame({"component": [f"L{at}.b_O" for at in range(n_layers)], "layer": np.arange(n_layers),
                      "kind": "attn_bias", "direct": bias}).iloc[: n_layers if np.any(result.attn_bias) else 0],
        pd.DataFrame([_named(c) for c in result.component_labels]).assign(direct=pick(result.components)),
    ]  # fmt: skip
    return stacked(parts, ("component", "layer", "head", "kind", "direct"))


def _named(component: str) -> dict[str, Any]:
    """`L5.mlp` -> layer 5, kind mlp; `embed` -> no layer, kind embed."""
    layer, dot, kind = component.partition(".")
    return {"component": component, "layer": int(layer[1:]) if dot else None, "kind": kind if dot else component}


def by_magnitude(rows: pd.DataFrame) -> pd.DataFrame:
    """Largest magnitude of `direct` first, NaN last, ties in the order of the model."""
    order = np.argsort(-np.abs(rows["direct"].to_numpy(float)), kind="stable")
    return rows.iloc[order].reset_index(drop=True)


def component_rows(
    dla: DirectLogitAttributionResult, zero: SweepResult | None = None, mean: SweepResult | None = None
) -> pd.DataFrame:
    """Every component with its direct attribution and, for heads, the exact ablation effects on `logit_diff`.

    Means over prompts, sorted by magnitude of `direct`; effects are NaN where not computed.
    """
    rows = attribution_rows(dla)
    is_head = (rows["kind"] == "head").to_numpy()
    for name, sweep in (("zero", zero), ("mean", mean)):
        effect = np.full(len(rows), np.nan, dtype=np.float32)
        effect[is_head] = np.nan if sweep is None else sweep.grid(sweep.effect("logit_diff")).mean(axis=0).ravel()
        rows[name] = effect
    return by_magnitude(rows)


def long_table(result: Result) -> pd.DataFrame:
    """The result's numbers as a long table."""
    unroll = _TABLES.get(type(result))
    if unroll is None:
        raise BadInput(f"{type(result).__name__} has no table; use one of {', '.join(t.__name__ for t in _TABLES)}.")
    return unroll(result)


def _prompt_of(result: Result) -> int:
    return int(json.loads(result.recipe).get("prompt", 0))


def _prediction(result: PredictionResult) -> pd.DataFrame:
    prompts, ranks = (np.arange(n) for n in result.top_tokens.shape)
    top = {
        name: unrolled(values, {"prompt": prompts, "rank": ranks}).assign(
            metric=name, top_token=result.top_tokens.ravel()
        )
        for name, values in (("top_probability", result.top_probabilities), ("top_logit", result.top_logits))
    }
    metrics = unrolled(result.metrics.T, {"prompt": prompts, "metric": METRICS})
    metrics["corrupted"] = result.corrupted_metrics.T.ravel()
    return stacked([metrics, *top.values()], ("prompt", "metric", "rank", "top_token", "value", "corrupted"))


def _attribution(result: DirectLogitAttributionResult) -> pd.DataFrame:
    parts = [
        attribution_rows(result, prompt).assign(prompt=prompt, metric="direct_logit_attribution")
        for prompt in range(len(result.logit_diff))
    ]
    total = pd.DataFrame({"prompt": range(len(result.logit_diff)), "metric": "logit_diff", "value": result.logit_diff})
    named = [part.rename(columns={"direct": "value"}) for part in parts]
    return stacked([*named, total], ("prompt", "component", "kind", "layer", "head", "metric", "value"))


def _attention(result: AttentionPatternResult) -> pd.DataFrame:
    n_heads, n = result.pattern.shape[1:3]
    at = np.arange(n)
    axes = {"layer": result.layers, "head": np.arange(n_heads), "position": at, "source_position": at}
    rows, tokens = unrolled(result.pattern, axes), np.asarray(result.str_tokens, dtype=object)
    rows["token"], rows["source_token"] = tokens[rows["position"]], tokens[rows["source_position"]]
    rows["component"] = _head_names(rows)
    order = ("prompt", "component", "layer", "head", "position", "token", "source_position", "source_token", "metric")
    return stacked([rows.assign(metric="pattern", prompt=_prompt_of(result))], (*order, "value"))


def _attention_weights(result: AttentionWeightsResult) -> pd.DataFrame:
    n_heads, n = result.value_norm.shape[1:]
    axes = {"layer": result.layers, "head": np.arange(n_heads), "source_position": np.arange(n)}
    names = ("value_norm", "output_norm", "attribution")
    rows = pd.concat([unrolled(getattr(result, name), axes).assign(metric=name) for name in names], ignore_index=True)
    rows = rows.assign(component=_head_names(rows), prompt=_prompt_of(result))
    rows["source_token"] = np.asarray(result.str_tokens, dtype=object)[rows["source_position"]]
    return stacked(
        [rows], ("prompt", "component", "layer", "head", "source_position", "source_token", "metric", "value")
    )


def _head_reading(result: HeadReadingResult) -> pd.DataFrame:
    """Numbers of every key, then tokens by rank: logits per unit of attention, and times attention."""
    keys, ranks = result.src_positions, np.arange(result.promoted_logits.shape[1])
    parts = [
        unrolled(getattr(result, name), {"source_position": keys}).assign(metric=name)
        for name in ("score", "content", "positional", "pattern")
    ]
    for side in ("promoted", "suppressed"):
        logits, tokens = getattr(result, f"{side}_logits"), getattr(result, f"{side}_tokens").ravel()
        for name, weight in (("logit", 1.0), ("logit_times_attention", result.pattern[:, None])):
            rows = unrolled(logits * weight, {"source_position": keys, "rank": ranks})
            parts.append(rows.assign(metric=f"{side}_{name}", top_token=tokens))
    rows = pd.concat(parts, ignore_index=True).assign(prompt=_prompt_of(result), component=result.head)
    rows["position"], rows["token"] = result.query, result.str_tokens[result.query]
    rows["source_token"] = np.asarray(result.str_tokens, dtype=object)[rows["source_position"]]
    order = ("prompt", "component", "position", "token", "source_position", "source_token", "metric", "rank")
    return stacked([rows], (*order, "top_token", "value"))


def _head_names(rows: pd.DataFrame) -> NDArray[np.str_]:
    """`L5H1` of each row."""
    layer, head = (rows[name].to_numpy().astype(str) for name in ("layer", "head"))
    return np.char.add(np.char.add("L", layer), np.char.add("H", head))


def _trajectory(result: ResidualTrajectoryResult) -> pd.DataFrame:
    parts = [
        unrolled(values, {"prompt": np.arange(len(values)), "component": result.points}).assign(metric=name)
        for name, values in (("logit_lens", result.lens), ("cumulative_direct_attribution", result.cumulative))
    ]
    rows = pd.concat(parts, ignore_index=True)
    rows["layer"] = pd.to_numeric(rows["component"].str.extract(r"^(\d+)_", expand=False))
    return stacked([rows], ("prompt", "component", "layer", "metric", "value"))


def head_rows(result: Result) -> pd.DataFrame:
    """Every number per head that a result has, head by head; `prompt` counts background texts where it has those."""
    return stacked([number_rows(result, name) for name in quantities_of(result)], _HEAD_COLUMNS)


_HEAD_COLUMNS = ("prompt", "component", "layer", "head", "metric", "value")


def number_rows(result: Result, name: str) -> pd.DataFrame:
    """One number of every head and prompt."""
    values = head_quantity(result, name)
    rows = unrolled(values, dict(zip(("prompt", "layer", "head"), map(np.arange, values.shape), strict=True)))
    named = np.tile(head_labels(*values.shape[1:]).ravel(), len(values))
    return stacked([rows.assign(component=named, metric=name)], _HEAD_COLUMNS)


def _head_tokens(result: HeadTokensResult) -> pd.DataFrame:
    """Tokens by rank; logits against the vocabulary's mean."""
    shape = result.promoted_logits.shape
    labels: dict[str, Any] = dict(zip(("prompt", "layer", "head", "rank"), map(np.arange, shape), strict=True))
    component = np.broadcast_to(head_labels(*shape[1:3])[None, :, :, None], shape).ravel()
    parts = [
        unrolled(getattr(result, f"{side}_logits"), labels).assign(
            component=component, metric=f"{side}_logit", top_token=getattr(result, f"{side}_tokens").ravel()
        )
        for side in ("promoted", "suppressed")
    ]
    return stacked(parts, ("prompt", "component", "layer", "head", "metric", "rank", "top_token", "value"))


def _behaviour(result: BehaviourScoresResult) -> pd.DataFrame:
    """`length`: how many random tokens the sequences of a score repeat."""
    rows = head_rows(result)
    return rows.assign(length=np.where(rows["metric"] == "prefix_matching", result.prefix_length, result.length))


def _meters(result: CorrectnessMetersResult) -> pd.DataFrame:
    return pd.DataFrame(
        {"metric": result.names, "value": result.deviation, "tolerance": result.tolerance, "note": result.notes}
    )


_TABLES: dict[type[Result], Any] = {
    PredictionResult: _prediction,
    DirectLogitAttributionResult: _attribution,
    AttentionPatternResult: _attention,
    ResidualTrajectoryResult: _trajectory,
    LogitLensResult: lens_rows,
    ComponentLensResult: component_lens_rows,
    SweepResult: sweep_tables.sweep_rows,
    AttributionPatchingResult: sweep_tables.attribution_patching_rows,
    SelfRepairResult: sweep_tables.self_repair_rows,
    GenerationResult: sweep_tables.generation_rows,
    CorrectnessMetersResult: _meters,
    HeadStatisticsResult: head_rows,
    AttentionWeightsResult: _attention_weights,
    BehaviourScoresResult: _behaviour,
    CopyingScoresResult: head_rows,
    HeadReadingResult: _head_reading,
    HeadProjectionResult: head_rows,
    HeadTokensResult: _head_tokens,
    DirectionCardResult: direction_card_rows,
    SteeringCurveResult: steering_rows,
    ResidualGeometryResult: lambda result: geometry_tables.geometry_rows(result, _prompt_of(result)),
    ActivationMapResult: geometry_tables.map_rows,
    LogitDecompositionResult: decomposition_rows,
    DirectionProjectionResult: direction_tables.projection_rows,
    DirectionDistributionResult: direction_tables.distribution_rows,
    DirectionWritersResult: direction_tables.writer_rows,
    DirectionReadersResult: direction_tables.reader_rows,
    NeuronsResult: neuron_rows,
    SaeFeaturesResult: sae_rows,
}
