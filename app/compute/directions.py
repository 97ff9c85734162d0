"""Directions as vectors: what each kind of direction (app/domain/directions.py) is made of, once per model.

`[d_model]` float32 as the residual stream has it, at its own length; views and interventions read it at length 1.
Directions of W_U have the final norm's weight folded in, and are centred where that norm centres, so that they are the
same with raw and folded weights up to the unembedding's own centring. What activations a direction is made from are
those of the plain model, without interventions.
Source: docs/formulas.md, Directions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.autoencoders import autoencoder
from app.compute.folded_weights import folded_ov
from app.compute.memo import once
from app.compute.normalization import affine_norm
from app.compute.probes import probe
from app.compute.samples import activations, check_samples
from app.domain.direction_places import samples_of
from app.domain.directions import (
    AnyDirection,
    MeanDifference,
    Placebo,
    PrincipalComponent,
    Probe,
    RandomDirection,
    SaeFeature,
    SingularVector,
    TokenDirection,
    Vector,
)
from app.domain.errors import BadRecipe
from app.domain.sites import within
from app.models.loaded import LoadedModel
from app.models.tokens import answer_ids

SHORTEST = 1e-12
SMALLEST_SHARE = 1e-5
"""Of the activations that a direction is made of: what is shorter is their rounding."""


@dataclass(frozen=True, eq=False)
class MadeDirection:
    """`vector` as it was made, and numbers that say how well: variance explained, accuracies, a singular value."""

    vector: Float[Tensor, " d_model"]
    facts: Mapping[str, float] = field(default_factory=dict)

    @property
    def unit(self) -> Float[Tensor, " d_model"]:
        """At length 1."""
        return self.vector / self.vector.norm()

    @property
    def nbytes(self) -> int:
        """Memory of the vector."""
        return self.vector.nbytes


def made(model: LoadedModel, direction: AnyDirection) -> MadeDirection:
    """The direction's vector, remembered with the model; refuses what has no length, or another width."""

    def make() -> MadeDirection:
        found = _MAKERS[direction.kind](model, direction)
        if not found.vector.norm() > SHORTEST:
            raise BadRecipe(f"{direction} has length 0, so it points nowhere; choose other samples or tokens.")
        return found

    return once(model, ("direction", direction, model.facts.spec.prepend_bos), make)


def check_direction(model: LoadedModel, direction: AnyDirection) -> None:
    """Refuse what does not hold on this model before any run: its tokens, texts, positions, layers, width."""
    of = direction.of if isinstance(direction, Placebo) else direction
    if (samples := samples_of(of)) and (activation := getattr(of, "activation", None)):
        check_samples(model, activation, of.layer or 0, samples)
    else:
        made(model, direction)


def _tokens(model: LoadedModel, direction: TokenDirection) -> MadeDirection:
    plus, minus = (list(answer_ids(model, side)) for side in (direction.tokens, direction.minus))
    with model.lock:
        if direction.matrix == "W_E":
            rows = model.bridge.W_E.float()
            return MadeDirection((rows[plus].mean(0) - (rows[minus].mean(0) if minus else 0)).detach().clone())
        W_U = model.bridge.W_U.float()
        norm = affine_norm(model.bridge.ln_final, model.facts.d_model, W_U)
        raw = W_U[:, plus].mean(-1) - (W_U[:, minus].mean(-1) if minus else 0)
        return MadeDirection(norm.folded_into(raw[:, None])[:, 0].detach().clone())


def _mean_difference(model: LoadedModel, direction: MeanDifference) -> MadeDirection:
    plus, minus = (
        activations(model, direction.activation, direction.layer, side) for side in (direction.plus, direction.minus)
    )
    return MadeDirection(_of_size(direction, plus.mean(0) - minus.mean(0), torch.cat([plus, minus])))


def _of_size(direction: AnyDirection, vector: Tensor, of: Float[Tensor, "sample d_model"]) -> Tensor:
    """The vector; refuses one that is no longer than the rounding of what it is made of."""
    if vector.norm() <= SMALLEST_SHARE * of.norm(dim=-1).mean():
        raise BadRecipe(f"{direction} is made of activations that are alike, so it points nowhere; choose others.")
    return vector


