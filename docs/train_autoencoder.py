"""Trains a small top-k sparse autoencoder on the default model and saves it as SAELens does: to try the panel with.

    python docs/train_autoencoder.py TEXT.txt MY-AUTOENCODER [LAYER]

TEXT.txt is plain text, the more the better (a hundred kilobytes take some minutes on two cores). What comes out is a
toy: good autoencoders are trained on a thousand times as many tokens.
"""

import json
import logging
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from app.compute.passes import captured, everywhere
from app.domain.models import ModelSpec
from app.models.load import load

D_SAE, K, STEPS, BATCH, WINDOW = 2048, 32, 3000, 512, 128
log = logging.getLogger(__name__)


def activations(text: str, layer: int) -> torch.Tensor:
    """`[token d_model]` of resid_post, without the first tokens of each window."""
    model = load(ModelSpec("listed", "smollm2-135m"), device="cpu")
    ids, hook = model.tokenizer.encode(text), f"blocks.{layer}.hook_resid_post"
    found = []
    for at in range(0, len(ids) - WINDOW, WINDOW):
        window = (model.bos_id or 0, *ids[at : at + WINDOW])
        found.append(captured(model, window, {hook: everywhere})[1][hook][4:].float())
        log.info("%d of %d tokens", at, len(ids))
    return torch.cat(found)


def trained(x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Weights that reconstruct x from the K largest features; rows of the decoder have length 1."""
    draw = torch.Generator().manual_seed(0)
    W_dec = torch.nn.functional.normalize(torch.randn(D_SAE, x.shape[1], generator=draw), dim=-1)
    scale = x.norm(dim=-1).mean()
    w = {"W_enc": W_dec.T.contiguous(), "W_dec": W_dec, "b_enc": torch.zeros(D_SAE), "b_dec": x.mean(0) / scale}
    w = {name: value.requires_grad_() for name, value in w.items()}
    optimiser = torch.optim.Adam(w.values(), lr=1e-3)
    for step in range(STEPS):
        batch = x[torch.randint(len(x), (BATCH,), generator=draw)] / scale
        before = (batch - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
        top = before.topk(K, dim=-1)
        features = torch.zeros_like(before).scatter(-1, top.indices, top.values.relu())
        loss = (features @ w["W_dec"] + w["b_dec"] - batch).pow(2).sum(-1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            w["W_dec"] /= w["W_dec"].norm(dim=-1, keepdim=True)
        if step % 100 == 0:
            log.info("step %d, share of the norm lost %.3f", step, float(loss))
    # in units of the stream itself: features and both biases grow by the scale
    return {name: (value * scale if name.startswith("b_") else value).detach() for name, value in w.items()}


def main(text: str, folder: str, layer: str = "15") -> None:
    """Train on a file, save into a folder."""
    state = trained(activations(Path(text).read_text(encoding="utf-8"), int(layer)))
    config = {
        "architecture": "topk", "k": K, "d_in": state["W_dec"].shape[1], "d_sae": D_SAE, "dtype": "float32",
        "apply_b_dec_to_input": True, "normalize_activations": "none",
        "metadata": {"model_name": "smollm2-135m", "hook_name": f"blocks.{layer}.hook_resid_post"},
    }  # fmt: skip
    Path(folder).mkdir(parents=True, exist_ok=True)
    save_file(state, Path(folder) / "sae_weights.safetensors")
    (Path(folder) / "cfg.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(*sys.argv[1:])
