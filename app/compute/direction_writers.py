"""Who writes a direction: the projection of one place of the residual stream as a sum (docs/formulas.md).

`resid_post[l] . d = embed . d + pos_embed . d + sum (attn_out + mlp_out) . d`, each attn_out as its heads and its bias
(compute/decomposition.py), each MLP as neurons: `post_n (W_out[n] . d)`. `d` has length 1 and nothing is divided by a
norm's scale, so all of it is in units of the residual stream: positive = along the direction. The sum of the
components, and what interventions put there (`unwritten`), is the projection itself, which is read apart, so that the
error shows.
Source: Elhage et al. 2021; TransformerLens `decompose_resid`. Not done: what earlier components did to later ones.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from app.compute.decomposition import decompose
from app.compute.directions import made
from app.compute.effective import check_seen
from app.compute.held import for_prompt
from app.compute.normalization import post_norm
from app.compute.prompts import array, read_prompts
from app.compute.reading import ReadPrompt
from app.compute.report import Report, silent
from app.compute.runs import capture, run
from app.domain.direction_recipes import DirectionWriters, check_place
from app.domain.direction_results import DirectionWritersResult
from app.domain.interventions import mlps_replaced_at_end
from app.domain.models import Provenance
from app.domain.recipes import recipe_json
from app.domain.sites import Site
from app.models.loaded import LoadedModel


@dataclass(frozen=True, eq=False)
class _Written:
    """One prompt's sum. Arrays by layer have the layers up to the place."""

    labels: tuple[str, ...]
    components: Float[Tensor, " component"]
    unwritten: Float[Tensor, ""]
    heads: Float[Tensor, "layer head"]
    attn_bias: Float[Tensor, " layer"]
    neuron_index: Int[Tensor, "layer rank"]
    neurons: Float[Tensor, "layer rank"]
    projection: Float[Tensor, ""]


def direction_writers(
    model: LoadedModel,
    recipe: DirectionWriters,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> DirectionWritersResult:
    """The sum at the place, for every prompt."""
    prompts, found = read_prompts(model, recipe, max_tokens), []
    check_place(model.facts, recipe, tuple(len(prompt.clean) for prompt in prompts))
    along, n_layers = made(model, recipe.direction).unit, model.facts.n_layers
    layers = n_layers if recipe.layer is None else recipe.layer + 1
    for done, prompt in enumerate(prompts):
        report(done, len(prompts))
        found.append(_of_prompt(model, prompt, recipe, along, layers))
    stack = {name: torch.stack([getattr(each, name) for each in found]) for name in _STACKED}
    places = [_place(prompt, recipe) for prompt in prompts]
    beyond = n_layers - layers
    index = torch.nn.functional.pad(stack.pop("neuron_index"), (0, 0, 0, beyond), value=-1)
    return DirectionWritersResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, direction=str(recipe.direction),
        layer=layers - 1, positions=tuple(places), component_labels=found[0].labels,
        tokens=tuple(each.clean.str_tokens[at] for each, at in zip(prompts, places, strict=True)),
        neuron_index=index.int().cpu().numpy(),
        **{name: array(_later(name, value, beyond)) for name, value in stack.items()},
    )  # fmt: skip


_STACKED = ("components", "unwritten", "heads", "attn_bias", "neuron_index", "neurons", "projection")


def _later(name: str, value: Tensor, beyond: int) -> Tensor:
    """Arrays by layer, with NaN for the layers after the place."""
    sides = {"heads": (0, 0, 0, beyond), "neurons": (0, 0, 0, beyond), "attn_bias": (0, beyond)}.get(name)
    return value if sides is None else torch.nn.functional.pad(value, sides, value=float("nan"))


def _place(prompt: ReadPrompt, recipe: DirectionWriters) -> int:
    return len(prompt.clean) - 1 if recipe.position is None else recipe.position


def _of_prompt(
    model: LoadedModel, prompt: ReadPrompt, recipe: DirectionWriters, along: Float[Tensor, " d_model"], layers: int
) -> _Written:
    at, mine = _place(prompt, recipe), for_prompt(recipe.interventions, prompt.index)
    with model.lock:
        parts = decompose(model, prompt.clean.ids, mine, prompt.corrupted_ids, at, layers)
        stream = run(model, prompt.clean.ids, mine, prompt.corrupted_ids, at).resid_post[layers - 1, at]
        index, neurons = _neurons(model, prompt, recipe, along, layers)
    return _Written(
        parts.labels, parts.components @ along, parts.unwritten @ along, parts.heads @ along, parts.attn_bias @ along,
        index, neurons, stream @ along,
    )  # fmt: skip


def _neurons(
    model: LoadedModel, prompt: ReadPrompt, recipe: DirectionWriters, along: Float[Tensor, " d_model"], layers: int
) -> tuple[Int[Tensor, "layer rank"], Float[Tensor, "layer rank"]]:
    """The neurons of every MLP that write most along the direction; none where there are no MLPs, -1 and NaN where an
    intervention put something else in the MLP's place."""
    count = min(recipe.neurons, model.facts.d_mlp or 0)
    if not count:
        return torch.zeros(layers, 0, dtype=torch.int), torch.zeros(layers, 0)
    sites = [Site("mlp_post", layer) for layer in range(layers)]
    check_seen(model, sites)
    at, mine = _place(prompt, recipe), for_prompt(recipe.interventions, prompt.index)
    scales = [f"blocks.{layer}.ln2_post.hook_scale" for layer in range(layers)]
    names = [*(site.hook_name for site in sites), *(name for name in scales if name in model.bridge.hook_dict)]
    _, kept = capture(model, prompt.clean.ids, {name: lambda x: x[:, at] for name in names}, mine, prompt.corrupted_ids)
    written = [_of_mlp(model, layer, along, kept[site.hook_name].float(), kept.get(scale))
               for layer, site, scale in zip(range(layers), sites, scales, strict=True)]  # fmt: skip
    top = torch.stack([each.abs().topk(count).indices for each in written])
    values = torch.stack(written).gather(1, top)
    for layer in mlps_replaced_at_end(mine, at + 1):  # what stands there, no neuron wrote
        top[layer : layer + 1], values[layer : layer + 1] = -1, torch.nan
    return top, values


def _of_mlp(
    model: LoadedModel,
    layer: int,
    along: Float[Tensor, " d_model"],
    post: Float[Tensor, " d_mlp"],
    scale: Tensor | None,
) -> Float[Tensor, " d_mlp"]:
    """`post_n (W_out[n] . d)`, through a post-norm at its scale where the model has one."""
    W_out, norm = model.bridge.blocks[layer].mlp.W_out.float(), post_norm(model, layer, "ln2_post")
    if norm is not None and scale is not None:
        W_out = norm.contribution(W_out, scale.float())
    return post * (W_out @ along)
