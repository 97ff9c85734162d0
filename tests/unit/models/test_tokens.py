"""Prompts to ids, answers of one token, and search, on tiny tokenizers."""

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from app.domain.errors import BadAnswer, BadPrompt
from app.models.loaded import LoadedModel
from app.models.tokens import answer_ids, document_separator, search, token_id, token_string, tokenise
from tests import tiny
from tests.loaded import ground_truth
from tests.loaded import tiny as tiny_model
from tests.unit.models.small import byte_level_vocabulary


def _byte_level(bos: str | None = "<|im_start|>") -> LoadedModel:
    texts, merges = byte_level_vocabulary()
    raw = Tokenizer(models.BPE({text: id for id, text in enumerate(texts)}, [tuple(m.split(" ")) for m in merges]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens(["<|endoftext|>", "<|im_start|>"])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, bos_token=bos)
    like = tiny_model("gpt2")
    from dataclasses import replace

    facts = replace(like.facts, title="Bytes", d_vocab=len(tokenizer))
    return LoadedModel(None, tokenizer, facts, document_separator(tokenizer), ())


def test_the_separator_stands_first_and_is_marked() -> None:
    prompt = tokenise(tiny_model("gpt2"), "w1 w2", 8)
    assert (prompt.ids, prompt.str_tokens, prompt.bos) == ((0, 3, 4), ("<|endoftext|>", "w1", "w2"), True)


def test_without_prepend_bos_nothing_is_prepended() -> None:
    prompt = tokenise(tiny_model("gpt2", prepend_bos=False), "w1 w2", 8)
    assert (prompt.ids, prompt.bos) == ((3, 4), False)


def test_a_text_that_begins_with_the_separator_gets_no_second_one() -> None:
    assert tokenise(tiny_model("gpt2"), "<|endoftext|> w1", 8).ids == (0, 3)


def test_a_chat_marker_is_never_the_separator() -> None:
    model = _byte_level(bos="<|im_start|>")
    assert model.bos_id == 0
    assert tokenise(model, "the", 8).str_tokens == ("<|endoftext|>", "the")


@pytest.mark.parametrize("bos", ["<bos>", "<|begin_of_text|>", "<s>", "<|endoftext|>"])
def test_an_explicit_bos_is_the_separator(bos: str) -> None:
    raw = Tokenizer(models.WordLevel({"x": 0, bos: 1}, unk_token="x"))
    assert document_separator(PreTrainedTokenizerFast(tokenizer_object=raw, bos_token=bos)) == 1


def test_a_vocabulary_without_separator_has_none() -> None:
    raw = Tokenizer(models.WordLevel({"x": 0, "<|im_start|>": 1}, unk_token="x"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<|im_start|>")
    assert document_separator(tokenizer) is None


def test_a_prompt_over_the_limit_says_count_and_limit() -> None:
    with pytest.raises(BadPrompt, match="5 tokens and the limit is 4"):
        tokenise(tiny_model("gpt2"), "w1 w2 w3 w4", 4)


def test_the_model_s_own_context_is_a_limit_too() -> None:
    with pytest.raises(BadPrompt, match="the limit is 64"):
        tokenise(tiny_model("gpt2"), " ".join(["w1"] * 80), 512)


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(BadPrompt, match="empty"):
        tokenise(tiny_model("gpt2"), "", 8)


def test_a_word_the_model_does_not_know_is_refused_by_name() -> None:
    with pytest.raises(BadPrompt, match="'zebra'") as refused:
        tokenise(ground_truth(), "apple zebra", 8)
    named = str(refused.value).rpartition("such as ")[2].rstrip(".")
    assert len(tokenise(ground_truth(), named.replace(",", ""), 64).ids) == 1 + len(named.split(", ")) > 4


def test_a_token_s_text_carries_its_leading_space_and_line_breaks() -> None:
    model = _byte_level()
    assert tokenise(model, "the cat\n", 8).str_tokens == ("<|endoftext|>", "the", " cat", "\n")


def test_a_token_that_is_part_of_a_character_is_written_as_bytes() -> None:
    model = _byte_level()
    assert tokenise(model, "é", 8).str_tokens == ("<|endoftext|>", "<0xC3>", "<0xA9>")


def test_ids_beyond_the_tokenizer_have_a_name() -> None:
    assert token_string(tiny_model("gpt2"), 5000) == "<5000>"


def test_two_tokens_are_refused_with_the_split_and_the_variant_that_is_one() -> None:
    with pytest.raises(BadAnswer, match=r"'cat' is 2 tokens of Bytes \('ca' \+ 't'\).*use ' cat', which is one token"):
        token_id(_byte_level(), "cat")


def test_a_refusal_without_a_variant_offers_the_first_token() -> None:
    with pytest.raises(BadAnswer, match="use its first token 'w7'"):
        token_id(tiny_model("gpt2"), "w7 w8")


def test_an_unknown_answer_is_refused_as_unknown() -> None:
    with pytest.raises(BadAnswer, match="'zebra' is not in the vocabulary"):
        token_id(tiny_model("gpt2"), "zebra")


def test_an_empty_answer_is_refused() -> None:
    with pytest.raises(BadAnswer, match="empty"):
        token_id(tiny_model("gpt2"), "")


def test_every_text_of_the_vocabulary_finds_its_own_token() -> None:
    model = _byte_level()
    assert [token_id(model, token_string(model, id)) for id in range(len(model.tokenizer))] == list(
        range(len(model.tokenizer))
    )


def test_answers_become_one_id_each() -> None:
    assert answer_ids(tiny_model("gpt2"), (tiny.ANSWER, tiny.INCORRECT)) == (9, 13)


def test_search_puts_equal_before_beginning_before_containing() -> None:
    assert search(tiny_model("gpt2"), "w1", 4) == ("w1", "w10", "w11", "w12")
    assert search(_byte_level(), "ca", 3) == ("ca", " ca", " cat")


def test_search_results_are_single_tokens_and_an_empty_query_finds_nothing() -> None:
    model = _byte_level()
    assert all(isinstance(token_id(model, text), int) for text in search(model, "t", 50))
    assert search(model, "", 5) == ()


def test_search_ignores_case_only_after_everything_else() -> None:
    assert search(_byte_level(), "THE", 5) == ("the",)
