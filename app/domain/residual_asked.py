"""What the *Residual* workspace shows: which section is open (a field of the view), and what each of them asks for."""

from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict, with_config

from app.domain.directions import Stream

_STRICT = ConfigDict(extra="forbid")
Section = Literal["lens", "direction", "parts", "geometry", "features"]
"""Lenses; one direction; what the logit difference is made of; norms and maps of activations; neurons and features."""


@with_config(_STRICT)
@dataclass(frozen=True)
class ProjectionAsked:
    """Which activation the chosen direction is read in."""

    activation: Stream = "resid_post"


@with_config(_STRICT)
@dataclass(frozen=True)
class ResidualAsked:
    """`direction` is the name of the direction that is looked at, one of the session's library; None = the first."""

    direction: str | None = None
    projection: ProjectionAsked = ProjectionAsked()
