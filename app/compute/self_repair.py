"""Self-repair: what the rest of the model makes up for when something is taken away (docs/formulas.md).

Direct attributions to the logit difference are read in the run without and in the run with the interventions, each
with its own final scale. What an intervention takes away is `removed`: the change of the attribution of what it
changes, with everything before it and the final scale as they were; negative where that helped the answer. For a head
ablated at z that is -DLA(head), plus the DLA of what stands there instead. For other activations inside a sublayer
(q, k, v, pattern, mlp_post, ...) it is the change of that sublayer's heads, or of its MLP, in a run where these alone
are changed; for attn_out, mlp_out and the stream it is the change of everything that is overwritten at END. An
intervention that leaves END's stream alone takes nothing away directly: all it does is in the parts.

`after - before - removed` is what was repaired (positive: towards the answer), and it is the sum of the parts:
`rescaling`, everything left, enlarged by a final scale that shrank: (before - bias + removed) (before/after scale - 1);
`heads` and `mlps`, the further changes of their attributions, at the scale after. In models with a post-norm, `heads`
has what it does to the heads that are left, and `attn_bias` what it does to b_O. Parts that are zero in every prompt
are left out, but for the first. All of it is before any output transform (Gemma's soft cap).
Source: McGrath et al. 2023, https://arxiv.org/abs/2307.15771; Rushing and Nanda 2024, https://arxiv.org/abs/2402.15390.
Not done: which component each repair reacts to.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.decomposition import attention_parts
from app.compute.direct_logit_attribution import attributions, centred_direction
from app.compute.held import for_prompt
from app.compute.metrics import logit_direction
from app.compute.normalization import post_norm
from app.compute.prompts import ReadPrompt, array, each_prompt, run_of
from app.compute.report import Report, silent
from app.compute.runs import Run
from app.domain.interventions import AnyIntervention, GaussianNoise, Interventions, frozen
from app.domain.models import Provenance
from app.domain.recipes import SelfRepair, recipe_json
from app.domain.results import SelfRepairResult
from app.models.loaded import LoadedModel

_IN_ATTENTION = ("q", "k", "v", "pattern", "z")
_IN_MLP = ("mlp_pre", "mlp_post")
_STREAM = ("resid_pre", "resid_mid", "resid_post")
ROUNDING = 1e-5
"""Logits: a part that is smaller in every prompt is the rounding of float32 sums."""


@dataclass(frozen=True, eq=False)
class _Shares:
    """Attributions of everything that is written at END; `rest` is what no component wrote. No constant."""

    heads: Float[Tensor, "layer head"]
    attn_bias: Float[Tensor, " layer"]
    mlps: Float[Tensor, " layer"]
    embed: Float[Tensor, " embedding"]
    rest: Float[Tensor, ""]

    def map(self, of: Callable[..., Tensor], *others: "_Shares") -> "_Shares":
        """`of` field by field."""
        return _Shares(**{name: of(value, *(vars(o)[name] for o in others)) for name, value in vars(self).items()})

    @property
    def total(self) -> Float[Tensor, ""]:
        """The logit difference without its constant."""
        return torch.stack([value.sum() for value in vars(self).values()]).sum()


@dataclass(frozen=True, eq=False)
class _Repair:
    """One prompt."""

    labels: tuple[str, ...]
    components: tuple[Tensor, Tensor]
    heads: tuple[Tensor, Tensor]
    totals: tuple[Tensor, Tensor]
    removed: Float[Tensor, ""]
    parts: dict[str, Tensor]
    scale_ratio: Float[Tensor, ""]


def self_repair(
    model: LoadedModel,
    recipe: SelfRepair,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> SelfRepairResult:
    """Every prompt's repair; refuses prompts without both answers."""
    prompts = each_prompt(model, recipe, report, max_tokens, answers=True, plain=True)
    found = [_repair(model, prompt, for_prompt(recipe.interventions, prompt.index)) for prompt in prompts]
    arrays, part_labels = _stacked(found)
    return SelfRepairResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, component_labels=found[0].labels,
        part_labels=part_labels, **{name: array(value) for name, value in arrays.items()},
    )  # fmt: skip


