"""The status bar and the model's facts: where the numbers come from, and whether they can be believed."""

import functools
import math
from typing import Any

from dash import Dash, Input, Output, State, html
from dash.exceptions import PreventUpdate

from app.domain.errors import MicrotomeError
from app.domain.models import ModelFacts, Provenance
from app.domain.results import CorrectnessMetersResult
from app.engine import Engine
from callbacks.evaluate import wait_for_model
from callbacks.reading import REFUSALS, Asked, belongs, digests_of, experiment_of, numbered
from layouts import ids
from layouts.bars import PROVENANCE_CLASS
from layouts.header import FACTS_CLASS

DTYPES = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}
WEIGHTS = {"compatibility": "compat weights", "raw": "raw weights"}
LIBRARIES = {"transformer-lens": "TransformerLens", "torch": "torch"}


def provenance_items(provenance: Provenance) -> list[html.Span]:
    """`fp32 · compat weights · rev 12ab… · BOS … · TransformerLens 4.3.0 · torch 2.13.0`."""
    versions = dict(provenance.versions)
    said = [
        (DTYPES.get(provenance.dtype, provenance.dtype), "Number format of weights and activations"),
        (WEIGHTS.get(provenance.processing, provenance.processing), "Weight processing"),
        (f"rev {provenance.revision[:10]}", f"Revision {provenance.revision}; identity {provenance.identity}"),
        (f"BOS {provenance.bos}", "What stands at position 0"),
        (provenance.device, "Device"),
        *[(f"{short} {versions[name]}", f"Version of {name}") for name, short in LIBRARIES.items() if name in versions],
    ]
    return [html.Span(text, title=title) for text, title in said]


def show_provenance(engine: Engine, store: Any, status: Any) -> tuple[list[html.Span], str]:
    """Of the model on screen, once it is ready; and of which experiment it is."""
    try:
        experiment = experiment_of(store)
        wait_for_model(engine, experiment)
        items = provenance_items(engine.provenance(experiment.model))
    except MicrotomeError:
        return [], PROVENANCE_CLASS
    return items, PROVENANCE_CLASS + belongs(numbered({}, store))


def facts_text(facts: ModelFacts) -> str:
    """`30 × 9 · cpu`: layers, heads, where it runs."""
    return f"{facts.n_layers} × {facts.n_heads} · {facts.device}"


def show_facts(engine: Engine, store: Any, status: Any) -> tuple[str, str]:
    """Beside the model picker, and of which experiment it is."""
    try:
        found = engine.status(experiment_of(store).model)
    except MicrotomeError:
        return "", FACTS_CLASS
    text = facts_text(found.facts) if found.facts else ""
    return text, FACTS_CLASS + belongs(numbered({}, store))


def _meter(name: str, deviation: float, tolerance: float, note: str, of: str) -> html.Span:
    if math.isnan(deviation):
        return html.Span(name, className=f"mt-meter{of}", title=f"{name} does not apply here: {note}")
    good = deviation <= tolerance
    said = f"{name}: largest relative deviation {deviation:.2g}, allowed {tolerance:.2g}. {note}"
    verdict = "holds" if good else "FAILS"
    class_name = f"mt-meter {'is-good' if good else 'is-bad'}{of}"
    return html.Span(name if good else f"{name} fails", className=class_name, title=f"{said} It {verdict}.")


def show_meters(engine: Engine, digests: Any, experiment: Any) -> Any:
    """One light per identity, green where it holds on this model and prompt."""
    try:
        run = "intervened" if (digests_of(digests) or {}).get("intervened") else "baseline"
        result = Asked(engine, experiment_of(experiment), digests, run).shown("correctness_meters")
    except REFUSALS as why:
        return html.Span(str(why) or "no meters yet", className="mt-quiet")
    if not isinstance(result, CorrectnessMetersResult):
        raise PreventUpdate
    rows = zip(result.names, result.deviation.tolist(), result.tolerance.tolist(), result.notes, strict=True)
    return [_meter(*row, belongs(digests)) for row in rows]


def register(app: Dash, engine: Engine) -> None:
    """Provenance, facts, meters."""
    experiment, status = Input(ids.EXPERIMENT, "data"), Input(ids.STATUS, "data")
    app.callback(
        Output(ids.PROVENANCE, "children"), Output(ids.PROVENANCE, "className"), experiment, status,
        prevent_initial_call=True,
    )(functools.partial(show_provenance, engine))  # fmt: skip
    app.callback(
        Output(ids.MODEL_FACTS, "children"), Output(ids.MODEL_FACTS, "className"), experiment, status,
        prevent_initial_call=True,
    )(functools.partial(show_facts, engine))  # fmt: skip
    app.callback(
        Output(ids.METERS, "children"), Input(ids.DIGESTS.format("correctness_meters"), "data"),
        State(ids.EXPERIMENT, "data"), prevent_initial_call=True,
    )(functools.partial(show_meters, engine))  # fmt: skip
