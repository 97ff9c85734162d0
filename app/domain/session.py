"""Everything a person has set up on the page: experiment, selection, view. It lives in the browser and in the link.

The page's reducer (assets/) is its only writer; the server parses it, never trusts it, and keeps none of it.
"""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, with_config

from app.domain.interventions import Intervention
from app.domain.models import ModelSpec
from app.domain.prompts import PromptPair
from app.domain.recipes import AnyRecipe, parse_json, parse_recipe
from app.domain.sites import Head
from app.domain.views import Quantity, Selection, Show

_STRICT = ConfigDict(extra="forbid")
Workspace = Literal["look", "attention", "residual"]
DEFAULT_MODEL = "smollm2-135m"


@with_config(_STRICT)
@dataclass(frozen=True)
class Switched:
    """An intervention in the list, on or off."""

    intervention: Intervention
    on: bool = True


@with_config(_STRICT)
@dataclass(frozen=True)
class Experiment:
    """What is computed: the model, the prompt pair and the interventions that are switched on."""

    model: ModelSpec
    prompt: PromptPair
    interventions: tuple[Switched, ...] = ()

    def recipe(self, kind: str, *, intervened: bool = False, **options: Any) -> AnyRecipe:
        """The recipe of one analysis of this experiment, on the baseline or on the intervened run."""
        spoken = _EXPERIMENT.dump_python(self, mode="json")
        active = [item["intervention"] for item in spoken["interventions"] if item["on"] and intervened]
        return parse_recipe(
            {"kind": kind, "model": spoken["model"], "prompts": [spoken["prompt"]], "interventions": active, **options}
        )

    @property
    def has_interventions(self) -> bool:
        """Whether the intervened run differs from the baseline."""
        return any(item.on for item in self.interventions)


@with_config(_STRICT)
@dataclass(frozen=True)
class Viewed:
    """Where the person looks: workspace, which run, and what colours the head matrix."""

    workspace: Workspace = "look"
    show: Show = "baseline"
    quantity: Quantity = "direct"


@with_config(_STRICT)
@dataclass(frozen=True)
class Session:
    """The whole state of a page, and the content of a link."""

    experiment: Experiment
    selection: Selection = Selection()
    view: Viewed = Viewed()


_EXPERIMENT: TypeAdapter[Experiment] = TypeAdapter(Experiment)
_SESSION: TypeAdapter[Session] = TypeAdapter(Session)
_SELECTION: TypeAdapter[Selection] = TypeAdapter(Selection)


def parse_experiment(given: dict[str, Any]) -> Experiment:
    """The browser's experiment store -> Experiment; refuses what is not one."""
    return parse_json(_EXPERIMENT, given, "an experiment")


def parse_session(given: str | dict[str, Any]) -> Session:
    """A link's content -> Session."""
    return parse_json(_SESSION, given, "a link to a session")


def parse_selection(given: dict[str, Any]) -> Selection:
    """The browser's selection store -> Selection."""
    return parse_json(_SELECTION, given, "a selection")


def session_dict(session: Session) -> dict[str, Any]:
    """The session as the plain JSON values the page keeps."""
    return _SESSION.dump_python(session, mode="json")


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
