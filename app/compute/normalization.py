"""What a norm of the model does, as three values, found by asking it.

A norm is `(x - mean(x) if it centres) / scale(x) * gain + bias`. With the scale taken from a run it is affine, so it
can be applied to one contribution at a time (direct logit attribution) or folded into a direction. Gain and bias are
read off two probes instead of the weights: architectures store them differently (Gemma as an offset from 1, folded
models as ones, TransformerLens' own not at all). Probes are ±1000, so that epsilon (at most 1e-5) drops out.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from app.models.loaded import LoadedModel

PROBE = 1000.0


@dataclass(frozen=True, eq=False)
class AffineNorm:
    """`gain` and `bias` after division by the scale; `centres` is True for LayerNorm, False for RMSNorm."""

    gain: Float[Tensor, " d_model"]
    bias: Float[Tensor, " d_model"]
    centres: bool

    def contribution(self, written: Float[Tensor, "... d_model"], scale: Tensor) -> Float[Tensor, "... d_model"]:
        """What one contribution to the norm's input adds to its output, the scale held at the run's own."""
        centred = written - written.mean(-1, keepdim=True) if self.centres else written
        return centred / scale * self.gain

    def folded_into(self, weights: Float[Tensor, "... d_model out"]) -> Float[Tensor, "... d_model out"]:
        """Weights that read the norm's input: `norm(x) @ weights` is `x @` these, but for scale and bias."""
        weights = weights * self.gain[:, None]
        return weights - weights.mean(-2, keepdim=True) if self.centres else weights


def affine_norm(norm: Any, d_model: int, like: Tensor) -> AffineNorm:
    """Probe a norm module of the bridge (call under the model's lock). `like` gives dtype and device."""
    zero, flat = torch.zeros(d_model), torch.full((d_model,), PROBE)
    wave = _zero_mean_wave(d_model)
    out = norm(torch.stack([zero, flat, wave])[None].to(like))[0].float()
    bias, of_flat, of_wave = out
    gain = (of_wave - bias) * (wave.pow(2).mean().sqrt() / wave).to(out.device)
    return AffineNorm(gain, bias, centres=bool(torch.allclose(of_flat, bias, atol=1e-3)))


def _zero_mean_wave(d_model: int) -> Tensor:
    """+p, -p, +p, ... with mean exactly 0 and no zero entry; an odd width halves its first and last entry."""
    wave = torch.full((d_model,), PROBE)
    wave[1::2] = -PROBE
    if d_model % 2:
        wave[[0, -1]] = PROBE / 2
    return wave


def post_norm(model: LoadedModel, layer: int, name: Literal["ln1_post", "ln2_post"] = "ln1_post") -> AffineNorm | None:
    """The norm between a layer's attention (`ln2_post`: MLP) and the residual stream; None where there is none."""
    block = model.bridge.blocks[layer]
    if f"blocks.{layer}.{name}.hook_scale" not in model.bridge.hook_dict:
        return None
    return affine_norm(getattr(block, name), model.facts.d_model, block.attn.W_O)
