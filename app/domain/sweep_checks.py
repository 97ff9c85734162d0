"""Whether a sweep has cells on this model and these prompts, and few enough of them."""

from app.domain.cells import Cells
from app.domain.errors import BadRecipe, BadSite
from app.domain.models import ModelFacts
from app.domain.recipes import Ablation, ActivationPatching, AnyRecipe, AttributionPatching, PathPatching
from app.domain.sites import Head, Site, check_site

SweepRecipe = Ablation | ActivationPatching | AttributionPatching | PathPatching
MOST_CELLS = 1_000_000
"""Runs of a cell on a prompt in one sweep: days of computing, and a result that fits into memory."""


def swept_cells(facts: ModelFacts, recipe: SweepRecipe) -> Cells:
    """The places that a sweep tries on this model."""
    return recipe.tried(facts.n_layers) if isinstance(recipe, PathPatching) else recipe.cells


def check_sweep(facts: ModelFacts, recipe: AnyRecipe, lengths: tuple[int, ...]) -> None:
    """Raise the `BadInput` that says what does not hold. `lengths` are the prompts' in tokens."""
    if not isinstance(recipe, SweepRecipe):
        return
    if isinstance(recipe, PathPatching):
        _check_ends(facts, recipe)
    cells = swept_cells(facts, recipe)
    cells.check(facts, min(lengths))
    count = cells.count(facts, max(lengths)) * len(lengths)
    if not count:
        raise BadSite("The sweep is restricted to nothing; drop the heads or layers that exclude each other.")
    if count > MOST_CELLS:
        raise BadRecipe(
            f"The sweep has {count:,} cells and the most is {MOST_CELLS:,}; choose layers, heads or positions."
        )


def _check_ends(facts: ModelFacts, recipe: PathPatching) -> None:
    """Refuse paths that do not exist, and readers that are not one head's own."""
    if recipe.receiver is not None:
        check_site(facts, Site("z", recipe.receiver.layer, (recipe.receiver.head,)), 1)
        if recipe.receiver.layer == 0:
            raise BadSite(
                f"{recipe.receiver} is in the first layer of {facts.title}, so no head writes what it reads; give a "
                f"receiver of a later layer."
            )
    if recipe.source is not None:
        _check_source(facts, recipe, recipe.source)


def _check_source(facts: ModelFacts, recipe: PathPatching, source: Head) -> None:
    check_site(facts, Site("z", source.layer, (source.head,)), 1)
    if source.layer == facts.n_layers - 1:
        raise BadSite(f"{source} is in the last layer of {facts.title}, so no head reads it; give an earlier source.")
    if recipe.component != "q" and facts.n_key_value_heads != facts.n_heads:
        raise BadRecipe(
            f"{facts.title} shares {facts.n_key_value_heads} key-value heads among {facts.n_heads} heads, so no head "
            f"has a {recipe.component} of its own to patch a path into; use component q."
        )


def check_pairs(recipe: ActivationPatching | AttributionPatching | PathPatching) -> None:
    """Refuse to patch without a run to patch from, and noise that only some prompts have."""
    noise = recipe.noise if isinstance(recipe, ActivationPatching) else None
    if noise is not None and noise.prompts is not None:
        raise BadRecipe(
            f"The noise of causal tracing makes the corrupted run of every prompt, and prompts={list(noise.prompts)} "
            f"restrict it to some; drop them, or sweep those prompts alone."
        )
    alone = next((at for at, pair in enumerate(recipe.prompts) if pair.corrupted is None), None)
    if noise is None and alone is not None:
        raise BadRecipe(f"Prompt {alone} has no corrupted prompt to patch with; give one.")
