"""What a strength curve gives."""

from dataclasses import dataclass

from app.domain.results import Floats, Result, axes


@dataclass(frozen=True, eq=False, kw_only=True)
class SteeringCurveResult(Result):
    """METRICS at END by strength. NaN = not computed yet. `clean` is the run without the change, under the recipe's
    interventions, against which KL is."""

    engine: str
    strengths: Floats = axes("strength", difference=False)
    values: Floats = axes("metric", "prompt", "strength")
    placebo: Floats = axes("metric", "prompt", "placebo", "strength")
    clean: Floats = axes("metric", "prompt")
    norm: Floats = axes("prompt", difference=False)
    """Mean norm of the activation at the site's positions, without the change: how large a strength is."""
    projection: Floats = axes("prompt", difference=False)
    """Mean projection on the direction there."""
    texts: tuple[str, ...] = ()
    """The continuation at each strength as far as they are made; none where none was asked for."""
