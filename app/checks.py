"""Whether a recipe holds on this model, before anything is computed: prompts, answers, sites, pairs, limits.

Needs only the tokenizer and the model's facts. Analyses refuse on their own what only a pass through the model shows,
for example norms whose scale cannot be frozen.
"""

import math
from collections.abc import Sequence

from app.compute.direction_changes import feature_of
from app.compute.directions import check_direction
from app.compute.held import FromRun, check_rows, check_source, for_prompt, source_ids, takes_all_from_pair
from app.compute.lens_streams import check_lens
from app.compute.neurons import check_neuron
from app.compute.path_patching import check_writes
from app.compute.prompts import need_both_answers, read_prompts
from app.compute.reading import ReadPrompt
from app.compute.references import check_draws, check_long_enough, reference_tokens, resampled_ids
from app.compute.sae_features import check_features
from app.domain import recipes
from app.domain.direction_card import DirectionCard
from app.domain.direction_interventions import ClampFeature, ProjectOut, directions_of
from app.domain.direction_recipes import check_place
from app.domain.errors import BadRecipe
from app.domain.geometry_recipes import check_geometry
from app.domain.head_recipes import HeadTokens, check_heads
from app.domain.interventions import Ablate, AnyIntervention, GaussianNoise, KnockOutEdge
from app.domain.prompts import aligned
from app.domain.questions import settled
from app.domain.recipes import HIGHEST_TEMPERATURE, MOST_DRAWS, MOST_NEW_TOKENS
from app.domain.seeds import check_seed
from app.domain.sites import Site, check_site, within
from app.domain.steering_recipes import SteeringCurve
from app.domain.sweep_checks import check_pairs, check_sweep
from app.models.loaded import LoadedModel
from app.models.tokens import tokenise

MOST_TOKENS_SHOWN = 1000
_RANKING = (
    recipes.Prediction,
    recipes.LogitLens,
    recipes.ComponentLens,
    recipes.HeadReading,
    recipes.Neurons,
    recipes.SaeFeatures,
    HeadTokens,
    DirectionCard,
)


def check(model: LoadedModel, recipe: recipes.AnyRecipe, max_tokens: int) -> None:
    """Raise the `BadInput` that says what does not hold."""
    recipe = settled(recipe)
    prompts = read_prompts(model, recipe, max_tokens)
    for each in recipe.interventions:
        within(each.prompts or (), len(prompts), "prompts", "The recipe")
    for prompt in prompts:
        _check_run(model, prompt, for_prompt(recipe.interventions, prompt.index), max_tokens)
    lengths = tuple(len(prompt.clean) for prompt in prompts)
    check_heads(model.facts, recipe, lengths)
    check_place(model.facts, recipe, lengths)
    check_geometry(model.facts, recipe, lengths)
    _check_options(model, recipe, prompts, max_tokens)
    _check_sweep(model, recipe, prompts, max_tokens)


def _check_run(
    model: LoadedModel, prompt: ReadPrompt, interventions: tuple[AnyIntervention, ...], max_tokens: int
) -> None:
    """The interventions that apply to one prompt."""
    for each in interventions:
        check_site(model.facts, each.site, len(prompt.clean))
        _check_numbers(each)
        if isinstance(each, Ablate):
            _check_reference(model, each, prompt, max_tokens)
        elif isinstance(each, FromRun):
            _check_patch(model, each, prompt, max_tokens)
        elif isinstance(each, ProjectOut) and each.to == "mean":
            _check_reference(model, Ablate(each.site, "mean", each.reference, each.pooled), prompt, max_tokens)
        for direction in directions_of(each):
            check_direction(model, direction)
        if isinstance(each, ClampFeature):
            feature_of(model, each)
    if prompt.corrupted is not None and takes_all_from_pair(interventions):
        aligned(prompt.clean, prompt.corrupted)


def _check_numbers(each: AnyIntervention) -> None:
    """Seeds and draws, and what a renormalised row can hold."""
    if isinstance(each, Ablate | GaussianNoise):
        _at_least("draw", each.draw, 0)
        check_seed(each.seed)
    if isinstance(each, KnockOutEdge) and each.renormalise:
        check_rows(each.edges, each.value)


