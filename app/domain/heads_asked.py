"""Which numbers of the heads the page shows: in the matrix, in a second one beside it, and against each other."""

from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict, with_config

from app.domain.errors import BadInput
from app.domain.head_choices import CHOICES
from app.domain.views import Show

_STRICT = ConfigDict(extra="forbid")
Drawn = Literal["map", "maps", "scatter"]
"""One map, two side by side, or one number of every head against another."""


def check_choice(name: str) -> None:
    """Refuse a number that no head has."""
    if name not in CHOICES:
        raise BadInput(f"Heads have no number {name!r}; choose one of {', '.join(CHOICES)}.")


@with_config(_STRICT)
@dataclass(frozen=True)
class HeadAxis:
    """One axis of the scatter of heads. `show` is the run it is read from; None = the one that the page shows."""

    quantity: str = "direct"
    show: Show | None = None

    def __post_init__(self) -> None:
        check_choice(self.quantity)


@with_config(_STRICT)
@dataclass(frozen=True)
class HeadsAsked:
    """`quantity` colours the matrix, `beside` a second one (None = there is none), with one colour scale where both
    have the same unit and `one_scale` is on; `x` and `y` are the axes of the scatter, which stands in their place where
    `scatter` is on."""

    quantity: str = "direct"
    beside: str | None = None
    one_scale: bool = True
    x: HeadAxis = HeadAxis("direct")
    y: HeadAxis = HeadAxis("zero")
    scatter: bool = False

    def __post_init__(self) -> None:
        check_choice(self.quantity)
        if self.beside is not None:
            check_choice(self.beside)

    @property
    def drawn(self) -> Drawn:
        """How the numbers are drawn."""
        if self.scatter:
            return "scatter"
        return "map" if self.beside is None else "maps"

    @property
    def numbers(self) -> tuple[HeadAxis, ...]:
        """The one or two numbers on screen: what files are named for first, then the second map's, or the x axis."""
        if self.scatter:
            return self.y, self.x
        return tuple(HeadAxis(name) for name in (self.quantity, self.beside) if name is not None)
