"""The one or two numbers of heads on screen: their results, how they are read, and the figure of them.

One number is a map, two are maps side by side or a scatter; each has a run of its own (app/domain/heads_asked.py).
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

from app.domain.experiment import Experiment
from app.domain.head_choices import CHOICES, SOURCES
from app.domain.heads_asked import HeadAxis, HeadsAsked
from app.domain.results import Result
from app.domain.views import Selection, Show, Style
from app.engine import Engine
from app.figures.head_maps import head_maps
from app.figures.head_matrix import head_matrix_heatmap
from app.figures.head_scatter import head_scatter
from callbacks.heads import NotComputed, chosen, is_sweep, not_computed, shown_of, start_words
from callbacks.reading import Refused, answers_text, digests_of

FIGURES: dict[str, Callable[..., Any]] = {"map": head_matrix_heatmap, "maps": head_maps, "scatter": head_scatter}
"""`HeadsAsked.drawn` -> the figure; those of two numbers take the other result first."""


def to_compute(heads: HeadsAsked) -> tuple[str, ...]:
    """The numbers on screen that take more than the first look at a prompt."""
    names = (axis.quantity for axis in heads.numbers)
    return tuple(dict.fromkeys(name for name in names if name != "direct"))


def press_of(names: tuple[str, ...]) -> str:
    """What the button says that computes these."""
    if len(names) < 2:
        return start_words(*names)
    sweeps = [name for name in names if is_sweep(name)]
    return start_words(sweeps[0]) if len(sweeps) == 1 else "Sweep both" if sweeps else "Compute both"


@dataclass(frozen=True)
class NumbersOfHeads:
    """`digests` is the store of callbacks/heads.py, `show` what the page shows where an axis names no run."""

    engine: Engine
    experiment: Experiment
    digests: Any
    heads: HeadsAsked
    show: Show

    def show_of(self, axis: HeadAxis) -> Show:
        """The run that a number is read from."""
        return shown_of(SOURCES[CHOICES[axis.quantity].source], axis.show or self.show)

    @functools.cached_property
    def results(self) -> tuple[Result, ...]:
        """Of each number the result, as far as it has come; or everything that is in the way, at once."""
        found, refusals = [], list[Refused]()
        for axis in self.heads.numbers:
            try:
                found.append(chosen(self.engine, self.experiment, self.digests, axis.quantity, self.show_of(axis)))
            except Refused as why:
                refusals.append(why)
        if refusals:
            raise self._joined(refusals)
        return tuple(found)

    def _joined(self, refusals: list[Refused]) -> Refused:
        """What must be given comes first; what only has to be computed is one sentence."""
        given = [why for why in refusals if not isinstance(why, NotComputed)]
        if given:
            wrong = any(why.state == "error" for why in given)
            return Refused(" ".join(dict.fromkeys(map(str, given))), "error" if wrong else "empty")
        names = tuple(dict.fromkeys(why.name for why in refusals if isinstance(why, NotComputed)))
        return Refused(not_computed(names, press_of(to_compute(self.heads))))

    def style(self, style: Style) -> Style:
        """Which number is read from which result, and of which run."""
        numbers = [(CHOICES[axis.quantity].number, self.show_of(axis)) for axis in self.heads.numbers]
        (quantity, show), *others = numbers
        across, show_across = others[0] if others else (None, None)
        read = {"quantity": quantity, "show": show, "quantity_across": across, "show_across": show_across}
        return replace(style, one_scale=self.heads.one_scale, **cast(Any, read))

    def figure(self, style: Style, selection: Selection) -> Any:
        """The figure; its meta says what it shows, as the page asks for it (assets/66-head-matrix.js)."""
        first, *others = self.results
        figure = FIGURES[self.heads.drawn](*others, first, self.style(style), selection)
        shown = [[axis.quantity, self.show_of(axis)] for axis in self.heads.numbers]
        figure.layout.meta |= {"numbers": shown, "one_scale": self.heads.one_scale, "show": self.show}
        return figure

    @property
    def of_text(self) -> str:
        """What the numbers are of: `·Mary − ·John, baseline`, `along answer, baseline`, or the model alone."""
        axes = [axis for axis in self.heads.numbers if not SOURCES[CHOICES[axis.quantity].source].alone]
        if not axes:
            return "the model alone"
        shows = " against ".join(dict.fromkeys(self.show_of(axis) for axis in axes))
        sides = [self._side(CHOICES[axis.quantity].source) for axis in axes]
        return ", ".join(filter(None, (*dict.fromkeys(sides), shows)))

    def _side(self, source: str) -> str:
        """What heads are read for: a direction by its name, or the answers."""
        name = (digests_of(self.digests) or {}).get("along")
        return f"along {name}" if source == "along" and isinstance(name, str) else answers_text(self.experiment)
