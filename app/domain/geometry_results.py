"""Results of the geometry of activations."""

from dataclasses import dataclass, replace

import numpy as np

from app.domain.labels import labels_of
from app.domain.results import Floats, Ints, Result, Strings, axes

NORMS = ("resid_pre", "attn_out", "mlp_out", "resid_post")
COSINES = ("resid_pre, resid_post", "attn_out, resid_pre", "mlp_out, its input", "resid_post, final")
SCALES = ("ln1", "ln2")


@dataclass(frozen=True, eq=False, kw_only=True)
class ResidualGeometryResult(Result):
    """Of one prompt's run. `norms` follow NORMS, `cosines` COSINES (1 = same way, 0 = at right angles), `scales`
    SCALES: what the layer's norms divide by. NaN where the architecture has no such activation or norm."""

    str_tokens: tuple[str, ...]
    norms: Floats = axes("activation", "layer", "position")
    cosines: Floats = axes("pair", "layer", "position")
    scales: Floats = axes("norm", "layer", "position")
    final_scale: Floats = axes("position")


@dataclass(frozen=True, eq=False, kw_only=True)
class ActivationMapResult(Result):
    """One point per prompt (and side of the pair) and position. `coordinates` are of the plane; of PCA they are the
    two largest components' scores and `variance_explained` their shares, NaN otherwise. `projection` is NaN until
    `along` names a direction, `logit_diff` (of the point's prompt) without answers."""

    method: str
    direction: str = ""
    """What `projection` is on, in words; empty without a direction."""
    prompt: Ints = axes("point", difference=False)
    position: Ints = axes("point", difference=False)
    side: Strings = axes("point", difference=False)
    """`clean` or `corrupted`."""
    token: Strings = axes("point", difference=False)
    answer: Strings = axes("point", difference=False)
    """The first answer of the point's pair, empty where there is none."""
    coordinates: Floats = axes("point", "dimension", difference=None)
    variance_explained: Floats = axes("dimension", difference=None)
    norm: Floats = axes("point", difference=None)
    projection: Floats = axes("point", difference=None)
    logit_diff: Floats = axes("point", difference=None)
    activations: Floats = axes("point", "d_model", difference=None)

    @property
    def labels(self) -> dict[str, Strings]:
        """`label:topic` -> what the point's pair is labelled with, empty where it is not."""
        return {name: np.array(values)[self.prompt] for name, values in labels_of(self.recipe).items()}

    def along(self, vector: Floats, direction: str) -> "ActivationMapResult":
        """The same points with their projections `activation · d̂` on a vector, in residual units, positive = along."""
        unit = vector / np.linalg.norm(vector)
        return replace(self, projection=self.activations @ unit, direction=direction)
