"""Many runs that differ from one run in little: what a sweep asks of an engine, and what both engines answer to.

A row is one run: the base run with some activations set to other values, one `Held` per site. Both engines take the
same rows and give the same logits: `replay_rows.py` from the cached base run, `bridge_rows.py` by the bridge's hooks.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from jaxtyping import Float
from torch import Tensor

from app.domain.interventions import Edge
from app.domain.sites import Site


@dataclass(frozen=True, eq=False)
class Held:
    """`site` is `value` there: `[pos ...]` as the activation is laid out, `[head dest_pos src_pos]` for pattern; all
    positions, heads and neurons, of which the site's are used (on pattern only `edges`, where given). Rows share
    values: nothing is copied per row. A function gets the activation as it is, with a leading row axis, and returns
    what it becomes; engines take functions only among the interventions in force, not in the rows of a sweep."""

    site: Site
    value: Float[Tensor, "pos ..."] | Callable[[Tensor], Tensor]
    edges: tuple[Edge, ...] | None = None


Row = tuple[Held, ...]


class Base(Protocol):
    """One prompt under the interventions in force, ready for many rows.

    `engine` is `replay` or `bridge: ` and why; `logits` are the base run's own at END. `waves` splits rows into groups
    that fit the memory and run well together, as indices; `run` gives final logits of one group, in its order.
    """

    @property
    def engine(self) -> str: ...

    @property
    def logits(self) -> Float[Tensor, " d_vocab"]: ...

    def waves(self, rows: Sequence[Row]) -> Iterator[list[int]]: ...

    def run(self, rows: Sequence[Row]) -> Float[Tensor, "row d_vocab"]: ...

    def cost(self, rows: Sequence[Row]) -> float:
        """Floating-point operations of these rows, for the preview."""
        ...


Values = Callable[[Site], Tensor]
"""A run's own values: site -> the whole activation of that layer, laid out as `Held.value`."""
Reads = Callable[[Site, Tensor], Tensor]
"""What a layer makes of another stream: q, k or v of the site's layer, were `[pos d_model]` what comes into it."""
