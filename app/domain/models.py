"""Which model, prepared how; and what a loaded model says of itself.

Weight processing is part of the identity: `compatibility` folds layer norms and value biases and centres the
unembedding (TransformerLens `enable_compatibility_mode`), `raw` leaves the weights as they were published.
"""

from dataclasses import dataclass
from typing import Literal

Source = Literal["listed", "bundled", "huggingface", "folder", "gguf", "live"]
Processing = Literal["compatibility", "raw"]
DType = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class ModelSpec:
    """A model as asked for. `listed` means: look the name up in `python -m app models list`.

    `prepend_bos` puts the model's document separator (never a chat marker) at position 0; models that have none
    ignore it.
    """

    source: Source
    name: str
    revision: str | None = None
    processing: Processing = "compatibility"
    dtype: DType = "float32"
    prepend_bos: bool = True


@dataclass(frozen=True)
class ModelFacts:
    """A loaded model as the page shows it; plain values only, so it needs no torch.

    `identity` is the SHA-256 of the weights (or a pinned revision) together with processing and dtype; equal
    identities give equal numbers. `bos_token` is what `prepend_bos` prepends, None where the model has none.
    """

    title: str
    spec: ModelSpec
    identity: str
    revision: str
    n_layers: int
    n_heads: int
    n_key_value_heads: int
    d_model: int
    d_head: int
    d_mlp: int | None
    d_vocab: int
    n_ctx: int
    normalization: str
    parallel_blocks: bool
    device: str
    bos_token: str | None
    sweep_engine: str
    """`replay` where the fast sweep engine verified against the bridge, otherwise `bridge` with the reason."""


@dataclass(frozen=True)
class Provenance:
    """Where a number comes from: shown in the status bar and written into every export."""

    model: str
    identity: str
    revision: str
    processing: str
    dtype: str
    device: str
    bos: str
    versions: tuple[tuple[str, str], ...]
    heads_per_key_value: int | None = None
    """Query heads that read one key-value head; None where it was not recorded."""
    n_layers: int | None = None
    """Layers of the model; None where it was not recorded."""

    @classmethod
    def of(cls, facts: ModelFacts, versions: dict[str, str]) -> "Provenance":
        """The provenance of every number computed on this model."""
        bos = facts.bos_token if facts.spec.prepend_bos and facts.bos_token else "none"
        spec = facts.spec
        return cls(
            facts.title, facts.identity, facts.revision, spec.processing, spec.dtype, facts.device, bos,
            tuple(sorted(versions.items())), facts.n_heads // facts.n_key_value_heads,
            facts.n_layers,
        )  # fmt: skip
