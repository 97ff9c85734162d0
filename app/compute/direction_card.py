"""What one direction is: its vector, the tokens nearest to it, its cosine with other directions (docs/formulas.md).

Tokens by unembedding: `d̂` read by the final norm with a scale of 1 (gain, and centring where the norm centres) and W_U,
minus the vocabulary's mean: logits per unit of the direction, positive = promoted. A run's own logits move by that over
its final scale. Tokens by embedding: cosine with the rows of W_E. Other directions that cannot be made on this model
have no cosine and say why.
Not done: what later layers make of the direction.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.directions import MadeDirection, made
from app.compute.normalization import affine_norm
from app.compute.prediction import check_top_k, token_strings
from app.compute.prompts import array
from app.compute.ranked import ranked_tokens
from app.compute.report import Report, silent
from app.domain.direction_card import DirectionCard, DirectionCardResult
from app.domain.directions import AnyDirection
from app.domain.errors import MicrotomeError
from app.domain.models import Provenance
from app.domain.recipes import recipe_json
from app.models.loaded import LoadedModel

SHORTEST = 1e-12


def direction_card(
    model: LoadedModel,
    recipe: DirectionCard,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> DirectionCardResult:
    """The card of `recipe.direction`."""
    check_top_k(recipe.top_k, model)
    found = made(model, recipe.direction)
    promoted, best, suppressed, worst = ranked_tokens(model, _read(model, found.unit)[None], recipe.top_k)
    nearest = _embedding_cosines(model, found.unit).topk(recipe.top_k)
    facts = {"length": float(found.vector.norm()), **found.facts}
    compared = [_cosine(model, found, each.direction) for each in recipe.others]
    return DirectionCardResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, vector=array(found.vector),
        fact_names=tuple(facts), facts=np.array(list(facts.values()), np.float32),
        promoted_tokens=token_strings(model, best[0]), promoted_logits=array(promoted[0]),
        suppressed_tokens=token_strings(model, worst[0]), suppressed_logits=array(suppressed[0]),
        nearest_tokens=token_strings(model, nearest.indices), nearest_cosines=array(nearest.values),
        other_names=tuple(each.name for each in recipe.others), other_notes=tuple(why for _, why in compared),
        cosines=np.array([cosine for cosine, _ in compared], np.float32),
    )  # fmt: skip


def _read(model: LoadedModel, unit: Float[Tensor, " d_model"]) -> Float[Tensor, " d_model"]:
    """As the unembedding reads it, at a final scale of 1."""
    with model.lock:
        norm = affine_norm(model.bridge.ln_final, model.facts.d_model, unit)
    return norm.contribution(unit, torch.ones(1).to(unit))


def _embedding_cosines(model: LoadedModel, unit: Float[Tensor, " d_model"]) -> Float[Tensor, " d_vocab"]:
    with model.lock:
        rows = model.bridge.W_E.float()
    return rows @ unit / rows.norm(dim=-1).clamp(min=SHORTEST)


def _cosine(model: LoadedModel, found: MadeDirection, other: AnyDirection) -> tuple[float, str]:
    """With another direction, or NaN and why there is none."""
    try:
        return float(found.unit @ made(model, other).unit), ""
    except MicrotomeError as why:
        return float("nan"), str(why)
