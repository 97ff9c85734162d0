"""What the tests of attribution patching share: a model that is linear after its attention, and patching by hand."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from app.compute.attribution_estimates import Patched, Refined, estimates
from app.domain.cells import Cells
from app.domain.models import ModelSpec
from app.domain.sites import Site
from app.models.loaded import LoadedModel
from tests import tiny as words
from tests.loaded import loaded
from tests.unit.compute.asking import answer, ids, incorrect


@functools.cache
def linear_model(saturation: float = 1.0) -> LoadedModel:
    """Two attention-only layers without norms, float64: the logits are linear in the last layer's z and in each of its
    attention weights. `saturation` multiplies the queries, and with them the scores."""
    from transformer_lens.config import TransformerBridgeConfig
    from transformer_lens.model_bridge.sources.native import boot

    sizes: dict[str, Any] = {"n_layers": 2, "n_heads": 4, "d_model": 32, "d_head": 8, "n_ctx": 32, "d_vocab": 50}
    kind: dict[str, Any] = {"attn_only": True, "normalization_type": None, "positional_embedding_type": "standard"}
    bridge = boot(TransformerBridgeConfig(**sizes, **kind, act_fn="relu", seed=0), device="cpu", model_name="linear")
    bridge.eval().to(torch.float64)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in bridge.named_parameters():
            parameter.requires_grad_(False)
            parameter.normal_(0, 0.3, generator=generator)
            if ".q." in name:
                parameter.mul_(saturation)
    return loaded(bridge, ModelSpec("live", f"linear-{saturation}", processing="raw"))


def denoising(model: LoadedModel, clean: str = words.CLEAN, corrupted: str = words.CORRUPTED) -> Patched:
    return Patched(ids(model, corrupted), ids(model, clean), ((answer(model),), (incorrect(model),)))


def estimated(
    model: LoadedModel, patched: Patched, cells: Cells, correction: bool = False, drop: bool = False, steps: int = 1
) -> Any:
    """Estimates of all cells."""
    places = cells.places(model.facts, len(patched.ids))
    return estimates(model, patched, cells, places, Refined(correction, drop, steps)).cells.numpy()


def logit_diff(model: LoadedModel, patched: Patched, hooks: Any = ()) -> float:
    """By the bridge and hand-written hooks, in the model's own precision."""
    with torch.no_grad():
        logits = model.bridge.run_with_hooks(torch.tensor([patched.ids]), fwd_hooks=list(hooks))[0, -1]
    (a,), (b,) = patched.answers
    return float(logits[a] - logits[b])


def source_values(model: LoadedModel, patched: Patched, site: Site) -> Tensor:
    """The whole activation in the other prompt's run, with batch axis."""
    seen: list[Tensor] = []
    hook = (site.hook_name, lambda activation, hook: seen.append(activation.clone()))
    with torch.no_grad():
        model.bridge.run_with_hooks(torch.tensor([patched.source_ids]), fwd_hooks=[hook])
    return seen[0]


def exact(model: LoadedModel, patched: Patched, cells: Cells, step: float = 1.0) -> np.ndarray:
    """Effects of moving each cell by `step` of the way to the source's value, divided by `step`; by clone and index."""
    start = logit_diff(model, patched)
    places = cells.places(model.facts, len(patched.ids))
    sources = {layer: source_values(model, patched, Site(cells.activation, layer)) for layer in {*places[:, 0]}}
    moves = [moving(cells, place, sources[place[0]], step) for place in places]
    return np.array([(logit_diff(model, patched, [move]) - start) / step for move in moves])


def moving(cells: Cells, place: Any, source: Tensor, step: float = 1.0) -> Any:
    """A hook that moves one cell by `step` of the way to `source`."""
    at = dict(zip(cells.axes, (int(i) for i in place), strict=True))
    position, head, neuron = (at.get(axis, slice(None)) for axis in ("position", "head", "neuron"))
    index: Any = (0, position, neuron if cells.activation == "mlp_post" else head)
    if cells.activation == "pattern":
        index = (0, head, position, at.get("source_position", slice(None)))

    def move(activation: Tensor, hook: Any) -> Tensor:
        activation = activation.clone()
        activation[index] += step * (source[index] - activation[index])
        return activation

    return Site(cells.activation, at["layer"]).hook_name, move


@contextmanager
def parameters_with_gradients(model: LoadedModel) -> Iterator[None]:
    """TransformerLens' attribution needs them; ours leaves them off."""
    parameters = list(model.bridge.parameters())
    try:
        for parameter in parameters:
            parameter.requires_grad_(True)
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(False)
            parameter.grad = None
