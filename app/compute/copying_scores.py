"""Copying scores: whether a head's OV circuit writes what it reads, from the weights alone (docs/formulas.md).

`Re(sum of eigenvalues) / sum |eigenvalues|` of `OV = W_V W_O` (`copying`) and of `W_E OV W_U` (`copying_full`): 1 = all
eigenvalues positive real, so attended tokens are raised; -1 = all negative; random matrices are near 0. The nonzero
eigenvalues of `A B` are those of `B A`, so d_head x d_head matrices are enough, `W_O W_V` and `W_O (W_U W_E) W_V`;
nothing of the size of the vocabulary squared is made. Eigenvalues in float64.

Norms are folded here, whatever the weights' processing: ln1 into W_V, a post-norm into W_O, the final norm into W_U,
each centred where the norm centres, and W_U centred over the vocabulary (a shift of all logits means nothing). Scales
of norms, all positive, are left out. Source: Elhage et al. 2021 (https://transformer-circuits.pub/2021/framework),
TransformerLens' Main Demo and `FactoredMatrix.eigenvalues`.
Not done: position embeddings, MLP0 as part of the embedding. A copying head is not a name mover (docs/formulas.md).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.folded_weights import folded_ov
from app.compute.normalization import affine_norm
from app.compute.prompts import array
from app.compute.report import Report, silent
from app.domain.head_recipes import CopyingScores
from app.domain.head_results import CopyingScoresResult
from app.domain.models import Provenance
from app.domain.recipes import recipe_json
from app.models.loaded import LoadedModel


def copying_scores(
    model: LoadedModel,
    recipe: CopyingScores,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> CopyingScoresResult:
    """Both scores of every head."""
    embedded, found = _unembed_of_embed(model), []
    for layer in range(model.facts.n_layers):
        report(layer, model.facts.n_layers)
        W_V, W_O = folded_ov(model, layer)
        found.append(torch.stack([_score(W_O @ W_V), _score(W_O @ embedded @ W_V)]))
    copying, full = array(torch.stack(found, 1))
    return CopyingScoresResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, copying=copying, copying_full=full
    )


def _score(matrices: Float[Tensor, "head d_head d_head"]) -> Float[Tensor, " head"]:
    """Re(sum) / sum of magnitudes of each matrix' eigenvalues."""
    eigenvalues = torch.linalg.eigvals(matrices.double().cpu())  # CPU: float64 is missing on mps and slow on cuda
    return eigenvalues.sum(-1).real / eigenvalues.abs().sum(-1)


def _unembed_of_embed(model: LoadedModel) -> Float[Tensor, "d_model d_model"]:
    """`W_U W_E`."""
    with model.lock:
        W_E, W_U = model.bridge.W_E.float(), model.bridge.W_U.float()
        W_U = affine_norm(model.bridge.ln_final, model.facts.d_model, W_U).folded_into(W_U)
        return (W_U - W_U.mean(-1, keepdim=True)) @ W_E
