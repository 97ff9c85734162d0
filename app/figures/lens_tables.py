"""Lenses as long tables (see tables.py)."""

import json

import numpy as np
import pandas as pd

from app.domain.lens_results import ComponentLensResult, LogitLensResult
from app.figures.long import stacked, unrolled

_OF_CELLS = ("logit_diff", "answer_probability", "answer_rank", "entropy", "kl_divergence")
_OF_TOKENS = {"token_logits": "logit", "token_probabilities": "probability", "token_ranks": "rank"}


def lens_rows(result: LogitLensResult) -> pd.DataFrame:
    """`component` is the point, `5_post`; `top_token` the token that a probability, logit or rank is of."""
    points, _, ranks = (np.arange(n) for n in result.top_tokens.shape)
    cells = {"at": points, "position": np.asarray(result.positions)}
    top = unrolled(result.top_probabilities, {**cells, "rank": ranks})
    parts = [top.assign(metric="top_probability", top_token=result.top_tokens.ravel())]
    parts += [unrolled(getattr(result, name), cells).assign(metric=name) for name in _OF_CELLS]
    tokens = np.asarray(result.tokens, dtype=object)
    for name, metric in _OF_TOKENS.items():
        rows = unrolled(getattr(result, name), {**cells, "top_token": np.arange(len(tokens))})
        parts.append(rows.assign(metric=metric, top_token=tokens[rows["top_token"]]))
    rows = pd.concat(parts, ignore_index=True).assign(prompt=int(json.loads(result.recipe).get("prompt", 0)))
    rows["component"] = np.asarray(result.points, dtype=object)[rows["at"]]
    rows["layer"] = rows["component"].str.split("_").str[0].astype(int)
    rows["token"] = np.asarray(result.str_tokens, dtype=object)[rows["position"]]
    order = ("prompt", "component", "layer", "position", "token", "metric", "rank", "top_token", "value")
    return stacked([rows.assign(lens=result.lens)], (*order[:5], "lens", *order[5:]))


def component_lens_rows(result: ComponentLensResult) -> pd.DataFrame:
    """Per component its tokens by rank, length and logit difference; then contributions to the tokens, which sum to
    `logit` of the component `total` where the whole `L5.attn` is left out."""
    labels = np.asarray(result.component_labels, dtype=object)
    ranked = {"component": labels, "rank": np.arange(result.promoted_logits.shape[1])}
    parts = [
        unrolled(getattr(result, f"{side}_logits"), ranked)
        .assign(metric=f"{side}_logit", top_token=getattr(result, f"{side}_tokens").ravel())
        for side in ("promoted", "suppressed")
    ]  # fmt: skip
    parts += [
        unrolled(getattr(result, name), {"component": labels}).assign(metric=name) for name in ("norm", "logit_diff")
    ]
    every = np.concatenate([result.token_logits, result.remainders, result.logits[None]])
    named = [*result.component_labels, *result.remainder_labels, "total"]
    parts.append(unrolled(every, {"component": named, "top_token": result.tokens}).assign(metric="logit"))
    rows = pd.concat(parts, ignore_index=True).assign(
        prompt=int(json.loads(result.recipe).get("prompt", 0)), position=result.position,
        token=result.str_tokens[result.position],
    )  # fmt: skip
    found = rows["component"].str.extract(r"^L(\d+)(?:H(\d+))?")
    rows["layer"], rows["head"] = pd.to_numeric(found[0]), pd.to_numeric(found[1])
    order = ("prompt", "component", "layer", "head", "position", "token", "metric", "rank", "top_token", "value")
    return stacked([rows], order)
