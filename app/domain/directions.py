"""Directions of the residual stream: frozen values that say how a vector is made, and give it a name.

A direction holds what its vector is made from, never the vector (pasted numbers excepted), so it is its own recipe: it
goes into digests, links, files and interventions as it is. `app.compute.directions` makes the vector.

`space` is where the vector lies: `unembedding` directions are columns of W_U with the final norm's weight folded in, as
the last residual stream has them; `embedding` rows of W_E; `residual` differences, components and weights of
activations at `layer`; `free` are numbers from elsewhere, or random. Directions are read at length 1 (`unit`), unless a
view says that it uses the length; the length is kept, and stated.
Source: docs/formulas.md, Directions.
"""

import base64
import binascii
import math
import struct
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, with_config

from app.domain.errors import BadRecipe
from app.domain.samples import Samples, Stream, need
from app.domain.seeds import check_seed
from app.domain.sites import Head

_STRICT = ConfigDict(extra="forbid")
Space = Literal["unembedding", "embedding", "residual", "free"]
MOST_NAME = 40
"""Characters of a name."""


def _as_tokens(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _as_head(value: Any) -> Any:
    return vars(Head.parse(value)) if isinstance(value, str) else value


Tokens = Annotated[tuple[str, ...], BeforeValidator(_as_tokens)]


def _spoken(tokens: tuple[str, ...]) -> str:
    return "/".join(token.replace(" ", "·").replace("\n", "⏎") for token in tokens)


@with_config(_STRICT)
@dataclass(frozen=True)
class TokenDirection:
    """Mean of the columns of W_U (or the rows of W_E) of `tokens`, minus that of `minus` (none = nothing is taken
    away)."""

    tokens: Tokens
    minus: Tokens = ()
    matrix: Literal["W_U", "W_E"] = "W_U"
    kind: Literal["tokens"] = "tokens"

    def __post_init__(self) -> None:
        if not self.tokens:
            raise BadRecipe("A direction of tokens needs at least one token; name it.")
        if set(self.tokens) == set(self.minus):
            raise BadRecipe("tokens and minus are the same, so there is no direction between them; choose others.")

    @property
    def space(self) -> Space:
        return "unembedding" if self.matrix == "W_U" else "embedding"

    @property
    def layer(self) -> int | None:
        return None

    def __str__(self) -> str:
        return " − ".join(_spoken(side) for side in (self.tokens, self.minus) if side) + f" in {self.matrix}"


@with_config(_STRICT)
@dataclass(frozen=True)
class MeanDifference:
    """Mean activation over `plus` minus that over `minus`: two groups of prompts, or of positions."""

    activation: Stream
    layer: int
    plus: Samples
    minus: Samples
    kind: Literal["mean_difference"] = "mean_difference"

    def __post_init__(self) -> None:
        need(len(self.plus), 1, "plus")
        need(len(self.minus), 1, "minus")

    @property
    def space(self) -> Space:
        return "residual"

    def __str__(self) -> str:
        return f"difference of means, {self.activation} L{self.layer}, n = {len(self.plus)} − {len(self.minus)}"


@with_config(_STRICT)
@dataclass(frozen=True)
class PrincipalComponent:
    """The `component`-th principal component (from 0) of the samples' activations; its largest entry is positive."""

    activation: Stream
    layer: int
    samples: Samples
    component: int = 0
    kind: Literal["principal_component"] = "principal_component"

    def __post_init__(self) -> None:
        need(len(self.samples), 2, "A principal component")
        if not 0 <= self.component < len(self.samples) - 1:
            raise BadRecipe(
                f"{len(self.samples)} samples have {len(self.samples) - 1} principal components, from 0, and "
                f"component = {self.component}; give a smaller one, or more samples."
            )

    @property
    def space(self) -> Space:
        return "residual"

    def __str__(self) -> str:
        return f"PC{self.component}, {self.activation} L{self.layer}, n = {len(self.samples)}"


@with_config(_STRICT)
@dataclass(frozen=True)
class Probe:
    """The weights of a logistic regression that tells `plus` from `minus` (scikit-learn, L2 of strength 1 / `C`,
    activations standardised, weights given back in the stream's own units). A share `held_out` of the samples, drawn
    with `seed`, is kept for its accuracy; a control is trained on shuffled labels."""

    activation: Stream
    layer: int
    plus: Samples
    minus: Samples
    C: float = 1.0
    held_out: float = 0.25
    seed: int = 0
    kind: Literal["probe"] = "probe"

    def __post_init__(self) -> None:
        need(len(self.plus), 4, "plus")
        need(len(self.minus), 4, "minus")
        check_seed(self.seed)
        if not 0 < self.held_out < 1 or not (self.C > 0 and math.isfinite(self.C)):
            raise BadRecipe(
                f"held_out = {self.held_out:g} must lie between 0 and 1 and C = {self.C:g} above 0; give others."
            )

    @property
    def space(self) -> Space:
        return "residual"

    def __str__(self) -> str:
        return f"probe, {self.activation} L{self.layer}, n = {len(self.plus)} + {len(self.minus)}"


@with_config(_STRICT)
@dataclass(frozen=True)
class SingularVector:
    """The `rank`-th singular vector (from 0, by size) of a head's W_V W_O: what it writes most, or reads most. Signs of
    both sides belong together; the written side's largest entry is positive."""

    head: Annotated[Head, BeforeValidator(_as_head)]
    rank: int = 0
    side: Literal["write", "read"] = "write"
    kind: Literal["singular_vector"] = "singular_vector"

    def __post_init__(self) -> None:
        if self.rank < 0:
            raise BadRecipe(f"rank = {self.rank} does not exist; singular vectors count from 0.")

    @property
    def space(self) -> Space:
        return "residual"

    @property
    def layer(self) -> int | None:
        return self.head.layer

    def __str__(self) -> str:
        return f"{self.head} OV {self.side} {self.rank}"


@with_config(_STRICT)
@dataclass(frozen=True)
class SaeFeature:
    """A decoder row of a sparse autoencoder in a local SAELens folder. `fingerprint` is the SHA-256 of configuration
    and weights: another autoencoder in that folder is refused. `activation` and `layer` are what it was trained on."""

    folder: str
    feature: int
    fingerprint: str = ""
    layer: int | None = None
    activation: Stream = "resid_post"
    kind: Literal["sae_feature"] = "sae_feature"

    @property
    def space(self) -> Space:
        return "residual"

    def __str__(self) -> str:
        return f"feature {self.feature} of {self.folder.rstrip('/').rsplit('/', 1)[-1]}"


@with_config(_STRICT)
@dataclass(frozen=True)
class Vector:
    """Numbers from elsewhere: `values` are little-endian float32 in base64, `source` says where they are from."""

    values: str
    source: str = "pasted"
    layer: int | None = None
    kind: Literal["vector"] = "vector"

    def __post_init__(self) -> None:
        numbers = self.numbers
        if not numbers or not all(map(math.isfinite, numbers)) or not any(numbers):
            raise BadRecipe(f"{self.source} holds no direction: give finite numbers, not all of them 0.")

    @classmethod
    def of(cls, numbers: tuple[float, ...], source: str = "pasted", layer: int | None = None) -> "Vector":
        """Plain numbers as a direction."""
        return cls(base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode(), source, layer)

    @property
    def numbers(self) -> tuple[float, ...]:
        """`[d_model]`"""
        try:
            packed = base64.b64decode(self.values, validate=True)
            return struct.unpack(f"<{len(packed) // 4}f", packed)
        except (binascii.Error, struct.error, ValueError):
            raise BadRecipe("values are not float32 numbers in base64; paste numbers, or give a file.") from None

    @property
    def space(self) -> Space:
        return "free"

    def __str__(self) -> str:
        return f"{self.source}, {len(self.numbers)} numbers"


@with_config(_STRICT)
@dataclass(frozen=True)
class RandomDirection:
    """A draw from the unit sphere, to compare with."""

    seed: int = 0
    kind: Literal["random"] = "random"

    def __post_init__(self) -> None:
        check_seed(self.seed)

    @property
    def space(self) -> Space:
        return "free"

    @property
    def layer(self) -> int | None:
        return None

    def __str__(self) -> str:
        return f"random, seed {self.seed}"


Made = (
    TokenDirection
    | MeanDifference
    | PrincipalComponent
    | Probe
    | SingularVector
    | SaeFeature
    | Vector
    | RandomDirection
)


@with_config(_STRICT)
@dataclass(frozen=True)
class Placebo:
    """A random direction of the length of `of`, at right angles to it: what any change of that size does."""

    of: Annotated[Made, Field(discriminator="kind")]
    seed: int = 0
    kind: Literal["placebo"] = "placebo"

    def __post_init__(self) -> None:
        check_seed(self.seed)

    @property
    def space(self) -> Space:
        return self.of.space

    @property
    def layer(self) -> int | None:
        return self.of.layer

    def __str__(self) -> str:
        return f"placebo {self.seed} of {self.of}"


AnyDirection = Made | Placebo
Direction = Annotated[AnyDirection, Field(discriminator="kind")]


@with_config(_STRICT)
@dataclass(frozen=True)
class NamedDirection:
    """One entry of the session's library of directions. The name is a label and changes no number."""

    name: str
    direction: Direction

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > MOST_NAME:
            raise BadRecipe(f"A direction needs a name of 1 to {MOST_NAME} characters, not {self.name!r}.")
