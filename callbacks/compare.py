"""Two runs beside each other: the one on screen and one of the history, each with its own interventions.

    POST compare    {"runs": [experiment on screen, experiment kept]} ->
                    {"metrics": [[name, on screen, kept, difference], …], null where a run has no such number,
                     "figure": direct attribution of every head, on screen - kept; null: "why" says why there is none}

Metrics are of the next token of the prompt on screen; KL is of each run from its own baseline. What is not in the cache
is computed.
"""

import functools
import math
from typing import Any

from dash import Dash
from flask import Response, request
from plotly.io.json import to_json_plotly

from app.domain.errors import BadLink, Busy, MicrotomeError
from app.domain.experiment import Experiment, parse_experiment
from app.domain.results import METRICS, PredictionResult, difference
from app.domain.views import Selection, Style
from app.engine import Engine
from app.figures.head_matrix import head_matrix_heatmap
from callbacks.evaluate import has_answers
from callbacks.reading import page_theme

NAMES = {
    "logit_diff": "logit difference", "answer_log_prob": "log P of the answer, nats", "probability": "P of the answer",
    "rank": "rank of the answer", "kl_divergence": "KL from its baseline, nats",
}  # fmt: skip
OTHER_WEIGHTS = "Heads are compared of one model with one weight processing; these two runs have different ones."
NO_ANSWERS = "Heads are compared by direct attribution: both runs need an answer and another token to tell apart."


def compared(engine: Engine, runs: tuple[Experiment, Experiment]) -> dict[str, Any]:
    """Numbers of both runs, and a figure of what heads give more or less."""
    for each in runs:
        _wait(engine, each)
    figure, why = _figure(engine, runs)
    return {"metrics": _metrics(engine, runs), "figure": figure, "why": why}


def _wait(engine: Engine, experiment: Experiment) -> None:
    """Refuse where the model is not there yet; another model than the one on screen is begun."""
    status = engine.status(experiment.model)
    if status.phase == "failed":
        raise MicrotomeError(status.message)
    if status.phase != "ready":
        engine.want(experiment.model)
        raise Busy(f"{experiment.model.name} is being loaded; compare again when it is there.")


def _result(engine: Engine, experiment: Experiment, kind: str) -> Any:
    return engine.evaluate(experiment.recipe(kind, intervened=experiment.has_interventions))


def _metrics(engine: Engine, runs: tuple[Experiment, Experiment]) -> list[list[Any]]:
    """Rows that at least one of the runs has."""
    results: list[PredictionResult] = [_result(engine, each, "prediction") for each in runs]
    rows = [[name, *(float(each.metrics[METRICS.index(metric), 0]) for each in results)]
            for metric, name in NAMES.items()]  # fmt: skip
    told = [[name, _known(now), _known(then), _known(now - then)] for name, now, then in rows]
    return [row for row in told if row[1] is not None or row[2] is not None]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _figure(engine: Engine, runs: tuple[Experiment, Experiment]) -> tuple[Any, str]:
    if runs[0].model != runs[1].model:
        return None, OTHER_WEIGHTS
    if not all(map(has_answers, runs)):
        return None, NO_ANSWERS
    now, then = (_result(engine, each, "direct_logit_attribution") for each in runs)
    return head_matrix_heatmap(difference(now, then), Style(theme=page_theme(), show="difference"), Selection()), ""


def answered(engine: Engine) -> Response:
    """The comparison, or why there is none, in words."""
    given = request.get_json(silent=True)
    sent = given.get("runs") if isinstance(given, dict) else None
    try:
        if not isinstance(sent, list) or len(sent) != 2:
            raise BadLink("Two experiments are compared, the one on screen and one kept; reload the page.")
        found = compared(engine, (parse_experiment(sent[0]), parse_experiment(sent[1])))
    except MicrotomeError as error:
        return Response(str(error), 400, mimetype="text/plain")
    return Response(to_json_plotly(found), mimetype="application/json", headers={"Cache-Control": "no-store"})


def register(app: Dash, engine: Engine) -> None:
    """One address under the page's prefix."""
    rule = f"{app.config.routes_pathname_prefix}compare"
    app.server.add_url_rule(rule, "compare", functools.partial(answered, engine), methods=["POST"])
