"""What every panel holds, as recipe, numbers, figure and table: the table behind the export menus."""

from typing import Any

import pandas as pd

from app.domain.errors import BadInput
from app.figures.tables import component_rows
from callbacks import exported_heads as of_heads
from callbacks.decomposition import DECOMPOSITION
from callbacks.exported_attention import ATTENTION
from callbacks.exported_direction_card import DIRECTION_CARD
from callbacks.exported_directions import DIRECTION
from callbacks.exported_geometry import GEOMETRY
from callbacks.exported_lenses import LENSES
from callbacks.exported_patch import PATCH
from callbacks.exported_source import Page, Recipes, Source, single
from callbacks.exported_strength import STRENGTH
from callbacks.head_matrix import DIRECT
from callbacks.neurons import NEURONS
from callbacks.reading import Refused
from callbacks.sae_features import FEATURES
from layouts import ids


def source(panel: str) -> Source:
    """What is behind a panel."""
    if panel not in SOURCES:
        raise BadInput(f"There is no panel {panel!r} to export; use one of {', '.join(SOURCES)}.")
    return SOURCES[panel]


def _ablation(method: str) -> Recipes:
    return lambda page, intervened: page.experiment.recipe("ablation", intervened=intervened, method=method)


def _ranked(page: Page, result: Any) -> pd.DataFrame:
    """Direct attributions, and the sweeps that there are."""
    sweeps = []
    for method in ids.SWEEP_METHODS:
        try:
            sweeps.append(page.asked(_ablation(method)).swept())
        except Refused:
            sweeps.append(None)
    return component_rows(result, *sweeps)


SOURCES = {
    ids.HEAD_MATRIX: Source(
        of_heads.recipe, of_heads.result, of_heads.figure, of_heads.style, of_heads.across, of_heads.table,
        of_heads.run, of_heads.part, of_heads.above,
    ),
    ids.TRAJECTORY: single("residual_trajectory"),
    ids.COMPONENTS: single(DIRECT, figure=lambda page: "component_bars", table=_ranked),
    ids.PREDICTION: single("prediction"),
    **ATTENTION,
    **PATCH,
    ids.DIRECTION_CARD: DIRECTION_CARD,
    **LENSES,
    **GEOMETRY,
    ids.DECOMPOSITION: DECOMPOSITION,
    **DIRECTION,
    ids.STRENGTH: STRENGTH,
    **NEURONS,
    **FEATURES,
}  # fmt: skip
"""Panel -> what is behind it."""
