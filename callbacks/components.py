"""Fill the ranked table: direct attribution of every component, and the exact effects of heads as they come in."""

import functools
from typing import Any

import numpy as np
import pandas as pd
from dash import Dash, Input, State

from app.domain.experiment import Experiment
from app.domain.session import Viewed
from app.engine import Engine
from app.figures.tables import component_rows
from callbacks.head_matrix import DIRECT
from callbacks.reading import REFUSALS, Asked, Refused, digests_of, experiment_of, outputs, ready, refused, view_of
from layouts import ids
from layouts.workspaces import NO_ANSWERS


def _swept(engine: Engine, experiment: Experiment, digests: Any, view: Viewed) -> Any:
    """The sweep, None while there is none: its column is then empty."""
    found = digests_of(digests)
    if not found or found.get("error"):
        return None
    try:
        return Asked(engine, experiment, digests, view.show).swept()
    except Refused:
        return None


def component_table(engine: Engine, experiment: Experiment, digests: dict[str, Any], view: Viewed) -> pd.DataFrame:
    """One row per component, ranked by the magnitude of its direct attribution."""
    direct = Asked(engine, experiment, digests["direct"], view.show).shown(DIRECT)
    sweeps = [_swept(engine, experiment, digests[method], view) for method in ids.SWEEP_METHODS]
    return component_rows(direct, *sweeps)  # pyright: ignore[reportArgumentType]


def as_records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for the grid; what is not computed is null."""
    columns = ["component", "kind", "direct", "zero", "mean"]
    cells = [[None if pd.isna(value) else value for value in row] for row in rows[columns].itertuples(index=False)]
    return [dict(zip(columns, row, strict=True)) for row in cells]


def fill_components(
    engine: Engine, direct: Any, zero: Any, mean: Any, tick: Any, changed: Any, view: Any, experiment: Any
) -> tuple[Any, ...]:
    """Rows, state, message, of what."""
    try:
        shown, asked = view_of(view), experiment_of(experiment)
        rows = component_table(engine, asked, {"direct": direct, "zero": zero, "mean": mean}, shown)
    except REFUSALS as why:
        return refused(why, NO_ANSWERS)
    total = float(np.nansum(rows.loc[rows["kind"] != "attn", "direct"]))
    return ready(as_records(rows), f"Σ {total:+.3g}, {shown.show}".replace("-", "−"), direct)


def register(app: Dash, engine: Engine) -> None:
    """Listens to the three quantities, to the sweep's tick, and to what is shown."""
    stores = [ids.DIGESTS.format(kind) for kind in (DIRECT, *ids.SWEEP_METHODS)]
    app.callback(
        outputs(ids.COMPONENTS, "rowData"), *[Input(store, "data") for store in stores],
        Input(ids.TICK.format(ids.HEAD_MATRIX), "data"), Input(ids.SHOWN, "data"), State(ids.VIEW, "data"),
        State(ids.EXPERIMENT, "data"), prevent_initial_call=True,
    )(functools.partial(fill_components, engine))  # fmt: skip
