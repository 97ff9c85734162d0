"""The card of the primary head: as a long table, and its statistics on this prompt beside background texts as a figure.

One row per number: what, here, on background texts, unit; `differs` where the two are further apart than one standard
deviation of the background's over all heads (app/domain/head_card.py). Three significant digits, effects and
differences with their sign; `not computed` where there is none. In a difference of runs there is nothing to compare
with. No colours.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.domain.errors import BadInput
from app.domain.head_card import CardRow, beside_background, check_head
from app.domain.head_results import HeadStatisticsResult
from app.domain.sites import Head
from app.domain.views import Selection, Style
from app.figures.scales import short
from app.figures.theme import dress


def card_table(rows: list[CardRow], head: Head) -> pd.DataFrame:
    """`component, layer, head, group, metric, unit, value, background, spread, differs` of one head."""
    check_head(rows, head)
    at = (head.layer, head.head)
    return pd.DataFrame(
        {
            "component": str(head), "layer": head.layer, "head": head.head, "group": row.group, "metric": row.name,
            "title": row.title, "unit": row.unit, "value": row.values[at],
            "background": np.nan if row.background is None else row.background[at],
            "spread": row.spread, "differs": bool(row.differs[at]),
        }
        for row in rows
    )  # fmt: skip


def head_card_table(
    background: HeadStatisticsResult, here: HeadStatisticsResult, style: Style, selection: Selection
) -> go.Figure:
    """The primary head's statistics."""
    head = selection.primary
    if head is None:
        raise BadInput("A head_card_table is of one head, and none is selected; give it as selection.primary.")
    rows = beside_background(here, background, style.show == "difference")
    check_head(rows, head)
    at = (head.layer, head.head)
    usual = ["" if row.background is None else short(float(row.background[at]), row.signed) for row in rows]
    columns = [
        [row.title for row in rows], [short(float(row.values[at]), row.signed) for row in rows], usual,
        ["differs" if row.differs[at] else "" for row in rows], [row.unit for row in rows],
    ]  # fmt: skip
    align = ["left", "right", "right", "left", "left"]
    table = go.Table(
        columnwidth=[40, 16, 20, 12, 26],
        header={"values": [str(head), "here", "background", "", "unit"], "align": align, "height": 24},
        cells={"values": columns, "align": align, "height": 22},
    )
    title = f"{head} on this prompt and on {len(background.entropy)} background texts, {here.provenance.model}"
    return dress(go.Figure(table), "head-card", title, style, {"l": 8, "r": 8, "t": 8, "b": 8})
