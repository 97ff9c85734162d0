"""Tokens with numbers as text beside each other: a heading and lines per column, numbers flush right, then the token.

Text and no Plotly table: a table measures each of its cells while it is drawn, 70 ms for thirty.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from app.domain.views import Style
from app.figures.scales import short
from app.figures.theme import monospace
from app.figures.tokens import label

_NUMBER = 7
"""Characters of the widest number, `−0.0312`."""


def lines_of(tokens: Iterable[str], values: Iterable[float], room: int) -> list[str]:
    """`+2.57 ·to`, tokens cut to `room` characters."""
    return [
        f"{short(float(value)):>{_NUMBER}} {label(token, room)}" for token, value in zip(tokens, values, strict=True)
    ]


def text_columns(
    columns: Sequence[tuple[str, Sequence[str]]], style: Style, *, top: float, across: tuple[float, float] = (0, 1)
) -> list[dict[str, Any]]:
    """Annotations of columns (heading, lines) that hang from `top`, equally wide in `across`, in
    shares of the figure."""
    left, right = across
    width = (right - left) / len(columns)
    return [
        {
            "text": "<br>".join((f"<b>{heading}</b>", *lines)), "x": left + width * at, "y": top, "xref": "paper",
            "yref": "paper", "xanchor": "left", "yanchor": "top", "align": "left", "showarrow": False,
            "font": {"family": monospace(style), "size": 11},
        }
        for at, (heading, lines) in enumerate(columns)
    ]  # fmt: skip
