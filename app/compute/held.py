"""Interventions as held values: the one place that knows what each kind of intervention makes of a run.

Both engines and the hooks of single runs take what this gives. Values come from other runs by `values`, so the engine
that asks decides who computes those. Zero, means, resampled and patched values are tensors; what depends on the run's
own activation is a function: Gaussian noise, a renormalised row of attention, and changes along directions.

Gaussian noise is ROME's: numpy's RandomState(seed) gives one block of N(0, 1) per draw, `[token d_model]` in the order
of the positions, times `scale` times the standard deviation of all components of these tokens' embeddings as the model
adds them (Gemma's factor included, learned positions not).
Source: kmeng01/rome, experiments/causal_trace.py.
"""

import functools
from collections import Counter
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.bridge_values import ValuesOf
from app.compute.direction_changes import changed
from app.compute.hooks import shape_of
from app.compute.memo import once
from app.compute.passes import Ids, captured, everywhere
from app.compute.reading import ReadPrompt
from app.compute.references import replacement
from app.compute.variations import Held, Row
from app.domain.direction_interventions import AlongDirection, SwapAlong
from app.domain.errors import BadPrompt, BadSite
from app.domain.interventions import Ablate, AnyIntervention, Edge, GaussianNoise, Interventions, KnockOutEdge, Patch
from app.domain.sites import Site, check_site, within
from app.models.loaded import LoadedModel
from app.models.tokens import tokenise

FromRun = Patch | SwapAlong
"""What takes values from another run."""


def held(model: LoadedModel, prompt: ReadPrompt, interventions: Interventions, values: ValuesOf) -> Row:
    """What the interventions that apply to this prompt hold in its run, in their order."""
    mine = for_prompt(interventions, prompt.index)
    return held_at(model, prompt.clean.ids, prompt.corrupted_ids, mine, values)


def for_prompt(interventions: Interventions, index: int) -> Interventions:
    """Those that apply to prompt `index` of the recipe, as if they named no prompts."""
    mine = (each for each in interventions if each.prompts is None or index in each.prompts)
    return tuple(replace(each, prompts=None) for each in mine)


def held_at(model: LoadedModel, ids: Ids, other_ids: Ids | None, interventions: Interventions, values: ValuesOf) -> Row:
    """As `held`, of tokens; patches without a source of their own take from `other_ids`."""
    for each in interventions:
        check_site(model.facts, each.site, len(ids))
    values = functools.cache(values)  # several patches from one run read it once
    return tuple(_held(model, each, ids, other_ids, values) for each in interventions)


def takes_from_pair(interventions: Interventions) -> bool:
    """Whether one takes from the pair's other prompt."""
    return any(isinstance(each, FromRun) and each.source is None for each in interventions)


def takes_all_from_pair(interventions: Interventions) -> bool:
    """Whether the pair's prompts must have the same count of tokens for these interventions."""
    patches = (each for each in interventions if isinstance(each, FromRun) and each.source is None)
    return any(each.site.positions is None for each in patches)


def _held(model: LoadedModel, each: AnyIntervention, ids: Ids, other_ids: Ids | None, values: ValuesOf) -> Held:
    if isinstance(each, Ablate):
        return Held(each.site, _ablated(model, each, ids, values))
    if isinstance(each, Patch):
        return Held(each.site, taken(model, each, ids, other_ids, values))
    if isinstance(each, AlongDirection):
        source = taken(model, each, ids, other_ids, values) if isinstance(each, SwapAlong) else None
        return Held(each.site, changed(model, each, ids, values, source))
    if isinstance(each, KnockOutEdge):
        return _knocked_out(each, torch.zeros(shape_of(model.facts, each.site, len(ids)), device=model.facts.device))
    return Held(each.site, Noise(each.positions, _noise(model, each, ids)))


def _ablated(model: LoadedModel, each: Ablate, ids: Ids, values: ValuesOf) -> Float[Tensor, "pos ..."]:
    site = each.site
    return replacement(
        model, site.activation, site.layer, each.method, each.reference, each.pooled, each.seed, each.draw, ids, values
    )


def taken(
    model: LoadedModel, each: FromRun, ids: Ids, other_ids: Ids | None, values: ValuesOf
) -> Float[Tensor, "pos ..."]:
    """The other run's values at the positions where they are held."""
    source = source_ids(model, each, other_ids)
    check_source(each, len(ids), len(source))
    return _patched(each, len(ids), values(source)(each.site))


def source_ids(model: LoadedModel, patch: FromRun, other_ids: Ids | None) -> Ids:
    """The tokens of the run that a patch takes from."""
    if patch.source is not None:
        return tokenise(model, patch.source, model.facts.n_ctx).ids
    if other_ids is None:
        raise BadPrompt("A patch takes activations from the corrupted prompt and there is none; give one.")
    return other_ids


