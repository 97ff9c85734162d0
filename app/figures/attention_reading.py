"""Attention of one head or of several together, and what is taken away from it: one matrix, with its name.

`together`: the primary head; of the selected heads the mean, the largest (of differences the one of largest magnitude,
with its sign), or each in its own colour: the largest, and whose it is. `minus` takes away, head by head and before
heads are put together, the same head on the pair's other prompt or the pinned head; where `show` is `difference` the
result is intervened - baseline already and nothing more is taken away. `weights` multiply every key's column of every
head before anything else, by what the style says; attribution is that at END, so its other rows are not computed. The
page does the same by itself (assets/60-attention-asked.js).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from app.domain.attention_results import AttentionWeightsResult
from app.domain.errors import BadInput
from app.domain.results import AttentionPatternResult
from app.domain.sites import Head
from app.domain.views import Selection, Style
from app.figures.attention_png import is_signed
from app.figures.attention_weights import WEIGHTS, weights_of
from app.figures.head_labels import shown_head


@dataclass(frozen=True)
class Reading:
    """`values[dest src]`, `strongest[dest src]` an index into `heads`, and what it is of, in words."""

    values: NDArray[np.float32]
    strongest: NDArray[np.intp]
    heads: tuple[Head, ...]
    of: str
    signed: bool


def reading(
    result: AttentionPatternResult,
    style: Style,
    selection: Selection,
    other: AttentionPatternResult | None = None,
    weights: AttentionWeightsResult | None = None,
) -> Reading:
    """What is shown of the result; `other` is that of the pair's other prompt."""
    heads = _heads(result, style, selection)
    maps = np.stack([_map(result, head, style, weights) for head in heads])
    minus = None if style.show == "difference" else style.minus
    if minus == "pinned":
        maps = maps - _map(result, _pinned(selection), style, weights)
    if minus == "corrupted":
        maps = maps - np.stack([_map(_comparable(result, other), head, style) for head in heads])
    strongest: NDArray[np.intp] = np.argmax(np.abs(maps) if is_signed(style) else maps, axis=0)
    return Reading(_together(maps, strongest, style), strongest, heads, _of(heads, style, selection), is_signed(style))


def unit_of(style: Style) -> str:
    """What a value is: `attention`, `Δ attention`, `attention × |v|`."""
    delta = style.show == "difference" or style.minus is not None
    times = f" × {WEIGHTS[style.weighted_by]}" if style.weighted_by else ""
    return f"{'Δ ' * delta}attention{times}"


def _heads(result: AttentionPatternResult, style: Style, selection: Selection) -> tuple[Head, ...]:
    primary = shown_head(result.layers, result.pattern.shape[1], selection)
    if style.together == "primary":
        return (primary,)
    return tuple(head for head in selection.heads if head.layer in result.layers) or (primary,)


def _map(
    result: AttentionPatternResult, head: Head, style: Style, weights: AttentionWeightsResult | None = None
) -> NDArray[Any]:
    head = shown_head(result.layers, result.pattern.shape[1], Selection(primary=head))
    pattern = result.pattern[result.layers.index(head.layer), head.head]
    return pattern if weights is None else _weighted(pattern, weights, head, result.str_tokens, style)


def _weighted(
    pattern: NDArray[Any], weights: AttentionWeightsResult, head: Head, str_tokens: tuple[str, ...], style: Style
) -> NDArray[Any]:
    """`[dest src]` times what stands at src; of attribution the row of END alone."""
    if weights.str_tokens != str_tokens or head.layer not in weights.layers:
        raise BadInput(
            f"The weights are not of this prompt and {head}; give `against` the pattern's prompt and layers."
        )
    values = pattern * weights_of(weights, head.layer, style)[head.head]
    if style.weighted_by == "attribution":
        values[:-1] = np.nan
    return values


def _pinned(selection: Selection) -> Head:
    if selection.pinned is None:
        raise BadInput("Attention minus that of the pinned head, and no head is pinned; pin one or name no `minus`.")
    return selection.pinned


def _comparable(result: AttentionPatternResult, other: AttentionPatternResult | None) -> AttentionPatternResult:
    if other is None:
        raise BadInput(
            "Attention minus that on the other prompt; name it as `attention_difference_heatmap`, `against`."
        )
    ours, theirs = len(result.str_tokens), len(other.str_tokens)
    if ours != theirs:
        raise BadInput(f"The prompts have {ours} and {theirs} tokens, so no cell is the same in both; make them equal.")
    return other


def _together(maps: NDArray[Any], strongest: NDArray[Any], style: Style) -> NDArray[np.float32]:
    if style.together == "mean":
        return maps.mean(axis=0, dtype=np.float64).astype(np.float32)
    return np.take_along_axis(maps, strongest[None], axis=0)[0]


def _of(heads: tuple[Head, ...], style: Style, selection: Selection) -> str:
    how = "max" if style.together == "each" and is_signed(style) else style.together
    word = "strongest" if how == "max" and is_signed(style) else how
    names = ", ".join(map(str, heads[:4])) + (f" and {len(heads) - 4} more" if len(heads) > 4 else "")
    of = names if style.together == "primary" else f"{word} of {names}"
    if style.show == "difference" or style.minus is None:
        return of
    return f"{of} − {selection.pinned} (pinned)" if style.minus == "pinned" else f"{of}, minus the pair's other prompt"


def reading_rows(
    result: AttentionPatternResult,
    style: Style,
    selection: Selection,
    other: AttentionPatternResult | None = None,
    weights: AttentionWeightsResult | None = None,
) -> pd.DataFrame:
    """The matrix as a long table, one row per query and key."""
    shown = reading(result, style, selection, other, weights)
    n, tokens = len(shown.values), np.asarray(result.str_tokens, dtype=object)
    position, source = (axis.ravel() for axis in np.indices((n, n)))
    strongest = np.array([str(head) for head in shown.heads])[shown.strongest.ravel()]
    return pd.DataFrame(
        {
            "component": "+".join(map(str, shown.heads)), "strongest": strongest, "position": position,
            "token": tokens[position], "source_position": source, "source_token": tokens[source],
            "metric": f"{unit_of(style)}: {shown.of}", "value": shown.values.ravel(),
        }
    )  # fmt: skip
