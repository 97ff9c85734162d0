"""What the panels of the *Ablate & patch* workspace hold, for the export menus."""

import functools
from dataclasses import asdict
from typing import Any

from app.domain.recipes import AnyRecipe
from app.domain.results import Result
from app.domain.views import Style
from callbacks.against import beside
from callbacks.exported_source import Page, Recipes, Source
from callbacks.generation import KIND as GENERATION_KIND
from callbacks.one_scale import read_together, style_beside
from callbacks.path_patching import lacking_here, swept_paths
from callbacks.reading import Refused
from callbacks.self_repair import KIND as SELF_REPAIR_KIND
from callbacks.self_repair import repaired
from callbacks.side_by_side import KINDS, SideBySide, method_of
from layouts import ids
from layouts.generation import PRESS_GENERATE


def _recipe_of(kind: str) -> Recipes:
    """The recipe of one of the sweeps side by side; of an estimate alone, its own."""

    def recipe(page: Page, intervened: bool) -> AnyRecipe:
        drawn = kind if kind == "sweep" else beside(page.sweep, kind)
        method = method_of(page.sweep, drawn) or page.sweep.method
        return page.sweep.recipe(page.experiment, method, intervened=intervened)

    return recipe


_sweep_recipe = _recipe_of("sweep")


def _side_by_side(page: Page, *kinds: str) -> SideBySide:
    """These sweeps, as the page shows them."""
    digests = {kind: page.digests(_recipe_of(kind)) for kind in kinds if method_of(page.sweep, kind)}
    return SideBySide(page.engine, page.experiment, page.view, page.sweep, digests)


def _swept(page: Page, kind: str) -> Any:
    return _side_by_side(page, kind).swept(kind)


def _read(page: Page, result: Result, style: Style) -> Style:
    return read_together(style, page.sweep, page.sweep.method)


def _map_style(page: Page, result: Any, style: Style, kind: str) -> Style:
    """The colours of all maps of the same unit that stand side by side."""
    method = method_of(page.sweep, kind) or page.sweep.method
    others = _side_by_side(page, *KINDS).coloured_with(kind) if page.sweep.against else []
    return style_beside((result, method), others, page.sweep, style, page.selection)


def _beside(kind: str) -> Source:
    """A sweep beside the map."""
    recipe = _recipe_of(kind)

    def figure(page: Page) -> str:
        if beside(page.sweep, kind) == "sweep":
            return "exact_vs_estimate_scatter"
        return "sweep_heatmap" if page.sweep.against_as == "map" else "sweep_scatter"

    def read(page: Page, result: Result, style: Style) -> Style:
        if figure(page) == "sweep_heatmap":
            return _map_style(page, result, style, kind)
        return read_together(style, page.sweep, page.sweep.method, method_of(page.sweep, kind) or page.sweep.method)

    def across(page: Page) -> tuple[AnyRecipe, Result] | None:
        """The first sweep, where both are in one scatter."""
        scattered = figure(page) == "sweep_scatter"
        return (_sweep_recipe(page, page.view.show != "baseline"), _swept(page, "sweep")) if scattered else None

    def part(page: Page) -> str:
        return method_of(page.sweep, kind) or page.sweep.method

    return Source(recipe, lambda page: _swept(page, beside(page.sweep, kind)), figure, read, across, part=part)


def _paths_recipe(page: Page, intervened: bool) -> AnyRecipe:
    receiver = page.sweep.paths.into(page.selection)
    why = lacking_here(page.experiment, page.sweep, receiver)
    if receiver is None or why:
        raise Refused(why or "")
    return page.sweep.paths.recipe(page.experiment, receiver, intervened=intervened)


def _paths(page: Page) -> Result:
    receiver = page.sweep.paths.into(page.selection)
    digests = page.digests(_paths_recipe) | {"receiver": receiver and vars(receiver)}
    return swept_paths(page.engine, digests, page.view, page.sweep, page.experiment)


def _repaired_recipe(page: Page, intervened: bool) -> AnyRecipe:
    return page.experiment.set_recipe(SELF_REPAIR_KIND, intervened=True)


def _repaired(page: Page) -> Result:
    return repaired(page.engine, page.experiment, page.digests(_repaired_recipe))


def _text_recipe(page: Page, intervened: bool) -> AnyRecipe:
    return page.experiment.recipe(GENERATION_KIND, intervened=intervened, **asdict(page.view.generation))


def _one_run(page: Page) -> str:
    return "baseline" if page.view.show == "baseline" else "intervened"


def _text(page: Page) -> Result:
    found = page.engine.result(page.asked(_text_recipe).digest(_one_run(page)))
    if found is None:
        raise Refused(PRESS_GENERATE)
    return found


PATCH = {
    ids.SWEEP_MAP: Source(
        _sweep_recipe, lambda page: _swept(page, "sweep"), lambda page: "sweep_heatmap",
        functools.partial(_map_style, kind="sweep"), part=lambda page: page.sweep.method,
    ),
    **{kind: _beside(kind) for kind in ids.BESIDE},
    ids.STRIP: Source(
        _sweep_recipe, lambda page: _swept(page, "sweep"), lambda page: "prompt_strip", _read,
        part=lambda page: page.sweep.method,
    ),
    ids.PATHS: Source(
        _paths_recipe, _paths, lambda page: "path_heatmap",
        part=lambda page: f"{page.sweep.paths.into(page.selection)}-{page.sweep.paths.component}",
    ),
    ids.SELF_REPAIR: Source(_repaired_recipe, _repaired, run=lambda page: "intervened"),
    ids.GENERATION: Source(_text_recipe, _text, run=_one_run),
}  # fmt: skip
"""Panel -> what is behind it."""
