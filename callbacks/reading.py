"""From what the browser sends to what a panel shows. The browser is never trusted: everything is parsed first."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dash import Output, no_update
from dash.exceptions import PreventUpdate
from flask import has_request_context, request
from pydantic import TypeAdapter

from app.analyses import ANALYSES
from app.domain.directions import NamedDirection
from app.domain.errors import BadLink, MicrotomeError
from app.domain.experiment import Experiment, parse_experiment
from app.domain.heads_asked import HeadsAsked
from app.domain.recipes import AnyRecipe, parse_json
from app.domain.residual_asked import ResidualAsked, Section
from app.domain.results import AttributionPatchingResult, Result, SweepResult, difference
from app.domain.role_notes import RoleNote
from app.domain.session import Viewed, parse_directions, parse_heads, parse_notes, parse_residual, parse_selection
from app.domain.sweep_asked import SweepAsked, parse_sweep
from app.domain.views import Selection, Show, Style, Theme
from app.engine import Engine
from app.figures.readings import said as said_by
from layouts import ids
from layouts.panel import state_class
from layouts.rail import shown

THEME_COOKIE = "microtome-theme"
NUMBER = "number"
"""The page numbers its experiments: digests and panels say of which they are."""
INTERVENE_FIRST = "Nothing is changed yet: select heads and press Ablate or Patch, then compare here."
NOT_YET = "Not computed yet: Sweep removes every head in turn, and the cells appear as they come."
SWEEPS = (SweepResult, AttributionPatchingResult)
_VIEWED: TypeAdapter[Viewed] = TypeAdapter(Viewed)


class Refused(Exception):
    """A panel cannot show numbers: `state` is `empty` (what to do) or `error` (what went wrong)."""

    def __init__(self, text: str, state: str = "empty") -> None:
        super().__init__(text)
        self.state = state


def experiment_of(store: Any) -> Experiment:
    """The experiment store; waits while the page has not opened its session yet."""
    if store is None:
        raise PreventUpdate
    return parse_experiment({name: value for name, value in _object(store).items() if name != NUMBER})


def numbered(found: dict[str, Any], store: Any) -> dict[str, Any]:
    """What was found for this experiment, with the number under which the page sent it."""
    number = store.get(NUMBER) if isinstance(store, dict) else None
    return found if number is None else found | {NUMBER: number}


def belongs(*stores: Any) -> str:
    """A class that says of which experiment something is: the oldest that these stores are of. The page dims what is
    not of the present one (assets/43-stale.js)."""
    numbers = [store[NUMBER] for store in stores if isinstance(store, dict) and isinstance(store.get(NUMBER), int)]
    return f" of-{min(numbers)}" if numbers else ""


def view_of(store: Any) -> Viewed:
    """The view store, defaults where it has not been written yet."""
    if store is None:
        return Viewed()
    return parse_json(_VIEWED, _object(store), "a view of the page")


def selection_of(store: Any) -> Selection:
    """The selection store, nothing selected where it has not been written yet."""
    return Selection() if store is None else parse_selection(_object(store))


def sweep_of(store: Any) -> SweepAsked:
    """The sweep store, defaults where it has not been written yet."""
    return SweepAsked() if store is None else parse_sweep(_object(store))


def heads_of(store: Any) -> HeadsAsked:
    """The store of what is shown of the heads, defaults where it has not been written yet."""
    return HeadsAsked() if store is None else parse_heads(_object(store))


def notes_of(store: Any) -> tuple[RoleNote, ...]:
    """The store of notes on heads, none where it has not been written yet."""
    return parse_notes(store or [])


def directions_of(store: Any) -> tuple[NamedDirection, ...]:
    """The library of directions, empty where it has not been written yet."""
    return parse_directions(store or [])


def residual_of(store: Any) -> ResidualAsked:
    """The store of what *Residual* shows, defaults where it has not been written yet."""
    return ResidualAsked() if store is None else parse_residual(_object(store))


def wait_for_section(view: Viewed, section: Section) -> None:
    """Go on only where this section of the *Residual* workspace is on screen."""
    if (view.workspace, view.section) != ("residual", section):
        raise PreventUpdate


def run_text(experiment: Experiment) -> str:
    """The prompt of the pair on screen that is run."""
    pair = experiment.prompt
    return pair.corrupted if experiment.base == "corrupted" and pair.corrupted is not None else pair.clean


def digests_of(store: Any) -> dict[str, Any] | None:
    """A digest store: `{"baseline", "intervened", "error"}`, None before anything was asked."""
    return None if store is None else _object(store)


def sources_of(store: Any) -> dict[str, Any]:
    """The digests of every source of numbers of heads (callbacks/heads.py); nothing before they are known."""
    found = (digests_of(store) or {}).get("sources")
    return found if isinstance(found, dict) else {}


def style_of(view: Viewed, sweep: SweepAsked | None = None, residual: ResidualAsked | None = None) -> Style:
    """What is shown, in the page's colours: the theme travels as a cookie, because switching it asks no server."""
    shown = view.attention
    colour = (residual or ResidualAsked()).lens.colour
    attention = {"together": shown.of, "minus": shown.minus, "weighted_by": shown.by}
    style = Style(theme=page_theme(), show=view.show, coloured_by=colour, **attention)
    return style if sweep is None else read_as(style, sweep)


