"""Neurons of one layer and the card of one of them: computed while their section is on screen, drawn from one result.

The layer and the neuron asked for travel in a store (assets/67-neurons.js); rankings travel with the figure.
"""

from typing import Any

import plotly.graph_objects as go

from app.domain.errors import BadInput
from app.domain.experiment import Experiment
from app.domain.recipes import AnyRecipe
from app.domain.results import Result, difference
from app.domain.views import Selection, Style
from app.engine import Engine
from app.figures.neurons import neuron_bars, neuron_card
from app.figures.ranking import ranked_style
from app.figures.readings import with_readings
from callbacks.evaluate import NOTHING, stored, wait_to_run
from callbacks.exported_source import Page, Source
from callbacks.on_page import OnPage
from callbacks.reading import (
    REFUSALS,
    Asked,
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
from layouts import ids
from layouts.workspaces import NO_PROMPT

KIND = "neurons"


def evaluated(engine: Engine, experiment: Experiment, asked: Any) -> dict[str, Any]:
    """Digests of the runs, and the neuron that they are of."""
    if not isinstance(asked, dict) or set(asked) - {"layer", "neuron"}:
        raise BadInput("The page asks for no neuron that there is; reload it.")
    wait_to_run(engine, experiment)
    options = settled_options(engine, experiment, asked)
    runs = {"baseline": False} | ({"intervened": True} if experiment.has_interventions else {})
    recipes = {run: experiment.recipe(KIND, intervened=changed, **options) for run, changed in runs.items()}
    return NOTHING | {run: engine.evaluate(recipe).digest for run, recipe in recipes.items()} | {"options": options}


def settled_options(engine: Engine, experiment: Experiment, asked: dict[str, Any]) -> dict[str, Any]:
    """The recipe's fields, with the neuron that the baseline chooses where none is asked for: both runs show one."""
    if asked.get("neuron") is not None:
        return asked
    baseline: Any = engine.evaluate(experiment.recipe(KIND, **asked))
    return {"layer": baseline.layer, "neuron": baseline.neuron}


def shown(asked: Asked, options: dict[str, Any]) -> Result:
    """A run, or the difference of both."""
    first, *rest = [asked.known(run, asked.recipe(run, KIND, **options)) for run in asked.needed]
    return difference(first, rest[0]) if rest else first


def answer(panel: str, engine: Engine, sent: OnPage) -> tuple[Any, ...]:
    """Figure, state, message, of what. The list has every ranking."""
    try:
        looks, experiment, chosen = view_of(sent.view), experiment_of(sent.experiment), selection_of(sent.selection)
        wait_for_section(looks, "features")
        digests = stored(lambda: evaluated(engine, experiment, sent.asked), sent.experiment, None)
        options = digests.get("options") or {"layer": 0}
        result: Any = shown(Asked(engine, experiment, digests, looks.show), options)
        if panel == ids.NEURONS:
            figure = _ranked(result, style_of(looks), chosen, residual_of(sent.residual).neurons.by)
        else:
            figure = neuron_card(result, style_of(looks), chosen)
    except REFUSALS as why:
        return refused(why, NO_PROMPT)
    return ready(figure, said(figure, result), digests)


def _ranked(result: Any, style: Style, selection: Selection, by: str) -> go.Figure:
    """In every order that there is without asking: at other tokens the page asks."""
    at = selection.positions[-1] if selection.positions else ""
    names = {"attribution": "attribution", "largest": "largest", "activation": f"activation {at}"}

    def drawing(name: str) -> go.Figure:
        return neuron_bars(result, ranked_style(style, result.attribution, name.partition(" ")[0]), selection)

    return with_readings(names[by], names.values(), drawing, result.provenance.model)


def _options(page: Page) -> dict[str, Any]:
    """The neuron on screen, as the page asks for it (assets/67-neurons.js)."""
    chosen, n_layers = page.selection, page.engine.facts(page.experiment.model).n_layers
    of_head = n_layers - 1 if chosen.primary is None else chosen.primary.layer
    asked = {"layer": chosen.layers[-1], "neuron": chosen.neuron} if chosen.layers else {"layer": of_head}
    return settled_options(page.engine, page.experiment, asked)


def _recipe(page: Page, intervened: bool) -> AnyRecipe:
    return page.experiment.recipe(KIND, intervened=intervened, **_options(page))


def _behind(page: Page) -> Result:
    return shown(page.asked(_recipe), _options(page))


def _part(page: Page) -> str:
    return "L{layer}N{neuron}".format(**_options(page))


def _read(page: Page, result: Any, style: Style) -> Style:
    return ranked_style(style, result.attribution, page.residual.neurons.by)


NEURONS: dict[str, Source] = {
    ids.NEURONS: Source(_recipe, _behind, read=_read, part=_part),
    ids.NEURON_CARD: Source(_recipe, _behind, figure=lambda page: "neuron_card", part=_part),
}
"""Panel -> what is behind it, for export."""
