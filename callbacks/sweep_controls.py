"""Only the controls that apply to the chosen sweep are shown: one table, read by one callback."""

from collections.abc import Callable
from typing import Any

from dash import Dash, Input, Output
from dash.exceptions import PreventUpdate

from app.domain.errors import MicrotomeError
from app.domain.session import SweepAsked, SweepMethod
from callbacks.reading import sweep_of
from layouts import ids


def _methods(*names: SweepMethod) -> Callable[[SweepAsked], bool]:
    """Either of the two sweeps is one of these."""
    return lambda sweep: sweep.method in names or sweep.against in names


def _exact(sweep: SweepAsked) -> bool:
    """The map shows exact values: an estimate is of the logit difference alone."""
    return sweep.method != "estimate"


def _corrects_softmax(sweep: SweepAsked) -> bool:
    return _methods("estimate")(sweep) and sweep.cells.activation in ("q", "k")


APPLIES: dict[str, Callable[[SweepAsked], bool]] = {
    ids.SWEEP_REFERENCE: _methods("mean", "resample"),
    ids.SWEEP_POOLED: _methods("mean"),
    ids.SWEEP_NOISE: _methods("tracing"),
    ids.SWEEP_NOISE_SCALE: _methods("tracing"),
    ids.SWEEP_NOISE_SEED: _methods("tracing"),
    ids.SWEEP_LAYER: lambda sweep: sweep.cells.activation == "mlp_post",
    ids.SWEEP_WINDOW: lambda sweep: sweep.cells.activation != "mlp_post",
    ids.SWEEP_DRAWS: _methods("resample", "tracing"),
    ids.SWEEP_SEED: _methods("resample", "estimate"),
    ids.SWEEP_DIRECTION: _methods("estimate"),
    ids.SWEEP_SOFTMAX: _corrects_softmax,
    ids.SWEEP_GRAD_DROP: _methods("estimate"),
    ids.SWEEP_STEPS: _methods("estimate"),
    ids.SWEEP_METRIC: _exact,
}
"""Control -> whether it applies; controls that are not here always do."""


def hide_controls(sweep: Any) -> tuple[bool, ...]:
    """Whether the second sweep's foot is hidden, and each control of the table."""
    try:
        asked = sweep_of(sweep)
    except MicrotomeError:
        raise PreventUpdate from None
    return (asked.against is None, *(not applies(asked) for applies in APPLIES.values()))


def register(app: Dash) -> None:
    """Listens to the sweep alone."""
    fields = [Output(ids.FIELD.format(control), "hidden") for control in APPLIES]
    app.callback(Output(ids.FOOT.format(ids.AGAINST), "hidden"), *fields, Input(ids.SWEEP, "data"))(hide_controls)