def read_as(style: Style, sweep: SweepAsked) -> Style:
    """The style that reads a sweep as the page does."""
    return replace(style, metric=sweep.metric, normalised=sweep.normalised, significant=sweep.significant)


def page_theme() -> Theme:
    """The theme of the page that asks."""
    cookies = request.cookies if has_request_context() else {}
    return "dark" if cookies.get(THEME_COOKIE) == "dark" else "light"


def _object(store: Any) -> dict[str, Any]:
    if not isinstance(store, dict):
        raise BadLink(f"The page sent {json.dumps(store)[:60]} instead of its state; reload it.")
    return store


# results


@dataclass(frozen=True)
class Asked:
    """One analysis of the experiment on screen: the digests of its runs, and which of them are to be shown."""

    engine: Engine
    experiment: Experiment
    digests: Any
    show: Show

    @property
    def needed(self) -> tuple[str, ...]:
        """`baseline`, `intervened` or both."""
        return {"baseline": ("baseline",), "intervened": ("intervened",), "difference": ("intervened", "baseline")}[
            self.show
        ]

    def digest(self, run: str) -> str:
        """The run's digest, or why there is none."""
        digests = digests_of(self.digests)
        if digests is None:
            raise PreventUpdate
        if digests.get("error"):
            raise Refused(str(digests["error"]), "error")
        found = digests.get(run)
        if isinstance(found, str):
            return found
        if run == "intervened" and digests.get("baseline"):
            if self.experiment.has_interventions:
                raise PreventUpdate  # the intervened run is on its way
            raise Refused(INTERVENE_FIRST)
        raise Refused("")

    def found(self, run: str, kind: str, /, **options: Any) -> Result:
        """The run's result; computed again, quietly, where the cache has lost it."""
        return self.known(run, self.recipe(run, kind, **self._layers(), **options))

    def known(self, run: str, recipe: AnyRecipe) -> Result:
        """The result of a recipe of one run; computed again, quietly, where the cache has lost it."""
        digest = self.digest(run)
        found = self.engine.result(digest)
        return found if isinstance(found, ANALYSES[recipe.kind].result) else self._again(digest, recipe)

    def _layers(self) -> dict[str, Any]:
        """What the digests are of: layers, where a long prompt has its attention layer by layer, or other options."""
        layers = (digests_of(self.digests) or {}).get("layers")
        more = (digests_of(self.digests) or {}).get("options") or {}
        if not isinstance(more, dict) or "intervened" in more:
            raise BadLink("The page sent options that no recipe has; reload it.")
        return ({"layers": layers} if layers else {}) | more

    def recipe(self, run: str, kind: str, /, **options: Any) -> AnyRecipe:
        """The recipe of one run."""
        return self.experiment.recipe(kind, intervened=run == "intervened", **options)

    def _again(self, digest: str, recipe: AnyRecipe) -> Result:
        if self.engine.status(recipe.model).phase != "ready" or self.engine.digest(recipe) != digest:
            raise PreventUpdate
        return self.engine.evaluate(recipe)

    def shown(self, kind: str, /, **options: Any) -> Result:
        """What the panel shows: a run, or intervened - baseline."""
        first, *rest = [self.found(run, kind, **options) for run in self.needed]
        return difference(first, rest[0]) if rest else first

    def shown_of(self, recipe_of: Callable[[str], AnyRecipe]) -> Result:
        """The same of recipes by the name of the run."""
        first, *rest = [self.known(run, recipe_of(run)) for run in self.needed]
        return difference(first, rest[0]) if rest else first

    def swept(self, not_yet: str = NOT_YET, kinds: tuple[type[Result], ...] = SWEEPS) -> Any:
        """The sweep as far as it has come: finished, or partial with NaN cells; or a result of other `kinds`."""
        first, *rest = [self._cells(run, not_yet, kinds) for run in self.needed]
        return difference(first, rest[0]) if rest else first

    def _cells(self, run: str, not_yet: str, kinds: tuple[type[Result], ...]) -> Result:
        digest = self.digest(run)
        known = self.engine.result(digest) or self.engine.partial(digest)
        if not isinstance(known, kinds):
            raise Refused(not_yet)
        return known


# what a draw callback returns


def outputs(panel: str, prop: str = "figure") -> list[Output]:
    """The four things every panel's callback decides: content, state, message, of what."""
    return [
        Output(panel, prop),
        Output(ids.PANEL.format(panel), "className"),
        Output(ids.MESSAGE.format(panel), "children"),
        Output(ids.OF.format(panel), "children"),
    ]


def ready(content: Any, of: str, *stores: Any) -> tuple[Any, ...]:
    """The panel shows its content, which is of these digest stores."""
    return content, state_class("ready") + belongs(*stores), "", of


def said(figure: Any, result: Result) -> str:
    """What a figure says of itself, without the model, which the page names."""
    return said_by(figure, result.provenance.model)


def refused(why: Exception, empty: str = "") -> tuple[Any, ...]:
    """The panel says what to do (`empty`, used where nothing more exact is known) or what went wrong."""
    state = "empty" if isinstance(why, Refused) and why.state == "empty" else "error"
    return no_update, state_class(state), str(why) or empty, ""


REFUSALS = (Refused, MicrotomeError)


def answers_text(experiment: Experiment) -> str:
    """`·Mary − ·John`."""
    sides = (experiment.prompt.answer, experiment.prompt.incorrect_answer)
    return " − ".join("/".join(shown(token) for token in side) for side in sides if side)
