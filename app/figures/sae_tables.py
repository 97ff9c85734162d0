"""Features of a sparse autoencoder as a long table (see tables.py)."""

import json

import numpy as np
import pandas as pd

from app.domain.sae_results import BEFORE, RUNS, SaeFeaturesResult
from app.figures.long import stacked, unrolled

_ORDER = (
    "prompt", "component", "layer", "feature", "position", "token", "metric", "replaced", "text", "rank", "top_token",
    "value",
)  # fmt: skip


def sae_rows(result: SaeFeaturesResult) -> pd.DataFrame:
    """Activations by position and attributions of the features that rankings show; the card's feature with its tokens
    and places; error, active features and what replacing does."""
    positions = np.arange(len(result.str_tokens))
    here = {"position": positions, "feature": result.feature_ids}
    parts = [
        unrolled(result.activations, here).assign(metric="activation"),
        unrolled(result.attribution, {"feature": result.feature_ids}).assign(metric="direct_logit_attribution"),
        unrolled(result.errors, {"position": positions}).assign(metric="relative_error"),
        unrolled(result.active, {"position": positions}).assign(metric="active_features"),
        pd.DataFrame({"metric": ["fvu"], "value": result.fvu}),
        unrolled(result.losses, {"replaced": RUNS}).assign(metric="loss"),
        unrolled(result.logit_diffs, {"replaced": RUNS}).assign(metric="logit_diff"),
        *_card(result),
    ]  # fmt: skip
    rows = pd.concat(parts, ignore_index=True)
    rows["token"] = _tokens(result, rows)
    rows = rows.assign(layer=result.layer, prompt=int(json.loads(result.recipe).get("prompt", 0)))
    named = rows["feature"].notna()
    rows.loc[named, "component"] = f"L{result.layer}.{result.activation} feature " + rows.loc[named, "feature"].astype(
        int
    ).astype(str)
    return stacked([rows], _ORDER)


def _card(result: SaeFeaturesResult) -> list[pd.DataFrame]:
    parts: list[pd.DataFrame] = []
    for side in ("promoted", "suppressed"):
        values, tokens = getattr(result, f"{side}_logits"), getattr(result, f"{side}_tokens")
        rows = unrolled(values, {"rank": np.arange(len(values))}).assign(metric=f"{side}_logit", top_token=tokens)
        parts.append(rows.assign(feature=result.feature))
    places = {
        "feature": result.feature, "rank": np.arange(len(result.context_texts)), "text": result.context_texts,
        "position": result.context_positions, "value": result.context_activations[:, BEFORE],
        "top_token": result.context_tokens[:, BEFORE],
    }  # fmt: skip
    parts.append(pd.DataFrame(places).assign(metric="context_activation"))
    return [*parts, pd.DataFrame({"metric": ["density"], "feature": [result.feature], "value": result.density})]


def _tokens(result: SaeFeaturesResult, rows: pd.DataFrame) -> list[str | None]:
    """Of the prompt's positions."""
    of_prompt = rows["position"].notna() & (rows["metric"] != "context_activation")
    return [result.str_tokens[int(at)] if own else None for own, at in zip(of_prompt, rows["position"], strict=True)]
