"""A plate computed and drawn: every panel's numbers by the engine, its figure by its analysis."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from app.analyses import drawn
from app.compute.report import Report
from app.domain.plates import Plate
from app.domain.results import Result
from app.domain.session import Session
from app.domain.views import View
from app.engine import Engine
from app.export.manifest import PictureFormat, plate_manifest
from app.export.plates import plate_picture
from app.figures.plate import arranged, composition


@dataclass(frozen=True)
class Numbers:
    """Behind one view: its result, the one across, and those beside."""

    result: Result
    across: Result | None
    beside: tuple[Result, ...]

    @classmethod
    def of(cls, engine: Engine, view: View, report: Report | None = None) -> "Numbers":
        """Computed where the cache does not have them."""
        across = None if view.other is None else engine.view(view.other, report)
        return cls(engine.view(view, report), across, tuple(engine.view(other, report) for other in view.others))

    def drawn(self, view: View) -> go.Figure:
        """The view's figure."""
        return drawn(view, self.result, self.across, self.beside)


def composed(plate: Plate, numbers: Sequence[Numbers]) -> dict[str, Any]:
    """Every panel's figure in its place."""
    of = {id(panel.view.recipe): each for panel, each in zip(plate.panels, numbers, strict=True)}
    return composition(plate, arranged(plate, lambda view: of[id(view.recipe)].drawn(view)))


def plate_file(
    plate: Plate, numbers: Sequence[Numbers], format: PictureFormat, session: Session | None = None, dpi: int = 300
) -> bytes:
    """The plate as a picture with its manifest inside."""
    made = [(each.result.provenance, each.result.digest) for each in numbers]
    told = plate_manifest(plate, made, session) if made else {}
    return plate_picture(composed(plate, numbers), format, told, dpi)
