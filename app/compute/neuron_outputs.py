"""What one neuron writes to the residual stream per unit of its activation: a row of W_out.

`mlp_out = sum_n act_n W_out[n] + b_out`, through the norm after the MLP (Gemma 2 and 3) where the model has one, at a
given scale of it. `act` is mlp_post: in gated MLPs the product of gate and input.
"""

from jaxtyping import Float
from torch import Tensor

from app.compute.normalization import affine_norm
from app.models.loaded import LoadedModel


def neuron_outputs(
    model: LoadedModel, layer: int, scale: Float[Tensor, " 1"] | None
) -> tuple[Float[Tensor, "neuron d_model"], Float[Tensor, " d_model"]]:
    """W_out and b_out (0 where there is none) of a layer, as they reach the stream."""
    block = model.bridge.blocks[layer]
    W_out = block.mlp.W_out.float()
    b_out = getattr(block.mlp, "b_out", None)
    bias = W_out.new_zeros(W_out.shape[-1]) if b_out is None else b_out.float()
    if scale is None:
        return W_out, bias
    norm = affine_norm(block.ln2_post, model.facts.d_model, W_out)
    return norm.contribution(W_out, scale), norm.contribution(bias, scale) + norm.bias
