"""The neurons of one MLP on a prompt, and what one of them reads and writes (docs/formulas.md).

Activations: mlp_post at every position. Direct attribution: `act_n W_out[n] . u / scale` at END, logits, positive =
towards the answer. Output: W_out[n] read by the final norm (at the run's own scale at END) and the unembedding, against
the vocabulary's mean: logits per unit of activation. Input: the activation that every token's embedding alone, through
the MLP's norm, would give; an approximation, because layers before change what the neuron reads.
Source: Geva et al. 2021, https://arxiv.org/abs/2012.14913 (MLPs as key-value memories).
Not done: what later layers make of the output; positions of learned embeddings in the input.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from app.compute.attention_weights import FINAL_SCALE
from app.compute.direct_logit_attribution import centred_direction
from app.compute.effective import check_seen
from app.compute.held import for_prompt
from app.compute.memo import once
from app.compute.metrics import logit_direction
from app.compute.neuron_outputs import neuron_outputs
from app.compute.normalization import affine_norm
from app.compute.passes import at_end, everywhere
from app.compute.prediction import check_top_k, token_strings
from app.compute.prompts import array, chosen_prompt
from app.compute.ranked import ranked_tokens
from app.compute.reading import ReadPrompt
from app.compute.replay_verify import replay_weights
from app.compute.replay_weights import Linear
from app.compute.report import Report, silent
from app.compute.runs import capture
from app.domain.errors import BadSite
from app.domain.interventions import mlps_replaced_at_end
from app.domain.models import Provenance
from app.domain.parts_recipes import Neurons
from app.domain.parts_results import NeuronsResult
from app.domain.recipes import recipe_json
from app.domain.sites import Site, within
from app.models.loaded import LoadedModel

UNKNOWN = "Which tokens excite it is not known for this model: {}."


def neurons(
    model: LoadedModel,
    recipe: Neurons,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> NeuronsResult:
    """All neurons of the layer, and one of them closely."""
    check_top_k(recipe.top_k, model)
    check_neuron(model, recipe.layer, recipe.neuron)
    prompt = chosen_prompt(model, recipe, recipe.prompt, max_tokens)
    report(0, 1)
    of_layer = replace(recipe, neuron=None)  # another neuron of it asks for no other pass
    with model.lock:
        seen = once(model, ("neurons", of_layer, max_tokens), lambda: _seen(model, prompt, recipe))
        neuron = _chosen(recipe, seen.activations, seen.attribution)
        promoted, best, suppressed, worst = ranked_tokens(model, seen.outputs[neuron][None], recipe.top_k)
        note, excited, exciting = _exciting(model, recipe.layer, neuron, recipe.top_k)
    return NeuronsResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, layer=recipe.layer, neuron=neuron, note=note,
        str_tokens=prompt.clean.str_tokens, activations=array(seen.activations), attribution=array(seen.attribution),
        promoted_tokens=token_strings(model, best[0]), promoted_logits=array(promoted[0]),
        suppressed_tokens=token_strings(model, worst[0]), suppressed_logits=array(suppressed[0]),
        exciting_tokens=token_strings(model, exciting), exciting_activations=array(excited),
    )  # fmt: skip


def check_neuron(model: LoadedModel, layer: int, neuron: int | None) -> None:
    """Refuse a layer or a neuron that the model does not have."""
    if model.facts.d_mlp is None:
        raise BadSite(f"{model.facts.title} has no MLPs, so there are no neurons; look at heads instead.")
    within((layer,), model.facts.n_layers, "layers", model.facts.title)
    within(() if neuron is None else (neuron,), model.facts.d_mlp, "neurons per layer", model.facts.title)
    check_seen(model, (Site("mlp_post", layer),))


@dataclass(frozen=True, eq=False)
class _Seen:
    """Of one run and layer: activations, attributions, and what each writes per unit, as the unembedding reads it."""

    activations: Float[Tensor, "pos neuron"]
    attribution: Float[Tensor, " neuron"]
    outputs: Float[Tensor, "neuron d_model"]

    @property
    def nbytes(self) -> int:
        """For the bound of what a model remembers."""
        return self.activations.nbytes + self.attribution.nbytes + self.outputs.nbytes


def _seen(model: LoadedModel, prompt: ReadPrompt, recipe: Neurons) -> _Seen:
    ids, mine = prompt.clean.ids, for_prompt(recipe.interventions, prompt.index)
    post, act = f"blocks.{recipe.layer}.ln2_post.hook_scale", Site("mlp_post", recipe.layer).hook_name
    keep = {act: everywhere, FINAL_SCALE: at_end} | ({post: at_end} if post in model.bridge.hook_dict else {})
    _, kept = capture(model, ids, keep, mine, prompt.corrupted_ids)
    activations, scale = kept[act].float(), kept[FINAL_SCALE].float()
    W_out, _ = neuron_outputs(model, recipe.layer, kept[post].float() if post in kept else None)
    norm = affine_norm(model.bridge.ln_final, model.facts.d_model, W_out)
    attribution = torch.full_like(activations[-1], torch.nan)
    if prompt.answer_ids and prompt.incorrect_ids and recipe.layer not in mlps_replaced_at_end(mine, len(ids)):
        u, _ = logit_direction(model, prompt.answer_ids, prompt.incorrect_ids)
        attribution = activations[-1] * (W_out @ (centred_direction(model, u) / scale))
    return _Seen(activations, attribution, norm.contribution(W_out, scale))


def _chosen(recipe: Neurons, activations: Float[Tensor, "pos neuron"], attribution: Float[Tensor, " neuron"]) -> int:
    if recipe.neuron is not None:
        return recipe.neuron
    size = activations.abs().amax(0) if attribution.isnan().any() else attribution.abs()
    return int(size.argmax())


def _exciting(
    model: LoadedModel, layer: int, neuron: int, top_k: int
) -> tuple[str, Float[Tensor, " rank"], Float[Tensor, " rank"]]:
    """Why they are not known, and activations and ids of the tokens whose embedding alone excites the neuron most."""
    weights = replay_weights(model)
    block = None if isinstance(weights, str) else weights.blocks[layer]
    if isinstance(weights, str) or block is None or block.mlp is None:
        return UNKNOWN.format(weights), torch.zeros(0), torch.zeros(0, dtype=torch.long)
    embedded = weights.W_E * weights.embed_scale
    read = embedded if block.ln2 is None else block.ln2(embedded)

    def of_neuron(layer: Linear) -> Float[Tensor, " d_vocab"]:
        one = slice(neuron, neuron + 1)
        return functional.linear(read, layer.weight[one], None if layer.bias is None else layer.bias[one])[:, 0]

    up = of_neuron(block.mlp.up)
    found = block.mlp.act(up) if block.mlp.gate is None else block.mlp.act(of_neuron(block.mlp.gate)) * up
    excited, exciting = found.topk(top_k)
    return "", excited, exciting
