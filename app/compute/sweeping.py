"""Exact sweeps: METRICS of every cell of every prompt, one run per cell and draw, none of them estimated.

A cell (app/domain/cells.py) becomes a row, the sites it changes with what they become; rows become waves, groups that
an engine runs together (app/compute/variations.py). Prompts are swept one after the other, cells of a prompt from the
last layers to the first, because those are quickest; the report is called between waves with everything found so far.

KL is against this sweep's own baseline: KL(baseline run || run of the cell), where the baseline run holds the
interventions in force and, in causal tracing, the noise of the same draw. Where there are several draws, every metric
is the mean over them. Cells that cannot change anything have the baseline's own metrics and are not run: positions
left of the first difference of a pair, and in the last layer what only other positions than END could read.
NaN = not computed yet, or, in a set of prompts of several lengths, a position that the prompt does not have.
Not done: waves over several prompts at once (they would save 0 to 6 %, docs/performance.md).
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from numpy.typing import NDArray
from torch import Tensor

from app.compute.metrics import Ids, answer_metrics
from app.compute.prompts import array, padded
from app.compute.reading import ReadPrompt
from app.compute.report import Report
from app.compute.room import run_bytes
from app.compute.variations import Base, Held, Row, Values
from app.domain.cells import Cells
from app.domain.models import ModelFacts
from app.domain.prompts import TokenisedPrompt
from app.domain.questions import same_question
from app.domain.recipes import AnyRecipe, recipe_json
from app.domain.results import METRICS, Floats, Ints, SweepResult
from app.domain.sites import Activation, Site
from app.domain.sweep_checks import check_sweep

COMPUTED = METRICS.index("kl_divergence")
"""The metric that every run has, answers or not: NaN there says that a cell is not computed."""
CHUNK = 8192
"""Cells whose rows exist at once: a sweep over the edges of a long prompt has millions."""
READ_ELSEWHERE = ("resid_pre", "k", "v")
"""Activations of the last layer that END reads at other positions than its own."""
Mask = Bool[ndarray, " cell"]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Draw:
    """A base run, what a cell's site becomes in it, and the logits of the pair's other run, if any."""

    base: Base
    value: Values
    other: Float[Tensor, " d_vocab"] | None = None


@dataclass(frozen=True, eq=False)
class Start:
    """One prompt ready to be swept. `draw(0)`, ... `draw(n_draws - 1)` are made when asked for. No cell left of
    `first_change` changes anything."""

    answer_ids: Ids
    incorrect_ids: Ids
    draw: Callable[[int], Draw]
    n_draws: int = 1
    first_change: int = 0
    layers: int | None = None
    """Layers whose cells' rows exist at once, because the values of so many are kept; None = all."""

    @property
    def draws(self) -> Iterator[Draw]:
        """All of them."""
        return map(self.draw, range(self.n_draws))

    def metrics(self, draw: Draw, logits: Float[Tensor, "row d_vocab"]) -> Floats:
        """`[metric row]` of runs that differ from this draw's base run."""
        return array(answer_metrics(logits, self.answer_ids, self.incorrect_ids, draw.base.logits.log_softmax(-1)))

    @property
    def baselines(self) -> tuple[Floats, Floats | None]:
        """`[metric]` of the base run, whose KL is 0, and of the other run; means over the draws."""
        own: list[Floats] = []
        others: list[Floats] = []
        for draw in self.draws:
            own.append(array(answer_metrics(draw.base.logits[None], self.answer_ids, self.incorrect_ids, None))[:, 0])
            others += [] if draw.other is None else [self.metrics(draw, draw.other[None])[:, 0]]
        return np.mean(own, axis=0), np.mean(others, axis=0) if others else None


@dataclass(frozen=True)
class Sweep:
    """What is swept: cells of a model on prompts of these lengths, in tokens."""

    cells: Cells
    facts: ModelFacts
    lengths: tuple[int, ...]

    @property
    def changes(self) -> Activation:
        """What the rows hold."""
        return self.cells.activation

    @functools.cached_property
    def places(self) -> Ints:
        """`[cell axis]` of the longest prompt."""
        return self.cells.places(self.facts, max(self.lengths))

    def axis(self, name: str, missing: int) -> Ints:
        """`[cell]` one axis of the places, `missing` where cells do not have it."""
        if name not in self.cells.axes:
            return np.full(len(self.places), missing, np.int32)
        return self.places[:, self.cells.axes.index(name)]  # pyright: ignore[reportArgumentType]  # checked above

    def row(self, place: Sequence[int], value: Values) -> Row:
        """One run: the sites of a cell, each with what it becomes."""
        at = tuple(int(index) for index in place)
        edges = ((at[-2], at[-1]),) if self.cells.by == "edge" else None
        return tuple(Held(site, value(site), edges) for site in self.cells.sites(at, self.facts.n_layers))

    def exists(self, prompt: int) -> Mask:
        """Cells that a prompt has: one shorter than the longest lacks its last positions."""
        return self.axis("position", 0) < self.lengths[prompt]

    def without_effect(self, prompt: int, first_change: int) -> Mask:
        """Cells whose run is the base run, exactly: attention is causal, and END reads only itself at the end."""
        end, last = self.lengths[prompt] - 1, self.facts.n_layers - 1
        position = self.axis("position", end)
        unread = (self.axis("layer", 0) == last) & (position < end) & (self.cells.activation not in READ_ELSEWHERE)
        return (position < first_change) | unread