def _check_reference(model: LoadedModel, each: Ablate, prompt: ReadPrompt, max_tokens: int) -> None:
    """Whether its reference gives a value for this prompt."""
    if each.method == "zero":
        return
    for text in each.reference if isinstance(each.reference, tuple) else ():
        tokenise(model, text, max_tokens)
    if each.method == "resample":
        resampled_ids(model, each.reference, each.seed, each.draw, prompt.clean.ids)
    elif not each.pooled:
        check_long_enough(reference_tokens(model, each.reference), len(prompt.clean))
    else:
        reference_tokens(model, each.reference)


def _check_patch(model: LoadedModel, each: FromRun, prompt: ReadPrompt, max_tokens: int) -> None:
    if each.source is None and prompt.corrupted is None:
        raise BadRecipe(
            "Patches and swaps take values from the corrupted run, and there is none; give a corrupted prompt."
        )
    if each.source is not None:
        tokenise(model, each.source, max_tokens)
    if each.source is not None or each.site.positions is not None:
        check_source(each, len(prompt.clean), len(source_ids(model, each, prompt.corrupted_ids)))


def _check_options(
    model: LoadedModel, recipe: recipes.AnyRecipe, prompts: Sequence[ReadPrompt], max_tokens: int
) -> None:
    """The fields that only some analyses have."""
    if isinstance(recipe, recipes.OF_ONE_PROMPT):
        within((recipe.prompt,), len(prompts), "prompts", "The recipe")
    if isinstance(recipe, recipes.AttentionPattern | recipes.AttentionWeights):
        within(recipe.layers or (), model.facts.n_layers, "layers", model.facts.title)
    if isinstance(recipe, recipes.HeadReading):
        _check_query(model, recipe, len(prompts[recipe.prompt].clean))
    if isinstance(recipe, recipes.Neurons):
        check_neuron(model, recipe.layer, recipe.neuron)
    if isinstance(recipe, recipes.SaeFeatures):
        check_features(model, recipe)
    if isinstance(recipe, recipes.LogitLens | recipes.ComponentLens):
        check_lens(model, recipe, prompts[recipe.prompt])
    if isinstance(recipe, _RANKING):
        most = min(model.facts.d_vocab, MOST_TOKENS_SHOWN)
        if not 1 <= recipe.top_k <= most:
            raise BadRecipe(f"top_k = {recipe.top_k} cannot be shown; give a number from 1 to {most}.")
    if isinstance(recipe, SteeringCurve):
        _check_steering(model, recipe, prompts, max_tokens)
    if isinstance(recipe, recipes.Generation):
        _check_generation(model, recipe, len(prompts[recipe.prompt].clean))
    if isinstance(recipe, recipes.AttributionPatching | recipes.SelfRepair):
        for prompt in prompts:
            need_both_answers(prompt)
    if isinstance(recipe, recipes.SelfRepair) and not recipe.interventions:
        raise BadRecipe("Self-repair compares a run with an intervened one; add an intervention, such as an ablation.")


def _check_query(model: LoadedModel, recipe: recipes.HeadReading, n_positions: int) -> None:
    within((recipe.head.layer,), model.facts.n_layers, "layers", model.facts.title)
    within((recipe.head.head,), model.facts.n_heads, "heads", model.facts.title)
    within(() if recipe.query is None else (recipe.query,), n_positions, "positions", "The prompt")


def _check_steering(model: LoadedModel, recipe: SteeringCurve, prompts: Sequence[ReadPrompt], max_tokens: int) -> None:
    """The direction, the change in every prompt, and the text that is continued."""
    within((recipe.prompt,), len(prompts), "prompts", "The recipe")
    one = recipe.changed(recipe.direction, recipe.strengths[0])
    for prompt in prompts:
        _check_run(model, prompt, (one,), max_tokens)
    if not 0 <= recipe.max_new_tokens <= MOST_NEW_TOKENS:
        raise BadRecipe(
            f"max_new_tokens = {recipe.max_new_tokens} is not possible; give 0 (no texts) to {MOST_NEW_TOKENS}."
        )


