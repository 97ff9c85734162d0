"""The second line of an exported figure: which answers it compares, on which prompt. Panels say that in the page.

A figure over several prompts (`meta["prompts"]`) names the first and counts the others; while it has only some of them
(`meta["counted"]`, `1–2 of 8 prompts`), it counts them and names none."""

from typing import Any

import plotly.graph_objects as go

from app.domain.prompts import PromptPair
from app.domain.views import Style
from app.figures.theme import TITLE_CHARACTER, is_export
from app.figures.tokens import label, safe, shorten

_HEIGHT = 18


def captioned(figure: go.Figure, prompt: PromptPair | None, style: Style) -> go.Figure:
    """`·Mary − ·John on "When·Mary·and·John…"`, cut to the figure's width; unchanged where the page has it, and where
    there is no prompt (None)."""
    if prompt is None or not is_export(style):
        return figure
    sides = [" / ".join(label(answer, 20) for answer in side) for side in (prompt.answer, prompt.incorrect_answer)]
    answers = " − ".join(side for side in sides if side)
    meta: dict[str, Any] = figure.layout.meta or {}  # pyright: ignore[reportAttributeAccessIssue]  # set by Plotly
    room = int((style.width or 500) / TITLE_CHARACTER * 1.2) - len(answers)
    text = " on ".join(part for part in (answers, _prompts(meta, prompt.clean, room)) if part)
    subtitle = {"text": text, "font": {"size": 11}}
    top = figure.layout.margin.t or 0  # pyright: ignore[reportAttributeAccessIssue]  # set by Plotly
    return figure.update_layout(title={"subtitle": subtitle}, margin={"t": top + _HEIGHT})


def _prompts(meta: dict[str, Any], clean: str, room: int) -> str:
    """`“When·Mary·and·John…” and 7 more`, or `1–2 of 8 prompts`."""
    if " of " in meta.get("counted", ""):
        return str(meta["counted"])
    others = (meta.get("prompts") or 1) - 1
    more = f" and {others} more" if others else ""
    return f"“{safe(shorten(clean, max(room - len(more), 12)))}”{more}"
