"""What is on screen, and what is behind one of its panels: recipe, numbers, figure and table."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from app.analyses import ANALYSES
from app.domain.directions import AnyDirection, NamedDirection
from app.domain.experiment import Experiment
from app.domain.heads_asked import HeadsAsked
from app.domain.plates import Plate
from app.domain.recipes import AnyRecipe
from app.domain.residual_asked import ResidualAsked
from app.domain.results import Result
from app.domain.role_notes import RoleNote
from app.domain.session import AttentionZoom, Session, Viewed
from app.domain.sweep_asked import SweepAsked
from app.domain.views import Selection, Style, View
from app.engine import Engine
from callbacks.evaluate import NEED_ANSWERS, attention_options, has_answers, too_long
from callbacks.reading import Asked, Refused, read_as
from layouts.workspaces import NO_ANSWERS


@dataclass(frozen=True)
class Page:
    """What is on screen."""

    engine: Engine
    experiment: Experiment
    view: Viewed
    selection: Selection
    sweep: SweepAsked = SweepAsked()
    heads: HeadsAsked = HeadsAsked()
    notes: tuple[RoleNote, ...] = ()
    directions: tuple[NamedDirection, ...] = ()
    residual: ResidualAsked = ResidualAsked()
    zoom: AttentionZoom | None = None
    plate: Plate = Plate()

    @property
    def session(self) -> Session:
        """All of it, as a picture carries it."""
        parts = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "engine"}
        return Session(**parts)

    def digests(self, recipe: "Recipes") -> dict[str, str]:
        """Where the runs of a recipe are."""
        if self.engine.status(self.experiment.model).phase != "ready":
            raise Refused("The model is not ready yet; try again when the numbers are on screen.")
        runs = ("baseline", "intervened") if self.experiment.has_interventions else ("baseline",)
        return {run: self.engine.digest(recipe(self, run == "intervened")) for run in runs}

    def asked(self, recipe: "Recipes") -> Asked:
        """The runs of a recipe, as the page asks for them."""
        return Asked(self.engine, self.experiment, self.digests(recipe), self.view.show)


Recipes = Callable[[Page, bool], AnyRecipe]


@dataclass(frozen=True)
class Source:
    """Behind one panel: `recipe(page, intervened)`, the numbers on screen, and the name of their figure and their table
    where those are not the analysis' own. `run` is what the file says it holds; `read` is how a style reads the result,
    `across` the other sweep of a scatter of two, with its recipe, `beside` all else of a figure of many results."""

    recipe: Recipes
    result: Callable[[Page], Result]
    figure: Callable[[Page], str | None] = lambda page: None
    read: Callable[[Page, Result, Style], Style] = lambda page, result, style: style
    across: Callable[[Page], tuple[AnyRecipe, Result] | None] = lambda page: None
    table: Callable[[Page, Result], pd.DataFrame] | None = None
    run: Callable[[Page], str] = lambda page: page.view.show
    part: Callable[[Page], str] = lambda page: ""
    """What the panel shows of several things, for the file's name."""
    above: Callable[[Page], str] = lambda page: ""
    """Said at the top of its program."""
    beside: Callable[[Page], tuple[tuple[AnyRecipe, Result], ...]] = lambda page: ()
    onto: Callable[[Page], AnyDirection | None] = lambda page: None
    """What a program of the recipe projects on besides."""

    def view(self, page: Page, result: Result) -> tuple[View, Result | None, tuple[Result, ...]]:
        """What draws the panel's figure again, the result across, and those beside."""
        run: Any = self.run(page)
        recipe = self.recipe(page, run != "baseline")
        style = read_as(ANALYSES[recipe.kind].sized(Style(theme="light", show=run)), page.sweep)
        against, across = self.across(page) or (None, None)
        others = self.beside(page)
        asked = tuple(other for other, _ in others)
        view = View(recipe, self.read(page, result, style), page.selection, self.figure(page), against, asked)
        return view, across, tuple(other for _, other in others)

    def tabled(self, page: Page, result: Result) -> pd.DataFrame:
        """The long table."""
        own = ANALYSES[self.recipe(page, False).kind].table
        return own(result) if self.table is None else self.table(page, result)


def _options(page: Page, kind: str) -> dict[str, Any]:
    if kind != "attention_pattern":
        return page.residual.lens.options if kind == "logit_lens" else {}
    primary = page.selection.primary
    return attention_options(page.engine, page.experiment, primary and primary.layer)


def _shown(page: Page, kind: str, recipe: Recipes) -> Result:
    """The runs on screen, computed where the cache has lost them."""
    if kind in NEED_ANSWERS and not has_answers(page.experiment):
        raise Refused(NO_ANSWERS)
    why = too_long(page.engine, page.experiment, kind)
    if why:
        raise Refused(why)
    asked = page.asked(recipe)
    found = _options(page, kind)
    options = found if kind == "attention_pattern" else {"options": found}
    return Asked(asked.engine, asked.experiment, asked.digests | options, asked.show).shown(kind)


def single(kind: str, **own: Any) -> Source:
    """A panel of one analysis of the pair on screen."""

    def recipe(page: Page, intervened: bool) -> AnyRecipe:
        return page.experiment.recipe(kind, intervened=intervened, **_options(page, kind))

    return Source(recipe, lambda page: _shown(page, kind, recipe), **own)
