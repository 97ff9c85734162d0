"""Tuned lenses for tests: untrained ones, which are the logit lens, and ones trained by a few steps on random texts."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from app.models.loaded import LoadedModel


def untrained(model: LoadedModel) -> dict[str, Tensor]:
    """Translators that add nothing."""
    width, layers = model.facts.d_model, range(model.facts.n_layers)
    state = {f"{layer}.weight": torch.zeros(width, width) for layer in layers}
    return state | {f"{layer}.bias": torch.zeros(width) for layer in layers}


def random(model: LoadedModel) -> dict[str, Tensor]:
    """Small translators that mean nothing."""
    torch.manual_seed(0)
    return {name: torch.randn_like(value) * 0.02 for name, value in untrained(model).items()}


def trained(model: LoadedModel, steps: int = 60) -> dict[str, Tensor]:
    """Translators moved towards the least KL(final || lens) on random texts, by Adam."""
    state = {name: value.requires_grad_() for name, value in untrained(model).items()}
    optimiser = torch.optim.Adam(state.values(), lr=0.01)
    draw = torch.Generator().manual_seed(0)
    with torch.enable_grad():
        for _ in range(steps):
            tokens = torch.randint(2, 50, (8, 12), generator=draw)
            loss = divergence(model, state, tokens)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return {name: value.detach() for name, value in state.items()}


def divergence(model: LoadedModel, state: dict[str, Tensor], tokens: Tensor) -> Tensor:
    """Mean KL(final || lens) over all translators and positions."""
    bridge = model.bridge
    names = [f"blocks.{layer}.hook_resid_pre" for layer in range(model.facts.n_layers)]
    with torch.no_grad():
        logits, cached = bridge.run_with_cache(tokens, names_filter=names)
    final = logits.log_softmax(-1)
    lenses = []
    for layer, name in enumerate(names):
        stream = torch.nn.functional.linear(cached[name], state[f"{layer}.weight"], state[f"{layer}.bias"])
        read = bridge.unembed(bridge.ln_final(cached[name] + stream)).log_softmax(-1)
        lenses.append((final.exp() * (final - read)).sum(-1).mean())
    return torch.stack(lenses).mean()


def saved(model: LoadedModel, state: dict[str, Tensor], folder: Path, **config: Any) -> Path:
    """As the tuned-lens repository saves one."""
    facts = {
        "base_model_name_or_path": model.facts.spec.name, "d_model": model.facts.d_model,
        "num_hidden_layers": model.facts.n_layers, "bias": True, "base_model_revision": None, "unembed_hash": None,
        "lens_type": "linear_tuned_lens",
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(state, folder / "params.pt")
    (folder / "config.json").write_text(json.dumps(facts | config), encoding="utf-8")
    return folder
