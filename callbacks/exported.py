"""What every panel holds, as recipe, numbers, figure and table: the table behind the export menus."""

import functools
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from app.analyses import ANALYSES
from app.domain.attention_results import AttentionWeightsResult
from app.domain.errors import BadInput
from app.domain.heads_asked import HeadsAsked
from app.domain.recipes import AnyRecipe
from app.domain.results import AttentionPatternResult, Result
from app.domain.role_notes import RoleNote
from app.domain.session import Experiment, SweepAsked, Viewed
from app.domain.sites import Head
from app.domain.views import Selection, Style, View
from app.engine import Engine
from app.figures.attention_reading import reading_rows
from app.figures.attention_thumbnails import thumbnails_size
from app.figures.head_card import card_table
from app.figures.tables import component_rows, long_table
from callbacks import exported_heads as of_heads
from callbacks.against import beside
from callbacks.attention_beside import WEIGHTS, other_of, unweighted
from callbacks.evaluate import NEED_ANSWERS, attention_options, has_answers
from callbacks.generation import KIND as GENERATION_KIND
from callbacks.head_card import BACKGROUND, OF_MODEL, STATISTICS, card, of_model
from callbacks.head_matrix import DIRECT
from callbacks.head_reading import KIND as READING
from callbacks.head_reading import options_of, reading_of
from callbacks.one_scale import read_together, style_beside
from callbacks.path_patching import lacking_here, swept_paths
from callbacks.reading import Asked, Refused, read_as
from callbacks.self_repair import KIND as SELF_REPAIR_KIND
from callbacks.self_repair import repaired
from callbacks.side_by_side import KINDS, SideBySide, method_of
from layouts import ids
from layouts.generation import PRESS_GENERATE
from layouts.workspaces import NO_ANSWERS, SELECT_CARD


@dataclass(frozen=True)
class Page:
    """What is on screen."""

    engine: Engine
    experiment: Experiment
    view: Viewed
    selection: Selection
    sweep: SweepAsked = SweepAsked()
    heads: HeadsAsked = HeadsAsked()
    notes: tuple[RoleNote, ...] = ()

    def digests(self, recipe: "Recipes") -> dict[str, str]:
        """Where the runs of a recipe are."""
        if self.engine.status(self.experiment.model).phase != "ready":
            raise Refused("The model is not ready yet; try again when the numbers are on screen.")
        runs = ("baseline", "intervened") if self.experiment.has_interventions else ("baseline",)
        return {run: self.engine.digest(recipe(self, run == "intervened")) for run in runs}

    def asked(self, recipe: "Recipes") -> Asked:
        """The runs of a recipe, as the page asks for them."""
        return Asked(self.engine, self.experiment, self.digests(recipe), self.view.show)


Recipes = Callable[[Page, bool], AnyRecipe]


@dataclass(frozen=True)
class Source:
    """Behind one panel: `recipe(page, intervened)`, the numbers on screen, and the name of their figure and their table
    where those are not the analysis' own. `run` is what the file says it holds; `read` is how a style reads the result,
    `across` the other sweep of a scatter of two, with its recipe."""

    recipe: Recipes
    result: Callable[[Page], Result]
    figure: Callable[[Page], str | None] = lambda page: None
    read: Callable[[Page, Result, Style], Style] = lambda page, result, style: style
    across: Callable[[Page], tuple[AnyRecipe, Result] | None] = lambda page: None
    table: Callable[[Page, Result], pd.DataFrame] | None = None
    run: Callable[[Page], str] = lambda page: page.view.show
    part: Callable[[Page], str] = lambda page: ""
    """What the panel shows of several things, for the file's name."""
    above: Callable[[Page], str] = lambda page: ""
    """Said at the top of its program."""

    def view(self, page: Page, result: Result) -> tuple[View, Result | None]:
        """What draws the panel's figure again, and the result across."""
        run: Any = self.run(page)
        recipe = self.recipe(page, run != "baseline")
        style = read_as(ANALYSES[recipe.kind].sized(Style(theme="light", show=run)), page.sweep)
        against, across = self.across(page) or (None, None)
        view = View(recipe, self.read(page, result, style), page.selection, self.figure(page), against)
        return view, across

    def tabled(self, page: Page, result: Result) -> pd.DataFrame:
        """The long table."""
        own = ANALYSES[self.recipe(page, False).kind].table
        return own(result) if self.table is None else self.table(page, result)


def source(panel: str) -> Source:
    """What is behind a panel."""
    if panel not in SOURCES:
        raise BadInput(f"There is no panel {panel!r} to export; use one of {', '.join(SOURCES)}.")
    return SOURCES[panel]


# panels of one analysis of the pair on screen


def _options(page: Page, kind: str) -> dict[str, Any]:
    if kind != "attention_pattern":
        return {}
    primary = page.selection.primary
    return attention_options(page.engine, page.experiment, primary and primary.layer)


def _shown(page: Page, kind: str, recipe: Recipes) -> Result:
    """The runs on screen, computed where the cache has lost them."""
    if kind in NEED_ANSWERS and not has_answers(page.experiment):
        raise Refused(NO_ANSWERS)
    asked = page.asked(recipe)
    layers = _options(page, kind)
    return Asked(asked.engine, asked.experiment, asked.digests | layers, asked.show).shown(kind)


def _single(kind: str, **own: Any) -> Source:
    def recipe(page: Page, intervened: bool) -> AnyRecipe:
        return page.experiment.recipe(kind, intervened=intervened, **_options(page, kind))

    return Source(recipe, lambda page: _shown(page, kind, recipe), **own)


