"""Draw the panels that show one analysis each: residual trajectory, logit lens, attention, next token."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dash import Dash, Input, Output, State, html

from app.domain.experiment import Experiment
from app.domain.results import METRICS, PredictionResult, Result
from app.domain.session import Viewed
from app.domain.views import Selection, Style
from app.engine import Engine
from app.figures.attention_pattern import attention_frame
from app.figures.logit_lens import logit_lens_heatmap
from app.figures.prediction import prediction_bars
from app.figures.residual_trajectory import residual_trajectory_lines
from callbacks.reading import (
    REFUSALS,
    Asked,
    answers_text,
    experiment_of,
    outputs,
    ready,
    refused,
    residual_of,
    selection_of,
    style_of,
    view_of,
)  # fmt: skip
from layouts import ids
from layouts.workspaces import NO_ANSWERS, NO_PROMPT, SELECT_HEAD

Of = Callable[[Any, Experiment, Viewed], str]


@dataclass(frozen=True)
class Panel:
    """One row: the panel, its analysis, its figure, and the words behind its title."""

    id: str
    kind: str
    figure: Callable[[Any, Style, Selection], Any]
    of: Of
    empty: str
    prop: str = "figure"
    selecting: str = ""
    """What to select, shown where numbers are there and nothing is selected (assets/32-panel.css)."""
    hears: str = ids.SHOWN
    """What of the view it is drawn again for; no panel is drawn again for another workspace."""


def _answers_of(result: Any, experiment: Experiment, view: Viewed) -> str:
    return ", ".join(filter(None, (answers_text(experiment), view.show)))


def _show_of(result: Any, experiment: Experiment, view: Viewed) -> str:
    return view.show


def _lens_of(result: Any, experiment: Experiment, view: Viewed) -> str:
    return f"{result.lens}, {view.show}"


def _frame(result: Any, style: Style, selection: Selection) -> Any:
    return attention_frame(result.str_tokens, style)


def _thumbnails_label(result: Any, style: Style, selection: Selection) -> str:
    """What the page draws there, in words."""
    layers, heads, positions, _ = result.pattern.shape
    return f"Attention patterns of {layers} layers of {heads} heads, {positions} tokens"


PANELS = (
    Panel(ids.TRAJECTORY, "residual_trajectory", residual_trajectory_lines, _answers_of, NO_ANSWERS),
    Panel(ids.LENS, "logit_lens", logit_lens_heatmap, _lens_of, NO_PROMPT),
    Panel(ids.ATTENTION, "attention_pattern", _frame, _show_of, NO_PROMPT, selecting=SELECT_HEAD, hears=ids.ATTENDED),
    Panel(ids.THUMBNAILS, "attention_pattern", _thumbnails_label, _show_of, NO_PROMPT, prop="aria-label"),
    Panel(ids.PREDICTION, "prediction", prediction_bars, _answers_of, NO_PROMPT),
)


def draw(
    engine: Engine, panel: Panel, digests: Any, changed: Any, view: Any, experiment: Any, selection: Any, residual: Any
) -> tuple[Any, ...]:
    """Figure, state, message, of what."""
    try:
        shown, asked = view_of(view), experiment_of(experiment)
        result = Asked(engine, asked, digests, shown.show).shown(panel.kind)
        figure = panel.figure(result, style_of(shown, residual=residual_of(residual)), selection_of(selection))
    except REFUSALS as why:
        return refused(why, panel.empty)
    figure, state, _, of = ready(figure, panel.of(result, asked, shown), digests)
    return figure, state, panel.selecting, of


# the numbers beside the next tokens

READ_OUT = (
    ("logit_diff", "logit diff", "{:+.3g}"), ("probability", "P", "{:.3g}"), ("rank", "rank", "{:.0f}"),
    ("kl_divergence", "KL", "{:.3g} nats"),
)  # fmt: skip


def _value(name: str, label: str, value: float, spec: str) -> html.Span | None:
    if value != value:  # NaN: the prompt names no answers
        return None
    return html.Span(
        [html.Span(label), html.B(spec.format(value).replace("-", "−"), title=f"{value!r}")], className="mt-value"
    )


def read_out(engine: Engine, digests: Any, changed: Any, view: Any, experiment: Any) -> list[Any]:
    """Logit difference, probability and rank of the answer, and KL, each with its sign."""
    try:
        shown, asked = view_of(view), experiment_of(experiment)
        result: Result = Asked(engine, asked, digests, shown.show).shown("prediction")
    except REFUSALS:
        return []
    if not isinstance(result, PredictionResult):
        return []
    delta = "Δ " if shown.show == "difference" else ""
    values = [
        _value(name, delta + label, float(result.metrics[METRICS.index(name), 0]), signed if delta else spec)
        for name, label, spec in READ_OUT
        if (signed := "{:+.3g}" + spec.partition("}")[2])
    ]
    return [value for value in values if value is not None]


def register(app: Dash, engine: Engine) -> None:
    """One draw callback per row, and the read-out."""
    view, experiment = State(ids.VIEW, "data"), State(ids.EXPERIMENT, "data")
    for panel in PANELS:
        app.callback(
            outputs(panel.id, panel.prop), Input(ids.DIGESTS.format(panel.kind), "data"), Input(panel.hears, "data"),
            view, experiment, State(ids.SELECTION, "data"), State(ids.RESIDUAL, "data"), prevent_initial_call=True,
        )(functools.partial(draw, engine, panel))  # fmt: skip
    app.callback(
        Output(ids.READOUT, "children"), Input(ids.DIGESTS.format("prediction"), "data"), Input(ids.SHOWN, "data"),
        view, experiment, prevent_initial_call=True,
    )(functools.partial(read_out, engine))  # fmt: skip
