"""Everything a person has set up on the page: experiment, selection, view. It lives in the browser and in the link.

The page's reducer (assets/) is its only writer; the server parses it, never trusts it, and keeps none of it.
"""

import json
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, TypeAdapter, with_config

from app.domain.cells import Cells
from app.domain.directions import NamedDirection
from app.domain.errors import BadRecipe
from app.domain.heads_asked import HeadsAsked
from app.domain.interventions import Ablate, AnyIntervention, Frozen, GaussianNoise, Intervention
from app.domain.models import ModelSpec
from app.domain.prompts import PromptPair
from app.domain.recipes import AnyRecipe, parse_json, parse_recipe
from app.domain.residual_asked import ResidualAsked, Section
from app.domain.role_notes import RoleNote
from app.domain.sites import Head
from app.domain.views import Minus, Normalised, Selection, Show, Together, WeightedBy

_STRICT = ConfigDict(extra="forbid")
Workspace = Literal["look", "attention", "residual", "patch"]
DEFAULT_MODEL = "smollm2-135m"


@with_config(_STRICT)
@dataclass(frozen=True)
class Switched:
    """An intervention in the list, on or off."""

    intervention: Intervention
    on: bool = True


@with_config(_STRICT)
@dataclass(frozen=True)
class Experiment:
    """What is computed: the model, the prompts and the interventions that are switched on.

    `prompt` is the pair on screen. `prompts` is the whole prompt set, of which it is one; empty means `prompt` alone.
    """

    model: ModelSpec
    prompt: PromptPair
    interventions: tuple[Switched, ...] = ()
    prompts: tuple[PromptPair, ...] = ()
    base: Literal["clean", "corrupted"] = "clean"

    @property
    def prompt_set(self) -> tuple[PromptPair, ...]:
        """Every prompt of the set, at least the one on screen."""
        return self.prompts or (self.prompt,)

    def recipe(self, kind: str, *, intervened: bool = False, **options: Any) -> AnyRecipe:
        """The recipe of one analysis of the pair on screen, on the baseline or on the intervened run."""
        here = self.prompts.index(self.prompt) if self.prompt in self.prompts else 0
        active = [_for_one(each, here, self.prompt_set) for each in self._active(intervened) if _holds(each, here)]
        return self._recipe(kind, (self.prompt,), active, options)

    def set_recipe(self, kind: str, *, intervened: bool = False, **options: Any) -> AnyRecipe:
        """The recipe of one analysis of the whole prompt set."""
        return self._recipe(kind, self.prompt_set, self._active(intervened), options)

    def model_recipe(self, kind: str, **options: Any) -> AnyRecipe:
        """The recipe of what is of the model alone."""
        return parse_recipe({"kind": kind, "model": asdict(self.model), **options})

    def _active(self, intervened: bool) -> list[AnyIntervention]:
        return [item.intervention for item in self.interventions if item.on and intervened]

    def _recipe(
        self, kind: str, prompts: tuple[PromptPair, ...], active: list[AnyIntervention], options: dict[str, Any]
    ) -> AnyRecipe:
        asked = replace(self, prompts=prompts, interventions=tuple(Switched(each) for each in active))
        spoken = _EXPERIMENT.dump_python(asked, mode="json")
        interventions = [item["intervention"] for item in spoken["interventions"]]
        given = {"model": spoken["model"], "prompts": spoken["prompts"], "interventions": interventions}
        return parse_recipe({"kind": kind, "base": self.base, **given, **options})

    @property
    def has_interventions(self) -> bool:
        """Whether the intervened run differs from the baseline."""
        return any(item.on for item in self.interventions)


def _holds(each: AnyIntervention, prompt: int) -> bool:
    return each.prompts is None or prompt in each.prompts


def _for_one(each: AnyIntervention, prompt: int, prompt_set: tuple[PromptPair, ...]) -> AnyIntervention:
    """An intervention in the run of one prompt of the set: it holds there, and its references are still the set's."""
    if isinstance(each, Ablate) and each.reference == "prompts":
        each = replace(each, reference=tuple(pair.clean for pair in prompt_set))
    elif isinstance(each, Ablate) and each.reference == "corrupted":
        each = replace(each, reference=tuple(pair.corrupted for pair in prompt_set if pair.corrupted is not None))
    return replace(each, prompts=None)


@with_config(_STRICT)
@dataclass(frozen=True)
class Generating:
    """How the prompt on screen is continued: how many tokens, how random (0: greedy), with which seed."""

    max_new_tokens: int = 20
    temperature: float = 0.0
    seed: int = 0


@with_config(_STRICT)
@dataclass(frozen=True)
class AttentionShown:
    """Of which heads attention is shown (the primary one, or the selected ones together), and what is taken away
    from it: the same on the pair's other prompt, or the pinned head. Where the difference of runs is shown, nothing
    else is taken away. `by` weighs every key: attention times its value's norm, its output's, or its attribution."""

    of: Together = "primary"
    minus: Minus | None = None
    by: WeightedBy | None = None