def _ablation(method: str) -> Recipes:
    return lambda page, intervened: page.experiment.recipe("ablation", intervened=intervened, method=method)


def _ranked(page: Page, result: Any) -> pd.DataFrame:
    """Direct attributions, and the sweeps that there are."""
    sweeps = []
    for method in ids.SWEEP_METHODS:
        try:
            sweeps.append(page.asked(_ablation(method)).swept())
        except Refused:
            sweeps.append(None)
    return component_rows(result, *sweeps)


# the Ablate & patch workspace


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


# attention of several heads, and what is taken away from it


def _attention_style(page: Page, result: Any, style: Style) -> Style:
    shown = page.view.attention
    return replace(style, together=shown.of, minus=shown.minus, weighted_by=shown.by)


def _plain(page: Page) -> bool:
    """Whether the primary head's own pattern, or its difference of runs, is shown."""
    shown = page.view.attention
    return shown.by is None and shown.of == "primary" and (not shown.minus or page.view.show == "difference")


def _compares_prompts(page: Page) -> bool:
    return page.view.attention.minus == "corrupted" and page.view.show != "difference"


def _attention_figure(page: Page) -> str | None:
    if page.view.attention.by:
        return "weighted_attention_heatmap"
    return "attention_difference_heatmap" if _compares_prompts(page) else None


def _weights_recipe(page: Page, intervened: bool) -> AnyRecipe:
    return page.experiment.recipe(WEIGHTS, intervened=intervened)


def _weights(page: Page) -> tuple[AnyRecipe, Result]:
    why = unweighted(page.experiment, page.view)
    if why:
        raise Refused(why)
    return _weights_recipe(page, page.view.show != "baseline"), page.asked(_weights_recipe).shown(WEIGHTS)


def _attention_across(page: Page) -> tuple[AnyRecipe, Result] | None:
    """The weights of the keys, or the pair's other prompt where it is taken away."""
    if page.view.attention.by:
        return _weights(page)
    if not _compares_prompts(page):
        return None
    other = replace(page, experiment=other_of(page.engine, page.experiment))
    behind = SOURCES[ids.ATTENTION]
    return behind.recipe(other, page.view.show != "baseline"), behind.result(other)


def _attention_table(page: Page, result: Any) -> pd.DataFrame:
    """Every head as it is, or the one matrix on screen."""
    if _plain(page):
        return long_table(result)
    style = _attention_style(page, result, Style(show=page.view.show))
    _, across = _attention_across(page) or (None, None)
    weights = across if isinstance(across, AttentionWeightsResult) else None
    other = across if isinstance(across, AttentionPatternResult) else None
    return reading_rows(result, style, page.selection, other, weights)


def _attention_part(page: Page) -> str:
    shown = page.view.attention
    return "" if _plain(page) else "-".join([shown.of, *([shown.by.replace("_", "-")] if shown.by else [])])


def _thumbnails_style(page: Page, result: Any, style: Style) -> Style:
    width, height = thumbnails_size(result)
    return replace(style, width=width, height=height)


def _reading_recipe(page: Page, intervened: bool) -> AnyRecipe:
    return reading_of(page.experiment, page.selection, intervened)


_statistics = _single(STATISTICS)


def _background(page: Page) -> tuple[AnyRecipe, Result]:
    _primary(page)
    recipe = of_model(page.engine, page.experiment, BACKGROUND)
    return recipe, page.engine.evaluate(recipe)


def _primary(page: Page) -> Head:
    if page.selection.primary is None:
        raise Refused(SELECT_CARD)
    return page.selection.primary


def _card(page: Page, result: Result) -> pd.DataFrame:
    """Every number of the primary head that is on the card."""
    head, digests = _primary(page), {STATISTICS: page.digests(_statistics.recipe)}
    alone = {name: {"baseline": page.engine.digest(of_model(page.engine, page.experiment, name))} for name in OF_MODEL}
    return card_table(card(page.engine, page.experiment, page.view.show, digests | alone), head)


SOURCES = {
    ids.HEAD_MATRIX: Source(
        of_heads.recipe, of_heads.result, of_heads.figure, of_heads.style, of_heads.across, of_heads.table,
        of_heads.run, of_heads.part, of_heads.above,
    ),
    ids.TRAJECTORY: _single("residual_trajectory"),
    ids.COMPONENTS: _single(DIRECT, figure=lambda page: "component_bars", table=_ranked),
    ids.ATTENTION: _single(
        "attention_pattern", figure=_attention_figure, read=_attention_style, across=_attention_across,
        table=_attention_table, part=_attention_part,
    ),
    ids.THUMBNAILS: _single(
        "attention_pattern", figure=lambda page: "attention_thumbnails", read=_thumbnails_style
    ),
    ids.LENS: _single("logit_lens"),
    ids.PREDICTION: _single("prediction"),
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
    ids.HEAD_CARD: Source(
        _statistics.recipe, _statistics.result, lambda page: "head_card_table", across=_background, table=_card,
        part=lambda page: str(page.selection.primary),
    ),
    ids.HEAD_READING: Source(
        _reading_recipe, lambda page: page.asked(_reading_recipe).shown(READING, **options_of(page.selection)),
        part=lambda page: str(page.selection.primary),
    ),
    ids.SELF_REPAIR: Source(_repaired_recipe, _repaired, run=lambda page: "intervened"),
    ids.GENERATION: Source(_text_recipe, _text, run=_one_run),
}  # fmt: skip
"""Panel -> what is behind it."""
