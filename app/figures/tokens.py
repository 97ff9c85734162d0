"""Tokens as labels: every space, newline and other invisible character made visible, and safe inside Plotly's HTML.

Token axes are integer positions with `ticktext`, because Plotly merges equal category names.
"""

import re
from typing import Any

import numpy as np

from app.figures.theme import FONT_SIZE

_VISIBLE = {ord(" "): "·", ord("\n"): "⏎", ord("\r"): "␍", ord("\t"): "⇥", 0xA0: "⍽"}
_TAG, _ENTITY = re.compile(r"<(?=[^<>]*>)"), re.compile(r"&(?=#?\w+;)")


def visible(token: str) -> str:
    """`" to"` -> `"·to"`, newline -> `⏎`; characters without a picture as `\\x00`. Plain text, not yet HTML."""
    shown = token.translate(_VISIBLE) if token else "∅"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)


def safe(text: str) -> str:
    """Text as Plotly's HTML subset shows it literally: `<|endoftext|>` would otherwise vanish. Only what would be read
    as a tag or an entity is escaped, because Plotly sizes text in cells by its raw length."""
    return _TAG.sub("&lt;", _ENTITY.sub("&amp;", text))


def shorten(text: str, room: int) -> str:
    """At most `room` characters, the last one `…` where something was cut."""
    return text if len(text) <= room else text[: max(room - 1, 1)] + "…"


def label(token: str, room: int = 12) -> str:
    """One token as a label: visible, short, safe."""
    return safe(shorten(visible(token), room))


def axis_tokens(str_tokens: tuple[str, ...], room: int = 12) -> list[str]:
    """One label per position; repeated tokens stay repeated."""
    return [label(token, room) for token in str_tokens]


SHORT = 24
"""Prompts up to this many tokens label every position, whatever the size."""


def thinned(count: int, pixels: int, step: int = 13) -> np.ndarray:
    """Positions that get a tick, evenly spaced, when labels need `step` pixels and the axis has `pixels`."""
    every = 1 if count <= SHORT else max(1, -(-count * step // max(pixels, step)))
    return np.arange(0, count, every)


def token_axis(
    str_tokens: tuple[str, ...], pixels: int, family: str, room: int = 12, step: int = 13, first: int = 0
) -> dict[str, Any]:
    """Axis settings for positions from `first` on, labelled by their tokens. Long prompts label every n-th position,
    with its number, so that a label still says where it stands."""
    labels, at = axis_tokens(str_tokens, room), thinned(len(str_tokens), pixels, step)
    whole = len(at) == len(labels)
    text = [labels[i] if whole else f"{first + i} {labels[i]}" for i in at]
    return {
        "tickmode": "array", "tickvals": (first + at).tolist(), "ticktext": text,
        "range": [first - 0.5, first + len(labels) - 0.5],
        "tickfont": {"family": family, "size": FONT_SIZE}, "zeroline": False, "showgrid": False,
    }  # fmt: skip
