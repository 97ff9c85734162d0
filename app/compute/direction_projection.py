"""Where a direction is in a run: `a . d` of an activation at every layer and position (docs/formulas.md).

`d` has length 1, so the projection is in units of the residual stream: positive = along the direction, 0 = at right
angles to it; `normalised` divides by the activation's own length and is the cosine, -1 to 1. The activation is read
as the run has it, before any norm and interventions included; `attn_out` and `mlp_out` are what is added to the stream.
Projections of resid_pre, attn_out and mlp_out add up to that of resid_post.
Source: Elhage et al. 2021 (directions of the residual stream). Not done: subspaces of several directions.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.directions import made
from app.compute.effective import check_seen
from app.compute.held import for_prompt
from app.compute.prompts import array, padded, read_prompts
from app.compute.reading import ReadPrompt
from app.compute.report import Report, silent
from app.compute.runs import capture_each
from app.domain.direction_recipes import DirectionDistribution, DirectionProjection, check_place
from app.domain.direction_results import DirectionProjectionResult
from app.domain.models import Provenance
from app.domain.recipes import recipe_json
from app.domain.results import Floats
from app.domain.sites import Site
from app.models.loaded import LoadedModel

TOGETHER = 32
"""Prompts between two reports."""


def direction_projection(
    model: LoadedModel,
    recipe: DirectionProjection,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> DirectionProjectionResult:
    """The projection of every layer and position of every prompt."""
    prompts = read_prompts(model, recipe, max_tokens)
    check_place(model.facts, recipe, tuple(len(prompt.clean) for prompt in prompts))
    found = projections(model, recipe, prompts, report)
    return DirectionProjectionResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, direction=str(recipe.direction),
        activation=recipe.activation, normalised=recipe.normalised,
        str_tokens=padded([prompt.clean for prompt in prompts]), projection=_stacked(found),
    )  # fmt: skip


def projections(
    model: LoadedModel,
    recipe: DirectionProjection | DirectionDistribution,
    prompts: Sequence[ReadPrompt],
    report: Report = silent,
) -> list[Float[Tensor, "layer pos"]]:
    """Of every prompt's run, under the interventions that are for it."""
    sites = [Site(recipe.activation, layer) for layer in range(model.facts.n_layers)]
    check_seen(model, sites)
    along = _read_along(made(model, recipe.direction).unit, recipe.normalised)
    keep = {site.hook_name: along for site in sites}
    found: list[Tensor] = []
    for begin in range(0, len(prompts), TOGETHER):
        report(begin, len(prompts))
        some = prompts[begin : begin + TOGETHER]
        asked = [(each.clean.ids, for_prompt(recipe.interventions, each.index), each.corrupted_ids) for each in some]
        kept = capture_each(model, asked, keep)
        found += [torch.stack([each[site.hook_name] for site in sites]) for each in kept]
    return found


def _read_along(unit: Float[Tensor, " d_model"], normalised: bool) -> Callable[[Tensor], Tensor]:
    """`[row pos d_model]` -> `[row pos]`, in the hook, so that no activation is kept; a zero activation has cosine
    0."""

    def along(activation: Tensor) -> Tensor:
        activation = activation.float()
        found = activation @ unit
        return found / activation.norm(dim=-1).clamp(min=1e-12) if normalised else found

    return along


def _stacked(found: Sequence[Float[Tensor, "layer pos"]]) -> Floats:
    """`[prompt layer position]`, NaN beyond a prompt's end."""
    length = max(each.shape[-1] for each in found)
    return np.stack(
        [np.pad(array(each), ((0, 0), (0, length - each.shape[-1])), constant_values=np.nan) for each in found]
    )
