"""Where a direction is at home, which samples it is of, and where it is looked at and changed when nobody says where.

One rule for every view and change: the layers that are selected, else the direction's own place, else the last layer.
"""

from app.domain.directions import (
    AnyDirection,
    MeanDifference,
    Placebo,
    PrincipalComponent,
    Probe,
    SingularVector,
)
from app.domain.samples import Samples, Stream
from app.domain.sites import Site


def samples_of(direction: AnyDirection) -> Samples:
    """The samples whose activations it is made from; none of the other kinds."""
    if isinstance(direction, Placebo):
        return samples_of(direction.of)
    if isinstance(direction, PrincipalComponent):
        return direction.samples
    return (*direction.plus, *direction.minus) if isinstance(direction, MeanDifference | Probe) else ()


def home_of(direction: AnyDirection) -> tuple[Stream, int] | None:
    """The activation and layer that it was made from, or that a head reads it in; None of what belongs to no layer."""
    of = direction.of if isinstance(direction, Placebo) else direction
    if of.layer is None:
        return None
    if isinstance(of, SingularVector):
        return ("resid_pre" if of.side == "read" else "resid_post"), of.layer
    return getattr(of, "activation", "resid_post"), of.layer


def place_of(direction: AnyDirection, layers: tuple[int, ...]) -> int | None:
    """The layer after which the stream is looked at: the one selected last, else the direction's own, of what enters a
    block the one before; None = the last."""
    if layers:
        return layers[-1]
    home = home_of(direction)
    return None if home is None else max(0, home[1] - (home[0] == "resid_pre"))


def site_of(
    direction: AnyDirection, layers: tuple[int, ...], n_layers: int, positions: tuple[int, ...] | None = None
) -> Site:
    """Where a change along it is made: in the stream after the layer selected last, else at the direction's own place,
    else after the last layer."""
    home = None if layers else home_of(direction)
    activation, layer = home or ("resid_post", layers[-1] if layers else n_layers - 1)
    return Site(activation, min(layer, n_layers - 1), None, positions)
