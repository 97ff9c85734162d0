"""Neurons are a slow loop over TransformerLens' cache; what excites them is the bridge's own MLP on embeddings."""

import numpy as np
import pytest
import torch

from app.compute.logit_decomposition import logit_decomposition
from app.compute.neurons import neurons
from app.domain.errors import BadSite
from app.domain.interventions import Ablate, Patch
from app.domain.parts_recipes import LogitDecomposition, Neurons
from app.domain.prompts import PromptPair
from app.domain.sites import Site
from tests.loaded import ground_truth, tiny
from tests.unit.compute.asking import TOLERANCE, ask, cache, each_model


def found(model, *interventions, **options):
    return ask(neurons, Neurons, model, *interventions, **{"layer": 1, "top_k": 4} | options)


@each_model
def test_activations_and_read_outs_equal_slow_loops(architecture, processing):
    model = tiny(architecture, processing)
    _, cached = cache(model)
    result = found(model, neuron=7)
    np.testing.assert_allclose(result.activations, cached["blocks.1.mlp.hook_post"][0], atol=TOLERANCE)
    bridge = model.bridge
    row = bridge.blocks[1].mlp.W_out[7]
    if "blocks.1.ln2_post.hook_scale" in cached:
        gain = 1 + bridge.blocks[1].ln2_post.original_component.weight
        row = row / cached["blocks.1.ln2_post.hook_scale"][0, -1] * gain
    weight = getattr(bridge.ln_final.original_component, "weight", None)
    gain = 1 if weight is None else weight + bool(bridge.ln_final.uses_weight_offset)
    row = row if bridge.ln_final.uses_rms_norm else row - row.mean()
    logits = (row / cached["ln_final.hook_scale"][0, -1] * gain) @ bridge.W_U
    logits = logits - logits.mean()
    np.testing.assert_allclose(result.promoted_logits, logits.topk(4).values, atol=TOLERANCE)
    np.testing.assert_allclose(result.suppressed_logits, logits.topk(4, largest=False).values, atol=TOLERANCE)


@each_model
def test_tokens_that_excite_are_those_whose_embedding_the_bridges_mlp_answers_most(architecture, processing):
    model = tiny(architecture, processing)
    result, block = found(model, neuron=7), model.bridge.blocks[1]
    seen = []
    with (
        torch.no_grad(),
        model.bridge.hooks(fwd_hooks=[("blocks.1.mlp.hook_post", lambda act, hook: seen.append(act))]),
    ):
        for token in range(50):
            embedded = model.bridge.embed(torch.tensor([[token]]))
            block.mlp(block.ln2(embedded))
    expected = torch.cat(seen)[:, 0, 7].topk(4)
    np.testing.assert_allclose(result.exciting_activations, expected.values, atol=TOLERANCE)
    words = [model.tokenizer.decode([token]) for token in expected.indices.tolist()]
    assert result.exciting_tokens.tolist() == words
    assert result.note == ""


@pytest.mark.parametrize("architecture", ["gpt2", "gemma"])
def test_attributions_are_those_of_the_decomposition_and_the_largest_is_chosen(architecture):
    model = tiny(architecture)
    change = Ablate(Site("mlp_post", 1, neurons=(3,)))
    result, whole = found(model, change), ask(logit_decomposition, LogitDecomposition, model, change)
    np.testing.assert_allclose(result.attribution, whole.neurons[0, 1], atol=TOLERANCE)
    assert result.neuron == np.abs(result.attribution).argmax()
    assert result.attribution[3] == 0


def test_without_answers_the_most_active_neuron_is_chosen_and_replaced_output_has_no_attribution():
    model = tiny("llama")
    result = found(model, prompts=(PromptPair("w1 w2 w3"),))
    assert np.isnan(result.attribution).all()
    assert result.neuron == np.abs(result.activations).max(0).argmax()
    assert np.isnan(found(model, Patch(Site("mlp_out", 1))).attribution).all()


def test_layers_and_neurons_that_do_not_exist_are_refused():
    with pytest.raises(BadSite, match="no MLPs"):
        found(ground_truth(), prompts=(PromptPair("apple river"),))
    with pytest.raises(BadSite, match="3 layers"):
        found(tiny("gpt2"), layer=3)
    with pytest.raises(BadSite, match="128 neurons per layer"):
        found(tiny("gpt2"), neuron=128)
