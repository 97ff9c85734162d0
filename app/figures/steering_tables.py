"""A strength curve as a long table: one row per direction x strength x prompt x metric."""

from typing import Any

import numpy as np
import pandas as pd

from app.domain.results import METRICS
from app.domain.steering_results import SteeringCurveResult

_COLUMNS = ("direction", "strength", "prompt", "metric", "value", "clean", "text")


def steering_rows(result: SteeringCurveResult) -> pd.DataFrame:
    """`direction` is `real`, or `placebo` and its number; `clean` is the run without the change; `text` where there are
    any."""
    placebos = {f"placebo {at}": result.placebo[:, :, at] for at in range(result.placebo.shape[2])}
    parts = [_rows(result, name, values) for name, values in {"real": result.values, **placebos}.items()]
    columns = [name for name in _COLUMNS if name != "text" or result.texts]
    return pd.concat(parts, ignore_index=True).reindex(columns=columns)


def _rows(result: SteeringCurveResult, name: str, values: Any) -> pd.DataFrame:
    metric, prompt, strength = np.indices(values.shape).reshape(3, -1)
    texts = np.array([*result.texts, *[""] * (len(result.strengths) - len(result.texts))])
    return pd.DataFrame(
        {
            "direction": name, "strength": result.strengths[strength], "prompt": prompt,
            "metric": np.array(METRICS)[metric], "value": values.ravel(), "clean": result.clean[metric, prompt],
            "text": texts[strength] if name == "real" else "",
        }
    )  # fmt: skip
