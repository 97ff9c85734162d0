"""What stands at the positions of a sweep: `·and`, and `·John→·Mary` where the two prompts of a patched pair differ.

The arrow points from the clean prompt to the corrupted one, in both directions of patching, so that a map and the one
beside it, and the rail, say the same of a position.
"""

from app.domain.results import AttributionPatchingResult
from app.figures.sweep_words import AnySweep
from app.figures.tokens import label

Pairs = list[tuple[str, str]]
"""Per position: the clean token and the corrupted one, the same where nothing differs or nothing is patched."""


def token_pairs(result: AnySweep, prompt: int) -> Pairs:
    """The prompt's tokens; of ablations, which take nothing from the other prompt, the run's own twice."""
    own, other = result.str_tokens[prompt].tolist(), result.other_tokens[prompt].tolist()
    if not _paired(result):
        return list(zip(own, own, strict=True))
    clean, corrupted = (own, other) if _runs_clean(result) else (other, own)
    return list(zip(clean, corrupted, strict=True))


def _paired(result: AnySweep) -> bool:
    return isinstance(result, AttributionPatchingResult) or result.method in ("denoising", "noising")


def _runs_clean(result: AnySweep) -> bool:
    return (result.direction if isinstance(result, AttributionPatchingResult) else result.method) == "noising"


def common_pairs(result: AnySweep) -> Pairs:
    """One pair per position; empty tokens where the prompts of the set differ."""
    first, *rest = [token_pairs(result, prompt) for prompt in range(len(result.str_tokens))]
    return [pair if all(other[at] == pair for other in rest) else ("", "") for at, pair in enumerate(first)]


def pair_label(pair: tuple[str, str], room: int) -> str:
    """`·and`, or `·John→·Mary`, each token at most `room` characters."""
    clean, corrupted = (label(token, room) for token in pair)
    return clean if clean == corrupted and pair[0] == pair[1] else f"{clean}→{corrupted}"
