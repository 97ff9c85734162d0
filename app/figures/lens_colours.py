"""What can colour a lens, as numbers that a heatmap draws: every choice is there at once, so that the page switches
between them without asking anybody (assets/68-lens.js).

probability: of each cell's own top token, 0..1. rank: of the answer, on a log scale, the strongest colour being rank 0.
entropy and KL(final || lens): nats from 0. logit_diff: symmetric about 0. In a difference all are signed: a rank as
sign(Δ) log10(1 + |Δ|); the probability of the top token has none, because the two runs have different top tokens, so
the logit difference stands in its place.
"""

import base64
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import BadInput
from app.domain.lens_results import LogitLensResult
from app.domain.views import LensColour, Style
from app.figures.scales import colour_range

WORDS: dict[LensColour, str] = {
    "probability": "probability of top token",
    "rank": "rank of the answer",
    "entropy": "entropy (nats)",
    "kl_divergence": "KL(final ‖ lens) (nats)",
    "logit_diff": "logit diff",
}
_FIELDS: dict[LensColour, str] = {
    "rank": "answer_rank", "entropy": "entropy", "kl_divergence": "kl_divergence", "logit_diff": "logit_diff",
}  # fmt: skip
_NEEDS: dict[LensColour, str] = {"rank": "an answer", "logit_diff": "both answers"}


@dataclass(frozen=True, eq=False)
class Coloured:
    """`z` as the heatmap takes it, `scale` its range and colour bar."""

    z: NDArray[np.float32]
    scale: dict[str, Any]

    def sent(self) -> dict[str, Any]:
        """As the page's scripts read it: float32 bytes in base64."""
        packed = base64.b64encode(np.ascontiguousarray(self.z, np.float32).tobytes()).decode()
        return {"z": packed, "shape": list(self.z.shape), "scale": self.scale}


def chosen_colour(style: Style) -> LensColour:
    """What colours this style's map."""
    return "logit_diff" if style.show == "difference" and style.coloured_by == "probability" else style.coloured_by


def coloured(result: LogitLensResult, style: Style) -> Coloured:
    """The style's choice; refuses one that needs answers where there are none."""
    name = chosen_colour(style)
    if name in _NEEDS and np.isnan(getattr(result, _FIELDS[name])).all():
        if style.show == "difference" and style.coloured_by == "probability":
            raise BadInput(
                "The top token's probability has no difference, and a difference of logit differences needs both "
                "answers: name both answers, or colour by entropy or KL."
            )
        raise BadInput(f"The {WORDS[name]} needs {_NEEDS[name]}; name it in the rail, or colour by something else.")
    return _of(result, name, style)


def every_colour(result: LogitLensResult, style: Style) -> dict[str, dict[str, Any]]:
    """All choices that there are on this result, by name."""
    found: dict[str, dict[str, Any]] = {}
    for name in WORDS:
        asked = replace(style, coloured_by=name)
        lacks = name in _NEEDS and np.isnan(getattr(result, _FIELDS[name])).all()
        if chosen_colour(asked) == name and not lacks:
            found[name] = _of(result, name, asked).sent()
    return found


def _of(result: LogitLensResult, name: LensColour, style: Style) -> Coloured:
    if name == "rank":
        return _ranks(result.answer_rank, style)
    signed = style.show == "difference" or name == "logit_diff"
    values = result.top_probabilities[:, :, 0] if name == "probability" else getattr(result, _FIELDS[name])
    limit = (style.color_limit or 1.0) if name == "probability" else None
    unit = ("Δ " if style.show == "difference" else "") + WORDS[name]
    return Coloured(values, colour_range(values, style, signed=signed, unit=unit, limit=limit))


def _ranks(ranks: NDArray[np.float32], style: Style) -> Coloured:
    """Ranks by powers of ten, 0 having the strongest colour; changes of ranks with their sign."""
    delta = style.show == "difference"
    size = np.log10(1 + np.abs(ranks))
    most = float(np.nanmax(size, initial=1.0))
    powers = np.arange(int(np.ceil(most)) + 1)
    at, said = np.log10(1 + 10.0**powers), [f"{10**power:,}" for power in powers.tolist()]
    inside = at <= most
    at, said = at[inside], [text for text, keep in zip(said, inside.tolist(), strict=True) if keep]
    if delta:
        values = (np.sign(ranks) * size).astype(np.float32)
        ticks = [*(-at[::-1]).tolist(), 0.0, *at.tolist()]
        text = [*(f"−{each}" for each in said[::-1]), "0", *(f"+{each}" for each in said)]
    else:
        values, ticks, text = -size, [0.0, *(-at).tolist()], ["0", *said]
    bar = {
        "title": {"text": f"{'Δ ' * delta}{WORDS['rank']}"},
        "tickmode": "array",
        "tickvals": ticks,
        "ticktext": text,
    }
    scale = {"zmin": -most, "zmax": most if delta else 0.0, "autocolorscale": True, "colorbar": bar}
    return Coloured(values.astype(np.float32), scale)
