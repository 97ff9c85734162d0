"""Every level of the decomposition sums to the logit difference, and is TransformerLens' or a slow loop's."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from app.compute import logit_decomposition as module
from app.compute.direct_logit_attribution import direct_logit_attribution
from app.compute.logit_decomposition import logit_decomposition
from app.domain.direction_interventions import Steer
from app.domain.directions import TokenDirection
from app.domain.errors import BadAnswer
from app.domain.interventions import Ablate, Patch
from app.domain.parts_recipes import LogitDecomposition
from app.domain.parts_results import REMAINDERS
from app.domain.prompts import PromptPair
from app.domain.recipes import DirectLogitAttribution
from app.domain.results import difference
from app.domain.sites import Site
from tests import tiny as words
from tests.loaded import ground_truth, tiny
from tests.unit.compute.asking import PAIR, TOLERANCE, TWO_ANSWERS, answer, ask, cache, each_model, incorrect
from tests.unit.compute.test_direct_logit_attribution import INTERVENTIONS

CHANGED = {name: INTERVENTIONS[name] for name in (
    "heads patched", "attention patched", "MLP patched", "stream meaned, then patched later",
    "an edge, frozen patterns and scales", "neurons",
)}  # fmt: skip


def parts(model, *interventions, **options):
    return ask(logit_decomposition, LogitDecomposition, model, *interventions, **options)


def sublayers(found, kind):
    """[prompt layer]"""
    columns = [found.component_labels.index(f"L{layer}.{kind}") for layer in range(found.heads.shape[1])]
    return found.components[:, columns]


def along(model, cached, pair=PAIR):
    """The direction that a part is read along, from the weights."""
    bridge = model.bridge
    weight = getattr(bridge.ln_final.original_component, "weight", None)
    gain = 1 if weight is None else weight + bool(bridge.ln_final.uses_weight_offset)
    u = gain * (bridge.W_U[:, answer(model)] - bridge.W_U[:, incorrect(model)])
    u = u if bridge.ln_final.uses_rms_norm else u - u.mean()
    return u / cached["ln_final.hook_scale"][0, -1]


@each_model
@pytest.mark.parametrize("scale", ["own", "baseline"])
def test_every_level_sums_to_the_logit_difference(architecture, processing, scale):
    found = parts(tiny(architecture, processing), prompts=(PAIR, TWO_ANSWERS), scale=scale)
    np.testing.assert_allclose(found.components.sum(-1), found.logit_diff, atol=TOLERANCE)
    np.testing.assert_allclose(found.heads.sum(-1) + found.attn_bias, sublayers(found, "attn"), atol=TOLERANCE)
    np.testing.assert_allclose(np.nansum(found.sources, -1), found.heads, atol=TOLERANCE)
    np.testing.assert_allclose(found.neurons.sum(-1) + found.mlp_bias, sublayers(found, "mlp"), atol=TOLERANCE)


@pytest.mark.parametrize("change", CHANGED)
@pytest.mark.parametrize(("architecture", "scale"), [("gpt2", "own"), ("gemma", "baseline")])
def test_the_sums_close_under_interventions_and_what_nothing_wrote_is_nan(architecture, change, scale):
    found = parts(tiny(architecture), *CHANGED[change], scale=scale)
    size = max(1.0, np.abs(found.components).sum())  # a zeroed stream has a scale near 0
    np.testing.assert_allclose(found.components.sum(-1) / size, found.logit_diff / size, atol=TOLERANCE)
    for whole, split, bias in (
        (found.heads, found.sources, 0), (sublayers(found, "mlp"), found.neurons, found.mlp_bias),
    ):  # fmt: skip
        closes = np.isclose((split.sum(-1) + bias) / size, whole / size, atol=TOLERANCE)
        assert (closes | np.isnan(split).all(-1)).all()


@pytest.mark.parametrize("architecture", ["gpt2", "neox", "llama"])
def test_neurons_and_heads_equal_transformer_lens_stacks(architecture):
    model = tiny(architecture)
    _, cached = cache(model)
    found = parts(model)
    for stack, mine in (
        (cached.stack_head_results(layer=-1, pos_slice=-1), found.heads[0]),
        (cached.stack_neuron_results(layer=-1, pos_slice=-1), found.neurons[0]),
    ):
        expected = cached.logit_attrs(stack, answer(model), incorrect_tokens=incorrect(model), pos_slice=-1)
        np.testing.assert_allclose(mine.flatten(), expected.flatten(), atol=TOLERANCE)


@each_model
def test_tokens_and_neurons_equal_slow_loops(architecture, processing):
    model = tiny(architecture, processing)
    _, cached = cache(model)
    found, u = parts(model), along(model, cached)
    for layer in range(3):
        block = model.bridge.blocks[layer]
        pattern, v = cached[f"blocks.{layer}.attn.hook_pattern"][0], cached[f"blocks.{layer}.attn.hook_v"][0]
        post = [1.0, 1.0]
        for at, norm in enumerate(("ln1_post", "ln2_post")):
            if f"blocks.{layer}.{norm}.hook_scale" in cached:
                gain = 1 + getattr(block, norm).original_component.weight
                post[at] = gain / cached[f"blocks.{layer}.{norm}.hook_scale"][0, -1]
        for head, key in np.ndindex(4, 8):
            read = v[key, head * v.shape[1] // 4] @ block.attn.W_O[head]
            expected = float((pattern[head, -1, key] * read * post[0]) @ u)
            assert found.sources[0, layer, head, key] == pytest.approx(expected, abs=TOLERANCE)
        act = cached[f"blocks.{layer}.mlp.hook_post"][0, -1]
        for neuron in (0, 7, 47):
            expected = float((act[neuron] * block.mlp.W_out[neuron] * post[1]) @ u)
            assert found.neurons[0, layer, neuron] == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("architecture", ["gpt2", "gemma"])
def test_at_the_baselines_scale_a_difference_is_of_what_was_written_alone(architecture):
    model, change = tiny(architecture), Ablate(Site("z", 2, (1,)))
    found = difference(parts(model, change, scale="baseline"), parts(model, scale="baseline"))
    named = dict(zip(found.component_labels, found.components[0], strict=True))
    before = [label for label in named if label[:2] in ("em", "po", "L0", "L1")]
    assert [named[label] for label in before] == pytest.approx([0] * len(before), abs=TOLERANCE)
    assert abs(named["rescaling"]) > TOLERANCE
    own = difference(parts(model, change), parts(model))
    assert max(abs(value) for value in own.components[0, : len(before)]) > TOLERANCE
    assert own.components[0, own.component_labels.index("rescaling")] == 0
    assert sum(named.values()) == pytest.approx(float(own.logit_diff[0]), abs=TOLERANCE)


def test_at_the_runs_own_scale_components_are_the_direct_attributions():
    model = tiny("gpt2", "raw")
    change = Ablate(Site("resid_pre", 1), "mean")
    found, direct = parts(model, change), ask(direct_logit_attribution, DirectLogitAttribution, model, change)
    np.testing.assert_allclose(found.components[:, :-3], direct.components[:, :-1], atol=TOLERANCE)
    np.testing.assert_allclose(found.components[:, -3:].sum(-1), direct.components[:, -1], atol=TOLERANCE)
    assert found.component_labels[-3:] == REMAINDERS


def test_what_is_added_to_an_mlp_is_in_its_bias_and_no_neurons():
    model, steered = tiny("gpt2"), Steer(Site("mlp_out", 1), TokenDirection((words.ANSWER,)), 5.0)
    plain, found = parts(model), parts(model, steered, scale="baseline")
    np.testing.assert_allclose(found.neurons.sum(-1) + found.mlp_bias, sublayers(found, "mlp"), atol=TOLERANCE)
    np.testing.assert_allclose(found.neurons[:, 1], plain.neurons[:, 1], atol=TOLERANCE)
    assert np.abs(found.mlp_bias - plain.mlp_bias)[0, 1] > 0.1


def test_a_zeroed_head_reads_no_token_and_a_patched_one_reads_none_that_is_known():
    model = tiny("llama")
    zeroed, patched = parts(model, Ablate(Site("z", 1, (2,)))), parts(model, Patch(Site("z", 1, (2,))))
    assert (zeroed.sources[0, 1, 2] == 0).all()
    assert np.isnan(patched.sources[0, 1, 2]).all()
    assert not np.isnan(patched.sources[0, 1, 1]).any()
    assert np.isnan(parts(model, Patch(Site("mlp_out", 1))).neurons[0, 1]).all()


def test_shorter_prompts_end_in_nan_and_the_room_is_for_the_first_prompts(monkeypatch):
    model = tiny("gpt2")
    found = parts(model, prompts=(PAIR, TWO_ANSWERS))
    assert found.str_tokens[1].tolist() == ["<|endoftext|>", "w5", "w1", "w5", "", "", "", ""]
    assert np.isnan(found.sources[1, ..., 4:]).all()
    assert not np.isnan(found.sources[1, ..., :4]).any()
    monkeypatch.setattr(module, "MOST_BYTES", 3 * 4 * 128 * 2)
    few = parts(model, prompts=(PAIR, TWO_ANSWERS, PAIR))
    assert (len(few.neurons), len(few.components)) == (2, 3)
    np.testing.assert_array_equal(few.neurons, found.neurons)


def test_a_model_without_mlps_says_that_it_has_no_neurons():
    pair = PromptPair("apple river house apple", None, (" river",), (" house",))
    found = parts(ground_truth(), prompts=(replace(pair),))
    assert "no MLPs" in found.neuron_note
    assert found.neurons.shape[0] == 0
    np.testing.assert_allclose(np.nansum(found.sources, -1), found.heads, atol=TOLERANCE)


def test_prompts_without_both_answers_are_refused():
    with pytest.raises(BadAnswer, match="name an answer"):
        parts(tiny("llama"), prompts=(PromptPair("w1 w2"),))


def test_nothing_stays_on_the_model():
    model = tiny("gpt2")
    before = model.bridge(torch.tensor([[0, 3, 4]]))
    parts(model, Ablate(Site("z", 1)), scale="baseline")
    torch.testing.assert_close(model.bridge(torch.tensor([[0, 3, 4]])), before)
