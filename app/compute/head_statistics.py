"""How every head attends, and how much it writes: means over the positions of a prompt (docs/formulas.md).

`entropy = - sum_k A[q,k] ln A[q,k]` (0 ln 0 = 0; nats), the same divided by `ln(q + 1)`, `A[q,0]`, `A[q,q]`,
`sum_k A[q,k] (q - k)` (tokens) and `|z[q] W_O|` (units of the residual stream; after a post-norm, as it is added),
each averaged over the positions q >= 1: position 0 can only look at itself. Position 0 is the separator where the
prompts have one. Nothing here is signed. Rows that an intervention made negative have no entropy (NaN).

Patterns are reduced inside the hook, a layer at a time, so that no more than one layer's is ever held. What
interventions on attn_out or the stream make of a head's output afterwards is not counted: the head wrote it.
Source: `A` and `z` are TransformerLens' `hook_pattern` and `hook_z` after the interventions.
Not done: other positions left out than 0, padding.
"""

import functools

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.effective import check_seen
from app.compute.held import for_prompt
from app.compute.normalization import AffineNorm, post_norm
from app.compute.passes import Keep, everywhere
from app.compute.prompts import array, read_prompts
from app.compute.reading import ReadPrompt
from app.compute.report import Report, silent
from app.compute.runs import capture
from app.domain.head_recipes import HeadStatistics
from app.domain.head_results import HeadStatisticsResult
from app.domain.interventions import Interventions
from app.domain.models import Provenance
from app.domain.recipes import recipe_json
from app.domain.sites import Site
from app.models.loaded import LoadedModel

STATISTICS = (
    "entropy", "normalised_entropy", "attention_to_first", "attention_to_self", "mean_distance", "output_norm",
)  # fmt: skip
AT_ONCE = 128
"""Positions whose head outputs are written out at a time: head x d_model numbers for each."""


def head_statistics(
    model: LoadedModel,
    recipe: HeadStatistics,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> HeadStatisticsResult:
    """Every statistic of every head on every prompt, one forward pass for each."""
    check_seen(model, (Site(name, layer) for name in ("pattern", "z") for layer in range(model.facts.n_layers)))
    prompts, found = read_prompts(model, recipe, max_tokens), []
    for done, prompt in enumerate(prompts):
        report(done, len(prompts))
        found.append(statistics_of(model, prompt, for_prompt(recipe.interventions, prompt.index)))
    values = array(torch.stack(found, 1))
    return HeadStatisticsResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, **dict(zip(STATISTICS, values, strict=True))
    )


def statistics_of(
    model: LoadedModel, prompt: ReadPrompt, interventions: Interventions
) -> Float[Tensor, "statistic layer head"]:
    """STATISTICS of one prompt."""
    layers, pattern = range(model.facts.n_layers), _attending(len(prompt.clean), model.facts.device)
    scales = [f"blocks.{layer}.ln1_post.hook_scale" for layer in layers]
    with model.lock:
        keep = {Site("pattern", layer).hook_name: pattern for layer in layers}
        keep |= {Site("z", layer).hook_name: _lengths(model, layer) for layer in layers}
        keep |= {name: everywhere for name in scales if name in model.bridge.hook_dict}
        _, kept = capture(model, prompt.clean.ids, keep, interventions, prompt.corrupted_ids)
    attending = torch.stack([kept[Site("pattern", layer).hook_name] for layer in layers], 1)
    lengths = torch.stack([kept[Site("z", layer).hook_name] for layer in layers])  # layer pos head
    if scales[0] in kept:
        lengths = lengths / torch.stack([kept[name] for name in scales]).float()
    return torch.cat([attending, lengths[:, 1:].mean(1)[None]])


def _attending(n: int, device: str) -> Keep:
    """A pattern `[row head dest_pos src_pos]` -> the first five statistics `[row statistic head]`."""
    query = torch.arange(n, device=device).float()[:, None]
    mean = (query > 0) / (query > 0).sum()  # dest_pos 1
    first, own = torch.zeros(n, n, device=device), torch.eye(n, device=device)
    first[:, 0] = 1
    shares = torch.stack([first, own, query - query.T]) * mean
    entropies = torch.cat([mean, mean / (query + 1).log().clamp(min=torch.finfo(torch.float32).tiny)], 1).T

    def reduced(pattern: Tensor) -> Tensor:
        A = pattern.float()
        entropy = -torch.xlogy(A, A).sum(-1)
        return torch.cat([entropy @ entropies.T, A.flatten(2) @ shares.flatten(1).T], -1).transpose(1, 2)

    return reduced


def _lengths(model: LoadedModel, layer: int) -> Keep:
    """`z [row pos head d_head]` -> `|z W_O|` `[row pos head]`, through a post-norm but not divided by its scale."""
    return functools.partial(_written_lengths, model.bridge.blocks[layer].attn, post_norm(model, layer))


def _written_lengths(attn: object, norm: AffineNorm | None, z: Tensor) -> Float[Tensor, "row pos head"]:
    W_O: Tensor = attn.W_O.float()  # pyright: ignore[reportAttributeAccessIssue]  # a bridge's attention
    W_O = W_O if norm is None else norm.contribution(W_O, torch.ones_like(W_O[..., :1]))
    parts = z.float().split(AT_ONCE, 1)
    return torch.cat([torch.einsum("rphd,hdm->rphm", part, W_O).norm(dim=-1) for part in parts], 1)
