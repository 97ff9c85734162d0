"""Interventions as TransformerLens hooks: pairs of exact hook name and function, for `run_with_hooks`.

Each function returns a new tensor and never edits in place (docs/formulas.md). `Ablate` zero sets the
site to 0; mean sets z to its mean over the reference prompts; `Patch` takes the site from the corrupted run at the
same positions. On `z` a zero leaves b_O (and folded value biases) in place; on `pattern`, `positions` are the rows
(dest_pos). `k` and `v` have key-value heads.

`resid_mid`: its hook sits on the input of the second norm, so a hook there would leave the skip connection as it was.
It is changed by writing `new resid_mid - resid_pre` as this layer's `attn_out`, which changes both.

Not done: `attn_scores`. TransformerLens' own models drop edits of it, and a zero score is not the absence of
attention; use `pattern`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from app.compute.references import mean_z
from app.domain.interventions import Ablate, Patch
from app.domain.sites import Site, check_site
from app.models.loaded import LoadedModel

Hook = tuple[str, Callable[[Tensor, Any], Tensor | None]]
Edit = Callable[[Tensor], Tensor]
"""New value of a whole activation, of which the site's part is used."""


def hooks_for(
    model: LoadedModel,
    interventions: Sequence[Ablate | Patch],
    n_positions: int,
    corrupted: Mapping[str, Tensor],
) -> list[Hook]:
    """The hooks of these interventions, in order. `corrupted` holds the patched sites' activations by hook name.

    Mean ablation runs its reference prompts here, before any hooked pass begins.
    """
    for each in interventions:
        check_site(model.facts, each.site, n_positions)
    hooks: list[Hook] = []
    for each in sorted(interventions, key=lambda each: each.site.activation == "resid_mid"):
        hooks += _hooks_of(each.site, _new_value(model, each, corrupted))
    return hooks


def patched_sites(interventions: Sequence[Ablate | Patch]) -> tuple[str, ...]:
    """Hook names whose activations must come from the corrupted run."""
    return tuple(dict.fromkeys(each.site.hook_name for each in interventions if isinstance(each, Patch)))


def _new_value(model: LoadedModel, intervention: Ablate | Patch, corrupted: Mapping[str, Tensor]) -> Edit:
    if isinstance(intervention, Patch):
        taken = corrupted[intervention.site.hook_name]
        return lambda activation: taken.to(activation)
    if intervention.method == "zero":
        return torch.zeros_like
    mean = mean_z(model, intervention.reference)[intervention.site.layer]  # head d_head
    return lambda activation: mean.to(activation).expand_as(activation)


def _hooks_of(site: Site, new_value: Edit) -> list[Hook]:
    if site.activation == "resid_mid":
        return _resid_mid_hooks(site, new_value)

    def edit(activation: Tensor, hook: Any) -> Tensor:
        return torch.where(_mask(site, activation), new_value(activation), activation)

    return [(site.hook_name, edit)]


def _resid_mid_hooks(site: Site, new_value: Edit) -> list[Hook]:
    seen: list[Tensor] = []

    def see(resid_pre: Tensor, hook: Any) -> None:
        seen[:] = [resid_pre.detach().clone()]

    def edit(attn_out: Tensor, hook: Any) -> Tensor:
        wanted = new_value(seen[0] + attn_out) - seen.pop()
        return torch.where(_mask(site, attn_out), wanted, attn_out)

    before, written = (replace(site, activation=name).hook_name for name in ("resid_pre", "attn_out"))
    return [(before, see), (written, edit)]


def _mask(site: Site, activation: Tensor) -> Tensor:
    """True where the site is, broadcastable over the batch and the last axis of the activation."""
    head_axis, position_axis = (1, 2) if site.activation == "pattern" else (2, 1)
    mask = torch.ones([1] * activation.ndim, dtype=torch.bool, device=activation.device)
    for axis, chosen in ((head_axis, site.heads), (position_axis, site.positions)):
        if chosen is not None:
            mask = mask & _along(axis, chosen, activation)
    return mask


def _along(axis: int, chosen: tuple[int, ...], activation: Tensor) -> Tensor:
    shape = [1] * activation.ndim
    shape[axis] = activation.shape[axis]
    mask = torch.zeros(shape[axis], dtype=torch.bool, device=activation.device)
    mask[list(chosen)] = True
    return mask.view(shape)
