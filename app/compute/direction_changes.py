"""What changes along directions make of an activation `[row pos d_model]`: functions, each position by itself.

They compute in float32 and give the activation's own precision back, so that a projection that is taken out is 0 but
for rounding.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from app.compute.autoencoders import autoencoder
from app.compute.bridge_values import ValuesOf
from app.compute.directions import made
from app.compute.passes import Ids
from app.compute.references import replacement
from app.domain.direction_interventions import AlongDirection, Clamp, ClampFeature, ProjectOut, Steer, SwapAlong
from app.domain.directions import Direction
from app.domain.errors import BadRecipe, BadSite
from app.models.loaded import LoadedModel
from app.models.sparse_autoencoder import SparseAutoencoder

INDEPENDENT = 1e-4
"""The least length of a direction's part that those before it do not have, relative to its own."""


@dataclass(frozen=True, eq=False)
class Steered:
    """`a + strength d̂`, or `a + strength |a| d̂`."""

    unit: Float[Tensor, " d_model"]
    strength: float
    by_norm: bool = False

    def __call__(self, activation: Tensor) -> Tensor:
        a = activation.float()
        amount = a.norm(dim=-1, keepdim=True) * self.strength if self.by_norm else self.strength
        return (a + amount * self.unit.to(a)).to(activation)


@dataclass(frozen=True, eq=False)
class Projected:
    """`a + share (value - a·d̂) d̂`; `value` is one number, or `[pos]` of the first positions."""

    unit: Float[Tensor, " d_model"]
    value: Tensor
    share: float = 1.0

    def __call__(self, activation: Tensor) -> Tensor:
        a, unit = activation.float(), self.unit.to(activation.device)
        value = self.value.to(a) if self.value.ndim == 0 else _lengthened(self.value.to(a), a.shape[-2])
        return (a + self.share * (value - a @ unit)[..., None] * unit).to(activation)


@dataclass(frozen=True, eq=False)
class Swapped:
    """`a + share P (source - a)` at the first positions, which `source [pos d_model]` has."""

    basis: Float[Tensor, "d_model rank"]
    source: Float[Tensor, "pos d_model"]
    share: float = 1.0

    def __call__(self, activation: Tensor) -> Tensor:
        a, basis = activation.float(), self.basis.to(activation.device)
        source = _lengthened(self.source.to(a).T, a.shape[-2]).T
        return (a + self.share * (source - a) @ basis @ basis.T).to(activation)


@dataclass(frozen=True, eq=False)
class SwappedAsFar:
    """The placebo of a swap along `real`: a swap along `unit`, at every position as long as the real one there,
    `a + share |(source - a)·real| sign((source - a)·unit) unit`: TransformerLens' `NormMatchedPlacebo`, whose strengths
    are not below 0."""

    real: Float[Tensor, " d_model"]
    unit: Float[Tensor, " d_model"]
    source: Float[Tensor, "pos d_model"]
    share: float

    def __call__(self, activation: Tensor) -> Tensor:
        a, real, unit = activation.float(), self.real.to(activation.device), self.unit.to(activation.device)
        way = _lengthened(self.source.to(a).T, a.shape[-2]).T - a
        amount = self.share * (way @ real).abs() * (way @ unit).sign()
        return (a + amount[..., None] * unit).to(activation)


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """`a + (value - f(a)) scale W_dec[feature]`."""

    sae: SparseAutoencoder
    feature: int
    value: float

    def __call__(self, activation: Tensor) -> Tensor:
        a = activation.float()
        found = self.sae.encode(a)
        change = self.value - found.features[..., self.feature, None]
        return (a + change * found.scale * self.sae.W_dec[self.feature]).to(activation)


def _lengthened(x: Float[Tensor, "... pos"], n_positions: int) -> Float[Tensor, "... other"]:
    """With 0 at further positions, where nothing is held: a generated text is longer than its prompt."""
    return functional.pad(x, (0, n_positions - x.shape[-1]))


def changed(
    model: LoadedModel, each: AlongDirection, ids: Ids, values: ValuesOf, source: Tensor | None = None
) -> Callable[[Tensor], Tensor]:
    """The function of one intervention; `source [pos d_model]` is what a swap takes from, moved to its positions."""
    if isinstance(each, SwapAlong):
        if source is None:
            raise TypeError("A swap needs the run that it takes from.")
        return Swapped(basis_of(model, each.directions), source, each.share)
    if isinstance(each, ClampFeature):
        return FeatureSet(feature_of(model, each), each.direction.feature, each.value)
    unit = made(model, each.direction).unit
    if isinstance(each, Steer):
        return Steered(unit, each.strength, each.unit == "norm")
    if isinstance(each, Clamp):
        return Projected(unit, torch.tensor(each.value))
    return Projected(unit, _target(model, each, unit, ids, values), each.share)


def feature_of(model: LoadedModel, each: ClampFeature) -> SparseAutoencoder:
    """The autoencoder whose feature is set; refuses a site whose activations it was not made for."""
    made(model, each.direction)  # refuses a feature that it does not have
    found = autoencoder(model, each.direction.folder, each.direction.fingerprint)
    if (each.site.activation, each.site.layer) != (found.activation, found.layer):
        raise BadSite(f"The autoencoder {found.name} is of {found.site}, and the site is {each.site}; use its own.")
    return found


def _target(model: LoadedModel, each: ProjectOut, unit: Tensor, ids: Ids, values: ValuesOf) -> Tensor:
    """What is left of the projection."""
    if each.to == "zero":
        return torch.tensor(0.0)
    site = each.site
    mean = replacement(model, site.activation, site.layer, "mean", each.reference, each.pooled, 0, 0, ids, values)
    return (mean[0] if each.pooled else mean).float() @ unit.to(mean.device)


def basis_of(model: LoadedModel, directions: tuple[Direction, ...]) -> Float[Tensor, "d_model rank"]:
    """An orthonormal basis of the directions' span, by QR; refuses a direction that lies in the span of those before
    it, because the subspace would be smaller than it is said to be."""
    units = torch.stack([made(model, each).unit for each in directions], dim=1)
    basis, parts = torch.linalg.qr(units)
    lengths = parts.diagonal().abs()
    if (short := lengths < INDEPENDENT).any():
        raise BadRecipe(f"{directions[int(short.int().argmax())]} lies in the span of the other directions; drop it.")
    return basis


def subspace(model: LoadedModel, each: AlongDirection) -> Float[Tensor, "d_model rank"]:
    """The span within which something takes the place of what was there; of no dimension where it only adds."""
    if isinstance(each, SwapAlong):
        return basis_of(model, each.directions)
    unit = made(model, each.direction).unit[:, None]
    return unit[:, :0] if isinstance(each, Steer | ClampFeature) else unit
