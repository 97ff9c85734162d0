"""A llama-type GGUF file -> a Hugging Face folder, in float32 and without torch.

The `gguf` library reads and dequantizes, which takes seconds where transformers' own loader takes half a minute.
Three things differ between the formats: tensor names; the rows of W_Q and W_K, which llama.cpp interleaves for its
rotary embedding (undone by `half_rotary`); and the tokenizer, which is spelled in the metadata. Verified equal to
transformers' loader in the tests. Files with anything this does not know (RoPE scaling, extra tensors, another
splitting rule) are refused by `readable` and go the slow way.

Splitting rules (llama.cpp, `llama-vocab.cpp`): `smollm` cuts every digit off on its own before GPT-2's rule; `gpt-2`
and `default` use GPT-2's rule alone.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

_NAMES = {
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip
_OUTER = {
    "token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}  # fmt: skip
_DIGITS_ALONE = ("smollm",)
_SPLITS = (*_DIGITS_ALONE, "gpt-2", "default")
_CONTROL, _USER_DEFINED = 3, 4


class Contents:
    """An open GGUF file: metadata by key, tensors by name (memory-mapped)."""

    def __init__(self, path: Path) -> None:
        from gguf import GGUFReader

        reader = GGUFReader(path)
        self._fields = reader.fields
        self.tensors = {tensor.name: tensor for tensor in reader.tensors}

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a metadata key."""
        return self._fields[key].contents() if key in self._fields else default

    def has(self, beginning: str) -> bool:
        """Whether any metadata key begins so."""
        return any(key.startswith(beginning) for key in self._fields)


def readable(contents: Contents) -> bool:
    """Whether everything in the file is something this module knows."""
    plain = contents.get("general.architecture") == "llama" and not contents.has("llama.rope.scaling")
    tokenizer = contents.get("tokenizer.ggml.model") == "gpt2" and contents.get("tokenizer.ggml.pre") in _SPLITS
    return plain and tokenizer and all(hf_name(name) is not None for name in contents.tensors)


def write(contents: Contents, folder: Path) -> None:
    """model.safetensors, config.json, tokenizer.json and tokenizer_config.json."""
    from safetensors.numpy import save_file

    save_file(dict(_tensors(contents)), folder / "model.safetensors", metadata={"format": "pt"})
    _write_json(folder / "config.json", config(contents))
    bpe(contents).save(str(folder / "tokenizer.json"))
    _write_json(folder / "tokenizer_config.json", tokenizer_config(contents))


def hf_name(name: str) -> str | None:
    """`blk.3.attn_q.weight` -> `model.layers.3.self_attn.q_proj.weight`; None for names that are not known."""
    if name in _OUTER:
        return _OUTER[name]
    parts = name.split(".")
    if len(parts) != 4 or parts[0] != "blk" or parts[2] not in _NAMES or parts[3] != "weight":
        return None
    return f"model.layers.{parts[1]}.{_NAMES[parts[2]]}.weight"


def half_rotary(
    weight: Float[np.ndarray, "head*d_head d_model"], heads: int
) -> Float[np.ndarray, "head*d_head d_model"]:
    """Rows of each head from interleaved pairs (0, d/2, 1, d/2 + 1, …) back to halves (0, 1, …, d/2, …)."""
    rows, columns = weight.shape
    paired = weight.reshape(heads, rows // heads // 2, 2, columns)
    return np.ascontiguousarray(paired.swapaxes(1, 2)).reshape(rows, columns)


def config(contents: Contents) -> dict[str, Any]:
    """The LlamaConfig of the file."""
    d_model, n_heads = _llama(contents, "embedding_length"), _llama(contents, "attention.head_count")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": int(contents.tensors["token_embd.weight"].shape[1]),
        "hidden_size": d_model,
        "intermediate_size": _llama(contents, "feed_forward_length"),
        "num_hidden_layers": _llama(contents, "block_count"),
        "num_attention_heads": n_heads,
        "num_key_value_heads": _llama(contents, "attention.head_count_kv", n_heads),
        "head_dim": _llama(contents, "attention.key_length", d_model // n_heads),
        "max_position_embeddings": _llama(contents, "context_length"),
        "rms_norm_eps": float(f"{_llama(contents, 'attention.layer_norm_rms_epsilon'):.6g}"),
        "rope_parameters": {"rope_type": "default", "rope_theta": float(_llama(contents, "rope.freq_base", 10000.0))},
        "tie_word_embeddings": "output.weight" not in contents.tensors,
        "hidden_act": "silu",
        "bos_token_id": contents.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": contents.get("tokenizer.ggml.eos_token_id"),
        "dtype": "float32",
    }


def bpe(contents: Contents) -> Any:
    """The byte-level BPE tokenizer, special tokens marked."""
    from tokenizers import AddedToken, Tokenizer, decoders, models

    texts, kinds = contents.get("tokenizer.ggml.tokens"), contents.get("tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ", 1)) for merge in contents.get("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({text: id for id, text in enumerate(texts)}, merges))
    tokenizer.pre_tokenizer = _split(contents.get("tokenizer.ggml.pre"))
    tokenizer.decoder = decoders.ByteLevel()
    named = [(text, kind) for text, kind in zip(texts, kinds, strict=True) if kind in (_CONTROL, _USER_DEFINED)]
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t, k in named if k == _CONTROL])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t, k in named if k == _USER_DEFINED])
    return tokenizer


def tokenizer_config(contents: Contents) -> dict[str, Any]:
    """Which tokens play which part, as the file says."""
    texts = contents.get("tokenizer.ggml.tokens")
    parts = {"bos_token": "bos", "eos_token": "eos", "pad_token": "padding", "unk_token": "unknown"}
    ids = {name: contents.get(f"tokenizer.ggml.{part}_token_id") for name, part in parts.items()}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": _llama(contents, "context_length"),
        **{name: texts[id] for name, id in ids.items() if id is not None},
    }


def _split(rule: str) -> Any:
    from tokenizers import pre_tokenizers

    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    if rule in _DIGITS_ALONE:
        return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    return byte_level


def _tensors(contents: Contents) -> Iterator[tuple[str, Float[np.ndarray, "..."]]]:
    from gguf.quants import dequantize

    heads = {"attn_q": _llama(contents, "attention.head_count")}
    heads["attn_k"] = _llama(contents, "attention.head_count_kv", heads["attn_q"])
    for name, tensor in contents.tensors.items():
        weight = dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)
        part = name.split(".")[-2]
        yield str(hf_name(name)), half_rotary(weight, heads[part]) if part in heads else np.ascontiguousarray(weight)


def _llama(contents: Contents, key: str, default: Any = None) -> Any:
    return contents.get(f"llama.{key}", default)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps({k: v for k, v in value.items() if v is not None}, indent=2), encoding="utf-8")
