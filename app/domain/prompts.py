"""What is asked of a model: a clean prompt, optionally a corrupted one, and the two answers to tell apart.

`logit_diff` = mean logit of `answer` tokens - mean logit of `incorrect_answer` tokens at the last position.
"""

from dataclasses import dataclass

from app.domain.errors import BadPrompt


@dataclass(frozen=True)
class PromptPair:
    """One clean prompt with its optional corrupted twin and answers (each answer one token, as a string)."""

    clean: str
    corrupted: str | None = None
    answer: tuple[str, ...] = ()
    incorrect_answer: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.clean.strip():
            raise BadPrompt("The clean prompt is empty; type some text.")
        if self.corrupted is not None and not self.corrupted.strip():
            raise BadPrompt("The corrupted prompt is empty; type some text or remove it.")


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
