"""Small model files, written for real: Hugging Face folders and GGUF files of a tiny random Llama."""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from tests import tiny

LAYERS, HEADS, KEY_VALUE_HEADS, D_MODEL, D_HEAD, D_MLP = 2, 4, 2, 32, 8, 48


def folder(path: Path, architecture: str = "llama", **options: Any) -> Path:
    """A folder as `save_pretrained` writes it."""
    path.mkdir(parents=True, exist_ok=True)
    tiny.hf_model(architecture).save_pretrained(path, **options)
    tiny.tokenizer().save_pretrained(path)
    return path


@functools.cache
def byte_level_vocabulary() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(texts by id, merges) of a byte-level BPE that knows `the` and ` cat`; ids 0 and 1 are control tokens."""
    from tokenizers.pre_tokenizers import ByteLevel

    merges = ("t h", "th e", "c a", "Ġ ca", "Ġca t")
    merged = tuple(merge.replace(" ", "") for merge in merges)
    return ("<|endoftext|>", "<|im_start|>", *sorted(ByteLevel.alphabet()), *merged), merges


def gguf(path: Path, *, architecture: str = "llama", pre: str = "smollm", extra: str | None = None) -> Path:
    """A GGUF file with float32 weights, W_Q and W_K in llama.cpp's row order as they come."""
    from gguf import GGUFWriter

    texts, merges = byte_level_vocabulary()
    writer = GGUFWriter(path, architecture)
    writer.add_block_count(LAYERS)
    writer.add_context_length(64)
    writer.add_embedding_length(D_MODEL)
    writer.add_feed_forward_length(D_MLP)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_VALUE_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(D_HEAD)
    writer.add_vocab_size(len(texts))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(texts)
    writer.add_token_types([3, 3] + [1] * (len(texts) - 2))
    writer.add_token_merges(merges)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(0)
    for name, value in _weights(len(texts)).items():
        writer.add_tensor(name, value)
    if extra is not None:
        writer.add_tensor(extra, np.zeros(4, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _weights(d_vocab: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    shapes = {"token_embd": (d_vocab, D_MODEL)}
    for layer in range(LAYERS):
        shapes |= {
            f"blk.{layer}.attn_q": (HEADS * D_HEAD, D_MODEL),
            f"blk.{layer}.attn_k": (KEY_VALUE_HEADS * D_HEAD, D_MODEL),
            f"blk.{layer}.attn_v": (KEY_VALUE_HEADS * D_HEAD, D_MODEL),
            f"blk.{layer}.attn_output": (D_MODEL, HEADS * D_HEAD),
            f"blk.{layer}.ffn_gate": (D_MLP, D_MODEL),
            f"blk.{layer}.ffn_up": (D_MLP, D_MODEL),
            f"blk.{layer}.ffn_down": (D_MODEL, D_MLP),
        }
    norms = ["output_norm", *(f"blk.{i}.{name}" for i in range(LAYERS) for name in ("attn_norm", "ffn_norm"))]
    drawn = {f"{name}.weight": random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    return drawn | {f"{name}.weight": random.uniform(0.5, 1.5, D_MODEL).astype(np.float32) for name in norms}
