"""Whether a recipe holds on this model, before anything is computed: prompts, answers, sites, pairs.

Needs only the tokenizer and the model's facts. Analyses that need answers refuse on their own.
"""

from collections.abc import Iterable
from itertools import chain

from app.domain.errors import BadRecipe
from app.domain.interventions import Ablate, Patch
from app.domain.prompts import PromptPair, TokenisedPrompt, aligned
from app.domain.recipes import AnyRecipe, AttentionPattern, HeadAblation, LogitLens, Prediction
from app.domain.sites import check_site, within
from app.models.loaded import LoadedModel
from app.models.tokens import answer_ids, tokenise

MOST_TOKENS_SHOWN = 1000


def check(model: LoadedModel, recipe: AnyRecipe, max_tokens: int) -> None:
    """Raise the `BadInput` that says what does not hold."""
    patched = any(isinstance(intervention, Patch) for intervention in recipe.interventions)
    prompts = [_checked_prompt(model, pair, patched, max_tokens) for pair in recipe.prompts]
    shortest = min(prompts, key=len)
    for intervention in recipe.interventions:
        check_site(model.facts, intervention.site, len(shortest))
    for text in _reference_texts(recipe):
        tokenise(model, text, max_tokens)
    _check_options(model, recipe)


def _checked_prompt(model: LoadedModel, pair: PromptPair, patched: bool, max_tokens: int) -> TokenisedPrompt:
    """The clean prompt as tokens, after everything of the pair has been looked at."""
    clean = tokenise(model, pair.clean, max_tokens)
    answer_ids(model, (*pair.answer, *pair.incorrect_answer))
    if pair.corrupted is not None:
        corrupted = tokenise(model, pair.corrupted, max_tokens)
        if patched:
            aligned(clean, corrupted)
    elif patched:
        raise BadRecipe("A patch takes values from the corrupted run, and there is none; give a corrupted prompt.")
    return clean


def _reference_texts(recipe: AnyRecipe) -> Iterable[str]:
    """The texts of mean ablations that name their own."""
    means = [i.reference for i in recipe.interventions if isinstance(i, Ablate) and i.method == "mean"]
    if isinstance(recipe, HeadAblation) and recipe.method == "mean":
        means.append(recipe.reference)
    return chain.from_iterable(reference for reference in means if reference != "background")


def _check_options(model: LoadedModel, recipe: AnyRecipe) -> None:
    """The fields that only some analyses have."""
    if isinstance(recipe, AttentionPattern | LogitLens):
        within((recipe.prompt,), len(recipe.prompts), "prompts", "The recipe")
    if isinstance(recipe, AttentionPattern):
        within(recipe.layers or (), model.facts.n_layers, "layers", model.facts.title)
    if isinstance(recipe, Prediction | LogitLens):
        most = min(model.facts.d_vocab, MOST_TOKENS_SHOWN)
        if not 1 <= recipe.top_k <= most:
            raise BadRecipe(f"top_k = {recipe.top_k} cannot be shown; give a number from 1 to {most}.")
