"""Recipes: frozen descriptions of computations. At once cache key, permalink, job, manifest and CLI input.

A recipe holds everything that changes numbers and nothing that changes pixels. `kind` names the analysis.
JSON in, JSON out; unknown fields are refused. Parse with `parse_recipe`, write with `recipe_json`.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from app.domain.attention_recipes import AttentionWeights, HeadReading
from app.domain.cells import Cells
from app.domain.direction_card import DirectionCard
from app.domain.direction_recipes import OfDirection
from app.domain.errors import BadRecipe, MicrotomeError
from app.domain.geometry_recipes import ActivationMap, ResidualGeometry
from app.domain.head_recipes import BehaviourScores, CopyingScores, HeadProjection, HeadStatistics, HeadTokens
from app.domain.interventions import Frozen, GaussianNoise, Method, Reference
from app.domain.lens_recipes import ComponentLens, LogitLens
from app.domain.models import ModelSpec
from app.domain.parts_recipes import LogitDecomposition, Neurons
from app.domain.recipe_base import NamedHead, OnRuns, OnTexts
from app.domain.sae_recipes import SaeFeatures
from app.domain.sites import Head
from app.domain.steering_recipes import SteeringCurve


@dataclass(frozen=True, kw_only=True)
class Prediction(OnRuns):
    """Most likely next tokens, and the metrics of the answers, at the last position."""

    top_k: int = 10
    kind: Literal["prediction"] = "prediction"


@dataclass(frozen=True, kw_only=True)
class DirectLogitAttribution(OnRuns):
    """What each component writes along the answer direction (docs/formulas.md)."""

    kind: Literal["direct_logit_attribution"] = "direct_logit_attribution"


@dataclass(frozen=True, kw_only=True)
class AttentionPattern(OnTexts):
    """Attention of one prompt, with `corpus` of one background text; `layers=None` means all of them."""

    prompt: int = 0
    layers: tuple[int, ...] | None = None
    kind: Literal["attention_pattern"] = "attention_pattern"


PATTERN_BYTES = 96 * 2**20
"""Most bytes of attention patterns in one result, 300 tokens of 270 heads; longer prompts name the layers they want."""


def pattern_layers(n_layers: int, n_heads: int, n_positions: int, layer: int) -> tuple[int, ...] | None:
    """What to ask for to see `layer`: every layer (`None`) while that is small enough, otherwise this one."""
    return None if 4 * n_layers * n_heads * n_positions**2 <= PATTERN_BYTES else (layer,)


@dataclass(frozen=True, kw_only=True)
class ResidualTrajectory(OnRuns):
    """Logit difference of the residual stream by layer: logit lens, and cumulative direct attribution."""

    kind: Literal["residual_trajectory"] = "residual_trajectory"


@dataclass(frozen=True, kw_only=True)
class Ablation(OnRuns):
    """Exact effect of ablating every cell alone (docs/formulas.md), on top of `interventions`, which hold in the
    baseline too. `resample` averages the metrics over `draws` draws."""

    cells: Cells = Cells()
    method: Method = "zero"
    reference: Reference = "background"
    pooled: bool = True
    seed: int = 0
    draws: int = 1
    freeze: tuple[Frozen, ...] = ()
    kind: Literal["ablation"] = "ablation"


@dataclass(frozen=True, kw_only=True)
class ActivationPatching(OnRuns):
    """Exact effect of patching every cell alone. `denoising`: from the clean into the corrupted run; `noising`: the
    reverse. With `noise` the corrupted run is the clean prompt under that noise instead (causal tracing), averaged
    over `draws` draws."""

    cells: Cells = Cells()
    direction: Literal["denoising", "noising"] = "denoising"
    noise: GaussianNoise | None = None
    draws: int = 1
    freeze: tuple[Frozen, ...] = ()
    kind: Literal["activation_patching"] = "activation_patching"


MOST_NEW_TOKENS = 200
"""Of a generated text."""
HIGHEST_TEMPERATURE = 10.0
MOST_DRAWS = 100
"""Over which a cell's metrics are averaged."""
MOST_STEPS = 100
"""Of integrated gradients; the sum's error falls with one over their number."""


