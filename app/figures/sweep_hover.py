"""What the pointer reads off a cell of a sweep: every number that is known about it, in full precision."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.results import METRICS, SweepResult
from app.domain.spread import SIGNIFICANT
from app.figures.scales import NOT_COMPUTED, short, spoken
from app.figures.sweep_reading import Reading, known_mean
from app.figures.sweep_tokens import common_pairs, pair_label
from app.figures.sweep_words import METRIC_NAMES, AnySweep, cell_name, happened


def hover_lines(
    result: AnySweep, reading: Reading, index: NDArray[np.int64], hidden: NDArray[np.bool_] | None = None
) -> NDArray[np.str_]:
    """Text for the cells at `index`, of its shape; empty where it is -1."""
    cells = index[index >= 0]
    heads = _heads(result, cells)
    body, tail = _statistics(reading, cells), _runs(result, reading, cells)
    words = [
        "<br>".join(filter(None, (f"<b>{name}</b>", *rest))) for name, *rest in zip(heads, body, tail, strict=True)
    ]
    found = np.full(index.shape, "", dtype=object)
    found[index >= 0] = words
    if hidden is not None:
        found[hidden] += f"<br>hidden: q ≥ {SIGNIFICANT:g}"
    return found.astype(str)


def _heads(result: AnySweep, cells: NDArray[np.int64]) -> list[str]:
    """`L5 @14 ·to`: the cell, and its token (`·John→·Mary` of a pair) where every prompt has the same one there."""
    tokens = common_pairs(result)
    names = []
    for place in result.cells[cells].tolist():
        at = [place[i] for i, axis in enumerate(result.cell_axes) if axis.endswith("position")]
        said = [pair_label(tokens[i], 24) for i in at if i < len(tokens) and tokens[i][0]]
        names.append(" ".join([cell_name(result.cell_axes, tuple(place), result.activation), *said]))
    return names


def _statistics(reading: Reading, cells: NDArray[np.int64]) -> list[str]:
    """Mean ± standard error, interval, p-value (and after correction q), n."""
    found = reading.spread
    name = reading.unit.partition(" (")[0]
    mean, low, high = (spoken(part[cells], reading.signed) for part in (found.mean, found.low, found.high))
    error = [short(value, signed=False) for value in found.standard_error[cells]]  # no digits that it does not know
    n = found.n[cells]
    parts = zip(mean, error, n, low, high, found.p_value[cells], found.q_value[cells], strict=True)
    return [
        f"{name} {m}"
        + (f" ± {e} SE, n = {k}<br>95 % {a} … {b}, p = {p:.3g}" + (f", q = {q:.3g}" if q == q else "") if k > 1 else "")
        for m, e, k, a, b, p, q in parts
    ]


def _runs(result: AnySweep, reading: Reading, cells: NDArray[np.int64]) -> list[str]:
    """The means of both baselines and of the cell's own runs, over the prompts that the cell's number is of."""
    counted = np.isfinite(reading.values[:, cells])
    ends = {"clean": reading.clean, "corrupted": reading.corrupted}
    means = {name: _spoken_mean(each[:, None], counted) for name, each in ends.items() if np.isfinite(each).any()}
    if isinstance(result, SweepResult):
        values = result.values[METRICS.index(reading.metric)][:, cells]
        means[happened(result)] = _spoken_mean(values, counted)
    told = [", ".join(f"{name} {value}" for name, value in zip(means, each, strict=True) if value != NOT_COMPUTED)
            for each in zip(*means.values(), strict=True)]  # fmt: skip
    lines = [f"{reading.delta}{METRIC_NAMES[reading.metric]}: {each}" if each else "" for each in told]
    if isinstance(result, SweepResult):
        return lines
    exact = spoken(known_mean(result.exact[:, cells]))
    said = [("" if value == NOT_COMPUTED else f"exact {reading.delta}Δ logit diff {value}") for value in exact]
    return ["<br>".join(filter(None, pair)) for pair in zip(said, lines, strict=True)]


def _spoken_mean(values: NDArray[np.floating[Any]], counted: NDArray[np.bool_]) -> NDArray[np.str_]:
    return spoken(known_mean(np.where(counted, values, np.nan)))