@with_config(_STRICT)
@dataclass(frozen=True)
class Viewed:
    """Where the person looks: workspace, section of *Residual*, which run, and how text is generated."""

    workspace: Workspace = "look"
    section: Section = "lens"
    show: Show = "baseline"
    generation: Generating = Generating()
    attention: AttentionShown = AttentionShown()


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


@with_config(_STRICT)
@dataclass(frozen=True)
class Session:
    """The whole state of a page, and the content of a link."""

    experiment: Experiment
    selection: Selection = Selection()
    view: Viewed = Viewed()
    sweep: SweepAsked = SweepAsked()
    heads: HeadsAsked = HeadsAsked()
    notes: tuple[RoleNote, ...] = ()
    """What the person wrote about heads."""
    directions: tuple[NamedDirection, ...] = ()
    """The library of directions, each under a name of its own."""
    residual: ResidualAsked = ResidualAsked()

    def __post_init__(self) -> None:
        names = [each.name for each in self.directions]
        if len(set(names)) < len(names):
            raise BadRecipe(f"Two directions have one name among {', '.join(names)}; rename one of them.")


_EXPERIMENT: TypeAdapter[Experiment] = TypeAdapter(Experiment)
_SESSION: TypeAdapter[Session] = TypeAdapter(Session)
_SWEEP: TypeAdapter[SweepAsked] = TypeAdapter(SweepAsked)
_HEADS: TypeAdapter[HeadsAsked] = TypeAdapter(HeadsAsked)
_SELECTION: TypeAdapter[Selection] = TypeAdapter(Selection)
_NOTES: TypeAdapter[tuple[RoleNote, ...]] = TypeAdapter(tuple[RoleNote, ...])
_DIRECTIONS: TypeAdapter[tuple[NamedDirection, ...]] = TypeAdapter(tuple[NamedDirection, ...])
_RESIDUAL: TypeAdapter[ResidualAsked] = TypeAdapter(ResidualAsked)


def parse_experiment(given: dict[str, Any]) -> Experiment:
    """The browser's experiment store -> Experiment; refuses what is not one."""
    return parse_json(_EXPERIMENT, given, "an experiment")


def parse_selection(given: dict[str, Any]) -> Selection:
    """The browser's selection store -> Selection."""
    return parse_json(_SELECTION, given, "a selection")


def parse_sweep(given: dict[str, Any]) -> SweepAsked:
    """The browser's sweep store -> SweepAsked."""
    return parse_json(_SWEEP, given, "a sweep")


def parse_heads(given: dict[str, Any]) -> HeadsAsked:
    """The browser's store of what is shown of the heads -> HeadsAsked."""
    return parse_json(_HEADS, given, "a choice of numbers of heads")


def parse_notes(given: list[Any]) -> tuple[RoleNote, ...]:
    """The browser's store of notes on heads -> notes."""
    return parse_json(_NOTES, json.dumps(given), "a list of notes on heads")


def parse_directions(given: list[Any]) -> tuple[NamedDirection, ...]:
    """The browser's library of directions -> named directions."""
    return parse_json(_DIRECTIONS, json.dumps(given), "a list of named directions")


def parse_residual(given: dict[str, Any]) -> ResidualAsked:
    """The browser's store of what *Residual* shows -> ResidualAsked."""
    return parse_json(_RESIDUAL, given, "what the Residual workspace shows")


def chosen_direction(directions: tuple[NamedDirection, ...], asked: ResidualAsked) -> NamedDirection | None:
    """The direction that is looked at: the one named, else the first; None in an empty library."""
    named = {each.name: each for each in directions}
    return named.get(asked.direction or "") or next(iter(directions), None)


def session_dict(session: Session) -> dict[str, Any]:
    """The session as the plain JSON values the page keeps."""
    return _SESSION.dump_python(session, mode="json")


EXAMPLES: dict[str, PromptPair] = {
    DEFAULT_MODEL: PromptPair(
        "When Mary and John went to the store, John gave a drink to",
        "When Mary and John went to the store, Mary gave a drink to",
        (" Mary",),
        (" John",),
    ),
    "ground-truth": PromptPair(
        "river apple house dog sun moon river apple", "river apple tree dog sun moon river apple", ("house",), ("tree",)
    ),
}
"""Listed model -> a prompt that shows it at work: indirect object identification; induction over a repeated segment."""

WORKED_EXAMPLE = Session(
    Experiment(ModelSpec("listed", DEFAULT_MODEL), EXAMPLES[DEFAULT_MODEL]), Selection((Head(23, 3),), Head(23, 3))
)
"""The default model's example with its name mover selected: on screen, computed, when the page first opens."""


def opening_session(model: ModelSpec) -> Session:
    """What the page opens with on this model: its example, or the default prompt where it has none."""
    if model.name == DEFAULT_MODEL:
        return Session(Experiment(model, EXAMPLES[DEFAULT_MODEL]), WORKED_EXAMPLE.selection)
    return Session(Experiment(model, EXAMPLES.get(model.name, EXAMPLES[DEFAULT_MODEL])))
