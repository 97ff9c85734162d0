"""Identities that must hold on the loaded model and these prompts. Each meter is a deviation and the tolerance it must
stay under; both are relative to the size of what is compared, because float rounding is.

Size matters: SmolLM2's residual stream reaches 25,600 at position 0 (a massive activation that attention uses as a
sink) beside 60 to 1,200 elsewhere, so an absolute tolerance would either fail there or mean nothing elsewhere.

- Σ components: the components and the bias add up to the logit difference; relative to Σ |component|, at least 1 nat.
- Σ heads: heads and b_O add up to attn_out at every position; relative to the layer's largest |attn_out|.
- self-patch: patching z of every layer from the same run changes no logit.
- restore: putting the clean resid_pre of layer 0 into the corrupted run gives the clean logits.
- causal: patching resid_pre of every layer left of the first differing token changes no logit.

The last three are relative to the largest |logit|. Σ components holds under the recipe's interventions; the others are
about model and prompt and leave them out. NaN = does not apply here; the note says why.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.decomposition import attention_parts
from app.compute.direct_logit_attribution import attributions
from app.compute.normalization import post_norm
from app.compute.passes import Hook, block_hooks
from app.compute.prompts import ReadPrompt, each_prompt
from app.compute.report import Report, silent
from app.compute.runs import forward, run
from app.domain.interventions import Interventions, Patch
from app.domain.models import Provenance
from app.domain.prompts import first_difference
from app.domain.recipes import CorrectnessMeters, recipe_json
from app.domain.results import CorrectnessMetersResult
from app.domain.sites import Site
from app.models.loaded import LoadedModel

TOLERANCE = {"float32": 1e-4, "float16": 2e-2, "bfloat16": 1e-1}
"""By weight precision: some hundred roundings of 6e-8, 5e-4 and 4e-3, with a margin of ten or so."""
Meter = Callable[[LoadedModel, ReadPrompt, Interventions], float | str]
"""The relative deviation on one prompt, or why the meter does not apply to it."""


def correctness_meters(
    model: LoadedModel,
    recipe: CorrectnessMeters,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> CorrectnessMetersResult:
    """The largest deviation of every meter over the prompts to which it applies."""
    prompts = each_prompt(model, recipe, report, max_tokens, answers=False)
    found = [[meter(model, prompt, recipe.interventions) for meter in METERS.values()] for prompt in prompts]
    deviation, notes = zip(*(_worst(column) for column in zip(*found, strict=True)), strict=True)
    return CorrectnessMetersResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, names=tuple(METERS), notes=notes,
        deviation=np.array(deviation, dtype=np.float32),
        tolerance=np.full(len(METERS), TOLERANCE[model.facts.spec.dtype], dtype=np.float32),
    )  # fmt: skip


def _worst(found: tuple[float | str, ...]) -> tuple[float, str]:
    """Largest deviation over prompts and an empty note; NaN and the first reason where no prompt applies."""
    numbers = [each for each in found if isinstance(each, float)]
    reasons = [each for each in found if isinstance(each, str)]
    return (max(numbers), "") if numbers else (math.nan, reasons[0])


def _components(model: LoadedModel, prompt: ReadPrompt, interventions: Interventions) -> float | str:
    if not prompt.answer_ids or not prompt.incorrect_ids:
        return "needs an answer and an incorrect answer"
    _, components, _, _, total = attributions(model, prompt, interventions)
    return float((components.sum() - total).abs() / components.abs().sum().clamp(min=1.0))


def _heads(model: LoadedModel, prompt: ReadPrompt, _: Interventions) -> float:
    """Layer by layer inside one pass, so that no more than one layer's activations are kept."""
    names = [block_hooks(model, name) for name in ("attn.hook_z", "ln1_post.hook_scale", "hook_attn_out")]
    deviations: list[float] = []
    layers = range(model.facts.n_layers)
    with model.lock:  # the post-norms are probed before the pass
        hooks = [hook for layer in layers for hook in _sum_of_heads(model, layer, names, deviations)]
        forward(model, prompt.clean.ids, hooks)
    return max(deviations)


def _sum_of_heads(model: LoadedModel, layer: int, names: list[tuple[str, ...]], deviations: list[float]) -> list[Hook]:
    seen: dict[str, Tensor] = {}
    z_name, scale_name, out_name = (of_layers[layer] if of_layers else "" for of_layers in names)
    norm = post_norm(model, layer)

    def see(name: str) -> Hook:
        def keep(activation: Tensor, hook: Any) -> None:
            seen[name] = activation[0].float()

        return name, keep

    def compare(attn_out: Tensor, hook: Any) -> None:
        heads, bias = attention_parts(model, layer, seen[z_name], norm, seen.get(scale_name))
        deviations.append(_relative(heads.sum(-2) + bias, attn_out[0].float()))
        seen.clear()

    return [see(name) for name in (z_name, scale_name) if name] + [(out_name, compare)]


def _self_patch(model: LoadedModel, prompt: ReadPrompt, _: Interventions) -> float:
    ids = prompt.clean.ids
    patches = tuple(Patch(Site("z", layer)) for layer in range(model.facts.n_layers))
    return _relative(forward(model, ids, (), patches, ids), run(model, ids).logits)


def _restore(model: LoadedModel, prompt: ReadPrompt, _: Interventions) -> float | str:
    reason = _no_pair(prompt)
    if reason or prompt.corrupted is None:
        return reason
    patch = (Patch(Site("resid_pre", 0)),)
    restored = forward(model, prompt.corrupted.ids, (), patch, prompt.clean.ids)
    return _relative(restored, run(model, prompt.clean.ids).logits)


def _causal(model: LoadedModel, prompt: ReadPrompt, _: Interventions) -> float | str:
    reason = _no_pair(prompt)
    if reason or prompt.corrupted is None:
        return reason
    left = tuple(range(first_difference(prompt.clean, prompt.corrupted) or 0))
    if not left:
        return "the prompts differ from the first token on"
    patches = tuple(Patch(Site("resid_pre", layer, positions=left)) for layer in range(model.facts.n_layers))
    patched = forward(model, prompt.clean.ids, (), patches, prompt.corrupted.ids)
    return _relative(patched, run(model, prompt.clean.ids).logits)


def _no_pair(prompt: ReadPrompt) -> str:
    """Why clean and corrupted cannot be compared; empty where they can."""
    if prompt.corrupted is None:
        return "needs a corrupted prompt"
    if len(prompt.corrupted) != len(prompt.clean):
        return "clean and corrupted have different token counts"
    return "" if prompt.corrupted.ids != prompt.clean.ids else "clean and corrupted are the same"


def _relative(found: Float[Tensor, "..."], expected: Float[Tensor, "..."]) -> float:
    """Largest absolute deviation over the largest expected magnitude."""
    return float((found - expected).abs().max() / expected.abs().max().clamp(min=torch.finfo().tiny))


METERS: dict[str, Meter] = {
    "Σ components": _components,
    "Σ heads": _heads,
    "self-patch": _self_patch,
    "restore": _restore,
    "causal": _causal,
}
