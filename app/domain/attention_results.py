"""Results that read attention; see app/domain/results.py for what holds of all results."""

from dataclasses import dataclass

from app.domain.results import Floats, Result, Strings, axes


@dataclass(frozen=True, eq=False, kw_only=True)
class AttentionWeightsResult(Result):
    """What stands at each source token for each head, before attention weighs it. A pattern's rows times a norm are
    norm-weighted attention; its END row times `attribution` sums to the head's direct attribution."""

    layers: tuple[int, ...]
    str_tokens: tuple[str, ...]
    value_norm: Floats = axes("layer", "head", "src_pos")
    """|v|."""
    output_norm: Floats = axes("layer", "head", "src_pos")
    """|v W_O|; after a post-norm, as END's scale lets it through."""
    attribution: Floats = axes("layer", "head", "src_pos")
    """Logits towards the answer at END if all attention were here. NaN without both answers, and where an intervention
    put something in the place of what the head had read."""


@dataclass(frozen=True, eq=False, kw_only=True)
class HeadReadingResult(Result):
    """One query of one head. The axis `src_pos` runs over `src_positions`, the keys that the query can see."""

    head: str
    """`L5H1`."""
    query: int
    str_tokens: tuple[str, ...]
    """Of the whole prompt."""
    src_positions: tuple[int, ...]
    note: str
    """Why there are no scores, or no parts of them; empty where there are."""
    score: Floats = axes("src_pos")
    """Before the softmax, after scale and soft cap: softmax(score) is the attention that queries and keys ask for."""
    content: Floats = axes("src_pos")
    positional: Floats = axes("src_pos")
    """`content + positional == score`."""
    pattern: Floats = axes("src_pos")
    promoted_tokens: Strings = axes("src_pos", "rank", difference=False)
    promoted_logits: Floats = axes("src_pos", "rank", difference=False)
    """Of what the head writes per unit of attention to this token; centred over the vocabulary."""
    suppressed_tokens: Strings = axes("src_pos", "rank", difference=False)
    suppressed_logits: Floats = axes("src_pos", "rank", difference=False)
    """Most negative first."""
