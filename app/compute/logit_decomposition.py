"""The logit difference as one sum at every level: layers, sublayers, heads, heads by source token, neurons.

`part = centre(c) / scale . u`, c what the part wrote to the residual stream at END, u the direction of the logit
difference with the final norm folded in: logits, positive = towards the answer (docs/formulas.md). A head by source
token: `A[END, k] (v_k W_O)`; a neuron: `act_n W_out[n]`. A value's bias is part of every token's v.

`scale` is the final norm's at END: the run's `own`, so that the parts sum to its logit difference, or the `baseline`'s,
so that a difference of runs is of what was written alone; what the changed scale does to the sum is then `rescaling`.
Before a final soft cap; post-norms (Gemma 2 and 3) at the run's own scale.
Source: Elhage et al. 2021; TransformerLens `logit_attrs`, `stack_head_results`, `stack_neuron_results`.
Not done: neurons of mixtures of experts; tokens that are read further back than one head.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.attention_weights import values_by_head, written
from app.compute.decomposition import Decomposition, decompose
from app.compute.direct_logit_attribution import centred_direction
from app.compute.effective import check_seen
from app.compute.held import for_prompt
from app.compute.metrics import logit_diff, logit_direction
from app.compute.neuron_outputs import neuron_outputs
from app.compute.passes import Keep, at_end, everywhere
from app.compute.prompts import array, each_prompt, run_of
from app.compute.reading import ReadPrompt
from app.compute.report import Report, silent
from app.compute.runs import capture
from app.domain.errors import BadSite
from app.domain.interventions import Interventions, adds, mlps_replaced_at_end, replaced_at_end
from app.domain.models import Provenance
from app.domain.parts_recipes import LogitDecomposition
from app.domain.parts_results import REMAINDERS, LogitDecompositionResult
from app.domain.recipes import recipe_json
from app.domain.results import Floats
from app.domain.sites import Site
from app.models.loaded import LoadedModel

MOST_BYTES = 64 * 2**20
"""Of tokens, and of neurons, in one result: of the prompts beyond there are sublayers and heads."""


def logit_decomposition(
    model: LoadedModel,
    recipe: LogitDecomposition,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> LogitDecompositionResult:
    """All levels for every prompt; refuses prompts without both answers."""
    notes = _lacking(model, ("v", "pattern")), _lacking(model, ("mlp_post",))
    prompts = each_prompt(model, recipe, report, max_tokens, answers=True, plain=recipe.scale == "baseline")
    tokens, found = list[tuple[str, ...]](), list[_Parts]()
    for prompt in prompts:
        found.append(_parts(model, prompt, recipe, (not notes[0], not notes[1]), found))
        tokens.append(prompt.clean.str_tokens)
    sources = [each.sources for each in found if each.sources is not None]
    neurons = [each.neurons for each in found if each.neurons is not None]
    every = {name: np.stack([array(getattr(each, name)) for each in found])
             for name in ("components", "heads", "attn_bias", "mlp_bias", "logit_diff")}  # fmt: skip
    return LogitDecompositionResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, component_labels=found[0].labels,
        source_note=notes[0], neuron_note=notes[1], str_tokens=_token_rows(tokens[: len(sources)]),
        sources=_padded(model, sources), **every,
        neurons=np.stack([array(each) for each in neurons]) if neurons else _none(model, model.facts.d_mlp or 0),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Parts:
    """Of one prompt; `sources` and `neurons` None where there are none or no room for them."""

    labels: tuple[str, ...]
    components: Float[Tensor, " component"]
    heads: Float[Tensor, "layer head"]
    attn_bias: Float[Tensor, " layer"]
    mlp_bias: Float[Tensor, " layer"]
    sources: Float[Tensor, "layer head src_pos"] | None
    neurons: Float[Tensor, "layer neuron"] | None
    logit_diff: Float[Tensor, ""]


def _parts(
    model: LoadedModel, prompt: ReadPrompt, recipe: LogitDecomposition, shown: tuple[bool, bool], so_far: list[_Parts]
) -> _Parts:
    mine = for_prompt(recipe.interventions, prompt.index)
    with model.lock:
        parts = decompose(model, prompt.clean.ids, mine, prompt.corrupted_ids)
        along, remainders, total = _read(model, prompt, recipe, mine, parts)
        components = torch.cat([parts.components @ along, remainders])
        heads = parts.heads @ along
        kept = _kept(model, prompt, mine, shown)
        of_labels = dict(zip(parts.labels, components.tolist(), strict=False))
        neurons, mlp_bias = _neurons(model, kept, along, mine, len(prompt.clean), of_labels)
        sources = _sources(model, kept, along, mine, len(prompt.clean), heads) if shown[0] else None
    sources = _fitting(sources, [each.sources for each in so_far])
    neurons = _fitting(neurons, [each.neurons for each in so_far])
    labels = (*parts.labels, *REMAINDERS)
    return _Parts(labels, components, heads, parts.attn_bias @ along, mlp_bias, sources, neurons, total)


def _read(
    model: LoadedModel, prompt: ReadPrompt, recipe: LogitDecomposition, mine: Interventions, parts: Decomposition
) -> tuple[Float[Tensor, " d_model"], Float[Tensor, " remainder"], Float[Tensor, ""]]:
    """What a part is multiplied with, the REMAINDERS, and the logit difference."""
    found = run_of(model, prompt, mine)
    u, bias = logit_direction(model, prompt.answer_ids, prompt.incorrect_ids)
    direction = centred_direction(model, u)
    scale = found.final_scale if recipe.scale == "own" else run_of(model, prompt).final_scale
    rescaling = found.resid_post[-1, -1] @ direction * (1 / found.final_scale - 1 / scale)
    remainders = torch.stack([parts.unwritten @ direction / scale, rescaling, torch.full_like(rescaling, bias)])
    total = logit_diff(found.linear_logits[None], prompt.answer_ids, prompt.incorrect_ids)[0]
    return direction / scale, remainders[:, 0], total


def _kept(
    model: LoadedModel, prompt: ReadPrompt, mine: Interventions, shown: tuple[bool, bool]
) -> dict[str, Float[Tensor, "..."]]:
    """Values, the pattern's last row, neurons and post-norm scales of every layer, interventions included."""
    layers = range(model.facts.n_layers)
    keep: dict[str, Keep] = {}
    for layer in layers if shown[0] else ():
        keep |= {Site("v", layer).hook_name: everywhere, Site("pattern", layer).hook_name: lambda x: x[:, :, -1]}
    keep |= {Site("mlp_post", layer).hook_name: at_end for layer in layers if shown[1]}
    keep |= {f"blocks.{layer}.{norm}.hook_scale": at_end for layer in layers for norm in ("ln1_post", "ln2_post")}
    keep = {name: part for name, part in keep.items() if name in model.bridge.hook_dict}
    _, kept = capture(model, prompt.clean.ids, keep, mine, prompt.corrupted_ids)
    return {name: value.float() for name, value in kept.items()}


