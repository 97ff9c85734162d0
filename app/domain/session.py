"""Everything a person has set up on the page: experiment, selection, view. It lives in the browser and in the link.

The page's reducer (assets/) is its only writer; the server parses it, never trusts it, and keeps none of it.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, with_config

from app.domain.directions import NamedDirection
from app.domain.errors import BadLink, BadRecipe
from app.domain.experiment import Experiment
from app.domain.heads_asked import HeadsAsked
from app.domain.models import ModelSpec
from app.domain.plates import Plate
from app.domain.prompts import PromptPair
from app.domain.recipes import parse_json
from app.domain.residual_asked import ResidualAsked, Section
from app.domain.role_notes import RoleNote
from app.domain.sites import Head
from app.domain.sweep_asked import SweepAsked
from app.domain.views import Minus, Selection, Show, Together, WeightedBy

_STRICT = ConfigDict(extra="forbid")
Workspace = Literal["look", "attention", "residual", "patch", "figure"]
DEFAULT_MODEL = "smollm2-135m"


@with_config(_STRICT)
@dataclass(frozen=True)
class Generating:
    """How the prompt on screen is continued: how many tokens, how random (0: greedy), with which seed."""

    max_new_tokens: int = 20
    temperature: float = 0.0
    seed: int = 0


@with_config(_STRICT)
@dataclass(frozen=True)
class AttentionShown:
    """Of which heads attention is shown (the primary one, or the selected ones together), and what is taken away
    from it: the same on the pair's other prompt, or the pinned head. Where the difference of runs is shown, nothing
    else is taken away. `by` weighs every key: attention times its value's norm, its output's, or its attribution."""

    of: Together = "primary"
    minus: Minus | None = None
    by: WeightedBy | None = None


@with_config(_STRICT)
@dataclass(frozen=True)
class Viewed:
    """Where the person looks: workspace, section of *Residual*, which run, and how text is generated."""

    workspace: Workspace = "look"
    section: Section = "lens"
    show: Show = "baseline"
    generation: Generating = Generating()
    attention: AttentionShown = AttentionShown()


@with_config(_STRICT)
@dataclass(frozen=True)
class AttentionZoom:
    """Queries (rows) and keys (columns) that the attention panel is zoomed into, each first and one past the last."""

    rows: tuple[int, int]
    columns: tuple[int, int]

    def __post_init__(self) -> None:
        for name, (first, stop) in (("rows", self.rows), ("columns", self.columns)):
            if not 0 <= first < stop:
                raise BadRecipe(f"{name} = {first}–{stop} is no range; give the first position and one past the last.")


@with_config(_STRICT)
@dataclass(frozen=True)
class Session:
    """The whole state of a page, and the content of a link."""

    experiment: Experiment
    selection: Selection = Selection()
    view: Viewed = Viewed()
    sweep: SweepAsked = SweepAsked()
    heads: HeadsAsked = HeadsAsked()
    notes: tuple[RoleNote, ...] = ()
    """What the person wrote about heads."""
    directions: tuple[NamedDirection, ...] = ()
    """The library of directions, each under a name of its own."""
    residual: ResidualAsked = ResidualAsked()
    zoom: AttentionZoom | None = None
    """None shows all cells."""
    plate: Plate = Plate()
    """The figure that is put together of panels."""

    def __post_init__(self) -> None:
        names = [each.name for each in self.directions]
        if len(set(names)) < len(names):
            raise BadRecipe(f"Two directions have one name among {', '.join(names)}; rename one of them.")


_SESSION: TypeAdapter[Session] = TypeAdapter(Session)
_HEADS: TypeAdapter[HeadsAsked] = TypeAdapter(HeadsAsked)
_SELECTION: TypeAdapter[Selection] = TypeAdapter(Selection)
_NOTES: TypeAdapter[tuple[RoleNote, ...]] = TypeAdapter(tuple[RoleNote, ...])
_DIRECTIONS: TypeAdapter[tuple[NamedDirection, ...]] = TypeAdapter(tuple[NamedDirection, ...])
_RESIDUAL: TypeAdapter[ResidualAsked] = TypeAdapter(ResidualAsked)


def selection_dict(selection: Selection) -> dict[str, Any]:
    """The selection as the plain JSON values the page keeps."""
    return _SELECTION.dump_python(selection, mode="json")


def parse_selection(given: dict[str, Any]) -> Selection:
    """The browser's selection store -> Selection."""
    return parse_json(_SELECTION, given, "a selection")


