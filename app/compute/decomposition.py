"""The residual stream at END, or another place, as a sum of what each component wrote (docs/formulas.md).

`embed + pos_embed + sum_l (attn_out_l + mlp_out_l)`, and each attn_out as `sum_h z_h @ W_O_h + b_O`. In models with a
post-norm (Gemma 2 and 3) contributions are those actually added: heads and b_O pass through the norm at the run's own
scale. `embed` is what stands at the first block apart from learned positions, so an embedding norm is part of it.

Interventions that overwrite the stream or an attn_out replace what had been written there: a zero leaves nothing of
the components before it, a patch from another run's END leaves those of that run. What a mean, another position or a
resampled prompt puts there was written by no component of a run at END: it is kept apart as `unwritten` (in attn_out,
as that layer's bias). Changes along directions do so within their subspace: a projection that is taken out is taken
from every component before it, what is put in its place is apart; a swap mixes in its share of the other run's
components; steering takes nothing, and what it adds is apart.
Noise on the embeddings, as all that is added before the first layer, is part of `embed`. So the sum holds in every run.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.direction_changes import subspace
from app.compute.held import FromRun, source_ids
from app.compute.normalization import AffineNorm, post_norm
from app.compute.passes import Ids
from app.compute.runs import Run, run
from app.domain.direction_interventions import AlongDirection, SwapAlong
from app.domain.interventions import AnyIntervention, GaussianNoise, Interventions
from app.domain.sites import Site
from app.models.loaded import LoadedModel

_DEPTH = {"resid_pre": 0, "attn_out": 1, "resid_mid": 2, "resid_post": 3}
"""Activations that overwrite what components wrote, in the order of the forward pass."""


@dataclass(frozen=True, eq=False)
class Decomposition:
    """`components.sum(0) + unwritten` is the residual stream there; `heads[l].sum(0) + attn_bias[l]` is layer l's
    attention. Components are embed, pos_embed (learned positions only), then attention and MLP of each layer.
    `unwritten` is what an intervention put into the stream, 0 without one."""

    labels: tuple[str, ...]
    components: Float[Tensor, "component d_model"]
    heads: Float[Tensor, "layer head d_model"]
    attn_bias: Float[Tensor, "layer d_model"]
    unwritten: Float[Tensor, " d_model"]


def decompose(
    model: LoadedModel,
    ids: Ids,
    interventions: Interventions = (),
    corrupted_ids: Ids | None = None,
    at: int | None = None,
    layers: int | None = None,
) -> Decomposition:
    """The decomposition of a run at a position (None = END), after its first `layers` layers (None = all)."""
    at, layers = len(ids) - 1 if at is None else at, model.facts.n_layers if layers is None else layers
    with model.lock:
        found = run(model, ids, interventions, corrupted_ids, at)
        parts = _as_written(model, found)
        overwriting = [each for each in interventions if _overwrites(each, at) and each.site.layer < layers]
        for each in sorted(overwriting, key=lambda each: (each.site.layer, _DEPTH[each.site.activation])):
            left = _left_by(model, each, at, len(ids), corrupted_ids)
            within = subspace(model, each) if isinstance(each, AlongDirection) else None
            _overwrite(parts, each, left, within)
            if left is None or within is not None:
                _keep_apart(parts, each.site, found, at)
        return _first(parts, layers)


def _first(parts: Decomposition, layers: int) -> Decomposition:
    """What the first `layers` layers, and what is before them, wrote."""
    after = parts.labels.index(f"L{layers}.attn") if layers < len(parts.heads) else len(parts.labels)
    return Decomposition(
        parts.labels[:after], parts.components[:after], parts.heads[:layers], parts.attn_bias[:layers], parts.unwritten
    )


def _as_written(model: LoadedModel, run: Run) -> Decomposition:
    first = {"embed": run.resid_pre[0]}
    if run.pos_embed is not None:
        first = {"embed": run.resid_pre[0] - run.pos_embed, "pos_embed": run.pos_embed}
    written = {"attn": run.attn_out} | ({} if run.mlp_out is None else {"mlp": run.mlp_out})
    blocks = {f"L{layer}.{kind}": out[layer] for layer in range(len(run.z)) for kind, out in written.items()}
    parts = first | blocks
    heads, bias = zip(*(_heads(model, run, layer) for layer in range(len(run.z))), strict=True)
    components = torch.stack([*parts.values()])
    nothing = torch.zeros_like(components[0])
    return Decomposition(tuple(parts), components, torch.stack(heads), torch.stack(bias), nothing)


def _heads(model: LoadedModel, run: Run, layer: int) -> tuple[Float[Tensor, "head d_model"], Float[Tensor, " d_model"]]:
    """What each head of a layer, and its output bias, added to the residual stream at END."""
    scale = None if run.attn_post_norm_scale is None else run.attn_post_norm_scale[layer]
    return attention_parts(model, layer, run.z[layer], post_norm(model, layer), scale)


def attention_parts(
    model: LoadedModel, layer: int, z: Float[Tensor, "... head d_head"], norm: AffineNorm | None, scale: Tensor | None
) -> tuple[Float[Tensor, "... head d_model"], Float[Tensor, "... d_model"]]:
    """`z @ W_O` per head, and b_O; through the post-norm at its scale where the model has one."""
    attn = model.bridge.blocks[layer].attn
    heads = torch.einsum("...hd,hdm->...hm", z, attn.W_O.float())
    b_O = getattr(attn, "b_O", None)
    bias = torch.zeros_like(heads[..., 0, :]) if b_O is None else b_O.float().expand_as(heads[..., 0, :])
    if norm is None or scale is None:
        return heads, bias
    return norm.contribution(heads, scale[..., None, :]), norm.contribution(bias, scale) + norm.bias


def _overwrites(each: AnyIntervention, at: int) -> bool:
    site = each.site
    here = site.positions is None or at in site.positions
    return site.activation in _DEPTH and here and not isinstance(each, GaussianNoise)


def _left_by(
    model: LoadedModel, each: AnyIntervention, at: int, n_positions: int, corrupted_ids: Ids | None
) -> Decomposition | None:
    """The decomposition that an intervention puts in place: of the source's END at END, of the same position
    elsewhere; None where it takes from another one, or is no patch."""
    if not isinstance(each, FromRun):
        return None
    source = source_ids(model, each, corrupted_ids)
    same = len(source) - 1 if at == n_positions - 1 else at
    if _taken_from(each, at) != same:
        return None
    return _as_written(model, run(model, source, at=same))


def _taken_from(patch: FromRun, at: int) -> int:
    """The position of the source that `at` is patched from."""
    if patch.site.positions is None or patch.source_positions is None:
        return at
    return patch.source_positions[patch.site.positions.index(at)]


def _overwrite(
    parts: Decomposition,
    each: AnyIntervention,
    left: Decomposition | None,
    within: Float[Tensor, "d_model rank"] | None,
) -> None:
    """Write `left` over the parts that the site covers, whole or a share of the way `within` a subspace, in tensors
    that belong to `parts` alone."""
    components, layers = _covered(parts, each.site)
    share = each.share if isinstance(each, SwapAlong) else 1.0
    for name, covered in (("components", components), ("heads", layers), ("attn_bias", layers)):
        mine = getattr(parts, name)
        new = torch.zeros_like(mine[covered]) if left is None else getattr(left, name)[covered]
        mine[covered] = new if within is None else mine[covered] + share * (new - mine[covered]) @ within @ within.T
    if each.site.activation != "attn_out" and within is None:
        parts.unwritten.zero_()


def _keep_apart(parts: Decomposition, site: Site, run: Run, at: int) -> None:
    """What the run has there that no component wrote: 0 after a zero."""
    components, layers = _covered(parts, site)
    if site.activation == "attn_out":
        parts.components[components] = run.attn_out[site.layer]
        parts.attn_bias[layers] = run.attn_out[site.layer] - parts.heads[site.layer].sum(0)
        return
    after = {"resid_pre": run.resid_pre, "resid_mid": run.resid_mid, "resid_post": run.resid_post[:, at]}
    stream = after[site.activation]
    if stream is not None:
        parts.unwritten.copy_(stream[site.layer] - parts.components[components].sum(0))


def _covered(parts: Decomposition, site: Site) -> tuple[slice, slice]:
    """Components and layers of heads that stand in the activation of a site."""
    attn = parts.labels.index(f"L{site.layer}.attn")
    after_block = attn + (2 if f"L{site.layer}.mlp" in parts.labels else 1)
    return {
        "resid_pre": (slice(attn), slice(site.layer)),
        "attn_out": (slice(attn, attn + 1), slice(site.layer, site.layer + 1)),
        "resid_mid": (slice(attn + 1), slice(site.layer + 1)),
        "resid_post": (slice(after_block), slice(site.layer + 1)),
    }[site.activation]
