"""Maps side by side are read with the same colours, where their numbers have the same unit and sign."""

from collections.abc import Sequence

import numpy as np

from app.domain.views import Selection, Style
from app.figures.scales import limit_of
from app.figures.sweep_grid import grid_of, on_cells
from app.figures.sweep_reading import read
from app.figures.sweep_words import AnySweep


def shared_limit(sweeps: Sequence[tuple[AnySweep, Style]], selection: Selection) -> float | None:
    """The largest colour limit of the first map and of those that are in its unit; None where there are none, or
    neurons are bars without colours."""
    found = [_colours(result, style, selection) for result, style in sweeps]
    alike = [each[1] for each in found if each and found[0] and each[0] == found[0][0]]
    return max(alike) if len(alike) > 1 else None


def _colours(result: AnySweep, style: Style, selection: Selection) -> tuple[tuple[str, bool], float] | None:
    """Unit, whether there are negative numbers in it, and the limit of a map on its own; None of bars."""
    if result.cell_axes == ("layer", "neuron"):
        return None
    reading = read(result, style)
    grid = grid_of(result, np.abs(reading.spread.mean), on_cells(result, selection))
    return (reading.unit, reading.signed), limit_of(grid.pick(reading.spread.mean), style, reading.rounding)
