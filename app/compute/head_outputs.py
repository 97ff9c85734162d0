"""What every head writes into the residual stream at one position of a prompt."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.decomposition import attention_parts
from app.compute.held import for_prompt
from app.compute.normalization import post_norm
from app.compute.reading import ReadPrompt
from app.compute.runs import capture
from app.domain.interventions import Interventions
from app.domain.sites import Site
from app.models.loaded import LoadedModel


def head_outputs(
    model: LoadedModel, prompt: ReadPrompt, interventions: Interventions, position: int | None, more: Sequence[str] = ()
) -> tuple[Float[Tensor, "layer head d_model"], dict[str, Float[Tensor, "1 ..."]]]:
    """`z W_O` at the position (None = END), after a post-norm as it is added, and the hooks `more` there. One forward
    pass, with the interventions of the recipe that are for this prompt."""
    at, layers = -1 if position is None else position, range(model.facts.n_layers)
    scales = [f"blocks.{layer}.ln1_post.hook_scale" for layer in layers]
    names = [Site("z", layer).hook_name for layer in layers]
    with model.lock:
        keep = {name: lambda x: x[:, at] for name in (*names, *scales, *more) if name in model.bridge.hook_dict}
        mine = for_prompt(interventions, prompt.index)
        _, kept = capture(model, prompt.clean.ids, keep, mine, prompt.corrupted_ids)
        kept = {name: value.float() for name, value in kept.items()}
        parts = (
            attention_parts(model, layer, kept[name], post_norm(model, layer), kept.get(scale))
            for layer, name, scale in zip(layers, names, scales, strict=True)
        )
        return torch.stack([heads for heads, _ in parts]), {name: kept[name] for name in more}
