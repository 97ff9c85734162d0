"""A sparse autoencoder as SAELens defines it: features of an activation of the residual stream's width.

Of an activation x, position by position:

    y  = norm(x) - b_dec                                                 (b_dec where `apply_b_dec_to_input`)
    f  = relu(y W_enc + b_enc)                                           standard
         the same where y W_enc + b_enc > threshold, else 0              jumprelu
         relu of the k largest of y W_enc + b_enc, else 0                topk
         relu(y (W_enc exp(r_mag)) + b_mag) where y W_enc + b_gate > 0   gated
    x^ = norm^-1(f W_dec + b_dec)

norm: `none`; `layer_norm`: (x - mean) / (sd + 1e-5), sd with n - 1, undone by * sd + mean; `constant_norm_rescale`:
x sqrt(d_in) / |x|. So a feature writes `f W_dec[feature] * scale`, scale being 1 without a norm.
Source: SAELens, `sae_lens.saes`; Bricken et al. 2023 (https://transformer-circuits.pub/2023/monosemantic-features),
Rajamanoharan et al. 2024 (gated https://arxiv.org/abs/2404.16014, jumprelu https://arxiv.org/abs/2407.14435), Gao et
al. 2024 (topk https://arxiv.org/abs/2406.04093).
Not done: training, transcoders, features of heads (hook_z).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from app.domain.samples import Stream
from app.domain.sites import Site

Architecture = Literal["standard", "jumprelu", "topk", "gated"]
Norm = Literal["none", "layer_norm", "constant_norm_rescale"]
EPSILON = 1e-5


@dataclass(frozen=True, eq=False)
class Encoded:
    """Features of an activation, and what a sum of decoder rows is multiplied with and moved by."""

    features: Float[Tensor, "... d_sae"]
    scale: Float[Tensor, "... 1"]
    shift: Float[Tensor, "... 1"]


@dataclass(frozen=True, eq=False)
class SparseAutoencoder:
    """Float32 weights; `own` are those that only some architectures have: b_enc, threshold, b_gate, b_mag, r_mag."""

    name: str
    architecture: Architecture
    activation: Stream
    layer: int
    W_enc: Float[Tensor, "d_in d_sae"]
    W_dec: Float[Tensor, "d_sae d_in"]
    b_dec: Float[Tensor, " d_in"]
    own: Mapping[str, Float[Tensor, " d_sae"]]
    k: int = 0
    norm: Norm = "none"
    subtracts_b_dec: bool = True
    made_for: str = ""
    """The model that it was trained on, as its configuration says."""
    centred: bool = field(default=False, kw_only=True)
    """Whether it was trained on a stream without its mean (TransformerLens' `center_writing_weights`)."""

    @property
    def site(self) -> Site:
        """Where its activations are."""
        return Site(self.activation, self.layer)

    @property
    def d_sae(self) -> int:
        """Features."""
        return len(self.W_dec)

    @property
    def nbytes(self) -> int:
        """Memory of the weights."""
        return sum(each.nbytes for each in (self.W_enc, self.W_dec, self.b_dec, *self.own.values()))

    def encode(self, x: Float[Tensor, "... d_in"]) -> Encoded:
        """Features of x, 0 where they are not active."""
        normed, scale, shift = _NORMS[self.norm](x.float())
        inside = normed - self.b_dec if self.subtracts_b_dec else normed
        return Encoded(_ENCODERS[self.architecture](self, inside), scale, shift)

    def encode_one(self, x: Float[Tensor, "... d_in"], feature: int) -> Float[Tensor, "..."]:
        """One feature of x, without computing the others where they do not compete."""
        if self.architecture == "topk":
            return self.encode(x).features[..., feature]
        at = slice(feature, feature + 1)
        own = {name: value[at] for name, value in self.own.items()}
        return replace(self, W_enc=self.W_enc[:, at], W_dec=self.W_dec[at], own=own).encode(x).features[..., 0]

    def decode(self, encoded: Encoded) -> Float[Tensor, "... d_in"]:
        """The reconstruction."""
        return (encoded.features @ self.W_dec + self.b_dec) * encoded.scale + encoded.shift

    def written(self, encoded: Encoded, feature: int) -> Float[Tensor, "... d_in"]:
        """What one feature adds to the reconstruction."""
        return encoded.features[..., feature, None] * encoded.scale * self.W_dec[feature]


def _plain(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return x, torch.ones_like(x[..., :1]), torch.zeros_like(x[..., :1])


def _layer_norm(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    mean, sd = x.mean(-1, keepdim=True), x.std(-1, keepdim=True)
    return (x - mean) / (sd + EPSILON), sd, mean


def _rescaled(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    scale = x.norm(dim=-1, keepdim=True).clamp(min=1e-12) / x.shape[-1] ** 0.5
    return x / scale, scale, torch.zeros_like(scale)


def _standard(sae: SparseAutoencoder, y: Tensor) -> Tensor:
    return (y @ sae.W_enc + sae.own["b_enc"]).relu()


def _jumprelu(sae: SparseAutoencoder, y: Tensor) -> Tensor:
    before = y @ sae.W_enc + sae.own["b_enc"]
    return before.relu() * (before > sae.own["threshold"])


def _topk(sae: SparseAutoencoder, y: Tensor) -> Tensor:
    before = y @ sae.W_enc + sae.own["b_enc"]
    top = before.topk(sae.k, dim=-1)
    return torch.zeros_like(before).scatter(-1, top.indices, top.values.relu())


def _gated(sae: SparseAutoencoder, y: Tensor) -> Tensor:
    through = y @ sae.W_enc
    return (through * sae.own["r_mag"].exp() + sae.own["b_mag"]).relu() * (through + sae.own["b_gate"] > 0)


_NORMS: dict[str, Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]] = {
    "none": _plain, "layer_norm": _layer_norm, "constant_norm_rescale": _rescaled,
}  # fmt: skip
"""(normalised, scale, shift); the last two undo it."""
_ENCODERS: dict[str, Callable[[SparseAutoencoder, Tensor], Tensor]] = {
    "standard": _standard, "jumprelu": _jumprelu, "topk": _topk, "gated": _gated,
}  # fmt: skip