def _principal_component(model: LoadedModel, direction: PrincipalComponent) -> MadeDirection:
    within((direction.component,), model.facts.d_model, "principal components", model.facts.title)
    found = activations(model, direction.activation, direction.layer, direction.samples).double()
    _, sizes, rows = torch.linalg.svd(found - found.mean(0), full_matrices=False)
    share = sizes[direction.component] ** 2 / (sizes**2).sum().clamp(min=SHORTEST)
    _of_size(direction, sizes[direction.component] * rows[direction.component], found)
    return MadeDirection(_largest_positive(rows[direction.component]).float(), {"variance_explained": float(share)})


def _probe(model: LoadedModel, direction: Probe) -> MadeDirection:
    plus, minus = (
        activations(model, direction.activation, direction.layer, side) for side in (direction.plus, direction.minus)
    )
    return MadeDirection(*probe(plus, minus, direction))


def _singular_vector(model: LoadedModel, direction: SingularVector) -> MadeDirection:
    """Norms folded in; by QR of both factors, so that no d_model x d_model matrix is decomposed."""
    head = direction.head
    within((head.layer,), model.facts.n_layers, "layers", model.facts.title)
    within((head.head,), model.facts.n_heads, "heads", model.facts.title)
    within((direction.rank,), model.facts.d_head, "singular vectors per head", model.facts.title)
    W_V, W_O = (each[head.head].double() for each in folded_ov(model, head.layer))
    (left, upper), (right, lower) = torch.linalg.qr(W_V), torch.linalg.qr(W_O.T)
    U, sizes, V = torch.linalg.svd(upper @ lower.T)
    read, written = left @ U[:, direction.rank], right @ V[direction.rank]
    sign = torch.sign(written[written.abs().argmax()])
    vector = sign * (written if direction.side == "write" else read)
    return MadeDirection(vector.detach().float(), {"singular_value": float(sizes[direction.rank])})


def _largest_positive(vector: Tensor) -> Tensor:
    return vector * torch.sign(vector[vector.abs().argmax()])


def _sae_feature(model: LoadedModel, direction: SaeFeature) -> MadeDirection:
    """As long as what one unit of the feature writes, where the autoencoder normalises nothing."""
    found = autoencoder(model, direction.folder, direction.fingerprint)
    within((direction.feature,), found.d_sae, "features", f"The autoencoder {found.name}")
    given = f"{direction.activation} of layer {direction.layer}"
    if direction.layer is not None and (direction.activation, direction.layer) != (found.activation, found.layer):
        raise BadRecipe(f"{direction} is of {found.activation} of layer {found.layer} and not {given}; correct it.")
    return MadeDirection(found.W_dec[direction.feature].clone())


def _vector(model: LoadedModel, direction: Vector) -> MadeDirection:
    numbers = direction.numbers
    if len(numbers) != model.facts.d_model:
        raise BadRecipe(
            f"{direction.source} has {len(numbers)} numbers and the residual stream of {model.facts.title} has "
            f"{model.facts.d_model}; give a vector of that width."
        )
    return MadeDirection(torch.tensor(numbers, device=model.facts.device))


def _random(model: LoadedModel, direction: RandomDirection) -> MadeDirection:
    return MadeDirection(_drawn(model, direction.seed))


def _placebo(model: LoadedModel, direction: Placebo) -> MadeDirection:
    real = made(model, direction.of)
    drawn = _drawn(model, direction.seed)
    across = drawn - (drawn @ real.unit) * real.unit
    return MadeDirection(across / across.norm() * real.vector.norm())


def _drawn(model: LoadedModel, seed: int) -> Float[Tensor, " d_model"]:
    """A unit vector, the same on every device."""
    found = torch.randn(model.facts.d_model, generator=torch.Generator().manual_seed(seed))
    return (found / found.norm()).to(model.facts.device)


_MAKERS: dict[str, Callable[[LoadedModel, Any], MadeDirection]] = {
    "tokens": _tokens,
    "mean_difference": _mean_difference,
    "principal_component": _principal_component,
    "probe": _probe,
    "singular_vector": _singular_vector,
    "sae_feature": _sae_feature,
    "vector": _vector,
    "random": _random,
    "placebo": _placebo,
}
"""Kind of direction -> how it is made."""
