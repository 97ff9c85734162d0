"""What "mean" means in a mean ablation: the mean of each head's z over the positions of some reference prompts.

One vector per head, pooled over every position of every reference prompt, each position weighted equally and the
prepended BOS left out (heads idle there: it would dominate the mean). `"background"` are the texts that come with the
model; otherwise the recipe names its own. The reference should be independent of the prompts it is used on
(docs/formulas.md). Not done: one mean per position, for prompts that are aligned.
"""

import hashlib

import torch
from jaxtyping import Float
from torch import Tensor

from app.domain.interventions import Reference
from app.domain.sites import Site
from app.models.loaded import LoadedModel
from app.models.tokens import tokenise


def reference_prompts(model: LoadedModel, reference: Reference) -> tuple[str, ...]:
    """The texts themselves."""
    return model.background if reference == "background" else tuple(reference)


def reference_name(reference: Reference) -> str:
    """`background`, or how many prompts and the beginning of their hash, so that two sets have two names."""
    if reference == "background":
        return "background"
    text = hashlib.sha256("\0".join(reference).encode()).hexdigest()[:8]
    return f"{len(reference)} prompts ({text})"


def mean_z(model: LoadedModel, reference: Reference) -> Float[Tensor, "layer head d_head"]:
    """E_position z of every head over the reference prompts; computed once per model and reference."""
    key = ("mean_z", reference, model.facts.spec.prepend_bos)
    with model.lock:
        if key not in model.memo:
            model.memo[key] = _mean(model, reference_prompts(model, reference))
        return model.memo[key]


def _mean(model: LoadedModel, prompts: tuple[str, ...]) -> Float[Tensor, "layer head d_head"]:
    read = [tokenise(model, text, model.facts.n_ctx) for text in prompts]
    sums = [_z(model, prompt.ids)[:, int(prompt.bos) :].sum(1) for prompt in read]
    return torch.stack(sums).sum(0) / sum(len(prompt) - prompt.bos for prompt in read)


@torch.no_grad()
def _z(model: LoadedModel, ids: tuple[int, ...]) -> Float[Tensor, "layer pos head d_head"]:
    names = [Site("z", layer).hook_name for layer in range(model.facts.n_layers)]
    tokens = torch.tensor([ids], device=model.facts.device)
    _, cache = model.bridge.run_with_cache(tokens, names_filter=names)
    return torch.stack([cache[name][0].float() for name in names])