def _sources(
    model: LoadedModel,
    kept: dict[str, Tensor],
    along: Float[Tensor, " d_model"],
    mine: Interventions,
    n_positions: int,
    heads: Float[Tensor, "layer head"],
) -> Float[Tensor, "layer head src_pos"]:
    """`A[END, k] (v_k W_O) . along`; NaN where an intervention replaced the head's output, 0 where that is 0."""

    def of_layer(layer: int) -> Float[Tensor, "head src_pos"]:
        v = values_by_head(model.facts, kept[Site("v", layer).hook_name])
        W_O = written(model, layer, kept.get(f"blocks.{layer}.ln1_post.hook_scale"))
        return kept[Site("pattern", layer).hook_name] * torch.einsum("hkd,hd->hk", v, W_O @ along)

    found = torch.stack([of_layer(layer) for layer in range(model.facts.n_layers)])
    for first, stop, replaced in replaced_at_end(mine, n_positions):
        found[first:stop, slice(None) if replaced is None else list(replaced)] = torch.nan
    return torch.where(found.isnan() & (heads == 0)[..., None], 0.0, found)


def _neurons(
    model: LoadedModel,
    kept: dict[str, Tensor],
    along: Float[Tensor, " d_model"],
    mine: Interventions,
    n_positions: int,
    written: dict[str, float],
) -> tuple[Float[Tensor, "layer neuron"] | None, Float[Tensor, " layer"]]:
    """`act_n W_out[n] . along`, and the bias; NaN and 0 where an intervention replaced the MLP's output."""
    n_layers = model.facts.n_layers
    nothing = torch.zeros(n_layers, device=along.device)
    if not all(Site("mlp_post", layer).hook_name in kept for layer in range(n_layers)):
        return None, nothing
    found: list[Tensor] = []
    bias = nothing.clone()
    for layer in range(n_layers):
        W_out, b_out = neuron_outputs(model, layer, kept.get(f"blocks.{layer}.ln2_post.hook_scale"))
        found.append(kept[Site("mlp_post", layer).hook_name] * (W_out @ along))
        bias[layer] = b_out @ along
    for layer in mlps_replaced_at_end(mine, n_positions):
        empty = written[f"L{layer}.mlp"] == 0
        found[layer], bias[layer] = torch.full_like(found[layer], 0.0 if empty else torch.nan), 0.0
    for layer in {each.site.layer for each in mine if adds(each) and each.site.activation == "mlp_out"}:
        bias[layer] = written[f"L{layer}.mlp"] - found[layer].sum()  # what is added there, no neuron wrote
    return torch.stack(found), bias


def _lacking(model: LoadedModel, activations: tuple[str, ...]) -> str:
    """Why a level is not there; empty where it is."""
    layers = range(model.facts.n_layers)
    if "mlp_post" in activations and model.facts.d_mlp is None:
        return f"{model.facts.title} has no MLPs, so there are no neurons."
    try:
        check_seen(model, (Site(name, layer) for name in activations for layer in layers))  # pyright: ignore[reportArgumentType]  # the two literals above
    except BadSite as why:
        return str(why)
    return ""


def _fitting(values: Tensor | None, before: Sequence[Tensor | None]) -> Tensor | None:
    """On the CPU, where there is still room for it and every prompt before had it."""
    if values is None or any(each is None for each in before):
        return None
    used = sum(each.nbytes for each in before if each is not None)
    return values.float().cpu() if not before or used + values.nbytes <= MOST_BYTES else None


def _padded(model: LoadedModel, sources: Sequence[Tensor]) -> Floats:
    """`[prompt layer head source_position]`, NaN after the end of shorter prompts."""
    longest = max((each.shape[-1] for each in sources), default=0)
    shape = len(sources), model.facts.n_layers, model.facts.n_heads, longest
    whole = np.full(shape, np.nan, dtype=np.float32)
    for at, each in enumerate(sources):
        whole[at, ..., : each.shape[-1]] = array(each)
    return whole


def _none(model: LoadedModel, width: int) -> Floats:
    return np.zeros((0, model.facts.n_layers, width), dtype=np.float32)


def _token_rows(tokens: Sequence[tuple[str, ...]]) -> np.ndarray:
    """One row per prompt, filled up with empty text."""
    longest = max(map(len, tokens), default=0)
    filled: Callable[[tuple[str, ...]], list[str]] = lambda row: [*row, *[""] * (longest - len(row))]  # noqa: E731
    return np.array([filled(row) for row in tokens], dtype=str).reshape(len(tokens), longest)
