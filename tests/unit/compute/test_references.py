"""The mean of z over reference prompts, against a slow loop over positions."""

import pytest
import torch

from app.compute.references import mean_z, reference_name
from app.domain.errors import BadPrompt
from app.models.tokens import tokenise
from tests.loaded import tiny

PROMPTS = ("w1 w2 w3", "w4 w5 w6 w7 w8")


def slow_mean(model, prompts):
    """Every position of every prompt once, the prepended separator left out."""
    found = []
    for text in prompts:
        prompt = tokenise(model, text, 64)
        _, cache = model.bridge.run_with_cache(torch.tensor([prompt.ids]))
        for position in range(int(prompt.bos), len(prompt)):
            layers = range(model.facts.n_layers)
            found.append(torch.stack([cache[f"blocks.{layer}.attn.hook_z"][0, position] for layer in layers]))
    return torch.stack(found).mean(0)


@pytest.mark.parametrize("prepend_bos", [True, False])
@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_mean_z_weights_every_position_equally_and_leaves_bos_out(architecture, prepend_bos):
    model = tiny(architecture, prepend_bos=prepend_bos)
    torch.testing.assert_close(mean_z(model, PROMPTS), slow_mean(model, PROMPTS), atol=1e-6, rtol=0)  # float32 sums


def test_the_background_is_the_texts_that_come_with_the_model():
    model = tiny("gpt2")
    torch.testing.assert_close(mean_z(model, "background"), mean_z(model, model.background), atol=0, rtol=0)


def test_a_reference_is_computed_once():
    model = tiny("gpt2")
    assert mean_z(model, PROMPTS) is mean_z(model, PROMPTS)


def test_a_reference_has_one_axis_each_for_layers_heads_and_head_dimensions():
    facts = tiny("llama").facts
    assert mean_z(tiny("llama"), PROMPTS).shape == (facts.n_layers, facts.n_heads, facts.d_head)


def test_two_references_have_two_names():
    assert reference_name("background") == "background"
    assert reference_name(PROMPTS).startswith("2 prompts")
    assert reference_name(PROMPTS) != reference_name(PROMPTS[::-1])


def test_an_empty_reference_prompt_is_refused():
    with pytest.raises(BadPrompt, match="empty"):
        mean_z(tiny("gpt2"), ("",))
