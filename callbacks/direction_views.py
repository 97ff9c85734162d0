"""Views of the direction that is looked at: projection, distribution over prompts, writers, readers.

The page asks for each while its section is on screen (callbacks/asked_panels.py). The place of writers and of the
distribution follows the selection: the token and the layer selected last; without, END and the direction's own layer.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, get_args

import plotly.graph_objects as go

from app.domain.direction_places import place_of
from app.domain.directions import NamedDirection
from app.domain.experiment import Experiment
from app.domain.recipes import AnyRecipe
from app.domain.residual_asked import ResidualAsked
from app.domain.results import Result
from app.domain.session import Viewed, chosen_direction
from app.domain.views import ReadingAs, Selection, Style
from app.engine import Engine
from app.figures.direction_distribution import direction_distribution_strip, groupings_of, shown_layer
from app.figures.direction_projection import direction_projection_heatmap
from app.figures.direction_readers import direction_readers_heatmap
from app.figures.direction_writers import direction_writers_bars, place
from app.figures.readings import with_readings
from callbacks.evaluate import NOTHING, stored, wait_for_model, wait_to_run
from callbacks.on_page import OnPage
from callbacks.reading import (
    REFUSALS,
    Asked,
    Refused,
    directions_of,
    experiment_of,
    ready,
    refused,
    residual_of,
    run_text,
    selection_of,
    style_of,
    view_of,
    wait_for_section,
)  # fmt: skip
from layouts import ids
from layouts.direction_views import NO_DIRECTION
from layouts.workspaces import NO_PROMPT


@dataclass(frozen=True)
class OnScreen:
    """What the section's panels depend on."""

    engine: Engine
    experiment: Experiment
    view: Viewed
    directions: tuple[NamedDirection, ...]
    residual: ResidualAsked
    selection: Selection

    @property
    def named(self) -> NamedDirection:
        """The direction that is looked at; refused where there is none."""
        found = chosen_direction(self.directions, self.residual)
        if found is None:
            raise Refused(NO_DIRECTION)
        return found

    @property
    def layer(self) -> int | None:
        """None = the last."""
        return place_of(self.named.direction, self.selection.layers)

    @property
    def position(self) -> int | None:
        """The token selected last; None = END, which means more than its number where prompts differ in length."""
        if not self.selection.positions:
            return None
        length = len(self.engine.read_prompt(self.experiment.model, run_text(self.experiment)))
        last = self.selection.positions[-1]
        return None if last == length - 1 else last


def _of_projection(page: OnScreen) -> dict[str, Any]:
    asked = page.residual.projection
    return {"activation": asked.activation, "normalised": asked.normalised}


def _of_writers(page: OnScreen) -> dict[str, Any]:
    whole = page.residual.writers.of == "set"
    return {"layer": page.layer, "position": None if whole else page.position}


def _nothing(page: OnScreen) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class DirectionView:
    """One panel: its analysis, the recipe's options, the words behind its title, whether it is of the whole prompt set
    or of the `model` alone, what else its figure depends on, and the field of the style and its values, of a result,
    between which the page switches itself."""

    id: str
    kind: str
    figure: Callable[[Any, Style, Selection], Any]
    options: Callable[[OnScreen], dict[str, Any]]
    of: Callable[[Any, OnScreen], str]
    whole: Callable[[OnScreen], bool] = lambda page: False
    model: bool = False
    readings: tuple[str, Callable[[Any], tuple[str, ...]]] | None = None

    def recipe(self, page: OnScreen, intervened: bool) -> AnyRecipe:
        """What is computed."""
        options = {"direction": page.named.direction, **self.options(page)}
        if self.model:
            return page.experiment.model_recipe(self.kind, **options)
        ask = page.experiment.set_recipe if self.whole(page) else page.experiment.recipe
        return ask(self.kind, intervened=intervened, **options)

    def runs(self, page: OnScreen) -> dict[str, AnyRecipe]:
        """By the name of the run."""
        found = {"baseline": self.recipe(page, False)}
        if page.experiment.has_interventions and not self.model:
            found["intervened"] = self.recipe(page, True)
        return found

    def style(self, page: OnScreen, style: Style) -> Style:
        """As the page reads its numbers."""
        return replace(style, grouped_by=page.residual.distribution.by, reading_as=page.residual.readers.by)

    def drawn_from(self, result: Any, page: OnScreen) -> go.Figure:
        """With what else the page can read in it."""
        style = self.style(page, style_of(page.view))
        if self.readings is None:
            return self.figure(result, style, page.selection)
        field, names_of = self.readings

        def drawing(name: str) -> go.Figure:
            return self.figure(result, replace(style, **{field: name}), page.selection)  # pyright: ignore[reportArgumentType]  # of its names

        return with_readings(getattr(style, field), names_of(result), drawing, result.provenance.model)

    def shown(self, page: OnScreen, digests: Any) -> Result:
        """The run on screen, or the difference."""
        show = "baseline" if self.model else page.view.show
        asked = Asked(page.engine, page.experiment, digests, show)
        return asked.shown_of(lambda run: self.recipe(page, run == "intervened"))


VIEWS = (
    DirectionView(
        ids.PROJECTION, "direction_projection", direction_projection_heatmap, _of_projection,
        lambda result, page: f"{page.named.name}, {page.view.show}",
    ),
    DirectionView(
        ids.DISTRIBUTION, "direction_distribution", direction_distribution_strip,
        lambda page: {**_of_projection(page), "position": page.position, "base": "clean"},
        lambda result, page: f"after L{shown_layer(result, page.selection)} at "
        f"{'END' if page.position is None else page.position}, {page.named.name}, {page.view.show}",
        whole=lambda page: True,
        readings=("grouped_by", groupings_of),
    ),
    DirectionView(
        ids.WRITERS, "direction_writers", direction_writers_bars, _of_writers,
        lambda result, page: f"{place(result)}, {page.named.name}, {page.view.show}",
        whole=lambda page: page.residual.writers.of == "set",
    ),
    DirectionView(
        ids.READERS, "direction_readers", direction_readers_heatmap, _nothing,
        lambda result, page: f"{page.named.name}, weights alone", model=True,
        readings=("reading_as", lambda result: get_args(ReadingAs)),
    ),
)  # fmt: skip
"""Panels of the section."""


def answer(row: DirectionView, engine: Engine, sent: OnPage) -> tuple[Any, ...]:
    """Content, state, message, of what."""
    empty = NO_DIRECTION
    try:
        shown = view_of(sent.view)
        wait_for_section(shown, "direction")
        given = directions_of(sent.directions), residual_of(sent.residual), selection_of(sent.selection)
        page = OnScreen(engine, experiment_of(sent.experiment), shown, *given)
        empty = NO_PROMPT if page.named else empty
        digests = stored(lambda: _evaluated(page, row), sent.experiment, None)
        result = row.shown(page, digests)
        return ready(row.drawn_from(result, page), row.of(result, page), digests)
    except REFUSALS as why:
        return refused(why, empty)


def _evaluated(page: OnScreen, row: DirectionView) -> dict[str, Any]:
    wait = wait_for_model if row.model else wait_to_run
    wait(page.engine, page.experiment)
    return NOTHING | {run: page.engine.evaluate(recipe).digest for run, recipe in row.runs(page).items()}
