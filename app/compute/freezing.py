"""Attention patterns and norm scales held at what they are without any intervention, in the whole run.

The plain run of the same tokens gives the values: `pattern` the attention of every layer, `scale` the denominators of
all norms of the residual stream (before and after attention and MLP, and the final one; the norms of queries and keys,
where a model has them, stay free). Held values come after these hooks, so an explicit change wins.

TransformerLens' norms use the scale that a hook returns, folded or not, on every architecture looked at; whether they
do is found out on each model all the same, and one whose norms do not is refused.
"""

import re
from typing import Any

import torch
from torch import Tensor

from app.compute.effective import check_hooks
from app.compute.passes import Hook, Ids, captured, everywhere, passed
from app.compute.variations import Held
from app.domain.errors import BadSite
from app.domain.interventions import Frozen
from app.domain.sites import Site
from app.models.loaded import LoadedModel

_SCALE = re.compile(r"(blocks\.\d+\.(ln1|ln1_post|ln2|ln2_post)|ln_final)\.hook_scale")


def freeze_hooks(model: LoadedModel, ids: Ids, freeze: frozenset[Frozen]) -> list[Hook]:
    """Hooks that hold the frozen parts at the plain run of these tokens; one pass where anything is frozen."""
    names = _patterns(model) if "pattern" in freeze else []
    names += norm_scales(model) if "scale" in freeze else []
    if not names:
        return []
    _, plain = captured(model, ids, dict.fromkeys(names, everywhere))
    return [_holding(name, plain[name]) for name in names]


def _holding(name: str, plain: Tensor) -> Hook:
    """Every row is the plain run's; a shorter activation is the last positions, all that an engine computes."""

    def edit(activation: Tensor, hook: Any) -> Tensor:
        positions = plain[:, -activation.shape[2] :] if name.endswith("pattern") else plain[-activation.shape[1] :]
        return positions.to(activation).expand_as(activation)

    return name, edit


def _patterns(model: LoadedModel) -> list[str]:
    sites = [Site("pattern", layer) for layer in range(model.facts.n_layers)]
    check_hooks(model, tuple(Held(site, torch.zeros_like) for site in sites))
    return [site.hook_name for site in sites]


def norm_scales(model: LoadedModel) -> list[str]:
    """The scales of the norms, or why they cannot be held; found out once per model."""
    with model.lock:
        if "scales" not in model.memo:
            model.memo["scales"] = _probed_scales(model)
        names, deaf = model.memo["scales"]
    if deaf or not names:
        raise BadSite(
            f"TransformerLens computes {deaf or 'the norms'} of {model.facts.title} without looking at its scale, so "
            f"norm scales cannot be frozen; freeze patterns only."
        )
    return names


def _probed_scales(model: LoadedModel) -> tuple[list[str], str]:
    """The names, and the first norm whose output does not follow its scale (empty where all do): every scale is
    doubled in one pass, and each output compared with what the norm makes of the same input untouched."""
    names = [name for name in model.bridge.hook_dict if _SCALE.fullmatch(name)]
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Hook:
        return name, lambda activation, hook: seen.update({name: activation.detach().clone()})

    norms = [name.removesuffix(".hook_scale") for name in names]
    hooks: list[Hook] = [(name, lambda scale, hook: scale * 2) for name in names]
    hooks += [keep(f"{norm}.{end}") for norm in norms for end in ("hook_in", "hook_out")]
    passed(model, (0, 0), hooks)
    return names, next((norm for norm in norms if not _follows(model, norm, seen)), "")


@torch.no_grad()
def _follows(model: LoadedModel, norm: str, seen: dict[str, Tensor]) -> bool:
    given, out = seen.get(f"{norm}.hook_in"), seen.get(f"{norm}.hook_out")
    if given is None or out is None or given.ndim != 3:
        return False
    return not torch.allclose(model.bridge.get_submodule(norm)(given), out)
