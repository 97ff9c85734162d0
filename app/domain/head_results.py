"""Results of attention heads; laid out and stored as app/domain/results.py says."""

from dataclasses import dataclass

from app.domain.results import Floats, Result, axes


@dataclass(frozen=True, eq=False, kw_only=True)
class HeadStatisticsResult(Result):
    """Means over the positions from 1 on (position 0 can only look at itself) of every prompt, or of every background
    text; NaN for a prompt of one token."""

    entropy: Floats = axes("prompt", "layer", "head")
    """Of a query's attention, nats."""
    normalised_entropy: Floats = axes("prompt", "layer", "head")
    """Entropy / ln(number of keys): 0 = one key, 1 = all the same."""
    attention_to_first: Floats = axes("prompt", "layer", "head")
    attention_to_self: Floats = axes("prompt", "layer", "head")
    mean_distance: Floats = axes("prompt", "layer", "head")
    """Tokens between query and key."""
    output_norm: Floats = axes("prompt", "layer", "head")
    """Length of what the head writes into the residual stream, in its units."""
