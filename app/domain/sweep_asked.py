"""What *Ablate & patch* is asked: which sweeps are tried, what stands beside them, and how they are read."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, TypeAdapter, with_config

from app.domain.cells import Cells
from app.domain.errors import BadRecipe
from app.domain.experiment import Experiment
from app.domain.interventions import Frozen, GaussianNoise
from app.domain.recipes import AnyRecipe, parse_json
from app.domain.sites import Head
from app.domain.views import Normalised, Selection

_STRICT = ConfigDict(extra="forbid")
SweepMethod = Literal["zero", "mean", "resample", "denoising", "noising", "tracing", "estimate"]
"""The ablation methods, the directions of patching, causal tracing, and attribution patching."""
MOST_BESIDE = 3
"""Sweeps beside the first: patching beside zero, mean and resample ablation."""


def _several(given: Any) -> Any:
    """Methods as a list; a session from when there was at most one beside the first holds its name, or null."""
    return () if given is None else (given,) if isinstance(given, str) else given


@with_config(_STRICT)
@dataclass(frozen=True)
class PathsAsked:
    """The paths into one head that are tried. `receiver` is held while others are selected; None follows the primary
    head."""

    component: Literal["q", "k", "v"] = "q"
    direction: Literal["denoising", "noising"] = "denoising"
    receiver: Head | None = None

    def into(self, selection: Selection) -> Head | None:
        """The head whose input is patched."""
        return self.receiver or selection.primary

    def recipe(self, experiment: Experiment, receiver: Head, *, intervened: bool = False) -> AnyRecipe:
        """The recipe of all paths into this head on the experiment's prompt set."""
        options = {"component": self.component, "direction": self.direction, "receiver": str(receiver)}
        return experiment.set_recipe("path_patching", intervened=intervened, base="clean", **options)


@with_config(_STRICT)
@dataclass(frozen=True)
class SweepAsked:
    """The sweep of the *Ablate & patch* workspace: what it tries and how it is read.

    `method` is drawn in the map, each of `against` beside it (none, or up to `MOST_BESIDE` others). `metric`,
    `normalised` (effect; recovered as ratio of means; recovered as mean of ratios) and `significant` (hide cells whose
    permutation p is 0.05 or more) choose what is drawn from numbers that are there anyway; `against_as` as what the
    others are drawn, `one_scale` whether maps of the same unit have the same colours.
    """

    cells: Cells = Cells()
    method: SweepMethod = "denoising"
    against: Annotated[tuple[SweepMethod, ...], BeforeValidator(_several)] = ()
    direction: Literal["denoising", "noising"] = "denoising"
    reference: Literal["background", "prompts", "corrupted"] = "background"
    pooled: bool = True
    draws: int = 1
    seed: int = 0
    noise: GaussianNoise | None = None
    freeze: tuple[Frozen, ...] = ()
    softmax_correction: bool = True
    grad_drop: bool = False
    ig_steps: int = 1
    metric: str = "logit_diff"
    normalised: Normalised = "effect"
    significant: bool = False
    restricted: bool = False
    against_as: Literal["map", "scatter"] = "scatter"
    one_scale: bool = True
    paths: PathsAsked = PathsAsked()
    """What is asked of the paths into one head; they are read as the sweep is."""

    def __post_init__(self) -> None:
        shown = (self.method, *self.against)
        if len(set(shown)) < len(shown):
            raise BadRecipe(f"{', '.join(shown)} holds a method twice; compare each method with others.")
        if len(self.against) > MOST_BESIDE:
            raise BadRecipe(
                f"{len(self.against)} methods beside {self.method} are too many; give {MOST_BESIDE} or fewer."
            )

    def recipe(self, experiment: Experiment, method: SweepMethod, *, intervened: bool = False) -> AnyRecipe:
        """The recipe of `method` over these cells on the experiment's prompt set."""
        if method == "tracing" and self.noise is None:
            raise BadRecipe("Causal tracing corrupts tokens with noise, and there is none; give noise with positions.")
        spoken = _SWEEP.dump_python(self, mode="json")
        kind, names = _RECIPES[method]
        options = {name: spoken[name] for name in ("cells", *names)}
        if kind == "ablation":
            options["method"] = method
        else:
            options["base"] = "clean"  # patching has a direction instead
        if method in ("denoising", "noising"):
            options |= {"direction": method, "draws": 1}
        return experiment.set_recipe(kind, intervened=intervened, **options)


_RECIPES: dict[SweepMethod, tuple[str, tuple[str, ...]]] = {
    "zero": ("ablation", ("freeze",)),
    "mean": ("ablation", ("reference", "pooled", "freeze")),
    "resample": ("ablation", ("reference", "draws", "seed", "freeze")),
    "denoising": ("activation_patching", ("freeze",)),
    "noising": ("activation_patching", ("freeze",)),
    "tracing": ("activation_patching", ("noise", "draws", "freeze")),
    "estimate": (
        "attribution_patching",
        ("direction", "softmax_correction", "grad_drop", "ig_steps", "seed", "freeze"),
    ),
}

_SWEEP: TypeAdapter[SweepAsked] = TypeAdapter(SweepAsked)


def parse_sweep(given: dict[str, Any]) -> SweepAsked:
    """The browser's sweep store -> SweepAsked."""
    return parse_json(_SWEEP, given, "a sweep")
