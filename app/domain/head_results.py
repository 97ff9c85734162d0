"""Results of attention heads; laid out and stored as app/domain/results.py says."""

from dataclasses import dataclass

from app.domain.results import Floats, Result, Strings, axes


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


@dataclass(frozen=True, eq=False, kw_only=True)
class CopyingScoresResult(Result):
    """-1 .. 1: 1 = every eigenvalue positive (copies), -1 = every one negative (suppresses), 0 = neither; NaN for a
    head that writes nothing."""

    copying: Floats = axes("layer", "head")
    """Of the OV matrix on the residual stream."""
    copying_full: Floats = axes("layer", "head")
    """Of the OV matrix from token to token, through embedding and unembedding."""


@dataclass(frozen=True, eq=False, kw_only=True)
class BehaviourScoresResult(Result):
    """Mean attention over sequences and queries, 0..1."""

    length: int
    """Random tokens that come twice: as many as asked for, else 50, or what fits a shorter context."""
    prefix_length: int
    """Tokens of the sequences of `prefix_matching`: 25, or a quarter of a shorter context."""
    previous_token: Floats = axes("layer", "head")
    duplicate_token: Floats = axes("layer", "head")
    induction: Floats = axes("layer", "head")
    prefix_matching: Floats = axes("layer", "head")
    attention_to_first: Floats = axes("layer", "head")
    """On the same sequences as `induction`: heads idle there."""


@dataclass(frozen=True, eq=False, kw_only=True)
class HeadProjectionResult(Result):
    """Residual units; positive = towards the tokens, 0 = at right angles to them."""

    projection: Floats = axes("prompt", "layer", "head")


@dataclass(frozen=True, eq=False, kw_only=True)
class HeadTokensResult(Result):
    """Logits by which a head's output at one position moves tokens against the vocabulary's mean, strongest first;
    positive = promoted, negative = suppressed."""

    promoted_tokens: Strings = axes("prompt", "layer", "head", "rank")
    promoted_logits: Floats = axes("prompt", "layer", "head", "rank")
    suppressed_tokens: Strings = axes("prompt", "layer", "head", "rank")
    suppressed_logits: Floats = axes("prompt", "layer", "head", "rank")
