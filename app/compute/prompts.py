"""A recipe's prompts as the model reads them, and their runs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from app.compute.hooks import patched_sites
from app.compute.report import Report
from app.compute.runs import Ids, Interventions, Run, run
from app.domain.errors import BadAnswer, BadRecipe
from app.domain.prompts import PromptPair, TokenisedPrompt, aligned
from app.domain.recipes import AnyRecipe
from app.domain.results import Floats
from app.models.loaded import LoadedModel
from app.models.tokens import answer_ids, tokenise


@dataclass(frozen=True)
class ReadPrompt:
    """One prompt pair as token ids."""

    clean: TokenisedPrompt
    corrupted: TokenisedPrompt | None
    answer_ids: Ids
    incorrect_ids: Ids

    @property
    def corrupted_ids(self) -> Ids | None:
        """Ids of the corrupted prompt, None where there is none."""
        return self.corrupted.ids if self.corrupted else None


def read_prompt(model: LoadedModel, pair: PromptPair, max_tokens: int) -> ReadPrompt:
    """Tokenise a pair and look its answers up; refuses what is not the model's."""
    corrupted = tokenise(model, pair.corrupted, max_tokens) if pair.corrupted is not None else None
    answers, incorrect = answer_ids(model, pair.answer), answer_ids(model, pair.incorrect_answer)
    return ReadPrompt(tokenise(model, pair.clean, max_tokens), corrupted, answers, incorrect)


def chosen_prompt(model: LoadedModel, prompts: tuple[PromptPair, ...], index: int, max_tokens: int) -> ReadPrompt:
    """The one prompt that a recipe for one prompt names."""
    if not 0 <= index < len(prompts):
        raise BadRecipe(f"The recipe has {len(prompts)} prompts, so prompt {index} does not exist; count from 0.")
    return read_prompt(model, prompts[index], max_tokens)


def need_both_answers(prompt: ReadPrompt) -> None:
    """Refuse a prompt whose logit difference is not defined."""
    missing = " and an ".join(
        name for name, ids in (("answer", prompt.answer_ids), ("incorrect_answer", prompt.incorrect_ids)) if not ids
    )
    if missing:
        text = "".join(prompt.clean.str_tokens)
        raise BadAnswer(f"A logit difference compares two answers; name an {missing} for the prompt {text!r}.")


def run_of(model: LoadedModel, prompt: ReadPrompt, interventions: Interventions = ()) -> Run:
    """The prompt's clean run under the interventions; patches take from its corrupted prompt."""
    if prompt.corrupted is not None and patched_sites(interventions):
        aligned(prompt.clean, prompt.corrupted)
    return run(model, prompt.clean.ids, interventions, prompt.corrupted_ids)


def each_prompt(
    model: LoadedModel, recipe: AnyRecipe, report: Report, max_tokens: int, *, answers: bool
) -> Iterator[ReadPrompt]:
    """The recipe's prompts in order, all read before the first is run; reports between them."""
    prompts = [read_prompt(model, pair, max_tokens) for pair in recipe.prompts]
    for prompt in prompts if answers else ():
        need_both_answers(prompt)
    for done, prompt in enumerate(prompts):
        report(done, len(prompts))
        yield prompt


def array(values: Float[Tensor, "..."]) -> Floats:
    """A tensor as it leaves compute: float32 NumPy."""
    return values.detach().float().cpu().numpy().astype(np.float32)
