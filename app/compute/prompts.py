"""A recipe's prompts as the model reads them, and their runs."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float
from torch import Tensor

from app.compute.held import for_prompt, takes_all_from_pair
from app.compute.reading import ReadPrompt
from app.compute.report import Report
from app.compute.runs import Asked, Run, run, run_ahead
from app.domain.errors import BadAnswer, BadRecipe
from app.domain.interventions import Interventions
from app.domain.prompts import PromptPair, TokenisedPrompt, aligned
from app.domain.questions import pairs_of
from app.domain.recipes import AnyRecipe
from app.domain.results import Floats, Strings
from app.models.loaded import LoadedModel
from app.models.tokens import answer_ids, tokenise

AHEAD = 8
"""Prompts whose runs are made together."""


def read_prompt(
    model: LoadedModel,
    pair: PromptPair,
    max_tokens: int,
    index: int = 0,
    base: Literal["clean", "corrupted"] = "clean",
) -> ReadPrompt:
    """Tokenise a pair and look its answers up; refuses what is not the model's. `base` is the prompt that is run."""
    texts = (pair.clean, pair.corrupted) if base == "clean" else (pair.corrupted, pair.clean)
    own, other = (None if text is None else tokenise(model, text, max_tokens) for text in texts)
    if own is None:
        raise BadRecipe(f"base is corrupted, and prompt {index} has no corrupted one; give it, or run the clean.")
    answers, incorrect = answer_ids(model, pair.answer), answer_ids(model, pair.incorrect_answer)
    return ReadPrompt(own, other, answers, incorrect, index, base)


def read_prompts(model: LoadedModel, recipe: AnyRecipe, max_tokens: int) -> list[ReadPrompt]:
    """The prompts in order, each with its index and the recipe's base."""
    pairs = pairs_of(recipe, model.background)
    return [read_prompt(model, pair, max_tokens, at, recipe.base) for at, pair in enumerate(pairs)]


def chosen_prompt(model: LoadedModel, recipe: AnyRecipe, index: int, max_tokens: int) -> ReadPrompt:
    """The one prompt that a recipe for one prompt names."""
    prompts = pairs_of(recipe, model.background)
    if not 0 <= index < len(prompts):
        raise BadRecipe(f"The recipe has {len(prompts)} prompts, so prompt {index} does not exist; count from 0.")
    return read_prompt(model, prompts[index], max_tokens, index, recipe.base)


def need_both_answers(prompt: ReadPrompt) -> None:
    """Refuse a prompt whose logit difference is not defined."""
    missing = " and an ".join(
        name for name, ids in (("answer", prompt.answer_ids), ("incorrect_answer", prompt.incorrect_ids)) if not ids
    )
    if missing:
        text = "".join(prompt.clean.str_tokens)
        raise BadAnswer(f"A logit difference compares two answers; name an {missing} for the prompt {text!r}.")


def run_of(model: LoadedModel, prompt: ReadPrompt, interventions: Interventions = ()) -> Run:
    """The prompt's run under those interventions that apply to it; patches take from the pair's other prompt."""
    return run(model, *_asked(prompt, interventions))


def each_prompt(
    model: LoadedModel, recipe: AnyRecipe, report: Report, max_tokens: int, *, answers: bool, plain: bool = False
) -> Iterator[ReadPrompt]:
    """The recipe's prompts in order, all read before the first is run; reports between them. Their runs are made ahead,
    some prompts at a time; where `plain`, those of both prompts without interventions too."""
    prompts = read_prompts(model, recipe, max_tokens)
    for prompt in prompts if answers else ():
        need_both_answers(prompt)
    for done, prompt in enumerate(prompts):
        report(done, len(prompts))
        if done % AHEAD == 0:
            run_ahead(model, _runs_of(prompts[done : done + AHEAD], recipe.interventions, plain))
        yield prompt


def _runs_of(prompts: Sequence[ReadPrompt], interventions: Interventions, plain: bool) -> Iterator[Asked]:
    for prompt in prompts:
        yield _asked(prompt, interventions)
        if plain:
            yield prompt.clean.ids, (), None
        if plain and prompt.corrupted is not None:
            yield prompt.corrupted.ids, (), None


def _asked(prompt: ReadPrompt, interventions: Interventions) -> Asked:
    mine = for_prompt(interventions, prompt.index)
    if prompt.corrupted is not None and takes_all_from_pair(mine):
        aligned(prompt.clean, prompt.corrupted)
    return prompt.clean.ids, mine, prompt.corrupted_ids


def padded(prompts: Sequence[TokenisedPrompt]) -> Strings:
    """`[prompt position]` tokens, empty beyond a prompt's end."""
    longest = max(len(prompt) for prompt in prompts)
    return np.array([[*prompt.str_tokens, *[""] * (longest - len(prompt))] for prompt in prompts])


def array(values: Float[Tensor, "..."]) -> Floats:
    """A tensor as it leaves compute: float32 NumPy."""
    return values.detach().float().cpu().numpy().astype(np.float32)
