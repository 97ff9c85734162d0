"""What is asked of a model: a clean prompt, optionally a corrupted one, and the two answers to tell apart.

`logit_diff` = mean logit of `answer` tokens - mean logit of `incorrect_answer` tokens at the last position.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from app.domain.errors import BadPrompt
from app.domain.labels import Labels, check_count, check_labels

COLUMNS = ("clean", "corrupted", "answer", "incorrect_answer")
"""What a prompt has besides its labels."""


@dataclass(frozen=True)
class PromptPair:
    """One clean prompt with its optional corrupted twin and answers (each answer one token, as a string). `labels` are
    (name, value) each, of the whole pair (app/domain/labels.py)."""

    clean: str
    corrupted: str | None = None
    answer: tuple[str, ...] = ()
    incorrect_answer: tuple[str, ...] = ()
    labels: Labels = ()

    def __post_init__(self) -> None:
        if not self.clean.strip():
            raise BadPrompt("The clean prompt is empty; type some text.")
        if self.corrupted is not None and not self.corrupted.strip():
            raise BadPrompt("The corrupted prompt is empty; type some text or remove it.")
        check_labels(self.labels, COLUMNS)


def spoken(pair: PromptPair) -> dict[str, Any]:
    """A prompt as recipes, sessions and links write it: labels as an object, and only where there are some."""
    given = asdict(pair) | {"labels": dict(pair.labels)}
    return {name: value for name, value in given.items() if name != "labels" or value}


def label_names(prompts: Iterable[PromptPair]) -> tuple[str, ...]:
    """Each once, in the order of the prompts; refuses more than can be chosen from."""
    names = tuple(dict.fromkeys(name for pair in prompts for name, _ in pair.labels))
    check_count(names)
    return names


@dataclass(frozen=True)
class TokenisedPrompt:
    """A prompt as the model sees it; `bos` says whether position 0 is the prepended separator."""

    ids: tuple[int, ...]
    str_tokens: tuple[str, ...]
    bos: bool

    def __len__(self) -> int:
        return len(self.ids)


def first_difference(clean: TokenisedPrompt, corrupted: TokenisedPrompt) -> int | None:
    """First position where the two prompts have different tokens; None where they are equal throughout."""
    pairs = zip(clean.ids, corrupted.ids, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), None)


def aligned(clean: TokenisedPrompt, corrupted: TokenisedPrompt) -> None:
    """Refuse a pair whose token counts differ, and say where they part."""
    if len(clean) == len(corrupted):
        return
    shorter = min(len(clean), len(corrupted))
    at = first_difference(clean, corrupted)
    at = shorter if at is None else at
    here = [repr(p.str_tokens[at]) if at < len(p) else "the end" for p in (clean, corrupted)]
    raise BadPrompt(
        f"The clean prompt has {len(clean)} tokens and the corrupted one {len(corrupted)}; they first differ at "
        f"position {at} ({here[0]} against {here[1]}). Change one so that both have the same count."
    )
