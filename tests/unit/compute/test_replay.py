"""The replay against the bridge: every family, every place a row can leave the trace, and what it must refuse."""

from dataclasses import replace

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from app.compute.replay import Held, Injection, end_logits, propagate, trace
from app.compute.replay_reading import read_weights
from app.compute.replay_verify import agrees, deviation, engine_name, replay_weights
from app.compute.replay_weights import Uncovered, Weights
from app.models.loaded import LoadedModel
from tests import tiny as words
from tests.loaded import loaded, tiny

IDS = [0, 3, 4, 5, 6, 4, 7, 8]
OTHER = [0, 3, 4, 9, 6, 4, 7, 8]
CLOSE = {"atol": 1e-4, "rtol": 0}  # float32, two orders of summation
_GPT = {"hidden_size": 32, "max_position_embeddings": 64, "vocab_size": 50}
_LLAMA = {
    **_GPT, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 48, "bos_token_id": 0,
    "eos_token_id": 0, "pad_token_id": 1,
}  # fmt: skip
_SHARED = {**_LLAMA, "num_key_value_heads": 2, "head_dim": 8}
FURTHER = {
    "qwen2": {**_LLAMA, "num_key_value_heads": 2},
    "qwen3": _SHARED,
    "olmo2": _LLAMA,
    "phi": _LLAMA,
    "stablelm": {**_LLAMA, "num_key_value_heads": 2},
    "mistral": {**_SHARED, "sliding_window": 16},
    "gemma": _SHARED,
    "gemma3_text": {**_SHARED, "query_pre_attn_scalar": 8, "sliding_window": 16},
    "gpt_neo": {
        **_GPT, "num_layers": 2, "num_heads": 4, "window_size": 8, "attention_types": [[["global", "local"], 1]],
    },
    "opt": {**_LLAMA, "ffn_dim": 48, "word_embed_proj_dim": 32},
    "falcon": _LLAMA,
    "gpt_neox": {**_LLAMA, "use_parallel_residual": False},
}  # fmt: skip


def random_bridge(kind: str, **options):
    """A tiny random bridge of a Hugging Face family, weights as published."""
    from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_from_module

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **options)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.15)
    bridge = build_bridge_from_module(model, type(model).__name__, hf_config=model.config, model_name=kind)
    return bridge.eval()


def weights_of(model: LoadedModel) -> Weights:
    found = replay_weights(model)
    assert isinstance(found, Weights)
    return found


@pytest.mark.parametrize("processing", ["compatibility", "raw"])
@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_a_trace_has_the_streams_and_logits_of_the_bridge(architecture, processing):
    model = tiny(architecture, processing)
    logits, cache = model.bridge.run_with_cache(torch.tensor([IDS]))
    run = trace(weights_of(model), IDS)
    torch.testing.assert_close(end_logits(weights_of(model), run.resid[-1]), logits[0], **CLOSE)
    for layer in range(model.facts.n_layers):
        for name, ours in (("resid_pre", run.resid), ("attn_out", run.attn_out), ("mlp_out", run.mlp_out)):
            torch.testing.assert_close(ours[layer], cache[f"blocks.{layer}.hook_{name}"][0], **CLOSE)
        torch.testing.assert_close(run.z[layer], cache[f"blocks.{layer}.attn.hook_z"][0], **CLOSE)


@pytest.mark.parametrize("kind", FURTHER)
def test_a_further_family_falls_out_of_the_description(kind):
    bridge = random_bridge(kind, **FURTHER[kind])
    assert deviation(bridge, read_weights(bridge)).max() < 1e-5  # measured 1e-6 on models of this size


@pytest.mark.parametrize("first", [0, 3, 7])
@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_rows_with_another_stream_from_a_position_on_equal_a_patched_run(architecture, first):
    """resid_pre of layer 1 from another prompt, from `first` on: positions before it are never recomputed."""
    model, weights = tiny(architecture), weights_of(tiny(architecture))
    other, base = trace(weights, OTHER), trace(weights, IDS)

    def edit(resid, hook):
        return torch.cat([resid[:, :first], other.resid[1][None, first:]], 1)

    expected = model.bridge.run_with_hooks(torch.tensor([IDS]), fwd_hooks=[("blocks.1.hook_resid_pre", edit)])[:, -1]
    row = Injection(1, "resid_pre", lambda at: other.resid[1][None, at:])
    torch.testing.assert_close(end_logits(weights, propagate(weights, base, [row], first)), expected, **CLOSE)


