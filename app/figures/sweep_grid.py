"""Where the cells of a sweep stand on a map: rows, columns, and the index of the cell at each place.

Layers run downwards, heads, positions and keys across, queries downwards. Three axes become two by taking heads (or
neurons) as rows, grouped by layer: those of the selected layers, else the 30 strongest and the selected ones. Edges are
shown for one head: the primary one, else the strongest.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.domain.sites import Head
from app.domain.views import Selection
from app.figures.sweep_words import AnySweep, cell_name

MOST_ROWS = 30
"""Heads or neurons that a map shows as rows, unless layers are selected."""


@dataclass(frozen=True, eq=False)
class Grid:
    """`index [row column]` of the cell in the result, -1 where there is none; `rows` and `columns` are what they stand
    for along `axes`: numbers, or names of heads or neurons. `note` says what is shown of how many."""

    axes: tuple[str, str]
    rows: tuple[int | str, ...]
    columns: tuple[int | str, ...]
    index: NDArray[np.int64]
    note: str = ""
    holes: bool = False
    """Places without a cell do not exist (the other ones are not asked for): nothing is drawn there."""

    def at(self, row: int | str, column: int | str) -> tuple[int, int] | None:
        """(row, column) of these labels, where both are shown."""
        if row not in self.rows or column not in self.columns:
            return None
        return self.rows.index(row), self.columns.index(column)

    def pick(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """`[cell] -> [row column]`, NaN where there is no cell."""
        return np.append(values, np.nan)[self.index]


def grid_of(result: AnySweep, strength: NDArray[np.float64], selection: Selection) -> Grid:
    """The map of a sweep; `strength [cell]` are the magnitudes that rank heads, NaN where not computed; the selection
    is one `on_cells`."""
    axes = result.cell_axes
    if axes[-1] == "source_position":
        return _edges(result, strength, selection)
    if len(axes) == 3:
        return _grouped(result, strength, selection)
    if len(axes) == 1:
        grid = _crossed(result, "layer", "layer")
        return replace(grid, axes=("layer", ""), columns=("",), index=grid.index.max(axis=1, keepdims=True))
    return _crossed(result, *axes)


def _crossed(result: AnySweep, row: str, column: str) -> Grid:
    """Two axes as they are."""
    rows, row_of = np.unique(_axis(result, row), return_inverse=True)
    columns, column_of = np.unique(_axis(result, column), return_inverse=True)
    index = np.full((len(rows), len(columns)), -1)
    index[row_of, column_of] = np.arange(len(result.cells))
    name = "key_value_head" if column == "head" and result.activation in ("k", "v") else column
    return Grid((row, name), tuple(rows.tolist()), tuple(columns.tolist()), index)


def _axis(result: AnySweep, name: str) -> NDArray[np.int32]:
    return result.cells[:, result.cell_axes.index(name)]


def row_names(result: AnySweep) -> NDArray[np.str_]:
    """`[cell]` the head or neuron of each cell, `L5H1`."""
    pairs, of = np.unique(result.cells[:, :2], axis=0, return_inverse=True)
    names = [cell_name(result.cell_axes[:2], (layer, unit), result.activation) for layer, unit in pairs.tolist()]
    return np.array(names)[of.ravel()]


def _grouped(result: AnySweep, strength: NDArray[np.float64], selection: Selection) -> Grid:
    """Heads or neurons x positions."""
    names = row_names(result)
    order = list(dict.fromkeys(names.tolist()))  # cells are in ascending order
    rows, note = _shown(result, names, order, strength, selection)
    columns = np.unique(_axis(result, "position"))
    index = np.full((len(rows), len(columns)), -1)
    kept = np.flatnonzero(np.isin(names, rows))
    row_of = {name: at for at, name in enumerate(rows)}
    index[
        [row_of[name] for name in names[kept].tolist()], np.searchsorted(columns, _axis(result, "position")[kept])
    ] = kept
    return Grid((result.cell_axes[1], "position"), tuple(rows), tuple(columns.tolist()), index, note)


def _shown(
    result: AnySweep, names: NDArray[np.str_], order: list[str], strength: NDArray[np.float64], selection: Selection
) -> tuple[list[str], str]:
    """Which rows, and the words for it."""
    plural = f"{result.cell_axes[1]}s"
    layers = np.isin(_axis(result, "layer"), selection.layers)
    pool = list(dict.fromkeys(names[layers].tolist())) or order
    if len(pool) <= MOST_ROWS:
        of = "" if len(pool) == len(order) else f"{len(pool)} of {len(order)} {plural}, those of the selected layers"
        return pool, of
    heads = (*selection.heads, *filter(None, [selection.primary]))
    chosen = {head_name(result, head) for head in heads} & set(pool)
    found, of = np.unique(names, return_inverse=True)
    strongest = np.zeros(len(found))
    np.fmax.at(strongest, of, strength)
    best = dict(zip(found.tolist(), strongest.tolist(), strict=True))
    top = sorted(pool, key=lambda name: (name not in chosen, -best[name]))[:MOST_ROWS]
    return [name for name in order if name in top], f"strongest {MOST_ROWS} of {len(pool)} {plural}"


def shown_head(result: AnySweep, strength: NDArray[np.float64], selection: Selection) -> tuple[int, int]:
    """(layer, head) whose edges are drawn."""
    primary = selection.primary
    if primary is not None and (result.cells[:, :2] == (primary.layer, primary.head)).all(axis=1).any():
        return primary.layer, primary.head
    strongest = int(np.argmax(np.nan_to_num(strength, nan=-1.0)))
    layer, head = result.cells[strongest, :2].tolist()
    return layer, head


def on_cells(result: AnySweep, selection: Selection) -> Selection:
    """The selection in heads of the sweep: of `k` and `v`, the key-value heads that the selected heads read."""
    if result.activation not in ("k", "v"):
        return selection
    size = result.provenance.heads_per_key_value
    if size is None:
        return replace(selection, heads=(), primary=None, pinned=None)
    heads = dict.fromkeys(_read(head, size) for head in selection.heads)
    primary, pinned = (head and _read(head, size) for head in (selection.primary, selection.pinned))
    return replace(selection, heads=tuple(heads), primary=primary, pinned=pinned)


def _read(head: Head, size: int) -> Head:
    return Head(head.layer, head.head // size)


def head_name(result: AnySweep, head: Head) -> str:
    """`L5H1`, or `L5KV1` of a sweep of keys or values."""
    return cell_name(("layer", "head"), (head.layer, head.head), result.activation)


def selected_cell(result: AnySweep, strength: NDArray[np.float64], selection: Selection) -> int:
    """The cell that the selection names: the primary head's (or the key-value head's that it reads), the last layer's
    and position's; of an edge the last two positions are key and query, one alone is both. The strongest of those that
    are left, and of all where it names none."""
    left = np.ones(len(result.cells), dtype=bool)
    for axis, value in _wanted(result, on_cells(result, selection)).items():
        narrowed = left & (_axis(result, axis) == value) if axis in result.cell_axes else left
        left = narrowed if narrowed.any() else left
    return int(np.argmax(np.where(left, np.nan_to_num(strength, nan=-1.0), -2.0)))


def _wanted(result: AnySweep, selection: Selection) -> dict[str, int]:
    """Axis -> the place on it that is selected."""
    wanted: dict[str, int] = {}
    if selection.primary is not None and "head" in result.cell_axes:
        wanted = {"layer": selection.primary.layer, "head": selection.primary.head}
    elif selection.layers:
        wanted = {"layer": selection.layers[-1]}
    if selection.neuron is not None:
        wanted["neuron"] = selection.neuron
    if selection.positions:
        wanted |= {"position": selection.positions[-1], "source_position": selection.positions[-2:][0]}
    return wanted


def _edges(result: AnySweep, strength: NDArray[np.float64], selection: Selection) -> Grid:
    """Queries x keys of one head."""
    layer, head = shown_head(result, strength, selection)
    kept = np.flatnonzero((result.cells[:, :2] == (layer, head)).all(axis=1))
    dest, src = _axis(result, "position")[kept], _axis(result, "source_position")[kept]
    positions = np.unique(np.concatenate([dest, src]))
    index = np.full((len(positions), len(positions)), -1)
    index[np.searchsorted(positions, dest), np.searchsorted(positions, src)] = kept
    shown = tuple(positions.tolist())
    return Grid(("position", "source_position"), shown, shown, index, f"edges of L{layer}H{head}", holes=True)
