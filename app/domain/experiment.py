"""What is computed: a model, prompts, and interventions that are switched on; and the recipes of its analyses."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, with_config

from app.domain.errors import BadRecipe
from app.domain.interventions import Ablate, AnyIntervention, Intervention
from app.domain.models import ModelSpec
from app.domain.prompts import PromptPair
from app.domain.recipes import AnyRecipe, parse_json, parse_recipe

_STRICT = ConfigDict(extra="forbid")


@with_config(_STRICT)
@dataclass(frozen=True)
class Switched:
    """An intervention in the list, on or off."""

    intervention: Intervention
    on: bool = True


@with_config(_STRICT)
@dataclass(frozen=True)
class Experiment:
    """What is computed: the model, the prompts and the interventions that are switched on.

    `prompt` is the pair on screen. `prompts` is the whole prompt set, of which it is one; empty means `prompt` alone.
    """

    model: ModelSpec
    prompt: PromptPair
    interventions: tuple[Switched, ...] = ()
    prompts: tuple[PromptPair, ...] = ()
    base: Literal["clean", "corrupted"] = "clean"

    @property
    def prompt_set(self) -> tuple[PromptPair, ...]:
        """Every prompt of the set, at least the one on screen."""
        return self.prompts or (self.prompt,)

    def recipe(self, kind: str, /, *, intervened: bool = False, **options: Any) -> AnyRecipe:
        """The recipe of one analysis of the pair on screen, on the baseline or on the intervened run."""
        here = self.prompts.index(self.prompt) if self.prompt in self.prompts else 0
        active = [_for_one(each, here, self.prompt_set) for each in self._active(intervened) if _holds(each, here)]
        return self._recipe(kind, (self.prompt,), active, options)

    def set_recipe(self, kind: str, /, *, intervened: bool = False, **options: Any) -> AnyRecipe:
        """The recipe of one analysis of the whole prompt set."""
        return self._recipe(kind, self.prompt_set, self._active(intervened), options)

    def model_recipe(self, kind: str, /, **options: Any) -> AnyRecipe:
        """The recipe of what is of the model alone."""
        _own(kind, options)
        return parse_recipe({"kind": kind, "model": asdict(self.model), **options})

    def _active(self, intervened: bool) -> list[AnyIntervention]:
        return [item.intervention for item in self.interventions if item.on and intervened]

    def _recipe(
        self, kind: str, prompts: tuple[PromptPair, ...], active: list[AnyIntervention], options: dict[str, Any]
    ) -> AnyRecipe:
        _own(kind, options)
        asked = replace(self, prompts=prompts, interventions=tuple(Switched(each) for each in active))
        spoken = _EXPERIMENT.dump_python(asked, mode="json")
        interventions = [item["intervention"] for item in spoken["interventions"]]
        given = {"model": spoken["model"], "prompts": spoken["prompts"], "interventions": interventions}
        return parse_recipe({"kind": kind, "base": self.base, **given, **options})

    @property
    def has_interventions(self) -> bool:
        """Whether the intervened run differs from the baseline."""
        return any(item.on for item in self.interventions)


def _own(kind: str, options: dict[str, Any]) -> None:
    """Refuse options that the experiment itself gives."""
    taken = sorted({"kind", "model", "prompts", "interventions"} & options.keys())
    if taken:
        raise BadRecipe(f"{kind} has the option {taken[0]!r}, which the experiment gives itself; leave it out.")


def _holds(each: AnyIntervention, prompt: int) -> bool:
    return each.prompts is None or prompt in each.prompts


def _for_one(each: AnyIntervention, prompt: int, prompt_set: tuple[PromptPair, ...]) -> AnyIntervention:
    """An intervention in the run of one prompt of the set: it holds there, and its references are still the set's."""
    if isinstance(each, Ablate) and each.reference == "prompts":
        each = replace(each, reference=tuple(pair.clean for pair in prompt_set))
    elif isinstance(each, Ablate) and each.reference == "corrupted":
        each = replace(each, reference=tuple(pair.corrupted for pair in prompt_set if pair.corrupted is not None))
    return replace(each, prompts=None)


_EXPERIMENT: TypeAdapter[Experiment] = TypeAdapter(Experiment)


def parse_experiment(given: dict[str, Any]) -> Experiment:
    """The browser's experiment store -> Experiment; refuses what is not one."""
    return parse_json(_EXPERIMENT, given, "an experiment")
