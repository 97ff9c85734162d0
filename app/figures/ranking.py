"""What neurons and features are ranked by: their direct logit attribution, their largest activation over the
prompt, or their activation at one token."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import BadInput
from app.domain.views import Selection, Style
from app.figures.tokens import label

QUANTITIES = {
    "attribution": "direct logit attribution, logits", "largest": "largest activation",
    "activation": "activation at {}",
}  # fmt: skip
_NO_SHARES = (
    "{} have a direct logit attribution where the prompt has two answers and no intervention replaced {}; name "
    "answers, or rank by activation."
)


@dataclass(frozen=True, eq=False)
class Ranked:
    """`attribution` `[unit]`, NaN where there is none, and `activations` `[pos unit]` on these tokens; those before
    `first` are not counted for the largest. `what` they are, and what an intervention replaces where they write."""

    what: str
    where: str
    attribution: NDArray[np.floating]
    activations: NDArray[np.floating]
    str_tokens: tuple[str, ...]
    first: int = 0

    def by(self, style: Style, selection: Selection) -> tuple[NDArray[np.floating], str]:
        """The number that the style names, and its words."""
        known = has_shares(self.attribution)
        by = style.quantity or ("attribution" if known else "largest")
        if by not in QUANTITIES:
            raise BadInput(f"{self.what} are not ranked by {by!r}; use one of {', '.join(QUANTITIES)}.")
        if by == "attribution" and not known:
            raise BadInput(_NO_SHARES.format(self.what, self.where))
        if by == "attribution":
            return self.attribution, QUANTITIES[by]
        counted = self.activations[self.first :]
        if by == "largest" and len(counted):
            at = np.abs(counted).argmax(axis=0)
            return np.take_along_axis(counted, at[None], 0)[0], QUANTITIES[by]
        inside = [at for at in selection.positions if at < len(self.str_tokens)]
        place = inside[-1] if inside else len(self.str_tokens) - 1
        return self.activations[place], QUANTITIES["activation"].format(f"{place} {label(self.str_tokens[place])}")


def has_shares(attribution: NDArray[np.floating]) -> bool:
    """Whether there are shares of a logit difference."""
    return not np.isnan(attribution).any()


def ranked_style(style: Style, attribution: NDArray[np.floating], by: str | None) -> Style:
    """By attribution only where there is any."""
    return replace(style, quantity=by if has_shares(attribution) or by != "attribution" else None)
