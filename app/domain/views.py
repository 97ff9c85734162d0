"""What changes pixels and never numbers: style and selection; and a view, which is a recipe with both.

A view is what `python -m app figure VIEW.json` draws and what an exported figure carries as its manifest.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, with_config

from app.domain.prompts import PromptPair
from app.domain.recipes import AnyRecipe, Recipe, parse_json
from app.domain.sites import Head

_STRICT = ConfigDict(extra="forbid")
Theme = Literal["light", "dark"]
Show = Literal["baseline", "intervened", "difference"]
Normalised = Literal["effect", "recovered", "recovered_each"]
Together = Literal["primary", "mean", "max", "each"]
"""Attention of the primary head, or of the selected ones: their mean, the largest, each in its own colour."""
Minus = Literal["corrupted", "pinned"]
"""What is taken away from attention: the pair's other prompt, or the pinned head."""
GroupedBy = Annotated[str, Field(pattern=r"^(side|answer|label:.+)$")]
"""Clean and corrupted prompts, prompts by what answers them, or by a label of theirs (`label:topic`)."""
ReadingAs = Literal["z", "norm"]
"""Standard deviations from random directions, or the norm as a multiple of theirs."""
WeightedBy = Literal["value_norm", "output_norm", "attribution"]
"""What weighs attention: a field of AttentionWeightsResult."""
LensColour = Literal["probability", "rank", "entropy", "kl_divergence", "logit_diff"]
"""What colours a lens: the top token's probability, the answer's rank, or one of the numbers of the whole cell."""

Level = Literal["layer", "sublayer", "head", "source", "neuron"]
"""How finely a decomposition is drawn; `source` is a head and the token that it reads."""


@with_config(_STRICT)
@dataclass(frozen=True)
class Style:
    """How a figure is drawn. `None` sizes fill the panel; exports give them in CSS pixels (1/96 inch)."""

    theme: Theme = "light"
    show: Show = "baseline"
    width: int | None = None
    height: int | None = None
    color_limit: float | None = None
    """Locked colour limit: signed scales run -limit..limit; None takes the largest magnitude shown."""
    metric: str = "logit_diff"
    normalised: Normalised = "effect"
    """How a sweep is read: effect on the metric; recovered, as ratio of means; recovered, as mean of ratios."""
    quantity: str | None = None
    """Which number per head colours the head matrix (app/domain/head_quantities.py); None = the first."""
    quantity_across: str | None = None
    """Of a figure of two numbers per head: the other result's number; None = its first."""
    show_across: Show | None = None
    """Of a figure of two numbers per head: the other result's run; None = `show`."""
    one_scale: bool = True
    """Of two maps of heads: the same colours where both have the same unit, and both a sign or none."""
    significant: bool = False
    """Hide cells of a sweep whose permutation p-value, corrected for their number, is 0.05 or more."""
    weighted_by: WeightedBy | None = None
    """What is drawn of attention weights (None = the output norm), and what attention is multiplied with (None = it is
    not)."""
    together: Together = "primary"
    """Of an attention pattern: of which heads."""
    minus: Minus | None = None
    """Of an attention pattern: what is taken away; nothing more where `show` is `difference`."""
    rows: tuple[int, int] | None = None
    columns: tuple[int, int] | None = None
    """Of an attention pattern: queries (rows) and keys that are drawn, each first and one past the last; None = all."""
    coloured_by: LensColour = "probability"
    """Of a lens."""
    level: Level = "sublayer"
    """Of a decomposition."""
    grouped_by: GroupedBy = "side"
    """Of a distribution over prompts: its groups."""
    reading_as: ReadingAs = "z"
    """Of the readers of a direction: how they are coloured."""

    @property
    def across(self) -> "Style":
        """The style that reads the other result of a figure of two numbers per head."""
        return replace(self, quantity=self.quantity_across, show=self.show_across or self.show)


@with_config(_STRICT)
@dataclass(frozen=True)
class Selection:
    """What is selected; empty means all. Filters and marks, never changes a number."""

    heads: tuple[Head, ...] = ()
    primary: Head | None = None
    pinned: Head | None = None
    positions: tuple[int, ...] = ()
    layers: tuple[int, ...] = ()
    prompt: int = 0
    """The one on screen."""
    prompts: tuple[int, ...] = ()
    """Prompts of the set that were chosen together, on a map of activations."""
    neuron: int | None = None
    """Of a sweep over neurons: the neuron of the last layer in `layers`."""


@with_config(_STRICT)
@dataclass(frozen=True)
class View:
    """One figure: which numbers, drawn how, with what marked. `figure` names another drawing than the analysis' own
    (`FIGURES` in app/analyses.py); `against` is the recipe of the other result of a figure of two: what a scatter has
    across, this one's being up, or what weighs this pattern. `beside` are the recipes of all else that a figure of many
    results shows."""

    recipe: Recipe
    style: Style = Style()
    selection: Selection = Selection()
    figure: str | None = None
    against: Recipe | None = None
    beside: tuple[Recipe, ...] = ()

    @property
    def other(self) -> "View | None":
        """What gives the other result of a figure of two, None where there is none."""
        return None if self.against is None else View(self.against, self.style.across)

    @property
    def others(self) -> tuple["View", ...]:
        """What gives the results of `beside`: what is of the model alone has one run, and of a difference of runs the
        ranks of tokens are those of the intervened one."""
        return tuple(View(recipe, replace(self.style, show=_run_of(recipe, self.style.show))) for recipe in self.beside)

    @property
    def prompt_named(self) -> PromptPair | None:
        """The prompt that an exported figure names: the recipe's own, else the selected one of its set, and of the pair
        the one that is run; None where its numbers are of no prompt."""
        at, prompts = getattr(self.recipe, "prompt", self.selection.prompt), self.recipe.prompts
        if not prompts:
            return None
        pair = prompts[at if at < len(prompts) else 0]
        return pair if self.recipe.base == "clean" else replace(pair, clean=str(pair.corrupted))


def _run_of(recipe: AnyRecipe, show: Show) -> Show:
    if not recipe.prompts:
        return "baseline"
    return "intervened" if recipe.kind == "head_tokens" and show == "difference" else show


_VIEW: TypeAdapter[View] = TypeAdapter(View)


def parse_view(given: str | bytes | dict[str, Any]) -> View:
    """JSON -> view; refusals as for recipes."""
    return parse_json(_VIEW, given, "a view")


def view_dict(view: View) -> dict[str, Any]:
    """The view as plain JSON values."""
    return _VIEW.dump_python(view, mode="json")
