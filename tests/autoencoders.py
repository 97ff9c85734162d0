"""Sparse autoencoders for tests: random weights of each architecture, saved as SAELens saves them."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from app.models.sae_folder import OWN

D_SAE = 40
K = 6


def random_state(architecture: str, d_in: int, d_sae: int = D_SAE) -> dict[str, Tensor]:
    """Rows of the decoder differ in length; about half of the features are active somewhere."""
    draw = torch.Generator().manual_seed(d_in + len(architecture))

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw)

    state = {"W_enc": drawn(d_in, d_sae) * 0.2, "W_dec": drawn(d_sae, d_in) * 0.2, "b_dec": drawn(d_in) * 0.1}
    own = {name: drawn(d_sae) * 0.1 for name in OWN[architecture]}
    if "threshold" in own:
        own["threshold"] = own["threshold"].abs() * 3
    return state | own


def saved(folder: Path, kind: str = "standard", hook: str = "blocks.1.hook_resid_post", d_in: int = 32,
          state: dict[str, Tensor] | None = None, **config: Any) -> str:  # fmt: skip
    """A folder in the layout of SAELens 6; its path."""
    state = random_state(kind, d_in) if state is None else state
    told = {
        "architecture": kind, "d_in": d_in, "d_sae": state["W_dec"].shape[0], "dtype": "float32",
        "device": "cpu", "apply_b_dec_to_input": True, "normalize_activations": "none", "reshape_activations": "none",
        "metadata": {"model_name": "tiny", "hook_name": hook, "prepend_bos": True, "sae_lens_version": "6.12.1"},
    }  # fmt: skip
    told |= {"k": K} if kind == "topk" else {}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(state, folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text(json.dumps(told | config), encoding="utf-8")
    return str(folder)
