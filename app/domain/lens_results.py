"""Results of lenses."""

from dataclasses import dataclass

from app.domain.results import Floats, Result, Strings, axes


@dataclass(frozen=True, eq=False, kw_only=True)
class LogitLensResult(Result):
    """A lens on the residual stream. Without answers what is of them is NaN. `entropy` and `kl_divergence`,
    KL(final || lens), in nats, `final` being the run's own next-token distribution at that position."""

    str_tokens: tuple[str, ...]
    positions: tuple[int, ...]
    points: tuple[str, ...]
    """`0_pre`, `0_mid`, `0_post`, `1_mid`, ..."""
    lens: str
    """`logit lens`, or `tuned lens` and its folder's name."""
    tokens: tuple[str, ...]
    """The chosen ones, else the answers."""
    top_tokens: Strings = axes("point", "position", "rank", difference=False)
    top_probabilities: Floats = axes("point", "position", "rank", difference=False)
    logit_diff: Floats = axes("point", "position")
    answer_probability: Floats = axes("point", "position")
    answer_rank: Floats = axes("point", "position")
    entropy: Floats = axes("point", "position")
    kl_divergence: Floats = axes("point", "position")
    token_logits: Floats = axes("point", "position", "token")
    token_probabilities: Floats = axes("point", "position", "token")
    token_ranks: Floats = axes("point", "position", "token")


@dataclass(frozen=True, eq=False, kw_only=True)
class ComponentLensResult(Result):
    """What components wrote at one position, as logits against the vocabulary's mean at the run's own final scale.
    Components other than a whole `L5.attn` (whose parts are rows as well), with the remainders, sum to `logits`."""

    str_tokens: tuple[str, ...]
    position: int
    tokens: tuple[str, ...]
    component_labels: tuple[str, ...]
    """`L5H1`, `L5.b_O`, `L5.attn`, `L5.mlp`, `embed`, `pos_embed`."""
    remainder_labels: tuple[str, ...]
    """`others`: components that are no row; `interventions`: what they put into the stream or took out of it after it
    was written; `bias`: of unembedding and final norm."""
    promoted_tokens: Strings = axes("component", "rank", difference=False)
    promoted_logits: Floats = axes("component", "rank", difference=False)
    suppressed_tokens: Strings = axes("component", "rank", difference=False)
    suppressed_logits: Floats = axes("component", "rank", difference=False)
    norm: Floats = axes("component", difference=False)
    """Length of what was written, after the final norm at its frozen scale."""
    logit_diff: Floats = axes("component", difference=False)
    """NaN without both answers."""
    token_logits: Floats = axes("component", "token", difference=False)
    remainders: Floats = axes("remainder", "token", difference=False)
    logits: Floats = axes("token", difference=False)
    """The run's own, before any soft cap, against the vocabulary's mean."""
