"""What more interventions would do to the run on screen, before anybody makes them: `POST trial`.

before: the run under the interventions that are on, or the baseline where none is; after: the same with the tried ones
at the end of the list. Both are whole runs (`prediction` recipes through `Engine.evaluate`), so the effect,
after - before, is exact, cached, and goes before sweeps. A number that the prompt names no answers for, or
that overflowed, is None.
"""

import math
from dataclasses import replace
from typing import Any

from app.domain.errors import BadInput, BadLink, Busy
from app.domain.experiment import Experiment, parse_experiment
from app.domain.prompts import PromptPair
from app.domain.results import METRICS, PredictionResult
from app.engine import Engine


def trial(engine: Engine, given: Any) -> dict[str, Any]:
    """`{"experiment", "interventions"}` as the page has them -> `{"before", "after"}`, each METRICS by name, and the
    `digest` of the run with all of them."""
    present, tried = _read(given)
    if engine.status(present.model).phase != "ready":
        raise Busy("The model is not there yet, so the effect cannot be computed; try again when it is.")
    alone = replace(tried, interventions=tried.interventions[len(present.interventions) :])
    _check(engine, alone)
    runs = [engine.evaluate(each.recipe("prediction", intervened=True)) for each in (present, tried)]
    before, after = map(_metrics, runs)
    return {"before": before, "after": after, "digest": runs[1].digest}


def _check(engine: Engine, alone: Experiment) -> None:
    """Refuse what does not hold in every prompt of the set, and say in which one."""
    try:
        engine.check(alone.set_recipe("prediction", intervened=True))
    except BadInput as why:
        wrong = next((at for at, pair in enumerate(alone.prompts) if not _holds(engine, alone, pair)), None)
        if wrong is None:
            raise
        raise BadInput(f"This does not fit prompt {wrong} of the set: {why}") from None


def _holds(engine: Engine, alone: Experiment, pair: PromptPair) -> bool:
    try:
        engine.check(replace(alone, prompt=pair, prompts=()).set_recipe("prediction", intervened=True))
    except BadInput:
        return False
    return True


def _read(given: Any) -> tuple[Experiment, Experiment]:
    """The experiment as it is, and with what is tried."""
    experiment = given.get("experiment") if isinstance(given, dict) else None
    if not isinstance(experiment, dict) or not isinstance(given.get("interventions"), list):
        raise BadLink("A trial is an object with an `experiment` and a list of `interventions`; reload the page.")
    present = parse_experiment(experiment)
    more = [{"intervention": each, "on": True} for each in given["interventions"]]
    return present, parse_experiment({**experiment, "interventions": [*experiment.get("interventions", []), *more]})


def _metrics(found: Any) -> dict[str, float | None]:
    """Each metric of the prompt on screen."""
    if not isinstance(found, PredictionResult):
        raise TypeError(f"A prediction was computed and {type(found).__name__} came back.")
    values = found.metrics[:, 0].astype(float).tolist()
    return {name: value if math.isfinite(value) else None for name, value in zip(METRICS, values, strict=True)}
