"""The bridge's own hooks give the same cells as the replay, on every architecture."""

import pytest
import torch

from app.compute.fallback import hooked
from app.compute.prompts import read_prompt
from app.compute.references import mean_z
from app.compute.replay_heads import replayed
from app.compute.replay_verify import replay_weights
from app.compute.replay_weights import Weights
from app.domain.interventions import Ablate, Patch
from app.domain.prompts import PromptPair
from app.domain.sites import Head, Site
from tests import tiny as words
from tests.loaded import ground_truth, tiny

CLOSE = {"atol": 1e-4, "rtol": 0}  # float32, two orders of summation
INTERVENTIONS = (Ablate(Site("z", 1, (0,))), Patch(Site("mlp_out", 0, positions=(4,))))
HEADS = (Head(0, 1), Head(1, 0), Head(1, 3), Head(2, 2))


def cells(model, method="zero", interventions=(), pair=None):
    """The same prompt on the bridge and on the replay."""
    prompt = read_prompt(model, pair or PromptPair(words.CLEAN, words.CORRUPTED), 64)
    facts, weights = model.facts, replay_weights(model)
    zeros = torch.zeros(facts.n_layers, facts.n_heads, facts.d_head)
    replacement = mean_z(model, "background") if method == "mean" else zeros
    assert isinstance(weights, Weights)
    return (
        hooked(model, prompt, interventions, replacement, "asked for"),
        replayed(model, weights, prompt, interventions, replacement),
    )


@pytest.mark.parametrize("interventions", [(), INTERVENTIONS], ids=["alone", "in force"])
@pytest.mark.parametrize("method", ["zero", "mean"])
@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_both_engines_give_the_same_logits(architecture, method, interventions):
    bridge, replay = cells(tiny(architecture), method, interventions)
    torch.testing.assert_close(bridge.clean, replay.clean, **CLOSE)
    torch.testing.assert_close(bridge.ablated(HEADS), replay.ablated(HEADS), **CLOSE)


def test_both_engines_give_the_same_logits_on_a_native_attention_only_model():
    bridge, replay = cells(ground_truth(), pair=PromptPair("river apple house river apple"))
    heads = (Head(0, 0), Head(0, 3), Head(1, 1))
    torch.testing.assert_close(bridge.ablated(heads), replay.ablated(heads), **CLOSE)


def test_one_row_alone_is_the_same_row_in_a_batch():
    bridge, _ = cells(tiny("gemma"))
    alone = torch.cat([bridge.ablated((head,)) for head in HEADS])
    torch.testing.assert_close(bridge.ablated(HEADS), alone, **CLOSE)


def test_each_engine_says_its_name_and_why():
    bridge, replay = cells(tiny("gpt2"))
    assert (bridge.engine, replay.engine) == ("bridge: asked for", "replay")


def test_a_longer_prompt_means_fewer_rows_at_a_time():
    short, long = (cells(tiny("gpt2"), pair=PromptPair(" ".join(["w1"] * n)))[0].batch for n in (4, 50))
    assert short > long > 1


def test_no_hook_outlives_a_batch():
    model = tiny("gemma")
    ids = torch.tensor([[0, 3, 4, 5]])
    before = model.bridge(ids)
    bridge, _ = cells(model, "mean", INTERVENTIONS)
    bridge.ablated(HEADS)
    torch.testing.assert_close(model.bridge(ids), before, atol=0, rtol=0)
