"""Text to tokens and back, by the model's own tokenizer; the bridge is never touched.

A token's text is what it adds to the text before it, leading space included: `" Paris"` and `"Paris"` are two tokens.
A token that is only part of a character is written as its bytes, `<0xE2><0x80>`. The document separator (BOS) is
prepended where `facts.spec.prepend_bos`; a chat marker such as `<|im_start|>` is never one, because it opens a chat
turn and changes the predictions (measured on SmolLM2: indirect-object accuracy falls from 98 % to 87 %).
Not done: attention masks, padding, chat templates.
"""

import functools
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from app.domain.errors import BadAnswer, BadPrompt
from app.domain.prompts import TokenisedPrompt
from app.models.loaded import LoadedModel

_CHAT_MARKER = re.compile(
    r"im_start|im_end|start_header|end_header|_of_turn|INST|<\|(user|assistant|system|chat)", re.I
)
_SEPARATORS = ("<|endoftext|>", "<|end_of_text|>", "<|begin_of_text|>")


def document_separator(tokenizer: Any) -> int | None:
    """Id of the token that stands before a document: the tokenizer's own bos unless that is a chat marker, otherwise
    `<|endoftext|>` where the vocabulary has it, otherwise None."""
    bos = getattr(tokenizer, "bos_token", None)
    if bos is not None and not _CHAT_MARKER.search(bos):
        return int(tokenizer.convert_tokens_to_ids(bos))
    special = {str(token): id for id, token in tokenizer.added_tokens_decoder.items()}
    return next((special[name] for name in _SEPARATORS if name in special), None)


def tokenise(model: LoadedModel, text: str, limit: int) -> TokenisedPrompt:
    """The ids a forward pass gets, and their texts. Refuses an empty text and one of more than `limit` tokens."""
    ids = _encode(model, text)
    if not ids:
        raise BadPrompt("The prompt is empty; type some text.")
    _refuse_unknown(model, text, ids)
    bos = _prepended(model, ids)
    ids = (*bos, *ids)
    limit = min(limit, model.facts.n_ctx)
    if len(ids) > limit:
        raise BadPrompt(f"The prompt has {len(ids)} tokens and the limit is {limit}; shorten it.")
    return TokenisedPrompt(ids, tuple(token_string(model, id) for id in ids), bool(bos))


def token_string(model: LoadedModel, id: int) -> str:
    """The text of one token; ids that the tokenizer does not know (padding of the vocabulary) read `<50300>`."""
    texts = _texts(model.tokenizer)
    return texts[id] if 0 <= id < len(texts) else f"<{id}>"


def token_id(model: LoadedModel, text: str) -> int:
    """The one token whose text this is. Refuses anything else, shows the split and names the nearest token."""
    found = _ids(model.tokenizer).get(text)
    if found is not None and found < model.facts.d_vocab:
        return found
    ids = _encode(model, text)
    if len(ids) == 1 and ids[0] != _unknown(model):
        return ids[0]
    raise BadAnswer(f"{_why_not(model, text, ids)}; {_instead(model, text)}.")


def answer_ids(model: LoadedModel, answers: tuple[str, ...]) -> tuple[int, ...]:
    """One id per answer string."""
    return tuple(token_id(model, answer) for answer in answers)


def search(model: LoadedModel, query: str, limit: int) -> tuple[str, ...]:
    """Texts of tokens that match, best first: equal, equal after a space, beginning with the query, containing it;
    shorter and then earlier in the vocabulary first. Every one is a single token."""
    if not query:
        return ()
    ids = _ids(model.tokenizer)
    found = [(rank, len(text), ids[text], text) for text in ids if (rank := _rank(text, query)) is not None]
    return tuple(text for _, _, id, text in sorted(found) if id < model.facts.d_vocab)[:limit]


def _rank(text: str, query: str) -> int | None:
    """0 is the best match, None is none; a query without leading space also finds the words that have one."""
    if query not in text:
        return 5 if query.casefold() in text.casefold() else None
    word = text.removeprefix(" ")
    orders = (text == query, word == query, text.startswith(query), word.startswith(query), True)
    return orders.index(True)


def _encode(model: LoadedModel, text: str) -> tuple[int, ...]:
    return tuple(model.tokenizer.encode(text, add_special_tokens=False))


