"""The card of the primary head: as a long table, and as a figure.

One row per number: what, here, on background texts, unit; `differs` where the two are further apart than one standard
deviation of the background's over all heads (app/domain/head_card.py). Three significant digits, effects and
differences with their sign; `not computed` where there is none. In a difference of runs there is nothing to compare
with. Effects, scores of the model and the tokens that the head's output promotes and suppresses are drawn where their
results are given. No colours.
"""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.domain.errors import BadInput
from app.domain.head_card import CardRow, beside_background, check_head, heading, rows_of, title_of
from app.domain.head_results import HeadStatisticsResult, HeadTokensResult
from app.domain.prompts import PromptPair
from app.domain.recipes import parse_recipe
from app.domain.results import Result
from app.domain.sites import Head
from app.domain.views import Selection, Style
from app.figures.scales import short
from app.figures.theme import dress
from app.figures.tokens import label, visible

WRITTEN = "Output at the last position"
_LINE, _TOKENS_LINE, _HEADINGS, _EDGE, _GAP = 22, 42, 44, 8, 14
"""Pixels of a line of numbers, of one of tokens (which may wrap once), of what headings are higher than numbers, around
the figure, and between its tables."""


def towards(prompt: PromptPair) -> str:
    """The heading of effects: `Towards ·Mary − ·John`."""
    sides = ("/".join(map(visible, side)) for side in (prompt.answer, prompt.incorrect_answer) if side)
    return f"Towards {' − '.join(sides)}"


def card_table(rows: list[CardRow], head: Head, tokens: HeadTokensResult | None = None) -> pd.DataFrame:
    """`component, layer, head, group, metric, unit, value, background, spread, differs` of one head, and by `rank` the
    tokens that its output promotes and suppresses."""
    check_head(rows, head)
    at = (head.layer, head.head)
    own = {"component": str(head), "layer": head.layer, "head": head.head}
    numbers = pd.DataFrame(
        own | {
            "group": row.group, "metric": row.name,
            "title": row.title, "unit": row.unit, "value": row.values[at],
            "background": np.nan if row.background is None else row.background[at],
            "spread": row.spread, "differs": bool(row.differs[at]),
        }
        for row in rows
    )  # fmt: skip
    if tokens is None:
        return numbers
    written = pd.DataFrame(
        own | {
            "group": WRITTEN, "metric": f"{side}_logit", "title": side, "unit": "logits", "value": logit,
            "background": np.nan, "spread": np.nan, "differs": False, "rank": rank, "top_token": token,
        }
        for side in ("promoted", "suppressed") for rank, (token, logit) in enumerate(_ranked(tokens, side, head))
    )  # fmt: skip
    return pd.concat([numbers.assign(rank=pd.NA, top_token=""), written], ignore_index=True)


def _ranked(tokens: HeadTokensResult, side: str, head: Head, prompt: int = 0) -> list[tuple[str, float]]:
    words, logits = (getattr(tokens, f"{side}_{what}")[prompt, head.layer, head.head] for what in ("tokens", "logits"))
    return list(zip(words.tolist(), logits.tolist(), strict=True))


def head_card_table(
    background: HeadStatisticsResult, here: HeadStatisticsResult, style: Style, selection: Selection, *beside: Result
) -> go.Figure:
    """The primary head's statistics, and what `beside` has of it."""
    head = selection.primary
    if head is None:
        raise BadInput("A head_card_table is of one head, and none is selected; give it as selection.primary.")
    rows = _rows(background, here, style.show == "difference", beside)
    check_head(rows, head)
    tokens = next((each for each in beside if isinstance(each, HeadTokensResult)), None)
    lines = _lines(rows, head)
    figure = go.Figure(_numbers(lines, head) if tokens is None else _stacked(lines, tokens, head))
    title = f"{head} on this prompt and on {len(background.entropy)} background texts, {here.provenance.model}"
    margin = dict.fromkeys("lrtb", _EDGE)
    return dress(figure, "head-card", title, style, margin)


def _rows(
    background: HeadStatisticsResult, here: HeadStatisticsResult, difference: bool, beside: tuple[Result, ...]
) -> list[CardRow]:
    """Effects, statistics, and numbers of the model alone, as the page has them."""
    numbers = [each for each in beside if not isinstance(each, HeadTokensResult)]
    prompts = {each.digest: parse_recipe(each.recipe).prompts for each in numbers}
    effects = [row for each in numbers if (pair := prompts[each.digest])
               for row in rows_of(each, towards(pair[0]), title_of(each), difference)]  # fmt: skip
    alone = [row for each in numbers if not prompts[each.digest] for row in rows_of(each, heading(each))]
    return [*effects, *beside_background(here, background, difference), *alone]


def _lines(rows: list[CardRow], head: Head) -> list[tuple[str, ...]]:
    """Title, here, on background texts, whether they differ, unit; and a line for the heading of each group."""
    at = (head.layer, head.head)
    lines: list[tuple[str, ...]] = []
    for row, before in zip(rows, [None, *rows[:-1]], strict=True):
        if before is None or row.group != before.group:
            lines.append((f"<b>{row.group}</b>", "", "", "", ""))
        usual = "" if row.background is None else short(float(row.background[at]), row.signed)
        values = (short(float(row.values[at]), row.signed), usual, "differs" if row.differs[at] else "", row.unit)
        lines.append((row.title, *values))
    return lines


def _numbers(lines: list[tuple[str, ...]], head: Head, **place: Any) -> go.Table:
    align = ["left", "right", "right", "left", "left"]
    return go.Table(
        columnwidth=[46, 16, 20, 12, 20],
        header={"values": [str(head), "here", "background", "", "unit"], "align": align, "height": 24},
        cells={"values": [list(column) for column in zip(*lines, strict=True)], "align": align, "height": _LINE},
        **place,
    )


def _written(tokens: HeadTokensResult, head: Head, **place: Any) -> go.Table:
    sides = ("promoted", "suppressed")
    said = ["  ".join(f"{label(token, 20)} {short(logit)}" for token, logit in _ranked(tokens, side, head))
            for side in sides]  # fmt: skip
    align = ["left", "left"]
    return go.Table(
        columnwidth=[36, 78],
        header={"values": [WRITTEN, "logits against the vocabulary's mean"], "align": align, "height": 24},
        cells={"values": [["promotes", "suppresses"], said], "align": align, "height": _TOKENS_LINE},
        **place,
    )


def _stacked(lines: list[tuple[str, ...]], tokens: HeadTokensResult, head: Head) -> list[go.Table]:
    """Numbers above tokens, each table as high as its lines."""
    above, below = _heights(len(lines))
    split, gap = (part / (above + below + _GAP) for part in (below, _GAP))
    return [
        _numbers(lines, head, domain={"y": [split + gap, 1]}),
        _written(tokens, head, domain={"y": [0, split]}),
    ]


def card_size(rows: int) -> tuple[int, int]:
    """Width and height of an exported card of so many lines, headings among them, in CSS pixels."""
    return 560, 78 + _GAP + sum(_heights(rows))


def _heights(lines: int) -> tuple[int, int]:
    return 24 + _LINE * lines + _HEADINGS, 30 + 2 * _TOKENS_LINE