def parse_heads(given: dict[str, Any]) -> HeadsAsked:
    """The browser's store of what is shown of the heads -> HeadsAsked."""
    return parse_json(_HEADS, given, "a choice of numbers of heads")


def parse_notes(given: list[Any]) -> tuple[RoleNote, ...]:
    """The browser's store of notes on heads -> notes."""
    return parse_json(_NOTES, json.dumps(given), "a list of notes on heads")


def parse_directions(given: list[Any]) -> tuple[NamedDirection, ...]:
    """The browser's library of directions -> named directions."""
    return parse_json(_DIRECTIONS, _spoken(given), "a list of named directions")


def _spoken(given: list[Any]) -> str:
    try:
        return json.dumps(given)
    except RecursionError:
        raise BadRecipe("This is not a list of named directions: it nests lists and objects too deeply.") from None


def directions_json(directions: tuple[NamedDirection, ...]) -> list[dict[str, Any]]:
    """Named directions as the plain JSON values that the page keeps."""
    return _DIRECTIONS.dump_python(directions, mode="json")


def parse_residual(given: dict[str, Any]) -> ResidualAsked:
    """The browser's store of what *Residual* shows -> ResidualAsked."""
    return parse_json(_RESIDUAL, given, "what the Residual workspace shows")


def chosen_direction(directions: tuple[NamedDirection, ...], asked: ResidualAsked) -> NamedDirection | None:
    """The direction that is looked at: the one named, or without a name the first; None in an empty library. A name
    that the library does not have is refused: nothing else is shown under it."""
    named = {each.name: each for each in directions}
    if asked.direction is None:
        return next(iter(directions), None)
    if asked.direction not in named:
        there = f"there {'are' if len(named) > 1 else 'is'} {', '.join(named)}" if named else "there is none at all"
        raise BadLink(
            f"There is no direction named {asked.direction!r} here, {there}; choose one under Directions in the rail, "
            "or make it there with + new."
        )
    return named[asked.direction]


def parse_session(given: str | dict[str, Any]) -> Session:
    """The browser's whole state, a saved session, or the content of a link -> Session."""
    return parse_json(_SESSION, given, "a session")


def session_dict(session: Session) -> dict[str, Any]:
    """The session as the plain JSON values the page keeps."""
    return _SESSION.dump_python(session, mode="json")


def session_json(session: Session) -> str:
    """The same as text without spaces."""
    return json.dumps(session_dict(session), separators=(",", ":"), ensure_ascii=False)


EXAMPLES: dict[str, PromptPair] = {
    DEFAULT_MODEL: PromptPair(
        "When Mary and John went to the store, John gave a drink to",
        "When Mary and John went to the store, Mary gave a drink to",
        (" Mary",),
        (" John",),
    ),
    "ground-truth": PromptPair(
        "river apple house dog sun moon river apple", "river apple tree dog sun moon river apple", ("house",), ("tree",)
    ),
}
"""Listed model -> a prompt that shows it at work: indirect object identification; induction over a repeated segment."""

WORKED_EXAMPLE = Session(
    Experiment(ModelSpec("listed", DEFAULT_MODEL), EXAMPLES[DEFAULT_MODEL]), Selection((Head(23, 3),), Head(23, 3))
)
"""The default model's example with its name mover selected: on screen, computed, when the page first opens."""


def opening_session(model: ModelSpec) -> Session:
    """What the page opens with on this model: its example, or the default prompt where it has none."""
    if model.name == DEFAULT_MODEL:
        return Session(Experiment(model, EXAMPLES[DEFAULT_MODEL]), WORKED_EXAMPLE.selection)
    return Session(Experiment(model, EXAMPLES.get(model.name, EXAMPLES[DEFAULT_MODEL])))
