"""What the logit difference is made of: computed while its section is on screen, drawn at any level from one result.

All levels travel with the figure, so that the page changes from one to another itself.
"""

from dataclasses import replace
from typing import Any, get_args

import plotly.graph_objects as go

from app.domain.experiment import Experiment
from app.domain.recipes import AnyRecipe
from app.domain.residual_asked import PartsAsked
from app.domain.results import Result, difference
from app.domain.views import Level, Show
from app.engine import Engine
from app.figures.decomposition import decomposition_bars
from app.figures.readings import with_readings
from callbacks.evaluate import NOTHING, has_answers, lacking_answers, stored, wait_to_run
from callbacks.exported_source import Page, Source
from callbacks.on_page import OnPage
from callbacks.reading import (
    REFUSALS,
    Asked,
    Refused,
    experiment_of,
    ready,
    refused,
    residual_of,
    said,
    selection_of,
    style_of,
    view_of,
    wait_for_section,
)  # fmt: skip
from layouts.head_matrix import NO_ANSWERS

KIND = "logit_decomposition"


def recipe_of(experiment: Experiment, asked: PartsAsked, *, intervened: bool) -> AnyRecipe:
    """Of the prompt on screen, or of the set."""
    made = experiment.set_recipe if asked.over == "set" else experiment.recipe
    return made(KIND, intervened=intervened, scale=asked.scale)


def evaluated(engine: Engine, experiment: Experiment, asked: PartsAsked) -> dict[str, Any]:
    """Digests of the runs."""
    wait_to_run(engine, experiment)
    if not has_answers(experiment):
        return NOTHING
    lacking = lacking_answers(experiment) if asked.over == "set" else None
    if lacking:
        return NOTHING | {"error": lacking}
    runs = {"baseline": False} | ({"intervened": True} if experiment.has_interventions else {})
    recipes = {run: recipe_of(experiment, asked, intervened=changed) for run, changed in runs.items()}
    found = {run: engine.evaluate(recipe).digest for run, recipe in recipes.items()}
    return NOTHING | found


def shown(engine: Engine, experiment: Experiment, digests: Any, asked: PartsAsked, show: Show) -> Result:
    """A run, or the difference of both."""
    runs = Asked(engine, experiment, digests, show)
    first, *rest = [
        runs.known(run, recipe_of(experiment, asked, intervened=run == "intervened")) for run in runs.needed
    ]
    return difference(first, rest[0]) if rest else first


def answer(engine: Engine, sent: OnPage) -> tuple[Any, ...]:
    """Figure with every level, state, message, of what."""
    try:
        looks, experiment, chosen = view_of(sent.view), experiment_of(sent.experiment), selection_of(sent.selection)
        wait_for_section(looks, "parts")
        asked = residual_of(sent.residual).parts
        digests = stored(lambda: evaluated(engine, experiment, asked), sent.experiment, None)
        result: Any = shown(engine, experiment, digests, asked, looks.show)

        def drawing(level: Any) -> go.Figure:
            return decomposition_bars(result, replace(style_of(looks), level=level), chosen)

        figure = with_readings(asked.level, get_args(Level), drawing, result.provenance.model)
    except REFUSALS as why:
        return refused(why, NO_ANSWERS)
    return ready(figure, said(figure, result), digests)


def _here(page: Page) -> PartsAsked:
    return page.residual.parts


def _recipe(page: Page, intervened: bool) -> AnyRecipe:
    return recipe_of(page.experiment, _here(page), intervened=intervened)


def _behind(page: Page) -> Result:
    if not has_answers(page.experiment):
        raise Refused(NO_ANSWERS)
    return shown(page.engine, page.experiment, page.digests(_recipe), _here(page), page.view.show)


DECOMPOSITION = Source(
    _recipe, _behind, read=lambda page, result, style: replace(style, level=_here(page).level),
    part=lambda page: _here(page).level,
)  # fmt: skip
"""What is behind the panel, for export."""
