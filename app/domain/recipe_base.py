"""What every recipe of runs says, whatever it asks: the model, the prompts, the interventions in force."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator

from app.domain.errors import BadRecipe
from app.domain.interventions import Intervention
from app.domain.models import ModelSpec
from app.domain.prompts import PromptPair, label_names
from app.domain.sites import Head


def _as_listed(value: Any) -> Any:
    return {"source": "listed", "name": value} if isinstance(value, str) else value


def _as_pair(value: Any) -> Any:
    if isinstance(value, str):
        return {"clean": value}
    if not isinstance(value, dict):
        return value
    pair = cast(dict[str, Any], value)
    answers = {k: (v,) for k, v in pair.items() if k in ("answer", "incorrect_answer") and isinstance(v, str)}
    return {**pair, **answers}


def _as_head(value: Any) -> Any:
    return vars(Head.parse(value)) if isinstance(value, str) else value


Prompts = tuple[Annotated[PromptPair, BeforeValidator(_as_pair)], ...]
NamedHead = Annotated[Head, BeforeValidator(_as_head)]
"""A head of a recipe: `"L8H6"`, or its layer and head."""


@dataclass(frozen=True, kw_only=True)
class OnRuns:
    """What these recipes say: the model, the prompts, and the interventions in force (none = baseline).

    `base` is the prompt of each pair that is run; a patch takes from the other one.
    """

    model: Annotated[ModelSpec, BeforeValidator(_as_listed)]
    prompts: Prompts
    interventions: tuple[Intervention, ...] = ()
    base: Literal["clean", "corrupted"] = "clean"

    def __post_init__(self) -> None:
        if not self.prompts:
            raise BadRecipe("The recipe has no prompts; give at least one.")
        label_names(self.prompts)
        if self.base == "corrupted" and any(pair.corrupted is None for pair in self.prompts):
            raise BadRecipe("base is corrupted, and not every prompt has a corrupted one; give them, or run the clean.")


@dataclass(frozen=True, kw_only=True)
class OnModel(OnRuns):
    """What recipes of the model alone say: the model. Prompts and interventions would change nothing, so they are
    refused."""

    prompts: Prompts = ()

    def __post_init__(self) -> None:
        if self.prompts or self.interventions or self.base != "clean":
            raise BadRecipe(
                f"This is a number of the model alone, and the recipe has {len(self.prompts)} prompts, "
                f"{len(self.interventions)} interventions and base = {self.base}; drop them."
            )


@dataclass(frozen=True, kw_only=True)
class OnTexts(OnRuns):
    """With `corpus` on the background texts that come with the model, instead of prompts."""

    prompts: Prompts = ()
    corpus: bool = False

    def __post_init__(self) -> None:
        if not self.corpus:
            super().__post_init__()
        elif self.prompts or self.base != "clean":
            raise BadRecipe(
                f"corpus = true reads the background texts that come with the model, and the recipe has "
                f"{len(self.prompts)} prompts and base = {self.base}; drop both, or corpus."
            )
