"""Results of one direction; laid out and stored as app/domain/results.py says.

`direction` is the direction in words. Projections are in residual units (cosines where normalised), positive = along
it, 0 = at right angles to it.
"""

from dataclasses import dataclass

import numpy as np

from app.domain.labels import labels_of
from app.domain.results import Floats, Ints, Result, Strings, axes


@dataclass(frozen=True, eq=False, kw_only=True)
class DirectionProjectionResult(Result):
    """NaN beyond the end of a shorter prompt."""

    direction: str
    activation: str
    normalised: bool
    str_tokens: Strings = axes("prompt", "position", difference=False)
    """Of the prompts that are run, shorter ones padded with empty strings."""
    projection: Floats = axes("prompt", "layer", "position")

    def tokens_of(self, prompt: int) -> tuple[str, ...]:
        """Without the padding."""
        length = int(np.isfinite(self.projection[prompt, 0]).sum())
        return tuple(self.str_tokens[prompt, :length].tolist())


@dataclass(frozen=True, eq=False, kw_only=True)
class DirectionDistributionResult(Result):
    """Both prompts of each pair at one position; NaN where a pair has no corrupted prompt, or a prompt no such
    position."""

    direction: str
    activation: str
    normalised: bool
    position: int | None
    """None = END of each prompt."""
    sides: tuple[str, ...]
    """`clean`, `corrupted`."""
    texts: Strings = axes("side", "prompt", difference=False)
    """Empty where there is none."""
    answers: Strings = axes("side", "prompt", difference=False)
    """What answers the prompt: of the corrupted one the pair's incorrect answer. Several are joined by `/`."""
    projection: Floats = axes("side", "prompt", "layer")

    @property
    def labels(self) -> dict[str, Strings]:
        """`label:topic` -> what each pair is labelled with, empty where it is not."""
        return {name: np.array(values) for name, values in labels_of(self.recipe).items()}

    @property
    def left_out(self) -> int:
        """Prompts that are too short to have the position."""
        return int(((self.texts != "") & ~np.isfinite(self.projection[:, :, 0])).sum())


@dataclass(frozen=True, eq=False, kw_only=True)
class DirectionWritersResult(Result):
    """What stands at one place of the stream, as a sum: `components.sum(-1) + unwritten == projection`, and
    `heads.sum(-1) + attn_bias == ` the `L{l}.attn` component. Layers after the place are NaN in `heads`,
    `attn_bias` and `neurons`."""

    direction: str
    layer: int
    """The place is after this layer."""
    positions: tuple[int, ...]
    """Of each prompt."""
    tokens: tuple[str, ...]
    """At those positions."""
    component_labels: tuple[str, ...]
    """`embed`, `pos_embed` (learned positions only), `L0.attn`, `L0.mlp`, ..."""
    components: Floats = axes("prompt", "component")
    unwritten: Floats = axes("prompt")
    """What an intervention put into the stream, 0 without one."""
    heads: Floats = axes("prompt", "layer", "head")
    attn_bias: Floats = axes("prompt", "layer")
    neuron_index: Ints = axes("prompt", "layer", "rank", difference=False)
    """The neurons of each MLP that write most along the direction, by magnitude; -1 where there are none."""
    neurons: Floats = axes("prompt", "layer", "rank", difference=None)
    projection: Floats = axes("prompt")
    """Read from the stream itself."""

    @property
    def total(self) -> Floats:
        """`[prompt]` sum of all that was written."""
        return self.components.sum(-1) + self.unwritten

    @property
    def error(self) -> float:
        """The largest |sum - projection| of a prompt: rounding."""
        return float(np.abs(self.total - self.projection).max())


@dataclass(frozen=True, eq=False, kw_only=True)
class DirectionReadersResult(Result):
    """One row per reader: how much of the direction it reads, against a random one: 1 = as much. `z` says how many
    standard deviations of `draws` random directions it is away from their mean."""

    direction: str
    draws: int
    seed: int
    inputs: tuple[str, ...]
    """Of each reader: `q`, `k`, `v`, `mlp`, or `gate` (of a gated MLP)."""
    layers: Ints = axes("reader", difference=False)
    heads: Ints = axes("reader", difference=False)
    """Key-value heads for k and v; -1 for MLPs."""
    norm: Floats = axes("reader", difference=False)
    random_mean: Floats = axes("reader", difference=False)
    random_sd: Floats = axes("reader", difference=False)
    random_low: Floats = axes("reader", difference=False)
    random_high: Floats = axes("reader", difference=False)
    """2.5th and 97.5th percentile of the random directions."""

    @property
    def z(self) -> Floats:
        """`[reader]`"""
        return (self.norm - self.random_mean) / self.random_sd
