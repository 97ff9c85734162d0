"""Correctness meters as a table: identity, largest deviation found, tolerance, whether it holds, and the note.

`✓` = deviation within tolerance, `✗` = not, `—` = does not apply here (the note says why). Deviations and
tolerances are relative to the size of what is compared (app/compute/correctness_meters.py), so they have no unit; 0 =
the identity holds exactly.
"""

import numpy as np
import plotly.graph_objects as go

from app.domain.results import CorrectnessMetersResult
from app.domain.views import Selection, Style
from app.figures.theme import dress


def verdicts(result: CorrectnessMetersResult) -> list[str]:
    """`✓`, `✗` or `—` per identity."""
    marks = np.where(result.deviation <= result.tolerance, "✓", "✗")
    return np.where(np.isnan(result.deviation), "—", marks).tolist()


def meters_table(result: CorrectnessMetersResult, style: Style, selection: Selection) -> go.Figure:
    """One row per identity. The selection changes nothing here."""
    deviation = ["—" if np.isnan(v) else f"{v:.3g}" for v in result.deviation]
    tolerance = [f"{v:.3g}" for v in result.tolerance]
    columns = [verdicts(result), list(result.names), deviation, tolerance, list(result.notes)]
    align = ["center", "left", "right", "right", "left"]
    figure = go.Figure(
        go.Table(
            columnwidth=[6, 34, 18, 14, 48],
            header={"values": ["", "identity", "rel. deviation", "tolerance", "note"], "align": align, "height": 24},
            cells={"values": columns, "align": align, "height": 22},
        )
    )
    return dress(
        figure, "meters", f"Correctness meters, {result.provenance.model}", style, {"l": 8, "r": 8, "t": 8, "b": 8}
    )
