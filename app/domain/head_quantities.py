"""Every number that there is one of per head, read from any result that has it: for the head matrix, queries, scatters.

The table says what a number is called, which recipes give it, its unit, its sign, and what 0 and 1 mean;
docs/formulas.md has the formulas. Values are `[prompt layer head]`, NaN where not computed; numbers of the model
alone have one prompt. An effect on key-value heads stands at every query head that reads them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.domain.errors import BadInput
from app.domain.head_results import (
    BehaviourScoresResult,
    CopyingScoresResult,
    HeadProjectionResult,
    HeadStatisticsResult,
)
from app.domain.results import (
    AttributionPatchingResult,
    DirectLogitAttributionResult,
    Floats,
    Result,
    SweepResult,
)

SWEEPS = ("ablation", "activation_patching", "path_patching")


@dataclass(frozen=True)
class HeadQuantity:
    """One row. `kinds`: the recipes that give it. `limit`: the largest magnitude it can have, where there is one."""

    kinds: tuple[str, ...]
    title: str
    unit: str
    signed: bool
    zero: str
    one: str
    limit: float | None = None


_STATISTICS, _BEHAVIOUR, _COPYING = ("head_statistics",), ("behaviour_scores",), ("copying_scores",)
QUANTITIES: dict[str, HeadQuantity] = {
    "direct": HeadQuantity(
        ("direct_logit_attribution",), "direct logit attribution", "logit diff", True,
        "writes nothing along the answer direction", "raises the logit difference by 1 nat",
    ),
    "effect": HeadQuantity(
        SWEEPS, "effect of a sweep's cell", "Δ metric", True,
        "changing the head changes nothing", "changing the head raises the metric by 1 of its units",
    ),
    "estimate": HeadQuantity(
        ("attribution_patching",), "estimated effect", "Δ logit diff", True,
        "patching the head is expected to change nothing", "is expected to raise the logit difference by 1 nat",
    ),
    "previous_token": HeadQuantity(
        _BEHAVIOUR, "previous-token score", "share of attention", False,
        "never looks one token back", "looks at nothing else", 1.0,
    ),
    "duplicate_token": HeadQuantity(
        _BEHAVIOUR, "duplicate-token score", "share of attention", False,
        "never looks at the same token before", "looks at nothing else", 1.0,
    ),
    "induction": HeadQuantity(
        _BEHAVIOUR, "induction score", "share of attention", False,
        "never looks at the token after the same token before", "looks at nothing else", 1.0,
    ),
    "prefix_matching": HeadQuantity(
        _BEHAVIOUR, "prefix-matching score", "share of attention", False,
        "never looks at tokens after the same token before", "looks at nothing else", 1.0,
    ),
    "projection": HeadQuantity(
        ("head_projection",), "projection on tokens", "residual units", True,
        "writes nothing along the direction", "writes a vector of length 1 along it",
    ),
    "copying": HeadQuantity(
        _COPYING, "copying score of OV", "eigenvalue share", True,
        "positive and negative eigenvalues cancel", "every eigenvalue is positive (-1: negative)", 1.0,
    ),
    "copying_full": HeadQuantity(
        _COPYING, "copying score from token to token", "eigenvalue share", True,
        "positive and negative eigenvalues cancel", "every eigenvalue is positive (-1: negative)", 1.0,
    ),
    "entropy": HeadQuantity(
        _STATISTICS, "entropy of attention", "nats", False, "every query looks at one key", "spread over e = 2.7 keys",
    ),
    "normalised_entropy": HeadQuantity(
        _STATISTICS, "entropy of attention / ln(number of keys)", "share of the maximum", False,
        "every query looks at one key", "every query looks at all keys alike", 1.0,
    ),
    "attention_to_first": HeadQuantity(
        (*_STATISTICS, *_BEHAVIOUR), "attention to the first token", "share of attention", False,
        "never looks at position 0", "looks at nothing else", 1.0,
    ),
    "attention_to_self": HeadQuantity(
        _STATISTICS, "attention to the query's own token", "share of attention", False,
        "never looks at itself", "looks at nothing else", 1.0,
    ),
    "mean_distance": HeadQuantity(
        _STATISTICS, "mean distance from query to key", "tokens", False, "looks at itself", "looks one token back",
    ),
    "output_norm": HeadQuantity(
        _STATISTICS, "norm of what the head writes", "residual units", False,
        "writes nothing", "writes a vector of length 1",
    ),
}  # fmt: skip
"""In the order in which they are offered; a result's first is the one that is drawn where none is named."""
_GIVEN_BY: dict[type[Result], tuple[str, ...]] = {
    DirectLogitAttributionResult: ("direct",),
    SweepResult: ("effect",),
    AttributionPatchingResult: ("estimate",),
    HeadProjectionResult: ("projection",),
    **{
        kind: tuple(name for name, row in QUANTITIES.items() if asked[0] in row.kinds)
        for kind, asked in (
            (HeadStatisticsResult, _STATISTICS),
            (BehaviourScoresResult, _BEHAVIOUR),
            (CopyingScoresResult, _COPYING),
        )
    },
}
_READ: dict[str, Callable[[Any, str], Floats]] = {
    "direct": lambda result, metric: result.heads,
    "effect": lambda result, metric: over_heads(result, result.effect(metric)),
    "estimate": lambda result, metric: over_heads(result, result.estimate),
}


def quantities_of(result: Result) -> tuple[str, ...]:
    """The names of the numbers per head that a result has, the first being its own; none where it has none."""
    return _GIVEN_BY.get(type(result), ())


def head_quantity(result: Result, name: str | None = None, metric: str = "logit_diff") -> Floats:
    """`[prompt layer head]` of the named number (None = the result's first). `metric`: of which a sweep's effect is."""
    name = quantity_named(result, name)
    read = _READ.get(name, lambda result, metric: getattr(result, name))
    values = read(result, metric)
    return values if values.ndim == 3 else values[None]


def quantity_named(result: Result, name: str | None) -> str:
    """The name, or that of the result's first number per head; refuses one that the result does not have."""
    names = quantities_of(result)
    if name is None and names:
        return names[0]
    if name not in names:
        has = f"it has {', '.join(names)}" if names else "it has no number per head"
        raise BadInput(f"{type(result).__name__} has no {name!r}: {has}; ask for one of those, or for another recipe.")
    return name


def over_heads(result: SweepResult | AttributionPatchingResult, values: Floats) -> Floats:
    """`[... cell]` of a sweep over heads as `[... layer head]`; refuses other sweeps."""
    if result.cell_axes != ("layer", "head"):
        raise BadInput(
            f"The cells of this sweep are {' × '.join(result.cell_axes)}, so a head has no number of its own; sweep z, "
            f"q, k, v or pattern at all positions at once."
        )
    shared = result.provenance.heads_per_key_value if result.activation in ("k", "v") else None
    return np.repeat(result.grid(values), shared or 1, axis=-1)
