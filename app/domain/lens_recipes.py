"""Recipes of lenses: what the residual stream, or what one component wrote into it, says as tokens."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from app.domain.errors import BadRecipe
from app.domain.recipe_base import OnRuns

Place = Literal["resid_pre", "resid_mid", "resid_post"]
Lens = Literal["logit", "tuned"]
MOST_TOKENS = 16
"""Whose numbers are kept: each is a pass over the vocabulary at every point."""


def _as_tokens(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Tokens = Annotated[tuple[str, ...], BeforeValidator(_as_tokens)]


def _check_tokens(tokens: tuple[str, ...]) -> None:
    if len(tokens) > MOST_TOKENS or len(set(tokens)) < len(tokens):
        raise BadRecipe(f"tokens names {len(tokens)}; give up to {MOST_TOKENS} different ones.")


@dataclass(frozen=True, kw_only=True)
class LogitLens(OnRuns):
    """What every layer would say at every position of one prompt (docs/formulas.md), read by the final norm and
    unembedding alone (`logit`), or after a translator per layer (`tuned`, from `folder`; `fingerprint` is the SHA-256
    of its weights). `tokens` are those whose logits, probabilities and ranks are kept (none = the prompt's answers);
    `positions` None = all. `points`: of resid_pre there is layer 0's, which no block has written to."""

    prompt: int = 0
    top_k: int = 5
    tokens: Tokens = ()
    positions: tuple[int, ...] | None = None
    points: tuple[Place, ...] = ("resid_post",)
    lens: Lens = "logit"
    folder: str = ""
    fingerprint: str = ""
    kind: Literal["logit_lens"] = "logit_lens"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_tokens(self.tokens)
        if not self.points or self.positions == ():
            raise BadRecipe("The lens reads no point or no position; name some, or leave them out for all.")
        if self.lens == "logit" and (self.folder or self.fingerprint):
            raise BadRecipe("A logit lens has no translators, and the recipe names a folder; drop it, or say tuned.")
        if self.lens == "tuned" and not self.folder:
            raise BadRecipe("A tuned lens needs the folder with its config.json and params; give it as folder.")
        if self.lens == "tuned" and "resid_mid" in self.points:
            raise BadRecipe("A tuned lens has no translators for resid_mid; leave it out of points, or say logit.")


@dataclass(frozen=True, kw_only=True)
class ComponentLens(OnRuns):
    """What single components wrote at `position` (None = END) of one prompt, as tokens: every part of one `layer`, or
    (None) the `most` components that matter most (docs/formulas.md). `tokens` as for the logit lens."""

    prompt: int = 0
    position: int | None = None
    layer: int | None = None
    most: int = 20
    top_k: int = 5
    tokens: Tokens = ()
    kind: Literal["component_lens"] = "component_lens"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_tokens(self.tokens)
        if self.most < 1:
            raise BadRecipe(f"most = {self.most} shows no component; give 1 or more.")