@dataclass(frozen=True, kw_only=True)
class AttributionPatching(OnRuns):
    """First-order estimate of activation patching, all cells from one backward pass, and exact values of the `top`
    and `bottom` cells by estimate and of a random `sample` of the rest. `softmax_correction`: q and k by the change of
    the recomputed attention row; `grad_drop`: mean magnitude over passes that drop one layer's gradient each (AtP*);
    `ig_steps`: gradients averaged over so many inputs on the way from the run that is patched to the other (EAP-IG)."""

    cells: Cells = Cells()
    direction: Literal["denoising", "noising"] = "denoising"
    softmax_correction: bool = True
    grad_drop: bool = False
    ig_steps: int = 1
    top: int = 20
    bottom: int = 20
    sample: int = 40
    seed: int = 0
    freeze: tuple[Frozen, ...] = ()
    kind: Literal["attribution_patching"] = "attribution_patching"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("top", "bottom", "sample"):
            if getattr(self, name) < 0:
                raise BadRecipe(f"{name} = {getattr(self, name)} is no count of cells; give 0 or more.")
        if not 1 <= self.ig_steps <= MOST_STEPS:
            raise BadRecipe(f"ig_steps = {self.ig_steps} is not possible; give a number from 1 to {MOST_STEPS}.")


@dataclass(frozen=True, kw_only=True)
class PathPatching(OnRuns):
    """Exact effect of direct paths from one head into the queries, keys or values of a later one, each path alone:
    only the later head reads what the earlier one writes on the pair's other prompt. One end is named, `source`
    (`"L8H6"`) or `receiver`, and every head at the other end is tried; `layers` and `heads` restrict those; None =
    all. Where heads share keys and values, a `receiver` of k or v is the key-value head that it reads."""

    source: NamedHead | None = None
    receiver: NamedHead | None = None
    component: Literal["q", "k", "v"] = "q"
    direction: Literal["denoising", "noising"] = "denoising"
    layers: tuple[int, ...] | None = None
    heads: tuple[Head, ...] | None = None
    kind: Literal["path_patching"] = "path_patching"

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.source is None) == (self.receiver is None):
            raise BadRecipe("A path has a named end and one that is tried: give either a source or a receiver.")
        tried = [*(self.layers or ()), *(head.layer for head in self.heads or ())]
        for layer in tried:
            if self.source is not None and layer <= self.source.layer:
                raise BadRecipe(
                    f"Heads of layer {layer} do not read what {self.source} writes; give layers and heads after layer "
                    f"{self.source.layer}, or drop them."
                )
            if self.receiver is not None and layer >= self.receiver.layer:
                raise BadRecipe(
                    f"Heads of layer {layer} write nothing that {self.receiver} reads; give layers and heads before "
                    f"layer {self.receiver.layer}, or drop them."
                )

    def tried(self, n_layers: int) -> Cells:
        """The heads at the other end as the cells of a sweep: those that read, or those that write."""
        if self.source is not None:
            layers, activation = range(self.source.layer + 1, n_layers), self.component
        else:
            layers, activation = range(self.receiver.layer if self.receiver else 0), "z"
        return Cells(activation, layers=tuple(layers) if self.layers is None else self.layers, heads=self.heads)


@dataclass(frozen=True, kw_only=True)
class SelfRepair(OnRuns):
    """Direct attributions before and after `interventions`, and what repairs the loss (docs/formulas.md)."""

    kind: Literal["self_repair"] = "self_repair"


@dataclass(frozen=True, kw_only=True)
class Generation(OnRuns):
    """Text generated after one prompt under the interventions. `temperature` 0 is greedy."""

    prompt: int = 0
    max_new_tokens: int = 20
    temperature: float = 0.0
    seed: int = 0
    kind: Literal["generation"] = "generation"


@dataclass(frozen=True, kw_only=True)
class CorrectnessMeters(OnRuns):
    """Identities that must hold on this model and prompt."""

    kind: Literal["correctness_meters"] = "correctness_meters"