@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_rows_from_several_layers_and_places_run_together_as_they_run_alone(architecture):
    weights = weights_of(tiny(architecture))
    base, other = trace(weights, IDS), trace(weights, OTHER)
    rows = [
        Injection(0, "attn_out", lambda at: other.attn_out[0][None, at:]),
        Injection(1, "resid_post", lambda at: other.resid[2][None, at:]),
        Injection(2, "attn_out", lambda at: other.attn_out[2][None, at:]),
        Injection(2, "resid_post", lambda at: other.resid[3][None, at:]),
    ]
    alone = torch.cat([propagate(weights, base, [row]) for row in rows])
    torch.testing.assert_close(propagate(weights, base, rows), alone, **CLOSE)


@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_injecting_a_run_into_itself_changes_nothing(architecture):
    weights = weights_of(tiny(architecture))
    base = trace(weights, IDS)
    rows = [Injection(layer, "attn_out", lambda at, layer=layer: base.attn_out[layer][None, at:]) for layer in range(3)]
    torch.testing.assert_close(propagate(weights, base, rows), base.resid[-1][-1].expand(3, -1), **CLOSE)


def test_the_whole_stream_of_another_run_at_the_first_layer_gives_that_run():
    weights = weights_of(tiny("llama"))
    base, other = trace(weights, IDS), trace(weights, OTHER)
    row = Injection(0, "resid_pre", lambda at: other.resid[0][None, at:])
    torch.testing.assert_close(propagate(weights, base, [row]), other.resid[-1][-1:], **CLOSE)


def test_a_held_value_is_there_in_the_trace_and_in_rows():
    weights = weights_of(tiny("gpt2"))
    hold = Held("resid_post", 2, torch.zeros(len(IDS), 32), positions=(len(IDS) - 1,))
    base = trace(weights, IDS, (hold,))
    assert not base.resid[-1][-1].any()
    row = Injection(1, "resid_post", lambda at: base.resid[2][None, at:] + 1)
    assert not propagate(weights, base, [row]).any()


def test_no_rows_give_no_streams():
    weights = weights_of(tiny("gpt2"))
    assert propagate(weights, trace(weights, IDS), []).shape == (0, 32)


def test_weights_are_the_bridge_own_and_not_copies():
    bridge = tiny("llama").bridge
    weights = read_weights(bridge)
    assert weights.blocks[1].attn.q.weight.data_ptr() == bridge.blocks[1].attn.q.weight.data_ptr()
    assert weights.unembed.weight.data_ptr() == bridge.unembed.original_component.weight.data_ptr()


def test_the_engine_says_replay_where_it_verified():
    assert engine_name(tiny("neox")) == "replay"


@pytest.mark.parametrize(
    "change",
    [{"logit_cap": 5.0}, {"embed_scale": 1.01}, {"adjacent": True}, {"angles": lambda n: {}}, {"ln_final": None}],
    ids=lambda change: next(iter(change)),
)
def test_a_wrong_reading_does_not_verify(change):
    bridge = tiny("llama").bridge
    assert not agrees(deviation(bridge, replace(read_weights(bridge), **change)))


def test_a_wrong_activation_does_not_verify():
    """The two GELUs are the closest confusion there is."""
    bridge = tiny("gpt2").bridge
    weights = read_weights(bridge)
    exact = [replace(block, mlp=replace(block.mlp, act=torch.nn.functional.gelu)) for block in weights.blocks]
    assert agrees(deviation(bridge, weights))
    assert not agrees(deviation(bridge, replace(weights, blocks=tuple(exact))))


def test_a_window_that_is_not_seen_does_not_verify():
    bridge = tiny("gemma").bridge
    weights = read_weights(bridge)
    assert [block.attn.window for block in weights.blocks] == [16, None, 16]
    blind = [replace(block, attn=replace(block.attn, window=None)) for block in weights.blocks]
    assert not agrees(deviation(bridge, replace(weights, blocks=tuple(blind))))


def test_a_family_with_unknown_parts_is_refused_by_name():
    bridge = random_bridge("bloom", vocab_size=50, hidden_size=32, n_layer=2, n_head=4)
    with pytest.raises(Uncovered, match="embed_ln"):
        read_weights(bridge)
    assert engine_name(loaded(bridge, tiny("gpt2").facts.spec)) == "bridge: the model has embed_ln"


def test_low_precision_goes_to_the_bridge():
    bridge = random_bridge("gpt2", **words.CONFIGS["gpt2"][1]).to(torch.bfloat16)
    assert "bfloat16" in engine_name(loaded(bridge, tiny("gpt2").facts.spec))
