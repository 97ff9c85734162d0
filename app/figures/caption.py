"""The second line of an exported figure: which answers it compares, on which prompt. Panels say that in the page.

A figure over several prompts (`meta["prompts"]`), each with answers of its own, counts them and names the first as an
example; while it has only some of them (`meta["counted"]`, `1–2 of 8 prompts`), it counts them and names none. A third
line is the legend of the outlines that mark the selection."""

from typing import Any

import plotly.graph_objects as go

from app.domain.prompts import PromptPair
from app.domain.views import Style
from app.figures.theme import TITLE_CHARACTER, is_export
from app.figures.tokens import label, safe, shorten

_HEIGHT = 18
_OUTLINES = {"primary": "thick = primary", "selected": "thin = selected", "pinned": "dotted = pinned"}


def captioned(figure: go.Figure, prompt: PromptPair | None, style: Style) -> go.Figure:
    """`·Mary − ·John on "When·Mary·and·John…"`, cut to the figure's width, and `Outlines: thick = primary`; unchanged
    where the page has it, and where there is no prompt (None)."""
    if prompt is None or not is_export(style):
        return figure
    sides = [" / ".join(label(answer, 20) for answer in side) for side in (prompt.answer, prompt.incorrect_answer)]
    answers = " − ".join(side for side in sides if side)
    meta: dict[str, Any] = figure.layout.meta or {}  # pyright: ignore[reportAttributeAccessIssue]  # set by Plotly
    room = int((style.width or 500) / TITLE_CHARACTER * 1.2)
    of = _over(meta, prompt)
    lines = [of + _example(meta, answers, prompt.clean, room - len(of)), *_outlines(figure)]
    subtitle = {"text": "<br>".join(lines), "font": {"size": 11}}
    top = figure.layout.margin.t or 0  # pyright: ignore[reportAttributeAccessIssue]  # set by Plotly
    return figure.update_layout(title={"subtitle": subtitle}, margin={"t": top + _HEIGHT * len(lines)})


def _outlines(figure: go.Figure) -> list[str]:
    """What the outlines of this figure mean, in one line, or none where it has none."""
    shapes = figure.layout.shapes or ()  # pyright: ignore[reportAttributeAccessIssue]  # set by Plotly
    drawn = {shape.name for shape in shapes}
    said = [words for name, words in _OUTLINES.items() if name in drawn]
    return [f"Outlines: {', '.join(said)}"] if said else []


def _over(meta: dict[str, Any], prompt: PromptPair) -> str:
    """`Answer − incorrect answer over 8 prompts` or `over 1–2 of 8 prompts`; empty for one prompt."""
    count = meta.get("prompts") or 1
    if count == 1:
        return ""
    named = " − ".join(["answer", *["incorrect answer"] * bool(prompt.incorrect_answer)] * bool(prompt.answer))
    over = meta["counted"] if " of " in meta.get("counted", "") else f"{count} prompts"
    return f"{named.capitalize()} over {over}" if named else over


def _example(meta: dict[str, Any], answers: str, clean: str, room: int) -> str:
    """`·Mary − ·John on “When·Mary·and·John…”`, of several prompts after `, such as `; none while some are missing."""
    if " of " in meta.get("counted", ""):
        return ""
    before = ", such as " if (meta.get("prompts") or 1) > 1 else ""
    prompt = f"“{safe(shorten(clean, max(room - len(before) - len(answers), 12)))}”"
    return before + " on ".join(part for part in (answers, prompt) if part)
