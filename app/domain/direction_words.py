"""How a direction was made, in rows of label and words."""

from collections.abc import Callable
from typing import Any

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
from app.domain.samples import Samples

Rows = tuple[tuple[str, str], ...]
_TEXTS, _CHARACTERS = 3, 48
"""Samples that are quoted, and how much of each."""
KINDS = {
    "tokens": "tokens",
    "mean_difference": "difference of means",
    "principal_component": "principal component",
    "probe": "linear probe",
    "singular_vector": "singular vector of a head",
    "sae_feature": "feature of an autoencoder",
    "vector": "given numbers",
    "random": "random",
    "placebo": "placebo",
}
"""Kind of direction -> its name."""


def told(direction: AnyDirection) -> Rows:
    """The kind first, then what it is made from."""
    return (("kind", KINDS[direction.kind]), *_TOLD[direction.kind](direction))


def samples_said(samples: Samples) -> str:
    """`12: “When Mary and John…”; “The…” at 3; …`"""
    quoted = [_quoted(sample.text) + _at(sample.position) for sample in samples[:_TEXTS]]
    more = ["…"] if len(samples) > _TEXTS else []
    return f"{len(samples)}: " + "; ".join([*quoted, *more])


def _quoted(text: str) -> str:
    """The end of a text is what its last position has read."""
    return f"“{text if len(text) <= _CHARACTERS else '…' + text[1 - _CHARACTERS :]}”"


def _at(position: int | None) -> str:
    return "" if position is None else f" at {position}"


def _tokens(direction: TokenDirection) -> Rows:
    said = str(direction).removesuffix(f" in {direction.matrix}")
    return (("tokens", said), ("matrix", "W_U, columns" if direction.matrix == "W_U" else "W_E, rows"))


def _place(direction: MeanDifference | PrincipalComponent | Probe) -> tuple[str, str]:
    return "read at", f"{direction.activation}, layer {direction.layer}"


def _groups(direction: MeanDifference | Probe) -> Rows:
    return (
        _place(direction),
        ("towards", samples_said(direction.plus)),
        ("away from", samples_said(direction.minus)),
    )


def _component(direction: PrincipalComponent) -> Rows:
    return (
        _place(direction),
        ("component", f"{direction.component} (from 0)"),
        ("samples", samples_said(direction.samples)),
    )


def _probe(direction: Probe) -> Rows:
    how = f"C = {direction.C:g}, {direction.held_out:.0%} held out, seed {direction.seed}"
    return (*_groups(direction), ("regression", how))


def _singular(direction: SingularVector) -> Rows:
    side = "writes" if direction.side == "write" else "reads"
    return (("head", f"{direction.head}: what it {side}, rank {direction.rank} (from 0) of W_V W_O"),)


def _feature(direction: SaeFeature) -> Rows:
    place = () if direction.layer is None else (("trained on", f"{direction.activation} L{direction.layer}"),)
    return (("feature", f"{direction.feature} of {direction.folder}"), *place)


def _vector(direction: Vector) -> Rows:
    return (("from", direction.source),)


def _random(direction: RandomDirection) -> Rows:
    return (("seed", str(direction.seed)),)


def _placebo(direction: Placebo) -> Rows:
    return (("of", str(direction.of)), ("seed", str(direction.seed)), ("stands", "at right angles, of the same length"))


_TOLD: dict[str, Callable[[Any], Rows]] = {
    "tokens": _tokens, "mean_difference": _groups, "principal_component": _component, "probe": _probe,
    "singular_vector": _singular, "sae_feature": _feature, "vector": _vector, "random": _random, "placebo": _placebo,
}  # fmt: skip
