"""One sweep against another over the same cells: do two ways of intervening agree?

x and y: each sweep's mean over prompts, as the style reads it (sweep_map.py), either of which may be an estimate.
Dotted: y = x, or y = −x (of recovered shares y = 1 − x) where opposite is expected; the legend says which.
Diamonds with names: cells whose sign flips (sweep_agreement.py); up to 12 are named, of an estimate and
its exact values with the five worst misses; hover names all. Small and faint:
cells with an effect below 5 % of the largest, of whose signs nothing is said. The title gives the correlations of the
points as drawn and counts the flips; `meta["agreement"]` is this part of it. Axes name the method, the title the whole
technique.
`customdata` = index of the cell in the first sweep.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from app.domain.results import AttributionPatchingResult, SweepResult
from app.domain.views import Selection, Style
from app.figures import cell_scatter
from app.figures.scales import spoken
from app.figures.sweep_agreement import LARGE, OPPOSITE, Pairs, pairs_of
from app.figures.sweep_reading import Reading, read
from app.figures.sweep_words import AnySweep, cell_names, method_name, swept, technique
from app.figures.theme import NEUTRAL, dress

_MOST_NAMED, _WORST = 12, 5


def sweep_scatter(x: AnySweep, y: AnySweep, style: Style, selection: Selection) -> go.Figure:
    """`y` against `x`, cell by cell. The selection changes nothing here."""
    readings = read(x, style), read(y, style)
    pairs, names = pairs_of(x, y, readings, style), cell_names(x)
    across, down = cell_scatter.limits(pairs.x), cell_scatter.limits(pairs.y)
    whole = 1.0 if pairs.turn < 0 and style.normalised != "effect" else 0.0  # what is kept and what is broken: 1 - x
    figure = go.Figure(
        [
            *_groups(pairs, names),
            cell_scatter.diagonal(across, pairs.turn, whole, said=True),
            _names(pairs, names, _estimated(x, y)),
        ]
    )
    labels = [f"{method_name(result)}: {reading.unit}" for result, reading in zip((x, y), readings, strict=True)]
    figure.update_layout(cell_scatter.axes(labels[0], labels[1], across, down))
    what = f"{technique(y)} against {technique(x)} of {swept(x)}, {_prompts(readings)}, {x.provenance.model}"
    meta = {"prompts": len(x.str_tokens), "counted": min((each.prompts for each in readings), key=_some_last)}
    meta["agreement"] = f"; {_agreement(pairs)}"
    what += f"; {OPPOSITE}" if pairs.opposite else ""
    return dress(figure, "scatter", what + meta["agreement"], style, cell_scatter.MARGIN, meta)


def _estimated(x: AnySweep, y: AnySweep) -> bool:
    """Whether one estimates the other."""
    estimates = {sweep.direction for sweep in (x, y) if isinstance(sweep, AttributionPatchingResult)}
    return estimates == {sweep.method for sweep in (x, y) if isinstance(sweep, SweepResult)}


def _prompts(readings: tuple[Reading, Reading]) -> str:
    """`8 prompts`; of two sweeps that are not equally far `x: 8 prompts, y: 1–2 of 8 prompts`."""
    x, y = (reading.prompts for reading in readings)
    return x if x == y else f"x: {x}, y: {y}"


def _some_last(prompts: str) -> bool:
    return " of " not in prompts


def _groups(pairs: Pairs, names: list[str]) -> list[go.Scatter]:
    """As expected, flips, and too small to be judged; only of cells that both have computed."""
    known = np.isfinite(pairs.x) & np.isfinite(pairs.y)
    titles = ("opposite sign, as expected", "same sign") if pairs.opposite else ("same sign", "sign differs")
    small: dict[str, Any] = {"symbol": "circle", "size": 4, "opacity": 0.5, "color": NEUTRAL}
    return [
        _markers(pairs, names, pairs.judged & ~pairs.flipped, titles[0], {"symbol": "circle", "size": 6}),
        _markers(pairs, names, pairs.flipped, titles[1], {"symbol": "diamond", "size": 9, "opacity": 0.9}),
        _markers(pairs, names, known & ~pairs.judged, f"below {LARGE}", small),
    ]


def _markers(
    pairs: Pairs, names: list[str], chosen: NDArray[np.bool_], title: str, marker: dict[str, Any]
) -> go.Scatter:
    x, y, cells = pairs.x[chosen], pairs.y[chosen], pairs.cells[chosen]
    values = zip(cells, spoken(x), spoken(y), strict=True)
    return go.Scatter(
        x=x.astype(np.float32), y=y.astype(np.float32), customdata=cells, mode="markers", name=f"{title} ({len(x)})",
        hovertext=[f"<b>{names[at]}</b>, {title}<br>x {a}<br>y {b}" for at, a, b in values], showlegend=True,
        hovertemplate="%{hovertext}<extra></extra>", marker=marker,
    )  # fmt: skip


def _names(pairs: Pairs, names: list[str], estimated: bool) -> go.Scatter:
    """The flips of largest magnitude on their weaker side; the worst misses of an estimate, too."""
    known = np.flatnonzero(np.isfinite(pairs.x) & np.isfinite(pairs.y))
    misses = known[np.argsort(-np.abs(pairs.x - pairs.y)[known], kind="stable")][: _WORST * estimated]
    order = np.array(list(dict.fromkeys([*pairs.flips.tolist(), *misses.tolist()])), dtype=np.int64)
    shown = cell_scatter.apart(pairs.x, pairs.y, order, _MOST_NAMED)
    return cell_scatter.named(pairs.x[shown], pairs.y[shown], [names[pairs.cells[i]] for i in shown])


def _agreement(pairs: Pairs) -> str:
    """`Pearson +0.98, Spearman +0.83 over 270 cells, 3 flips among 40 cells with both effects above ...`."""
    linear, ranks = pairs.correlations
    return f"Pearson {linear}, Spearman {ranks} over {pairs.known} cells, {pairs.counted} {pairs.grounds}"
