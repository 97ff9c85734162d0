"""What every source token offers each head, before attention weighs it: |v|, |v W_O|, and direct attribution at END.

A pattern alone overstates tokens whose values are small, typically the first one. `A |v|` and `A |v W_O|` say how much
arrives (Kobayashi et al. 2020, https://arxiv.org/abs/2004.10102); `A[END, k] (v_k W_O) . u / scale`, summed over k, is
the head's direct attribution (compute/direct_logit_attribution.py), so `attribution` is in logits, positive = towards
the answer. Values and scales are those of the run, interventions included. A value's bias is part of every token's v
(folded weights keep it in b_O instead), so rows that sum to 1 bring it in once.

Post-norm models (Gemma 2 and 3): what is added to the stream depends on the query's scale; it is END's here.
`attribution` is NaN without both answers, and where an intervention on z, attn_out or the stream replaces at END what
the head had read: then no source token wrote it. Not done: the pattern itself, queries other than END.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.direct_logit_attribution import centred_direction
from app.compute.effective import check_seen
from app.compute.held import for_prompt
from app.compute.metrics import logit_direction
from app.compute.normalization import post_norm
from app.compute.passes import Keep, at_end, everywhere
from app.compute.prompts import array, chosen_prompt
from app.compute.reading import ReadPrompt
from app.compute.report import Report, silent
from app.compute.runs import capture
from app.domain.attention_recipes import AttentionWeights
from app.domain.attention_results import AttentionWeightsResult
from app.domain.interventions import Interventions, replaced_at_end
from app.domain.models import ModelFacts, Provenance
from app.domain.recipes import recipe_json
from app.domain.sites import Site, within
from app.models.loaded import LoadedModel

FINAL_SCALE = "ln_final.hook_scale"


def attention_weights(
    model: LoadedModel,
    recipe: AttentionWeights,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> AttentionWeightsResult:
    """The three weights of every head of the asked layers (None = all) at every source token."""
    prompt = chosen_prompt(model, recipe, recipe.prompt, max_tokens)
    n_layers = model.facts.n_layers
    layers = tuple(range(n_layers)) if recipe.layers is None else tuple(dict.fromkeys(recipe.layers))
    within(layers, n_layers, "layers", model.facts.title)
    check_seen(model, (Site("v", layer) for layer in layers))
    report(0, 1)
    found = _weights(model, prompt, for_prompt(recipe.interventions, prompt.index), layers)
    names = ("value_norm", "output_norm", "attribution")
    return AttentionWeightsResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, layers=layers,
        str_tokens=prompt.clean.str_tokens, **dict(zip(names, map(array, found), strict=True)),
    )  # fmt: skip


def values_by_head(facts: ModelFacts, v: Float[Tensor, "pos n_key_value_heads d_head"]) -> Float[Tensor, "head pos d"]:
    """Values as each query head reads them: heads that share a key-value head have the same."""
    return v.float().repeat_interleave(facts.n_heads // v.shape[1], dim=1).transpose(0, 1)


def written(model: LoadedModel, layer: int, scale: Tensor | None) -> Float[Tensor, "head d_head d_model"]:
    """W_O as it reaches the residual stream: through the post-norm at one position's `scale` where there is one."""
    W_O, norm = model.bridge.blocks[layer].attn.W_O.float(), post_norm(model, layer)
    return W_O if norm is None or scale is None else norm.contribution(W_O, scale)


def _weights(
    model: LoadedModel, prompt: ReadPrompt, interventions: Interventions, layers: tuple[int, ...]
) -> Float[Tensor, "weight layer head src_pos"]:
    values = {layer: Site("v", layer).hook_name for layer in layers}
    scales = {layer: f"blocks.{layer}.ln1_post.hook_scale" for layer in layers}
    keep: dict[str, Keep] = dict.fromkeys(values.values(), everywhere)
    keep |= {name: at_end for name in (FINAL_SCALE, *scales.values()) if name in model.bridge.hook_dict}
    with model.lock:
        _, kept = capture(model, prompt.clean.ids, keep, interventions, prompt.corrupted_ids)
        along = _along(model, prompt, kept[FINAL_SCALE].float())
        found = [
            _of_layer(values_by_head(model.facts, kept[values[layer]]),
                      written(model, layer, kept.get(scales[layer])), along)
            for layer in layers
        ]  # fmt: skip
    weights = torch.stack(found, dim=1)
    for first, stop, heads in replaced_at_end(interventions, len(prompt.clean)):
        for at in (at for at, layer in enumerate(layers) if first <= layer < stop):
            weights[2, at, slice(None) if heads is None else list(heads)] = torch.nan
    return weights


def _along(model: LoadedModel, prompt: ReadPrompt, scale: Tensor) -> Float[Tensor, " d_model"]:
    """What a stream at END is multiplied with to give logits towards the answer; NaN without both answers."""
    if not prompt.answer_ids or not prompt.incorrect_ids:
        return torch.full((model.facts.d_model,), torch.nan, device=scale.device)
    u, _ = logit_direction(model, prompt.answer_ids, prompt.incorrect_ids)
    return centred_direction(model, u) / scale


def _of_layer(
    v: Float[Tensor, "head src_pos d_head"], W_O: Float[Tensor, "head d_head d_model"], along: Float[Tensor, " d_model"]
) -> Float[Tensor, "weight head src_pos"]:
    """Head by head, because all outputs of a layer are as large as all its heads' residual streams."""
    output_norm = torch.stack([(mine @ matrix).norm(dim=-1) for mine, matrix in zip(v, W_O, strict=True)])
    attribution = torch.einsum("hkd,hd->hk", v, W_O @ along)
    return torch.stack([v.norm(dim=-1), output_norm, attribution])
