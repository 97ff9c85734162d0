"""Results that read attention; see app/domain/results.py for what holds of all results."""

from dataclasses import dataclass

from app.domain.results import Floats, Result, axes


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
