"""Norms, cosines and norm scales of a residual stream, by layer and position (docs/formulas.md).

Norms are Euclidean, in units of the stream; cosines are of whole vectors without centring: of the stream before and
after a block, of what attention writes with what it reads, of what the MLP writes with what it reads, and of the
stream after a block with the last one. Scales are what the layer's norms divide by (TransformerLens' `hook_scale`).
All of the run under the interventions, at every position of one prompt.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.held import for_prompt
from app.compute.passes import block_hooks, everywhere
from app.compute.prompts import array, chosen_prompt
from app.compute.report import Report, silent
from app.compute.runs import capture
from app.domain.geometry_recipes import ResidualGeometry
from app.domain.geometry_results import ResidualGeometryResult
from app.domain.models import Provenance
from app.domain.recipes import recipe_json
from app.domain.results import Floats
from app.models.loaded import LoadedModel

_STREAMS = {name: f"hook_{name}" for name in ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")}
_SCALES = {name: f"{name}.hook_scale" for name in ("ln1", "ln2")}
_FINAL = "ln_final.hook_scale"
Stack = Float[Tensor, "layer pos d_model"]


def residual_geometry(
    model: LoadedModel,
    recipe: ResidualGeometry,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> ResidualGeometryResult:
    """Every number of one prompt, in one pass."""
    prompt = chosen_prompt(model, recipe, recipe.prompt, max_tokens)
    names = {field: block_hooks(model, hook) for field, hook in (_STREAMS | _SCALES).items()}
    keep = dict.fromkeys([name for found in names.values() for name in found] + [_FINAL], everywhere)
    with model.lock:
        mine = for_prompt(recipe.interventions, prompt.index)
        _, kept = capture(model, prompt.clean.ids, keep, mine, prompt.corrupted_ids)
    found = {field: _stacked(kept, hooks) for field, hooks in names.items()}
    nothing = torch.full((model.facts.n_layers, len(prompt.clean)), torch.nan)
    return ResidualGeometryResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, str_tokens=prompt.clean.str_tokens,
        norms=_rows([_norms(found[name]) for name in ("resid_pre", "attn_out", "mlp_out", "resid_post")], nothing),
        cosines=_rows(_cosines(found), nothing),
        scales=_rows([_scale(found[name]) for name in _SCALES], nothing),
        final_scale=array(kept[_FINAL].float()[:, 0] if _FINAL in kept else nothing[0]),
    )  # fmt: skip


def _stacked(kept: Mapping[str, Tensor], names: tuple[str, ...]) -> Tensor | None:
    """`[layer pos ...]`, None where the architecture has no such hook or it did not fire."""
    there = bool(names) and all(name in kept for name in names)
    return torch.stack([kept[name].float() for name in names]) if there else None


def _norms(stack: Stack | None) -> Float[Tensor, "layer pos"] | None:
    return None if stack is None else stack.norm(dim=-1)


def _scale(stack: Float[Tensor, "layer pos 1"] | None) -> Float[Tensor, "layer pos"] | None:
    return None if stack is None else stack[..., 0]


def _cosines(found: Mapping[str, Stack | None]) -> list[Tensor | None]:
    """In the order of COSINES; the MLP reads resid_mid, in parallel blocks resid_pre."""
    before, after, middle = found["resid_pre"], found["resid_post"], found["resid_mid"]
    last = None if after is None else after[-1].expand_as(after)
    read = before if middle is None else middle
    pairs = ((before, after), (found["attn_out"], before), (found["mlp_out"], read), (after, last))
    return [None if a is None or b is None else torch.cosine_similarity(a, b, dim=-1) for a, b in pairs]


def _rows(parts: list[Tensor | None], nothing: Float[Tensor, "layer pos"]) -> Floats:
    """One on the other, NaN for what is not there."""
    return array(torch.stack([nothing if part is None else part.cpu() for part in parts]))
