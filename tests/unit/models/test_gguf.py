"""GGUF files, written by the gguf library, against transformers' own loader as the oracle."""

from pathlib import Path

import numpy as np
import pytest
import torch

from app.domain.errors import ModelError
from app.domain.models import ModelSpec
from app.models.gguf_llama import Contents, half_rotary, hf_name, readable
from app.models.load import load
from app.models.tokens import tokenise
from tests.unit.models.small import gguf

TEXTS = ("the cat", "a  8", "12 34\n\n", "naïve 日本 🙂", "<|im_start|>the", " the\tcat")


def _load(file: Path, home: Path, **options: str):  # type: ignore[no-untyped-def]  # a LoadedModel
    return load(ModelSpec("gguf", str(file), **options), device="cpu", home=home)  # type: ignore[arg-type]  # spec fields


def test_logits_equal_transformers_own_loader(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    file = gguf(tmp_path / "tiny.gguf")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=file.name, dtype=torch.float32)
    ours = _load(file, tmp_path, processing="raw")
    tokens = torch.tensor([[0, 5, 200, 9, 30, 7]])
    with torch.no_grad():
        # the same float32 weights through two attention paths
        torch.testing.assert_close(ours.bridge(tokens), theirs(tokens).logits, atol=1e-4, rtol=0)


def test_the_tokenizer_equals_transformers_where_that_knows_the_splitting_rule(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    file = gguf(tmp_path / "tiny.gguf", pre="gpt-2")
    theirs = AutoTokenizer.from_pretrained(tmp_path, gguf_file=file.name)
    ours = _load(file, tmp_path).tokenizer
    assert [ours.encode(text, add_special_tokens=False) for text in TEXTS] == [
        theirs.encode(text, add_special_tokens=False) for text in TEXTS
    ]


def test_the_chat_marker_of_the_file_is_not_prepended(tmp_path: Path) -> None:
    model = _load(gguf(tmp_path / "tiny.gguf"), tmp_path)
    assert model.tokenizer.bos_token == "<|im_start|>"
    assert tokenise(model, "the cat", 8).str_tokens == ("<|endoftext|>", "the", " cat")


def test_rows_of_each_head_come_back_in_halves() -> None:
    interleaved = np.array([[0.0], [2.0], [1.0], [3.0], [4.0], [6.0], [5.0], [7.0]])
    assert half_rotary(interleaved, heads=2)[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("name", ["rope_freqs.weight", "blk.0.attn_q.bias", "blk.0.ffn_gate_inp.weight"])
def test_a_tensor_that_is_not_known_is_never_dropped_silently(tmp_path: Path, name: str) -> None:
    assert hf_name(name) is None
    assert not readable(Contents(gguf(tmp_path / "tiny.gguf", extra=name)))


def test_an_architecture_nobody_knows_is_refused_by_name(tmp_path: Path) -> None:
    file = gguf(tmp_path / "odd.gguf", architecture="oddnet")
    with pytest.raises(ModelError, match=r"odd\.gguf holds a 'oddnet' model that cannot be converted"):
        _load(file, tmp_path)


def test_a_truncated_file_is_refused_as_damaged(tmp_path: Path) -> None:
    file = gguf(tmp_path / "tiny.gguf")
    file.write_bytes(file.read_bytes()[:3000])
    with pytest.raises(ModelError, match=r"tiny\.gguf is damaged"):
        _load(file, tmp_path)


def test_a_file_of_another_kind_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.gguf").write_text("hello")
    with pytest.raises(ModelError, match="is not a GGUF file"):
        _load(tmp_path / "notes.gguf", tmp_path)
    with pytest.raises(ModelError, match="There is no file"):
        _load(tmp_path / "none.gguf", tmp_path)
