"""What each head writes at one position along a direction (docs/formulas.md).

`(z[l,h] W_O[l,h]) . d`, in units of the residual stream; after a post-norm as it is added. `d` has length 1: any
direction (compute/directions.py), or that of mean `W_U[:, tokens]` - mean `W_U[:, minus]`, without `minus` of all
tokens' mean, with the final norm's weight folded in and centred where it centres, so that it is the same with raw and
folded weights; with raw ones a head also writes its value bias. Positive = along it, towards `tokens`; 0 = at right
angles to it. Unlike direct attribution it is not divided by the final scale, is of any position, and needs no answers.
What interventions on attn_out or the stream make of a head's output afterwards is not counted.
Source: Elhage et al. 2021, as direct logit attribution.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.directions import made
from app.compute.effective import check_seen
from app.compute.head_outputs import head_outputs
from app.compute.normalization import affine_norm
from app.compute.prompts import array, read_prompts
from app.compute.reading import Ids
from app.compute.report import Report, silent
from app.domain.errors import BadRecipe
from app.domain.head_recipes import HeadProjection, check_heads
from app.domain.head_results import HeadProjectionResult
from app.domain.models import Provenance
from app.domain.recipes import recipe_json
from app.domain.sites import Site
from app.models.loaded import LoadedModel
from app.models.tokens import answer_ids


def head_projection(
    model: LoadedModel,
    recipe: HeadProjection,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> HeadProjectionResult:
    """The projection of every head on every prompt, one forward pass for each."""
    check_seen(model, (Site("z", layer) for layer in range(model.facts.n_layers)))
    along = _along(model, recipe)
    prompts, found = read_prompts(model, recipe, max_tokens), []
    check_heads(model.facts, recipe, tuple(len(prompt.clean) for prompt in prompts))
    for done, prompt in enumerate(prompts):
        report(done, len(prompts))
        written, _ = head_outputs(model, prompt, recipe.interventions, recipe.position)
        found.append(written @ along)
    return HeadProjectionResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, projection=array(torch.stack(found))
    )


def _along(model: LoadedModel, recipe: HeadProjection) -> Float[Tensor, " d_model"]:
    if recipe.direction is not None:
        return made(model, recipe.direction).unit
    return token_direction(model, answer_ids(model, recipe.tokens), answer_ids(model, recipe.minus))


def token_direction(model: LoadedModel, tokens: Ids, minus: Ids) -> Float[Tensor, " d_model"]:
    """The unit vector from `minus` (none: the mean of the vocabulary) to `tokens`, as the residual stream has it."""
    with model.lock:
        W_U = model.bridge.W_U.float()
        norm = affine_norm(model.bridge.ln_final, model.facts.d_model, W_U)
        raw = W_U[:, list(tokens)].mean(-1) - (W_U[:, list(minus)] if minus else W_U).mean(-1)
    found = norm.folded_into(raw[:, None])[:, 0]
    if not found.norm() > 0:
        raise BadRecipe("tokens and minus are the same, so there is no direction between them; choose others.")
    return found / found.norm()