def _prepended(model: LoadedModel, ids: tuple[int, ...]) -> tuple[int, ...]:
    """The separator, once: a text that begins with it already does not get a second one."""
    wanted = model.facts.spec.prepend_bos and model.bos_id is not None and ids[0] != model.bos_id
    return (model.bos_id,) if wanted and model.bos_id is not None else ()


def _unknown(model: LoadedModel) -> int | None:
    return getattr(model.tokenizer, "unk_token_id", None)


def readable(model: LoadedModel, texts: Iterable[str], max_tokens: int) -> list[TokenisedPrompt]:
    """Those of the texts that the model can read: a closed vocabulary lacks words of most."""
    found: list[TokenisedPrompt] = []
    for text in texts:
        with suppress(BadPrompt):
            found.append(tokenise(model, text, max_tokens))
    return found


def _refuse_unknown(model: LoadedModel, text: str, ids: tuple[int, ...]) -> None:
    """Only closed vocabularies have unknown words; typing the unknown token itself is allowed."""
    unknown = _unknown(model)
    if unknown in ids and token_string(model, ids[ids.index(unknown)]) not in text:
        words = (word for word in text.split() if unknown in _encode(model, word))
        known = ", ".join(_some_words(model.tokenizer))
        raise BadPrompt(
            f"{next(words, text)!r} is not in the vocabulary of {model.facts.title}; use its words, such as {known}."
        )


def _some_words(tokenizer: Any, count: int = 8) -> list[str]:
    """Words of the vocabulary, evenly spread over it."""
    words = [text.strip() for text in _texts(tokenizer) if text.strip().isalpha()]
    return words[:: max(1, len(words) // count)][:count]


def _why_not(model: LoadedModel, text: str, ids: tuple[int, ...]) -> str:
    if not text:
        return "The answer is empty"
    if _unknown(model) in ids:
        return f"{text!r} is not in the vocabulary of {model.facts.title}"
    split = " + ".join(repr(token_string(model, id)) for id in ids)
    return f"{text!r} is {len(ids)} tokens of {model.facts.title} ({split}) and not one"


def _instead(model: LoadedModel, text: str) -> str:
    """What to choose: the same word with or without a leading space where that is one token, otherwise a search."""
    other = text.removeprefix(" ") if text.startswith(" ") else f" {text}"
    if other in _ids(model.tokenizer):
        return f"use {other!r}, which is one token"
    ids = _encode(model, text)
    if not ids or _unknown(model) in ids:
        return "search the vocabulary for one that is"
    return f"use its first token {token_string(model, ids[0])!r}, or search the vocabulary"


@functools.lru_cache(maxsize=4)
def _texts(tokenizer: Any) -> tuple[str, ...]:
    """The text of every id."""
    ids = range(len(tokenizer))
    special = {id: str(token) for id, token in tokenizer.added_tokens_decoder.items()}
    read = _reader(str(getattr(getattr(tokenizer, "backend_tokenizer", None), "decoder", "")))
    return tuple(
        special.get(id) or (f"<{id}>" if token is None else read(token))
        for id, token in zip(ids, tokenizer.convert_ids_to_tokens(list(ids)), strict=True)
    )


@functools.lru_cache(maxsize=4)
def _ids(tokenizer: Any) -> dict[str, int]:
    """Text -> id; where two ids share a text, the lower."""
    texts = _texts(tokenizer)
    return {text: id for id, text in reversed(tuple(enumerate(texts)))}


def _reader(decoder: str) -> Any:
    """How vocabulary entries spell their text, told by the tokenizer's decoder (tokenizers library)."""
    if "ByteLevel" in decoder:
        return _from_byte_level
    if "▁" in decoder:
        return lambda token: token.replace("▁", " ")
    return lambda token: token


def _from_byte_level(token: str) -> str:
    """GPT-2's spelling: one printable character per byte."""
    table = _byte_of()
    if any(character not in table for character in token):
        return token
    raw = bytes(table[character] for character in token)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(f"<0x{byte:02X}>" for byte in raw)


@functools.cache
def _byte_of() -> dict[str, int]:
    """GPT-2's table of characters for bytes: printable ones stand for themselves, the others follow from 256 on."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    other = [byte for byte in range(256) if byte not in plain]
    return {**{chr(b): b for b in plain}, **{chr(256 + i): b for i, b in enumerate(other)}}
