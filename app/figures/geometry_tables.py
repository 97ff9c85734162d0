"""Long tables of the geometry of activations: one row per place and number."""

from typing import Any

import numpy as np
import pandas as pd

from app.domain.geometry_results import COSINES, NORMS, SCALES, ActivationMapResult, ResidualGeometryResult

POINT_NUMBERS = ("norm", "projection", "logit_diff")


def geometry_rows(result: ResidualGeometryResult, prompt: int) -> pd.DataFrame:
    """`component` is the activation, the pair of them, or the norm that a row is of; `final` has no layer."""
    tokens = np.asarray(result.str_tokens, dtype=object)
    parts = [
        _grid(values, names).assign(metric=metric)
        for metric, names, values in (
            ("norm", NORMS, result.norms), ("cosine", COSINES, result.cosines), ("scale", SCALES, result.scales)
        )
    ]  # fmt: skip
    final = pd.DataFrame({"component": "ln_final", "position": np.arange(len(tokens)), "value": result.final_scale})
    rows = pd.concat([*parts, final.assign(metric="scale")], ignore_index=True).assign(prompt=prompt)
    rows["token"] = tokens[rows["position"]]
    rows = rows.astype(dict.fromkeys(("layer", "position", "prompt"), "Int64"))
    return rows.reindex(columns=["prompt", "component", "layer", "position", "token", "metric", "value"])


def _grid(values: Any, names: tuple[str, ...]) -> pd.DataFrame:
    component, layer, position = np.indices(values.shape).reshape(3, -1)
    named = np.asarray(names, dtype=object)[component]
    return pd.DataFrame({"component": named, "layer": layer, "position": position, "value": values.ravel()})


def map_rows(result: ActivationMapResult) -> pd.DataFrame:
    """Per point its coordinates and numbers, a projection with the direction that it is on, labels of the prompt in
    columns `label:topic`. The activations themselves leave by the projector's files and as npz."""
    columns = {f"coordinate_{axis}": result.coordinates[:, axis] for axis in range(result.coordinates.shape[1])}
    columns |= {name: getattr(result, name) for name in POINT_NUMBERS}
    named = {name: getattr(result, name) for name in ("prompt", "side", "position", "token", "answer")} | result.labels
    parts = [pd.DataFrame({**named, "metric": metric, "value": values}) for metric, values in columns.items()]
    rows = pd.concat(parts, ignore_index=True)
    if result.direction:
        rows["direction"] = np.where(rows["metric"] == "projection", result.direction, "")
    return rows