def _check_generation(model: LoadedModel, recipe: recipes.Generation, n_positions: int) -> None:
    if not 1 <= recipe.max_new_tokens <= MOST_NEW_TOKENS:
        raise BadRecipe(
            f"max_new_tokens = {recipe.max_new_tokens} is not possible; give a number from 1 to {MOST_NEW_TOKENS}."
        )
    if not (math.isfinite(recipe.temperature) and 0 <= recipe.temperature <= HIGHEST_TEMPERATURE):
        raise BadRecipe(
            f"temperature = {recipe.temperature:g} is not possible; give 0 (greedy) to {HIGHEST_TEMPERATURE:g}."
        )
    if n_positions >= model.facts.n_ctx:
        raise BadRecipe(f"The prompt fills the model's context of {model.facts.n_ctx} tokens; shorten it.")
    check_seed(recipe.seed)


def _check_sweep(model: LoadedModel, recipe: recipes.AnyRecipe, prompts: Sequence[ReadPrompt], max_tokens: int) -> None:
    check_sweep(model.facts, recipe, tuple(len(prompt.clean) for prompt in prompts))
    if (
        isinstance(recipe, recipes.Ablation | recipes.ActivationPatching | recipes.AttributionPatching)
        and recipe.cells.by != "all"
    ):
        _same_length(prompts)
    if isinstance(recipe, recipes.Ablation | recipes.ActivationPatching) and not 1 <= recipe.draws <= MOST_DRAWS:
        raise BadRecipe(f"draws = {recipe.draws} is not possible; give a number from 1 to {MOST_DRAWS}.")
    if isinstance(recipe, recipes.Ablation):
        _check_ablation(model, recipe, prompts, max_tokens)
    if isinstance(recipe, recipes.ActivationPatching | recipes.AttributionPatching | recipes.PathPatching):
        _check_pairs(recipe, prompts)
    if isinstance(recipe, recipes.PathPatching):
        check_writes(model, recipe)
    if isinstance(recipe, recipes.ActivationPatching) and recipe.noise is not None:
        _check_run_of_noise(model, recipe.noise, prompts, max_tokens)
    if isinstance(recipe, recipes.AttributionPatching):
        check_seed(recipe.seed)


def _check_ablation(
    model: LoadedModel, recipe: recipes.Ablation, prompts: Sequence[ReadPrompt], max_tokens: int
) -> None:
    """As one ablation of the kind that the sweep makes of every cell."""
    site = Site(recipe.cells.activation, (recipe.cells.layers or (0,))[0])
    one = Ablate(site, recipe.method, recipe.reference, recipe.pooled, recipe.seed)
    for prompt in prompts:
        _check_run(model, prompt, (one,), max_tokens)
    if recipe.method == "resample":
        check_draws(model, recipe.reference, recipe.draws, prompts)


def _check_run_of_noise(
    model: LoadedModel, noise: GaussianNoise, prompts: Sequence[ReadPrompt], max_tokens: int
) -> None:
    for prompt in prompts:
        _check_run(model, prompt, (noise,), max_tokens)


def _check_pairs(
    recipe: recipes.ActivationPatching | recipes.AttributionPatching | recipes.PathPatching,
    prompts: Sequence[ReadPrompt],
) -> None:
    """Two runs of one length, of which the direction says which is run."""
    check_pairs(recipe)
    if recipe.base != "clean":
        raise BadRecipe("base is corrupted, and patching sweeps have a direction instead; use noising or denoising.")
    if isinstance(recipe, recipes.ActivationPatching) and recipe.noise is not None:
        return
    for prompt in prompts:
        if prompt.corrupted is not None:
            aligned(prompt.clean, prompt.corrupted)


def _same_length(prompts: Sequence[ReadPrompt]) -> None:
    """Refuse a sweep over positions that do not mean the same in all prompts."""
    first = prompts[0]
    other = next((prompt for prompt in prompts if len(prompt.clean) != len(first.clean)), None)
    if other is not None:
        texts = [repr("".join(prompt.clean.str_tokens)) for prompt in (first, other)]
        raise BadRecipe(
            f"A sweep by position needs prompts of one length, and prompt {first.index} ({texts[0]}) has "
            f"{len(first.clean)} tokens and prompt {other.index} ({texts[1]}) has {len(other.clean)}; sweep all "
            f"positions at once, or leave one of them out."
        )


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise BadRecipe(f"{name} = {value} is not possible; give {least} or more.")
