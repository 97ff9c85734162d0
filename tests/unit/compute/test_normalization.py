"""A norm probed from outside is the norm."""

import pytest
import torch

from app.compute.normalization import affine_norm
from tests import tiny as words
from tests.loaded import tiny
from tests.unit.compute.asking import each_model


@each_model
def test_the_probed_final_norm_gives_what_the_module_gives(architecture, processing):
    model = tiny(architecture, processing)
    norm, d_model = model.bridge.ln_final, model.facts.d_model
    probed = affine_norm(norm, d_model, model.bridge.W_U)
    x = torch.randn(5, d_model, generator=torch.Generator().manual_seed(0)) * 3
    centred = x - x.mean(-1, keepdim=True) if probed.centres else x
    scale = centred.pow(2).mean(-1, keepdim=True).sqrt()  # epsilon is below the tolerance at this size
    torch.testing.assert_close(probed.contribution(x, scale) + probed.bias, norm(x[None])[0], atol=1e-4, rtol=0)
    assert probed.centres == (architecture in ("gpt2", "neox"))


@pytest.mark.parametrize("centres", [True, False])
def test_an_odd_width_is_probed_too(centres):
    norm = torch.nn.LayerNorm(5) if centres else torch.nn.RMSNorm(5, eps=1e-6)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, -2.0, 0.0, 0.5, 3.0]))
    probed = affine_norm(norm, 5, norm.weight.detach())
    torch.testing.assert_close(probed.gain, norm.weight.detach(), atol=1e-4, rtol=0)
    assert probed.centres == centres


def test_contributions_add_up_to_the_norm_of_their_sum():
    model = tiny("gemma")
    block = model.bridge.blocks[0]
    probed = affine_norm(block.ln1_post, model.facts.d_model, model.bridge.W_U)
    parts = torch.randn(4, len(words.WORDS[:32]), generator=torch.Generator().manual_seed(1))
    scale = parts.sum(0).pow(2).mean().sqrt()
    whole = block.ln1_post(parts.sum(0)[None, None])[0, 0]
    torch.testing.assert_close(probed.contribution(parts, scale).sum(0) + probed.bias, whole, atol=1e-4, rtol=0)
