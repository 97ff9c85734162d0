"""A page for a view or a recipe: what a picture without a session of its own shows, set up to be seen and changed."""

from dataclasses import replace
from typing import Any

from app.domain.experiment import Experiment, Switched
from app.domain.recipes import AnyRecipe
from app.domain.residual_asked import Section
from app.domain.session import WORKED_EXAMPLE, Session, Viewed, Workspace
from app.domain.sweep_asked import SweepAsked
from app.domain.views import View

_PLACES: dict[str, tuple[Workspace, Section]] = {
    **dict.fromkeys(("attention_pattern", "attention_weights", "head_reading", "head_tokens"), ("attention", "lens")),
    **dict.fromkeys(("logit_lens", "component_lens"), ("residual", "lens")),
    **dict.fromkeys(
        ("direction_projection", "direction_distribution", "direction_writers", "direction_readers", "direction_card",
         "steering_curve"), ("residual", "direction"),
    ),
    "logit_decomposition": ("residual", "parts"),
    **dict.fromkeys(("neurons", "sae_features"), ("residual", "features")),
    **dict.fromkeys(("residual_geometry", "activation_map"), ("residual", "geometry")),
    **dict.fromkeys(
        ("ablation", "activation_patching", "attribution_patching", "path_patching", "self_repair", "generation"),
        ("patch", "lens"),
    ),
}  # fmt: skip
"""Workspace, and section of *Residual*, where a kind of recipe is seen; all others on the first screen."""
_SAME = (
    "cells", "reference", "pooled", "draws", "seed", "noise", "freeze", "softmax_correction", "grad_drop", "ig_steps",
)  # fmt: skip


def session_of(view: View) -> Session:
    """The experiment of the view's recipe, its interventions switched on, and its panel on screen."""
    workspace, section = _PLACES.get(view.recipe.kind, ("look", "lens"))
    shown = Viewed(workspace=workspace, section=section, show=view.style.show)
    return Session(_experiment(view), selection=view.selection, view=shown, sweep=_sweep(view))


def _experiment(view: View) -> Experiment:
    """Of a recipe without prompts, the worked example's on its model."""
    recipe, prompt = view.recipe, view.prompt_named
    if prompt is None:
        return replace(WORKED_EXAMPLE.experiment, model=recipe.model)
    switched = tuple(map(Switched, recipe.interventions))
    prompts = recipe.prompts if len(recipe.prompts) > 1 else ()
    return Experiment(recipe.model, prompt, switched, prompts, getattr(recipe, "base", "clean"))


def _sweep(view: View) -> SweepAsked:
    """The sweep's own cells and method, and how it is read."""
    recipe, style = view.recipe, view.style
    if not hasattr(recipe, "cells"):
        return SweepAsked()
    fields: dict[str, Any] = {name: getattr(recipe, name) for name in _SAME if hasattr(recipe, name)}
    if not isinstance(fields.get("reference", ""), str):
        fields.pop("reference")  # texts of its own, which the page does not hold
    read: dict[str, Any] = {"metric": style.metric, "normalised": style.normalised, "significant": style.significant}
    return SweepAsked(method=_method(recipe), **fields, **read)


def _method(recipe: AnyRecipe) -> Any:
    if recipe.kind == "attribution_patching":
        return "estimate"
    if getattr(recipe, "noise", None) is not None:
        return "tracing"
    return getattr(recipe, "method", None) or getattr(recipe, "direction", "denoising")