def swept(
    sweep: Sweep,
    found: SweepResult,
    start: Callable[[int], Start],
    report: Report,
    ahead: Callable[[list[int]], None] = lambda prompts: None,
    ahead_bytes: int = 0,
) -> SweepResult:
    """Fill `found`, which may hold cells from before. `start` prepares a prompt, `ahead` several that come next, whose
    runs take `ahead_bytes`; both hear only of prompts that have cells left."""
    exists = np.stack([sweep.exists(prompt) for prompt in range(len(sweep.lengths))])

    def tell(now: SweepResult) -> None:
        report(int((exists & ~_missing(now)).sum()), int(exists.sum()), now)

    tell(found)
    left = exists & _missing(found)
    for prompts in _groups(sweep, np.flatnonzero(left.any(axis=1)), ahead_bytes // run_bytes(sweep.facts, 1)):
        ahead(prompts)
        for prompt in prompts:
            for now in _filled(sweep, found, prompt, start(prompt), left[prompt]):
                found = now
                tell(found)
    return found


def _filled(sweep: Sweep, found: SweepResult, prompt: int, start: Start, left: Mask) -> Iterator[SweepResult]:
    """The result after each wave of one prompt, the first with its baselines and cells that change nothing."""
    same = left & sweep.without_effect(prompt, start.first_change)
    own, other = start.baselines
    found = _with_baselines(found, prompt, start.draw(0).base.engine, own, other)
    found = _with_cells(found, prompt, np.flatnonzero(same), own[:, None])
    yield found
    for cells in _chunks(sweep, np.flatnonzero(left & ~same), start.layers):
        for wave, metrics in _waves(sweep, start, cells):
            found = _with_cells(found, prompt, wave, metrics)
            yield found


def _groups(sweep: Sweep, prompts: Indices, most: int) -> Iterator[list[int]]:
    """Prompts whose base runs are made at once: those of so many tokens, one at least."""
    group: list[int] = []
    for prompt in map(int, prompts):
        if group and sum(sweep.lengths[each] for each in (*group, prompt)) > most:
            yield group
            group = []
        group.append(prompt)
    if group:
        yield group


def _missing(found: SweepResult) -> Bool[ndarray, "prompt cell"]:
    return np.isnan(found.values[COMPUTED])


def _chunks(sweep: Sweep, cells: Indices, layers: int | None) -> Iterator[Indices]:
    """Last cells first; each chunk in ascending order and of few enough layers."""
    block = sweep.axis("layer", 0)[cells] // (layers or sweep.facts.n_layers)
    for group in reversed(np.split(cells, np.flatnonzero(np.diff(block)) + 1)):
        for end in range(len(group), 0, -CHUNK):
            yield group[max(0, end - CHUNK) : end]


def _waves(sweep: Sweep, start: Start, cells: Indices) -> Iterator[tuple[Indices, Floats]]:
    """Cells that ran together and their `[metric cell]`, the mean over the draws."""
    places, first = sweep.places[cells], start.draw(0)
    for wave in first.base.waves([sweep.row(place, first.value) for place in places]):
        per_draw = [
            start.metrics(draw, draw.base.run([sweep.row(places[i], draw.value) for i in wave])) for draw in start.draws
        ]
        yield cells[wave], np.mean(per_draw, axis=0)


def _with_baselines(found: SweepResult, prompt: int, engine: str, own: Floats, other: Floats | None) -> SweepResult:
    """Metrics of the run that the cells start from, and of the pair's other run, if any."""
    names = ("clean", "corrupted") if found.baseline == "clean" else ("corrupted", "clean")
    changed = {name: getattr(found, name).copy() for name in names}
    changed[names[0]][:, prompt] = own
    if other is not None:
        changed[names[1]][:, prompt] = other
    return replace(found, engine=joined(found.engine, engine), **changed)


def joined(engines: str, engine: str) -> str:
    """The engines so far and this one, each named once: prompts, and parts of a sweep that went on, may differ."""
    known = f"; {engine};" in f"; {engines};"
    return engines if known else "; ".join(each for each in (engines, engine) if each)


def _with_cells(found: SweepResult, prompt: int, cells: Indices, metrics: Floats) -> SweepResult:
    values = found.values.copy()
    values[:, prompt, cells] = metrics
    return replace(found, values=values)


def by_layer(values: Values, most: int) -> Values:
    """The same values, each layer's computed once while it is among the last `most`: rows share them, and engines
    compare each tensor only once."""

    @functools.lru_cache(most)
    def whole(activation: Activation, layer: int) -> Tensor:
        return values(Site(activation, layer))

    return lambda site: whole(site.activation, site.layer)


def begun(
    sweep: Sweep, recipe: AnyRecipe, prompts: Sequence[ReadPrompt], resume: SweepResult | None, **fields: Any
) -> SweepResult:
    """No cell computed yet, or those of `resume` where that is the same sweep."""
    check_sweep(sweep.facts, recipe, sweep.lengths)
    nothing = np.full((len(METRICS), len(prompts)), np.nan, np.float32)
    places = sweep.places
    empty = SweepResult(
        recipe=recipe_json(recipe), engine="", activation=sweep.cells.activation, cell_axes=sweep.cells.axes,
        cells=places, str_tokens=padded([prompt.clean for prompt in prompts]),
        other_tokens=padded([_beside(prompt) for prompt in prompts]), clean=nothing, corrupted=nothing,
        values=np.full((len(METRICS), len(prompts), len(places)), np.nan, np.float32), **fields,
    )  # fmt: skip
    if resume is None or not same_question(resume.recipe, empty.recipe) or resume.values.shape != empty.values.shape:
        return empty
    return replace(resume, recipe=empty.recipe, digest=empty.digest, provenance=empty.provenance)


def _beside(prompt: ReadPrompt) -> TokenisedPrompt:
    """The pair's other prompt, position by position; the prompt itself where there is none of its length."""
    other = prompt.corrupted
    return other if other is not None and len(other) == len(prompt.clean) else prompt.clean
