"""How many layers of a gradient's graph go through at once, so that they stay within the memory of sweeps.

Per token the graph keeps about a dozen streams, six times what an MLP is wide and four attention rows per head; each
activation that is looked at is there in both runs, as their difference and as its gradient. Float32, an estimate.
"""

from math import prod

from app.compute.hooks import shape_of
from app.domain.cells import Cells
from app.domain.models import ModelFacts
from app.domain.sites import Activation, Site
from app.models.loaded import LoadedModel


def looked_at(cells: Cells, softmax_correction: bool) -> tuple[Activation, ...]:
    """What an estimate reads of both runs: the activation, or where its attention rows are corrected, all of them."""
    rows = softmax_correction and cells.activation in ("q", "k")
    return ("q", "k", "pattern") if rows else (cells.activation,)


def parts(model: LoadedModel, seen: tuple[Activation, ...], n_positions: int, lowest: int) -> list[range]:
    """Layers that go through together, from the last to the lowest that is changed."""
    size, end = layers_at_once(model, seen, n_positions), model.facts.n_layers
    return [range(max(lowest, stop - size), stop) for stop in range(end, lowest, -size)]


def layers_at_once(model: LoadedModel, seen: tuple[Activation, ...], n_positions: int) -> int:
    """As many as fit into three quarters of the memory of sweeps, at least one."""
    return max(1, 3 * model.sweep_bytes // 4 // layer_bytes(model.facts, seen, n_positions))


def layer_bytes(facts: ModelFacts, seen: tuple[Activation, ...], n_positions: int) -> int:
    """Of one layer's graph and what is seen of it."""
    graph = n_positions * (12 * facts.d_model + 6 * (facts.d_mlp or 0) + 4 * facts.n_heads * n_positions)
    return 4 * (graph + 4 * sum(prod(shape_of(facts, Site(name, 0), n_positions)) for name in seen))
