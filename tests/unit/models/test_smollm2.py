"""The real default model: what its documentation promises of it."""

import pytest
import torch

from app.domain.errors import BadAnswer
from app.models.bundled import packaged_file
from app.models.tokens import search, token_id, tokenise
from tests.loaded import smollm2

PROMPT = "When Mary and John went to the store, John gave a drink to"


def test_its_sizes_and_separator_are_those_of_the_published_model() -> None:
    facts = smollm2().facts
    assert (facts.n_layers, facts.n_heads, facts.n_key_value_heads, facts.d_vocab) == (30, 9, 3, 49152)
    assert facts.bos_token == "<|endoftext|>"


def test_the_worked_example_has_the_measured_logit_difference() -> None:
    model = smollm2()
    ids = tokenise(model, PROMPT, 512).ids
    with model.lock:
        logits = model.bridge(torch.tensor([ids]))[0, -1]
    # +3.72 measured through transformers; float32 differs in the fifth digit between machines
    assert float(logits[token_id(model, " Mary")] - logits[token_id(model, " John")]) == pytest.approx(3.7216, abs=1e-3)


def test_a_digit_after_a_space_is_two_tokens_and_the_refusal_says_so() -> None:
    with pytest.raises(BadAnswer, match=r"' 8' is 2 tokens .*\(' ' \+ '8'\).*use '8', which is one token"):
        token_id(smollm2(), " 8")


def test_a_name_is_found_with_its_leading_space() -> None:
    assert " Paris" in search(smollm2(), "Pari", 5)


def test_its_tokenizer_equals_transformers_own_reading_of_the_file() -> None:
    from transformers import AutoTokenizer

    file = packaged_file()
    theirs = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    texts = (
        PROMPT,
        " 8",
        "2024-11-22",
        "  leading",
        "tab\tnew\n\nline",
        "naïve 日本語 🙂",
        "<|im_start|>user\nhi",
        "é",
    )
    for text in texts:
        assert smollm2().tokenizer.encode(text, add_special_tokens=False) == theirs.encode(
            text, add_special_tokens=False
        )
