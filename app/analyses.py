"""The table of analyses: kind -> title, recipe, result, compute, figure, table. Adding a view is adding a row.

Functions are named as `module:function` and imported when they are first called, so that a process without torch can
parse recipes and draw results.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from app.domain import (
    attention_results,
    direction_card,
    direction_recipes,
    direction_results,
    geometry_results,
    head_recipes,
    head_results,
    lens_recipes,
    lens_results,
    parts_recipes,
    parts_results,
    recipes,
    results,
    sae_recipes,
    sae_results,
    steering_results,
)
from app.domain.errors import BadInput
from app.domain.recipes import AnyRecipe
from app.domain.results import Result
from app.domain.views import Style, View


def named(name: str) -> Callable[..., Any]:
    """`"app.compute.logit_lens:logit_lens"` -> a function that imports it when called."""

    @functools.wraps(named, assigned=(), updated=())
    def call(*args: Any, **options: Any) -> Any:
        module, function = name.split(":")
        return getattr(import_module(module), function)(*args, **options)

    call.__name__ = call.__qualname__ = name
    return call


@dataclass(frozen=True)
class Analysis:
    """One row. `compute(model, recipe, report, digest=, provenance=, max_tokens=) -> result`;
    `figure(result, style, selection) -> go.Figure`; `table(result) -> long pd.DataFrame`; `size` is the width and
    height of its exported figure in CSS pixels, where a view names none. An analysis that `resumes` also takes
    `resume=`, a partial result of the same recipe or None, and computes only what that lacks. One `in_parts` reports
    partial results, between which clicks are let in."""

    kind: str
    title: str
    recipe: type[AnyRecipe]
    result: type[Result]
    compute: Callable[..., Any]
    figure: Callable[..., Any]
    table: Callable[..., Any]
    size: tuple[int, int]
    resumes: bool = False
    in_parts: bool = False

    def sized(self, style: Style) -> Style:
        """The style with a size to export at."""
        width, height = self.size
        return replace(style, width=style.width or width, height=style.height or height)


def _row(
    kind: str,
    title: str,
    recipe: type[Any],
    result: type[Result],
    figure: str,
    size: tuple[int, int],
    resumes: bool = False,
    in_parts: bool = False,
) -> Analysis:
    """An analysis whose technique, module and function share the name of its kind."""
    compute = named(f"app.compute.{kind}:{kind}")
    table = named("app.figures.tables:long_table")
    draw = named(f"app.figures.{figure}")
    return Analysis(kind, title, recipe, result, compute, draw, table, size, resumes, in_parts or resumes)


_ROWS = (
    _row("prediction", "Prediction", recipes.Prediction, results.PredictionResult, "prediction:prediction_bars",
        (420, 320)),
    _row(
        "direct_logit_attribution", "Direct logit attribution",
        recipes.DirectLogitAttribution, results.DirectLogitAttributionResult, "head_matrix:head_matrix_heatmap",
        (420, 560),
    ),
    _row(
        "attention_pattern", "Attention pattern",
        recipes.AttentionPattern, results.AttentionPatternResult, "attention_pattern:attention_heatmap", (520, 480),
    ),
    _row(
        "residual_trajectory", "Residual trajectory",
        recipes.ResidualTrajectory, results.ResidualTrajectoryResult, "residual_trajectory:residual_trajectory_lines",
        (560, 340),
    ),
    _row("logit_lens", "Logit lens", lens_recipes.LogitLens, lens_results.LogitLensResult,
        "logit_lens:logit_lens_heatmap", (900, 640)),
    _row("component_lens", "Component lens", lens_recipes.ComponentLens, lens_results.ComponentLensResult,
        "component_lens:component_lens_table", (760, 560)),
    _row("ablation", "Ablation sweep", recipes.Ablation, results.SweepResult, "sweep_map:sweep_heatmap", (560, 480),
        resumes=True),
    _row("activation_patching", "Activation patching", recipes.ActivationPatching, results.SweepResult,
        "sweep_map:sweep_heatmap", (560, 480), resumes=True),
    _row("attribution_patching", "Attribution patching", recipes.AttributionPatching,
        results.AttributionPatchingResult, "attribution_patching:exact_vs_estimate_scatter", (520, 480), resumes=True),
    _row("path_patching", "Path patching", recipes.PathPatching, results.SweepResult,
        "path_patching:path_heatmap", (420, 560), resumes=True),
    _row("self_repair", "Self-repair", recipes.SelfRepair, results.SelfRepairResult, "self_repair:self_repair_bars",
        (560, 420)),
    _row("generation", "Generated text", recipes.Generation, results.GenerationResult, "generation:generation_table",
        (560, 240), in_parts=True),
    _row(
        "attention_weights", "Attention weights", recipes.AttentionWeights, attention_results.AttentionWeightsResult,
        "attention_weights:attention_weights_heatmap", (560, 360),
    ),
    _row(
        "head_reading", "Head reading", recipes.HeadReading, attention_results.HeadReadingResult,
        "head_reading:head_reading_bars", (900, 460),
    ),
    _row(
        "correctness_meters", "Correctness meters",
        recipes.CorrectnessMeters, results.CorrectnessMetersResult, "correctness_meters:meters_table", (560, 240),
    ),
    _row("steering_curve", "Strength curve", recipes.SteeringCurve, steering_results.SteeringCurveResult,
        "steering_curve:steering_curve_lines", (560, 340), resumes=True),
    _row("residual_geometry", "Geometry of the residual stream", recipes.ResidualGeometry,
        geometry_results.ResidualGeometryResult, "residual_geometry:residual_geometry_lines", (560, 340)),
    _row("activation_map", "Map of activations", recipes.ActivationMap, geometry_results.ActivationMapResult,
        "activation_map:activation_map_scatter", (560, 480)),
    _row("behaviour_scores", "Behaviour scores of heads", head_recipes.BehaviourScores,
        head_results.BehaviourScoresResult, "head_matrix:head_matrix_heatmap", (420, 560)),
    _row("copying_scores", "Copying scores of heads", head_recipes.CopyingScores, head_results.CopyingScoresResult,
        "head_matrix:head_matrix_heatmap", (420, 560)),
    _row("head_projection", "Projection of heads on tokens", head_recipes.HeadProjection,
        head_results.HeadProjectionResult, "head_matrix:head_matrix_heatmap", (420, 560)),
    _row("head_tokens", "Tokens that heads promote", head_recipes.HeadTokens, head_results.HeadTokensResult,
        "head_tokens:head_tokens_heatmap", (720, 700)),
    _row("direction_card", "Direction", direction_card.DirectionCard, direction_card.DirectionCardResult,
        "direction_card:direction_card_bars", (760, 520)),
    _row("sae_features", "Features", sae_recipes.SaeFeatures, sae_results.SaeFeaturesResult,
        "sae_features:sae_feature_bars", (640, 420)),
    _row("neurons", "Neurons", parts_recipes.Neurons, parts_results.NeuronsResult, "neurons:neuron_bars", (520, 560)),
    _row("logit_decomposition", "Decomposition of the logit difference", parts_recipes.LogitDecomposition,
        parts_results.LogitDecompositionResult, "decomposition:decomposition_bars", (620, 640)),
    _row("head_statistics", "Head statistics", head_recipes.HeadStatistics, head_results.HeadStatisticsResult,
        "head_matrix:head_matrix_heatmap", (420, 560)),
    _row("direction_projection", "Projection on a direction", direction_recipes.DirectionProjection,
        direction_results.DirectionProjectionResult, "direction_projection:direction_projection_heatmap", (760, 520)),
    _row("direction_distribution", "Projections of a prompt set", direction_recipes.DirectionDistribution,
        direction_results.DirectionDistributionResult, "direction_distribution:direction_distribution_strip",
        (520, 360)),
    _row("direction_writers", "Who writes a direction", direction_recipes.DirectionWriters,
        direction_results.DirectionWritersResult, "direction_writers:direction_writers_bars", (760, 520)),
    _row("direction_readers", "Who reads a direction", direction_recipes.DirectionReaders,
        direction_results.DirectionReadersResult, "direction_readers:direction_readers_heatmap", (640, 560)),
)  # fmt: skip
ANALYSES: dict[str, Analysis] = {row.kind: row for row in _ROWS}
_OF_TWO = {
    "sweep_scatter": "A sweep_scatter is of two sweeps; give the recipe of the one across as `against`.",
    "attention_difference_heatmap": "An attention_difference_heatmap is attention minus that on another prompt; "
    "give the recipe of that one as `against`.",
    "weighted_attention_heatmap": "A weighted_attention_heatmap is an attention pattern weighted by attention weights; "
    "give the recipe of the weights as `against`.",
    "token_trajectories_lines": "token_trajectories_lines are of two runs; give the recipe without its "
    "interventions as `against`.",
    "head_maps": "head_maps are of two numbers per head; give the recipe of the second as `against`.",
    "head_scatter": "A head_scatter is of two numbers per head; give the recipe of the one across as `against`.",
    "head_card_table": "A head_card_table is of statistics on prompts beside those on background texts; give the "
    "recipe of the latter (corpus = true) as `against`.",
}
"""Figures of two results, `against` being the first, and what is said without it."""
FIGURES: dict[str, Callable[..., Any]] = {
    "sae_feature_card": named("app.figures.sae_features:sae_feature_card"),
    "neuron_card": named("app.figures.neurons:neuron_card"),
    "component_bars": named("app.figures.components:component_bars"),
    "head_matrix_heatmap": named("app.figures.head_matrix:head_matrix_heatmap"),
    "head_maps": named("app.figures.head_maps:head_maps"),
    "head_scatter": named("app.figures.head_scatter:head_scatter"),
    "attention_thumbnails": named("app.figures.attention_thumbnails:attention_thumbnails"),
    "sweep_heatmap": named("app.figures.sweep_map:sweep_heatmap"),
    "path_heatmap": named("app.figures.path_patching:path_heatmap"),
    "prompt_strip": named("app.figures.prompt_strip:prompt_strip"),
    "exact_vs_estimate_scatter": named("app.figures.attribution_patching:exact_vs_estimate_scatter"),
    "sweep_scatter": named("app.figures.sweep_scatter:sweep_scatter"),
    "attention_difference_heatmap": named("app.figures.attention_pattern:attention_difference_heatmap"),
    "weighted_attention_heatmap": named("app.figures.attention_pattern:weighted_attention_heatmap"),
    "token_trajectory_lines": named("app.figures.token_trajectory:token_trajectory_lines"),
    "token_trajectories_lines": named("app.figures.token_trajectory:token_trajectories_lines"),
    "head_card_table": named("app.figures.head_card:head_card_table"),
    "activation_map_scatter": named("app.figures.activation_map:activation_map_scatter"),
}
"""What a view may name to be drawn instead of its analysis' own figure."""


_OF_MANY = ("head_card_table", "activation_map_scatter")
"""Figures that show the results of `beside`, too."""


def drawn(view: View, result: Result, across: Result | None = None, beside: tuple[Result, ...] = ()) -> Any:
    """The view's figure of its result; `across` is that of `view.against`, `beside` those of `view.beside`."""
    if beside and view.figure not in _OF_MANY:
        raise BadInput(f"Only {', '.join(_OF_MANY)} shows other results beside its own; leave out `beside`.")
    if view.figure is None:
        return ANALYSES[view.recipe.kind].figure(result, view.style, view.selection)
    if view.figure not in FIGURES:
        raise BadInput(f"There is no figure {view.figure!r}; use one of {', '.join(FIGURES)}, or none.")
    if view.figure in _OF_TWO and across is None:
        raise BadInput(_OF_TWO[view.figure])
    results = (across, result) if view.figure in _OF_TWO else (result,)
    return FIGURES[view.figure](*results, view.style, view.selection, *beside)
