"""The history of runs as a browser keeps it (assets/13-history.js) and as a session's file carries it.

A past run is a model and prompts, in one or several states of the page that asked for it, and what was computed: a line
per analysis, of sweeps per result. `at` are milliseconds since 1970, `seconds` what the server measured (None: this
browser never saw it computed), `cached` whether it was there already the last time it was asked for.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal, cast

from pydantic import ConfigDict, TypeAdapter, with_config

from app.domain.directions import NamedDirection
from app.domain.errors import BadInput, BadRecipe
from app.domain.experiment import Switched
from app.domain.heads_asked import HeadsAsked
from app.domain.models import ModelSpec
from app.domain.prompts import PromptPair
from app.domain.recipes import parse_json
from app.domain.residual_asked import ResidualAsked
from app.domain.session import Viewed
from app.domain.sweep_asked import SweepAsked
from app.domain.views import Selection

_STRICT = ConfigDict(extra="forbid")
MOST_RUNS = 1000
"""Of one file: a browser keeps a hundred, and those that are pinned."""


@with_config(_STRICT)
@dataclass(frozen=True)
class Of:
    """What all states of a run have in common; no `prompts` = the pair alone."""

    model: ModelSpec
    base: Literal["clean", "corrupted"]
    prompts: tuple[PromptPair, ...]


@with_config(_STRICT)
@dataclass(frozen=True)
class AskedIn:
    """What else the page was set to."""

    prompt: PromptPair
    interventions: tuple[Switched, ...]
    selection: Selection
    view: Viewed
    sweep: SweepAsked
    heads: HeadsAsked
    residual: ResidualAsked
    directions: tuple[NamedDirection, ...]


@with_config(_STRICT)
@dataclass(frozen=True)
class Line:
    """One analysis; `state` counts the run's states from 0."""

    digest: str
    name: str
    in_parts: bool
    seconds: float | None
    cached: bool
    at: int
    count: int
    state: int


@with_config(_STRICT)
@dataclass(frozen=True)
class PastRun:
    """`name` is what the person calls it, empty where nothing."""

    id: str
    at: int
    name: str
    pinned: bool
    experiment: Of
    states: tuple[AskedIn, ...]
    lines: tuple[Line, ...]

    def __post_init__(self) -> None:
        if not self.lines or not all(0 <= line.state < len(self.states) for line in self.lines):
            raise BadRecipe(f"The run {self.name or self.id!r} of the history names a state that it does not have.")


_RUN: TypeAdapter[PastRun] = TypeAdapter(PastRun)


def parse_history(given: object) -> tuple[PastRun, ...]:
    """A browser's history, or that of a file -> its past runs. A run that is damaged, or of a version with other
    fields, is left out: it must not cost a person the session that it came with."""
    if not isinstance(given, list):
        return ()
    return tuple(run for each in cast(list[object], given)[:MOST_RUNS] if (run := _parsed(each)) is not None)


def _parsed(given: object) -> PastRun | None:
    try:
        return parse_json(_RUN, json.dumps(given), "a run of the history")
    except (BadInput, RecursionError):
        return None


def history_json(runs: tuple[PastRun, ...]) -> list[dict[str, Any]]:
    """Past runs as the plain JSON values that a browser keeps."""
    return [_RUN.dump_python(run, mode="json") for run in runs]