def _stacked(found: list[_Repair]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The arrays of the result, prompts first, and the labels of the parts that are more than rounding."""
    parts = {name: torch.stack([each.parts[name] for each in found]) for name in found[0].parts}
    parts = {name: part for name, part in parts.items() if name == "rescaling" or part.abs().max() > ROUNDING}

    def stacked(of: Callable[[_Repair], Tensor]) -> Tensor:
        return torch.stack([of(each) for each in found])

    arrays = {
        **{f"{name}_{when}": stacked(lambda each, name=name, at=at: getattr(each, name)[at])
           for name in ("components", "heads") for at, when in enumerate(("before", "after"))},
        "before": stacked(lambda each: each.totals[0]), "after": stacked(lambda each: each.totals[1]),
        "removed": stacked(lambda each: each.removed), "scale_ratio": stacked(lambda each: each.scale_ratio),
        "parts": torch.stack([*parts.values()], 1),
    }  # fmt: skip
    return arrays, tuple(parts)


def _repair(model: LoadedModel, prompt: ReadPrompt, interventions: Interventions) -> _Repair:
    with model.lock:
        runs = run_of(model, prompt), run_of(model, prompt, interventions)
        ratio = (runs[0].final_scale / runs[1].final_scale)[0]
        found = [attributions(model, prompt, each) for each in ((), interventions)]
        labels, components, heads, _, totals = zip(*found, strict=True)
        constant = components[0][-1]
        before, after = (_shares(each, constant) for each in found)
        after = after.map(lambda share: share / ratio)  # at the scale before
        removed = _removed(model, prompt, interventions, before, after, runs[0])
    further = before.map(lambda old, new, gone: (new - old - gone) * ratio, after, removed)
    parts = {"rescaling": (before.total + removed.total) * (ratio - 1)}
    parts |= {name: value.sum() for name, value in vars(further).items()}
    return _Repair(labels[0], components, heads, totals, removed.total, parts, ratio)


def _shares(found: tuple[tuple[str, ...], Tensor, Tensor, Tensor, Tensor], constant: Tensor) -> _Shares:
    labels, components, heads, attn_bias, _ = found
    mlps = components[[at for at, label in enumerate(labels) if label.endswith(".mlp")]]
    embed = components[[at for at, label in enumerate(labels) if label in ("embed", "pos_embed")]]
    return _Shares(heads, attn_bias, mlps, embed, components[-1] - constant)


def _removed(
    model: LoadedModel, prompt: ReadPrompt, interventions: Interventions, before: _Shares, after: _Shares, clean: Run
) -> _Shares:
    """Direct changes at the scale before."""
    change = before.map(lambda old, new: new - old, after)
    removed = before.map(torch.zeros_like)
    for layer in range(model.facts.n_layers):
        _inside(model, prompt, interventions, layer, removed, clean)
    for each in interventions:
        if each.site.positions is None or len(prompt.clean) - 1 in each.site.positions:
            _overwritten(each, removed, change)
    return removed


def _inside(
    model: LoadedModel, prompt: ReadPrompt, interventions: Interventions, layer: int, removed: _Shares, clean: Run
) -> None:
    """Changes inside one layer's attention and MLP, each in a run of its own."""
    u, _ = logit_direction(model, prompt.answer_ids, prompt.incorrect_ids)
    along = centred_direction(model, u) / clean.final_scale
    if mine := _these(interventions, layer, _IN_ATTENTION):
        change = run_of(model, prompt, mine).z[layer] - clean.z[layer]
        scale = None if clean.attn_post_norm_scale is None else clean.attn_post_norm_scale[layer]
        heads, _ = attention_parts(model, layer, change, post_norm(model, layer), scale)
        removed.heads[layer] = heads @ along
    if (mine := _these(interventions, layer, _IN_MLP)) and clean.mlp_out is not None:
        changed = run_of(model, prompt, mine).mlp_out
        if changed is not None:
            removed.mlps[layer] = (changed[layer] - clean.mlp_out[layer]) @ along


def _these(interventions: Interventions, layer: int, activations: Sequence[str]) -> Interventions:
    """Those inside one sublayer, with everything frozen that the whole run freezes."""
    freeze = tuple(sorted(frozen(interventions)))
    mine = (each for each in interventions if each.site.layer == layer and each.site.activation in activations)
    return tuple(replace(each, freeze=freeze) for each in mine)


def _overwritten(each: AnyIntervention, removed: _Shares, change: _Shares) -> None:
    """What is set at END as a whole is taken away as a whole."""
    layer, activation = each.site.layer, each.site.activation
    if isinstance(each, GaussianNoise):
        removed.embed.copy_(change.embed)
    elif activation == "mlp_out":
        removed.mlps[layer] = change.mlps[layer]
    elif activation == "attn_out":
        removed.heads[layer], removed.attn_bias[layer] = change.heads[layer], change.attn_bias[layer]
    elif activation in _STREAM:
        attention, mlps = layer + (activation != "resid_pre"), layer + (activation == "resid_post")
        removed.heads[:attention], removed.attn_bias[:attention] = (
            change.heads[:attention],
            change.attn_bias[:attention],
        )
        removed.mlps[:mlps] = change.mlps[:mlps]
        removed.embed.copy_(change.embed)
        removed.rest.copy_(change.rest)
