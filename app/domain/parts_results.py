"""Results of what the logit difference is made of."""

from dataclasses import dataclass

from app.domain.results import Floats, Result, Strings, axes

REMAINDERS = ("interventions", "rescaling", "bias")
"""The last components, which nothing in the model wrote at END."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LogitDecompositionResult(Result):
    """Shares of the logit difference (logits, positive = towards the answer), `components.sum(-1) == logit_diff`.

    `heads.sum(-1) + attn_bias` is the `L{l}.attn` component; `sources.sum(-1)` is its head and `neurons.sum(-1) +
    mlp_bias` its `L{l}.mlp`, but where an intervention put something else there at END: then no token or neuron wrote
    it, and they are NaN (0 where nothing stands there). Tokens and neurons are those of the first prompts, as many as
    fit into one result; `source_note` and `neuron_note` say why there are none."""

    component_labels: tuple[str, ...]
    """`embed`, `pos_embed`, `L0.attn`, `L0.mlp`, ..., then REMAINDERS: what interventions put into the stream; the
    change of the final norm's scale, 0 at the run's own; the biases of unembedding and final norm."""
    source_note: str
    neuron_note: str
    components: Floats = axes("prompt", "component")
    heads: Floats = axes("prompt", "layer", "head")
    attn_bias: Floats = axes("prompt", "layer")
    mlp_bias: Floats = axes("prompt", "layer")
    sources: Floats = axes("source_prompt", "layer", "head", "source_position")
    """NaN after the end of the prompt."""
    str_tokens: Strings = axes("source_prompt", "source_position", difference=False)
    neurons: Floats = axes("neuron_prompt", "layer", "neuron")
    logit_diff: Floats = axes("prompt")


@dataclass(frozen=True, eq=False, kw_only=True)
class NeuronsResult(Result):
    """`activations` are mlp_post (in gated MLPs gate times input); `attribution` their shares of the logit difference
    at END (logits), NaN without two answers or where an intervention replaced the MLP's output. `note` says why no
    token is known to excite the neuron."""

    layer: int
    neuron: int
    note: str
    str_tokens: tuple[str, ...]
    activations: Floats = axes("position", "neuron")
    attribution: Floats = axes("neuron")
    promoted_tokens: Strings = axes("rank", difference=False)
    promoted_logits: Floats = axes("rank", difference=False)
    """Logits per unit of activation at the run's own final scale at END, against the vocabulary's mean."""
    suppressed_tokens: Strings = axes("rank", difference=False)
    suppressed_logits: Floats = axes("rank", difference=False)
    exciting_tokens: Strings = axes("rank", difference=False)
    exciting_activations: Floats = axes("rank", difference=False)
    """The activation that the token's embedding alone would give: the direct path, without any layer before."""