def check_source(patch: FromRun, n_positions: int, n_source: int) -> None:
    """Refuse a source that does not have the positions to take from."""
    if patch.site.positions is not None:
        within(patch.source_positions or patch.site.positions, n_source, "positions", "The prompt patched from")
    elif n_source != n_positions and patch.source is None:
        raise BadPrompt(
            f"The clean prompt has {n_positions} tokens and the corrupted one {n_source}, so activations "
            f"cannot be patched position by position; change one so that both have the same count."
        )
    elif n_source != n_positions:
        raise BadPrompt(
            f"The prompt has {n_positions} tokens and {patch.source!r} has {n_source}, so activations cannot be "
            f"patched position by position; give positions and source_positions, or texts of the same count."
        )


def _patched(patch: FromRun, n_positions: int, source: Tensor) -> Float[Tensor, "pos ..."]:
    """The source's values, moved to the positions where they are held."""
    if (len(source) == n_positions and patch.source_positions is None) or patch.site.positions is None:
        return source
    if patch.site.activation == "pattern":
        return _cut(source, n_positions)
    moved = source.new_zeros(n_positions, *source.shape[1:])
    moved[list(patch.site.positions)] = source[list(patch.source_positions or patch.site.positions)]
    return moved


def _cut(pattern: Float[Tensor, "head other other"], n: int) -> Float[Tensor, "head dest_pos src_pos"]:
    """Rows of another length: what is beyond either is 0, as a row attends to nothing after itself."""
    found, shared = pattern.new_zeros(pattern.shape[0], n, n), min(n, pattern.shape[-1])
    found[:, :shared, :shared] = pattern[:, :shared, :shared]
    return found


def _knocked_out(each: KnockOutEdge, zeros: Float[Tensor, "head dest_pos src_pos"]) -> Held:
    if not each.renormalise:
        return Held(each.site, zeros + each.value, each.edges)
    return Held(each.site, Renormalised(each.edges, each.value))


def check_rows(edges: tuple[Edge, ...], value: float) -> None:
    """Refuse a row whose set edges leave less than nothing for the rest."""
    most = max(Counter(dest for dest, _ in set(edges)).values())
    if most * value > 1:
        raise BadSite(f"Edges of one row set to {value:g} sum to more than 1; give a smaller value.")


class Renormalised:
    """Sets edges of `pattern [row head dest_pos src_pos]` and scales what remains of each row to 1 - their sum. A row
    with nothing left (the first position's only edge) stays at what was set."""

    def __init__(self, edges: tuple[Edge, ...], value: float) -> None:
        self.dest, self.src = map(list, zip(*sorted(set(edges)), strict=True))
        self.value = value
        check_rows(edges, value)

    def __call__(self, pattern: Tensor) -> Tensor:
        chosen = torch.zeros(pattern.shape[-2:], dtype=torch.bool, device=pattern.device)
        chosen[self.dest, self.src] = True
        rest = pattern.masked_fill(chosen, 0.0)
        wanted = 1 - self.value * chosen.sum(-1, keepdim=True)
        share = rest.sum(-1, keepdim=True)
        scaled = rest * torch.where(share > 0, wanted / share.clamp(min=torch.finfo(share.dtype).tiny), 0.0)
        return torch.where(chosen, self.value, scaled)


class Noise:
    """Adds `block [token d_model]` at the positions of `resid_pre [row pos d_model]`."""

    def __init__(self, positions: tuple[int, ...], block: Float[Tensor, "token d_model"]) -> None:
        self.positions, self.block = list(positions), block

    def __call__(self, resid_pre: Tensor) -> Tensor:
        noisy = resid_pre.clone()
        noisy[:, self.positions] += self.block.to(noisy)
        return noisy


def _noise(model: LoadedModel, each: GaussianNoise, ids: Ids) -> Float[Tensor, "token d_model"]:
    embedded = embeddings(model, ids)[list(each.positions)]
    random = np.random.RandomState(each.seed)
    blocks = random.standard_normal((each.draw + 1, *embedded.shape))
    std = embedded.std(correction=0)
    return torch.from_numpy(blocks[each.draw]).to(embedded) * each.scale * std


def embeddings(model: LoadedModel, ids: Ids) -> Float[Tensor, "pos d_model"]:
    """Of tokens, as the model adds them to the stream, without learned positions; float32."""
    return once(model, ("embeddings", ids), lambda: _embeddings(model, ids))


def _embeddings(model: LoadedModel, ids: Ids) -> Float[Tensor, "pos d_model"]:
    names = [Site("resid_pre", 0).hook_name, "hook_pos_embed"]
    keep = {name: everywhere for name in names if name in model.bridge.hook_dict}
    _, kept = captured(model, ids, keep)
    first, *positions = (kept[name].float() for name in names if name in kept)
    return first - positions[0] if positions else first
