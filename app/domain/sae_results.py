"""The result of the features of a sparse autoencoder on a prompt."""

from dataclasses import dataclass

from app.domain.results import Floats, Ints, Result, Strings, axes

RUNS = ("run", "reconstruction", "zero")
"""The run itself, and what becomes of it where the activation is its reconstruction, or 0."""
EACH = 20
"""Features that each ranking shows."""
MOST = 1000
"""Features of one result; of a long prompt the most active of those that a ranking may show."""
BEFORE, AFTER = 10, 4
"""Tokens shown before and after the place where a feature is most active."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SaeFeaturesResult(Result):
    """`feature_ids` are the features that a ranking may show: the most active ones at each position and over the prompt
    and those of largest attribution, of this run and of the plain one.

    Activations are f, 0 = not active; `attribution` is `f W_dec . u / scale` at END (logits, positive = towards the
    answer), NaN without two answers or where an intervention replaced the stream after it. A difference is that from
    the plain run of the same features. The separator before the prompt is left out of totals and replaced nowhere."""

    autoencoder: str
    architecture: str
    activation: str
    layer: int
    d_sae: int
    feature: int
    """The one of the card."""
    written: float
    """The length of what it writes at END per unit of activation."""
    first: int
    """The first position that counts: 1 after a separator, else 0."""
    texts: int
    """How many texts the card's contexts are from, with how many `tokens`."""
    tokens: int
    str_tokens: tuple[str, ...]
    feature_ids: Ints = axes("feature", difference=False)
    activations: Floats = axes("position", "feature", difference="within")
    plain_activations: Floats = axes("position", "feature", difference=None)
    attribution: Floats = axes("feature", difference="within")
    plain_attribution: Floats = axes("feature", difference=None)
    promoted: Strings = axes("feature", difference=False)
    """The token that each promotes most."""
    errors: Floats = axes("position")
    """|x - x^| / |x|: 0 = reconstructed exactly, 1 = as bad as nothing."""
    active: Floats = axes("position")
    """Features that are active (L0)."""
    fvu: Floats = axes("total")
    """sum |x - x^|^2 / sum |x - mean x|^2 over the prompt's positions: 0 = exact, 1 = as bad as their mean."""
    losses: Floats = axes("replaced")
    """Mean loss of the prompt's next tokens, nats, in RUNS."""
    logit_diffs: Floats = axes("replaced")
    """At END, in RUNS; NaN without two answers."""
    promoted_tokens: Strings = axes("rank", difference=False)
    promoted_logits: Floats = axes("rank", difference=False)
    """Logits per unit of activation at the run's own final scale at END, against the vocabulary's mean."""
    suppressed_tokens: Strings = axes("rank", difference=False)
    suppressed_logits: Floats = axes("rank", difference=False)
    feature_activations: Floats = axes("position", difference="within")
    plain_feature_activations: Floats = axes("position", difference=None)
    """Of the card's feature, be it among `feature_ids` or not."""
    density: Floats = axes("total", difference=False)
    """Share of the tokens of all texts on which the card's feature is active."""
    context_tokens: Strings = axes("context", "window", difference=False)
    """BEFORE tokens, the one on which the feature is most active in that text, AFTER tokens; empty outside the text."""
    context_activations: Floats = axes("context", "window", difference=False)
    context_texts: Ints = axes("context", difference=False)
    """Which text: prompts first, background texts after them."""
    context_positions: Ints = axes("context", difference=False)