AnyRecipe = (
    Prediction
    | DirectLogitAttribution
    | AttentionPattern
    | ResidualTrajectory
    | LogitLens
    | Ablation
    | ActivationPatching
    | AttributionPatching
    | PathPatching
    | SelfRepair
    | Generation
    | CorrectnessMeters
    | HeadStatistics
    | AttentionWeights
    | BehaviourScores
    | CopyingScores
    | HeadReading
    | HeadProjection
    | HeadTokens
    | DirectionCard
    | ComponentLens
    | ResidualGeometry
    | SteeringCurve
    | ActivationMap
    | LogitDecomposition
    | OfDirection
    | Neurons
    | SaeFeatures
)
OF_ONE_PROMPT = (
    AttentionPattern, AttentionWeights, ComponentLens, Generation, HeadReading, LogitLens, Neurons, ResidualGeometry,
    SaeFeatures,
)  # fmt: skip
"""Recipes of one of their prompts."""
Recipe = Annotated[AnyRecipe, Field(discriminator="kind")]
T = TypeVar("T")
_ADAPTER: TypeAdapter[AnyRecipe] = TypeAdapter(Recipe, config=ConfigDict(extra="forbid"))


def parse_json(adapter: TypeAdapter[T], given: str | bytes | dict[str, Any], what: str) -> T:
    """Validate JSON against a type; every refusal is one `BadRecipe` sentence that names the field."""
    validate: Callable[..., T] = adapter.validate_python if isinstance(given, dict) else adapter.validate_json
    try:
        return validate(given)
    except MicrotomeError:
        raise
    except RecursionError:
        raise BadRecipe(f"This is not {what}: {_TOO_DEEP}. See docs/recipes/ for examples.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise BadRecipe(f"This is not {what}: {first['msg']} (at {where}). See docs/recipes/ for examples.") from error


_TOO_DEEP = "it nests lists and objects too deeply"


def plain_json(text: str | bytes) -> Any:
    """Any JSON as plain values; ValueError says what is wrong, also of lists in lists without end."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def as_recipe(given: AnyRecipe | str | bytes | dict[str, Any], model: ModelSpec) -> AnyRecipe:
    """A recipe as it is, or parsed from what was copied or written; one that names no model is of this one."""
    return parse_recipe(on_model(given, model)) if isinstance(given, (str, bytes, dict)) else given


def on_model(given: str | bytes | dict[str, Any], model: ModelSpec) -> str | bytes | dict[str, Any]:
    """A recipe that names no model, with this one; anything else as it is."""
    try:
        said = given if isinstance(given, dict) else plain_json(given)
    except ValueError:
        return given
    nameless = isinstance(said, dict) and "kind" in said and "model" not in said
    return {**cast(dict[str, Any], said), "model": asdict(model)} if nameless else given


def parse_recipe(given: str | bytes | dict[str, Any]) -> AnyRecipe:
    """JSON text or a dict -> recipe; refuses unknown kinds, unknown fields and wrong types in plain words."""
    return parse_json(_ADAPTER, given, "a recipe")


def recipe_dict(recipe: AnyRecipe) -> dict[str, Any]:
    """The recipe as plain JSON values."""
    return _ADAPTER.dump_python(recipe, mode="json")


def canonical_json(value: Any) -> str:
    """One spelling per value: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def recipe_json(recipe: AnyRecipe, indent: int | None = None) -> str:
    """The recipe as JSON text."""
    return json.dumps(recipe_dict(recipe), indent=indent, ensure_ascii=False)


def digest(*values: Any) -> str:
    """SHA-256 of the canonical JSON of the values."""
    return hashlib.sha256(canonical_json(values).encode()).hexdigest()


def exact_patching(recipe: AttributionPatching | PathPatching) -> ActivationPatching:
    """Activation patching of the same pairs in the same direction; of an estimate, of the same cells."""
    shared = {field.name for field in fields(ActivationPatching)} & {field.name for field in fields(recipe)} - {"kind"}
    return ActivationPatching(**{name: getattr(recipe, name) for name in shared})


def patched_run(recipe: ActivationPatching | AttributionPatching | PathPatching) -> Literal["clean", "corrupted"]:
    """The run of each pair that is patched; the other one is the source."""
    return "corrupted" if recipe.direction == "denoising" else "clean"


def baseline(recipe: AnyRecipe) -> AnyRecipe:
    """The same question without interventions."""
    return replace(recipe, interventions=())
