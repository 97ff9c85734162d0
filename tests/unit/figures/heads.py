"""Results of heads made by hand, for the tests of figures, tables and quantities."""

from typing import Any

import numpy as np

from app.domain.head_quantities import QUANTITIES
from app.domain.head_results import (
    BehaviourScoresResult,
    CopyingScoresResult,
    HeadProjectionResult,
    HeadStatisticsResult,
    HeadTokensResult,
)
from app.domain.recipes import digest, parse_recipe, recipe_json
from tests.unit.figures.results import PROVENANCE, floats

_PROMPTS = {"prompts": ["When Mary and Mary"]}


def common(kind: str, **asked: Any) -> dict[str, Any]:
    """What every result says."""
    recipe = recipe_json(parse_recipe({"kind": kind, "model": {"source": "bundled", "name": "tiny"}, **asked}))
    return {"recipe": recipe, "digest": digest(recipe), "provenance": PROVENANCE}


def statistics(n_layers: int = 2, n_heads: int = 3, prompts: int = 1, corpus: bool = False) -> HeadStatisticsResult:
    """Positive numbers, another for every head."""
    names = [name for name, row in QUANTITIES.items() if "head_statistics" in row.kinds]
    shape = (prompts, n_layers, n_heads)
    values = {name: np.abs(floats(*shape, seed=at, scale=0.3)) for at, name in enumerate(names)}
    asked = {"corpus": True} if corpus else _PROMPTS
    return HeadStatisticsResult(**common("head_statistics", **asked), **values)


def behaviour(n_layers: int = 2, n_heads: int = 3) -> BehaviourScoresResult:
    """Shares of attention."""
    names = [name for name, row in QUANTITIES.items() if "behaviour_scores" in row.kinds]
    values = {name: np.abs(floats(n_layers, n_heads, seed=at, scale=0.2)) for at, name in enumerate(names)}
    return BehaviourScoresResult(**common("behaviour_scores"), length=50, prefix_length=25, **values)


def copying(n_layers: int = 2, n_heads: int = 3) -> CopyingScoresResult:
    """Of both signs."""
    values = {name: np.tanh(floats(n_layers, n_heads, seed=at)) for at, name in enumerate(("copying", "copying_full"))}
    return CopyingScoresResult(**common("copying_scores"), **values)


def projection(n_layers: int = 2, n_heads: int = 3, prompts: int = 1) -> HeadProjectionResult:
    """Of both signs, on " Mary" minus " John"."""
    asked = {"tokens": " Mary", "minus": [" John"], **_PROMPTS}
    return HeadProjectionResult(**common("head_projection", **asked), projection=floats(prompts, n_layers, n_heads))


def tokens(n_layers: int = 2, n_heads: int = 3, prompts: int = 1, top_k: int = 2) -> HeadTokensResult:
    """Logits in the order of the ranks; tokens that markup could break."""
    shape = (prompts, n_layers, n_heads, top_k)
    logits = np.sort(np.abs(floats(*shape)), axis=-1)[..., ::-1]
    words = np.array([f"<{at}>" for at in range(logits.size)]).reshape(shape)
    return HeadTokensResult(
        **common("head_tokens", **_PROMPTS), promoted_tokens=words, promoted_logits=logits,
        suppressed_tokens=words[..., ::-1], suppressed_logits=-logits,
    )  # fmt: skip
