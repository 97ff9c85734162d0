"""Only the controls that apply to the chosen sweeps are shown: one table, read by one callback, and the metric."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dash import Dash, Input, Output
from dash.exceptions import PreventUpdate

from app.domain.errors import MicrotomeError
from app.domain.sweep_asked import SweepAsked, SweepMethod
from app.domain.views import Selection
from callbacks.reading import selection_of, sweep_of
from callbacks.side_by_side import KINDS, method_of
from layouts import ids
from layouts.against import BESIDE_IT
from layouts.sweep_controls import METHOD_NAMES


def _methods(*names: SweepMethod) -> Callable[[SweepAsked], bool]:
    """One of the sweeps side by side is one of these."""
    return lambda sweep: not {sweep.method, *sweep.against}.isdisjoint(names)


def _chooses_metric(sweep: SweepAsked, selection: Selection) -> bool:
    """Something exact is read by it, a sweep or the paths into a head: an estimate is of the logit difference alone."""
    return {sweep.method, *sweep.against} != {"estimate"} or sweep.paths.into(selection) is not None


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
    ids.SWEEP_ONE_SCALE: lambda sweep: bool(sweep.against) and sweep.against_as == "map",
}
"""Control -> whether it applies; controls that are not here always do."""


def field_class(sweep: SweepAsked, applies: Callable[[SweepAsked], bool]) -> str:
    """Of a control's field: those that only a sweep beside the map has stand after the map's own, marked."""
    own = applies(replace(sweep, against=()))
    return "mt-field" if own or not applies(sweep) else "mt-field is-beside"


def hide_controls(sweep: Any) -> tuple[Any, ...]:
    """Whether the foot of the sweeps beside is hidden, and each control of the table, and whose these controls are; the
    names of the sweeps."""
    try:
        asked = sweep_of(sweep)
    except MicrotomeError:
        raise PreventUpdate from None
    hidden = (not asked.against, *(not applies(asked) for applies in APPLIES.values()))
    classes = [field_class(asked, applies) for applies in APPLIES.values()]
    methods = [method_of(asked, kind) for kind in KINDS]
    return *hidden, *classes, *(METHOD_NAMES[method].capitalize() if method else BESIDE_IT for method in methods)


def hide_metric(sweep: Any, selection: Any) -> bool:
    """Whether the choice of metric is hidden, because it would change nothing."""
    try:
        return not _chooses_metric(sweep_of(sweep), selection_of(selection))
    except MicrotomeError:
        raise PreventUpdate from None


def register(app: Dash) -> None:
    """Listens to the sweep; the metric to the head whose paths are drawn, too."""
    fields = [Output(ids.FIELD.format(control), "hidden") for control in APPLIES]
    classes = [Output(ids.FIELD.format(control), "className") for control in APPLIES]
    names = [Output(each, "children") for each in (ids.SWEEP_NAME, *(ids.TITLE.format(kind) for kind in ids.BESIDE))]
    foot = Output(ids.FOOT.format(ids.AGAINST), "hidden")
    app.callback(foot, *fields, *classes, *names, Input(ids.SWEEP, "data"))(hide_controls)
    metric = Output(ids.FIELD.format(ids.SWEEP_METRIC), "hidden")
    app.callback(metric, Input(ids.SWEEP, "data"), Input(ids.SELECTED_PATCH, "data"))(hide_metric)
