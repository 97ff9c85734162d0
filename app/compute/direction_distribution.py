"""Projections on a direction at one position of both prompts of every pair: whether it tells them apart
(docs/formulas.md).

`a . d` as compute/direction_projection.py reads it, of every layer. The clean prompts are run under the interventions,
and the corrupted ones under the same; what is patched comes from the pair's other prompt in both.
"""

from typing import Literal

import numpy as np

from app.compute.direction_projection import projections
from app.compute.prompts import array, read_prompt
from app.compute.reading import ReadPrompt
from app.compute.report import Report, silent
from app.domain.direction_recipes import DirectionDistribution, check_place
from app.domain.direction_results import DirectionDistributionResult
from app.domain.models import Provenance
from app.domain.prompts import PromptPair
from app.domain.recipes import recipe_json
from app.domain.results import Floats
from app.models.loaded import LoadedModel

Side = Literal["clean", "corrupted"]
SIDES: tuple[Side, ...] = ("clean", "corrupted")


def direction_distribution(
    model: LoadedModel,
    recipe: DirectionDistribution,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> DirectionDistributionResult:
    """One pass over the clean prompts, one over the corrupted ones."""
    sides = [_side(model, recipe, side, max_tokens) for side in SIDES]
    check_place(model.facts, recipe, tuple(len(each.clean) for prompts in sides for each in prompts))
    found = [_of_side(model, recipe, prompts, report) for prompts in sides]
    return DirectionDistributionResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, direction=str(recipe.direction),
        activation=recipe.activation, normalised=recipe.normalised, position=recipe.position, sides=SIDES,
        texts=np.array([[_text(pair, side) for pair in recipe.prompts] for side in SIDES], dtype=np.str_),
        answers=np.array([[_answer(pair, side) for pair in recipe.prompts] for side in SIDES], dtype=np.str_),
        projection=np.stack(found),
    )  # fmt: skip


def _side(model: LoadedModel, recipe: DirectionDistribution, side: Side, max_tokens: int) -> list[ReadPrompt]:
    """The prompts of one side that there are, with the index of their pair."""
    pairs = enumerate(recipe.prompts)
    return [read_prompt(model, pair, max_tokens, at, side) for at, pair in pairs if side == "clean" or pair.corrupted]


def _of_side(model: LoadedModel, recipe: DirectionDistribution, prompts: list[ReadPrompt], report: Report) -> Floats:
    """`[prompt layer]`, NaN for pairs without a prompt on this side, or without this position."""
    found: Floats = np.full((len(recipe.prompts), model.facts.n_layers), np.nan, np.float32)
    at = -1 if recipe.position is None else recipe.position
    long_enough = [each for each in prompts if len(each.clean) > at]
    for prompt, each in zip(long_enough, projections(model, recipe, long_enough, report), strict=True):
        found[prompt.index] = array(each[:, at])
    return found


def _text(pair: PromptPair, side: Side) -> str:
    return pair.clean if side == "clean" else pair.corrupted or ""


def _answer(pair: PromptPair, side: Side) -> str:
    """What answers this prompt of the pair, as the pair names it."""
    if side == "corrupted" and pair.corrupted is None:
        return ""
    return "/".join(pair.answer if side == "clean" else pair.incorrect_answer)
