"""What the *Residual* workspace shows: which section is open (a field of the view), and what each of them asks for."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, with_config

from app.domain.errors import BadRecipe
from app.domain.geometry_recipes import Reduction
from app.domain.lens_recipes import Lens
from app.domain.parts_recipes import Scale
from app.domain.recipes import parse_json
from app.domain.samples import Stream
from app.domain.views import GroupedBy, LensColour, Level, ReadingAs

_STRICT = ConfigDict(extra="forbid")
MOST_STRENGTHS = 51
PLACEBOS = 3
"""Random directions beside the curve."""
Section = Literal["lens", "direction", "parts", "geometry", "features"]
"""Lenses; one direction; what the logit difference is made of; norms and maps of activations; neurons and features."""
OfPrompts = Literal["prompt", "set"]
"""The prompt on screen, or the whole set."""


@with_config(_STRICT)
@dataclass(frozen=True)
class ProjectionAsked:
    """Which activation the chosen direction is read in, and whether by its cosine."""

    activation: Stream = "resid_post"
    normalised: bool = False


@with_config(_STRICT)
@dataclass(frozen=True)
class DistributionAsked:
    """What the prompts of the set are grouped by."""

    by: GroupedBy = "side"


@with_config(_STRICT)
@dataclass(frozen=True)
class WritersAsked:
    """Of which prompts it is decomposed who writes the direction."""

    of: OfPrompts = "prompt"


@with_config(_STRICT)
@dataclass(frozen=True)
class ReadersAsked:
    """How the readers of the direction are coloured."""

    by: ReadingAs = "z"


@with_config(_STRICT)
@dataclass(frozen=True)
class StrengthAsked:
    """A strength curve. `layer` None follows the selection; `norm` and `absolute` are units of steering, the rest are
    other changes; `metric` is read from numbers that are there anyway. Of the whole set, texts are of the prompt on
    screen."""

    of: OfPrompts = "prompt"
    layer: int | None = None
    positions: Literal["all", "selected"] = "all"
    by: Literal["norm", "absolute", "clamp", "project_out", "swap_along"] = "norm"
    low: float = -1.0
    high: float = 1.0
    count: int = 11
    placebos: bool = True
    tokens: int = 0
    metric: Literal["logit_diff", "answer_log_prob", "probability", "rank", "kl_divergence"] = "logit_diff"

    @property
    def strengths(self) -> tuple[float, ...]:
        """From `low` to `high`, evenly."""
        if not 2 <= self.count <= MOST_STRENGTHS or not self.low < self.high:
            raise BadRecipe(
                f"{self.count} strengths from {self.low:g} to {self.high:g} make no curve; give 2 to {MOST_STRENGTHS}, "
                "from a smaller to a larger number."
            )
        step = (self.high - self.low) / (self.count - 1)
        return tuple(round(self.low + at * step, 6) for at in range(self.count))

    @property
    def options(self) -> dict[str, Any]:
        """The recipe's fields that do not depend on what is selected."""
        change = {"change": "steer", "unit": self.by} if self.by in ("norm", "absolute") else {"change": self.by}
        placebos = PLACEBOS if self.placebos else 0
        return {"strengths": self.strengths, "placebos": placebos, "max_new_tokens": self.tokens, **change}


@with_config(_STRICT)
@dataclass(frozen=True)
class LensAsked:
    """What colours the lens (numbers that are there anyway), through which lens the stream is read (`folder` and
    `fingerprint` of a tuned one), and the tokens that are followed (none = the answers)."""

    colour: LensColour = "probability"
    lens: Lens = "logit"
    folder: str = ""
    fingerprint: str = ""
    tokens: tuple[str, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """The recipe's fields."""
        if self.lens == "logit":
            return {}
        return {"lens": self.lens, "folder": self.folder, "fingerprint": self.fingerprint}


@with_config(_STRICT)
@dataclass(frozen=True)
class WrittenAsked:
    """Components of which layer are shown as tokens; None = those that matter most."""

    layer: int | None = None


@with_config(_STRICT)
@dataclass(frozen=True)
class PartsAsked:
    """How finely the logit difference is divided, over which prompts, and by which final scale."""

    level: Level = "sublayer"
    over: Literal["set", "prompt"] = "set"
    scale: Scale = "own"


@with_config(_STRICT)
@dataclass(frozen=True)
class GeometryAsked:
    """Which numbers are drawn by layer: all of them are there anyway."""

    drawn: Literal["norms", "cosines", "scales"] = "norms"


@with_config(_STRICT)
@dataclass(frozen=True)
class MapAsked:
    """Which activations of the prompt set are mapped, and how. `layer` None = the selected one, else the last; `both`
    reads the other prompts of the pairs too, where every pair has one. `colour` draws numbers and labels that are there
    anyway."""

    activation: Stream = "resid_post"
    layer: int | None = None
    positions: Literal["end", "all"] = "all"
    both: bool = True
    method: Reduction = "pca"
    neighbours: int | None = None
    seed: int = 0
    colour: str = "side"


@with_config(_STRICT)
@dataclass(frozen=True)
class NeuronsAsked:
    """What ranks the neurons of a layer."""

    by: Literal["attribution", "largest", "activation"] = "attribution"


@with_config(_STRICT)
@dataclass(frozen=True)
class FeaturesAsked:
    """The autoencoder in a `folder`, of this `fingerprint`; the `feature` of the card (None = the largest); what ranks
    the others."""

    folder: str = ""
    fingerprint: str = ""
    feature: int | None = None
    by: Literal["attribution", "largest", "activation"] = "attribution"

    @property
    def options(self) -> dict[str, Any]:
        """The recipe's fields."""
        return {"folder": self.folder, "fingerprint": self.fingerprint, "feature": self.feature}


@with_config(_STRICT)
@dataclass(frozen=True)
class ResidualAsked:
    """`direction` is the name of the direction that is looked at, one of the session's library; None = the first."""

    direction: str | None = None
    projection: ProjectionAsked = ProjectionAsked()
    lens: LensAsked = LensAsked()
    written: WrittenAsked = WrittenAsked()
    distribution: DistributionAsked = DistributionAsked()
    writers: WritersAsked = WritersAsked()
    readers: ReadersAsked = ReadersAsked()
    strength: StrengthAsked = StrengthAsked()
    parts: PartsAsked = PartsAsked()
    geometry: GeometryAsked = GeometryAsked()
    map: MapAsked = MapAsked()
    neurons: NeuronsAsked = NeuronsAsked()
    features: FeaturesAsked = FeaturesAsked()


_PARTS: TypeAdapter[PartsAsked] = TypeAdapter(PartsAsked)


def parse_parts(given: dict[str, Any]) -> PartsAsked:
    """What the page asks of the decomposition."""
    return parse_json(_PARTS, given, "a decomposition")
