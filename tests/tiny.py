"""Tiny random bridges of the architectures that differ in what matters here. No network, built in well under a second.

gpt2: LayerNorm, learned positions, biases. neox (Pythia): parallel blocks, partial rotary. llama: GQA, RMSNorm,
rotary. gemma: post-norms, soft-caps, embedding scale, sliding window.
"""

import functools
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

WORDS = tuple(f"w{i}" for i in range(48))
ANSWER, INCORRECT = "w7", "w11"
CLEAN = "w1 w2 w3 w4 w2 w5 w6"
CORRUPTED = "w1 w2 w3 w9 w2 w5 w6"
_SIZES: dict[str, Any] = {"vocab_size": 50, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
_DECODER = {
    **_SIZES, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 48,
    "max_position_embeddings": 64,
}  # fmt: skip
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("gpt2", {**_SIZES, "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64}),
    "neox": ("gpt_neox", {**_DECODER, "rotary_pct": 0.25, "use_parallel_residual": True}),
    "llama": ("llama", {**_DECODER, "num_key_value_heads": 2, "head_dim": 8}),
    "gemma": (
        "gemma2",
        {**_DECODER, "num_key_value_heads": 2, "head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 16},
    ),
}
ARCHITECTURES = tuple(CONFIGS)


def tokenizer() -> PreTrainedTokenizerFast:
    """One word, one token; `<|endoftext|>` is id 0."""
    vocabulary = {"<|endoftext|>": 0, "<unk>": 1, **{word: i + 2 for i, word in enumerate(WORDS)}}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<|endoftext|>", eos_token="<|endoftext|>", pad_token="<unk>", unk_token="<unk>"
    )


def hf_model(architecture: str) -> Any:
    """A random Hugging Face model, weights large enough that attention is not uniform."""
    kind, options = CONFIGS[architecture]
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **options))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.15)
    return model.eval()


def build(architecture: str, processing: str = "compatibility") -> Any:
    """A fresh bridge, processed as asked, in eval mode without gradients."""
    from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_from_module

    model = hf_model(architecture)
    bridge = build_bridge_from_module(
        model, type(model).__name__, hf_config=model.config, model_name=f"tiny-{architecture}"
    )
    if processing == "compatibility":
        bridge.enable_compatibility_mode()
    bridge.eval()
    for parameter in bridge.parameters():
        parameter.requires_grad_(False)
    return bridge


@functools.cache
def bridge(architecture: str, processing: str = "compatibility") -> Any:
    """A shared bridge; tests that change weights call `build`."""
    return build(architecture, processing)
