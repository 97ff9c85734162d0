"""How sweeps are named: technique, metric, unit and cells, in the field's words."""

from app.domain.recipes import Ablation, ActivationPatching, AnyRecipe, AttributionPatching, PathPatching, parse_recipe
from app.domain.results import METRICS, AttributionPatchingResult, SweepResult
from app.domain.views import Normalised

AnySweep = SweepResult | AttributionPatchingResult
METRIC_NAMES = {
    "logit_diff": "logit diff", "answer_log_prob": "answer log-prob", "probability": "answer probability",
    "rank": "answer rank", "kl_divergence": "KL divergence",
}  # fmt: skip
_UNITS = {"answer_log_prob": " (nats)", "kl_divergence": " (nats)", "rank": " (− = nearer the top)"}
_MOST_NAMED = 2
_EDGE = {"position": "query", "source_position": "key"}


def technique(result: AnySweep) -> str:
    """`mean ablation (background)`, `activation patching (denoising)`, `path patching from L8H6 (denoising)` or `into
    L9H9.q`, `causal tracing`, `attribution patching ...`."""
    if isinstance(result, AttributionPatchingResult):
        return f"attribution patching ({result.direction}, estimated{_corrections(parse_recipe(result.recipe))})"
    if result.method == "causal tracing":
        return f"causal tracing{_noise(parse_recipe(result.recipe))}"
    if result.method in ("denoising", "noising"):
        recipe = parse_recipe(result.recipe)
        if isinstance(recipe, PathPatching):
            return f"path patching {path_end(result, recipe)} ({result.method})"
        return f"activation patching ({result.method})"
    reference = "" if result.reference == "none" else f" ({result.reference}{_draws(result)})"
    return f"{result.method} ablation{reference}" + (" in the corrupted run" if result.baseline == "corrupted" else "")


def method_name(result: AnySweep) -> str:
    """`mean`, `noising`, `path from L8H6`, `path into L9H9.q`, `noising, estimated`: where the whole technique has no
    room."""
    if isinstance(result, AttributionPatchingResult):
        return f"{result.direction}, estimated"
    recipe = parse_recipe(result.recipe)
    return f"path {path_end(result, recipe)}" if isinstance(recipe, PathPatching) else result.method


def path_end(result: AnySweep, recipe: PathPatching) -> str:
    """`from L8H6`, or `into L9H9.q`."""
    return f"from {recipe.source}" if recipe.source else f"into {receiver_name(result, recipe)}"


def receiver_name(result: AnySweep, recipe: PathPatching) -> str:
    """`L9H9.q`; of keys and values that heads share `L9KV3.k`."""
    receiver, size = recipe.receiver, result.provenance.heads_per_key_value or 1
    if receiver is None or recipe.component == "q" or size == 1:
        return f"{receiver}.{recipe.component}"
    return f"L{receiver.layer}KV{receiver.head // size}.{recipe.component}"


def _corrections(recipe: AnyRecipe) -> str:
    """`, softmax correction, GradDrop, 5 integration steps`: what the estimate does beyond a gradient times a
    difference."""
    if not isinstance(recipe, AttributionPatching):
        return ""
    softmax = recipe.softmax_correction and recipe.cells.activation in ("q", "k")
    steps = f", {recipe.ig_steps} integration steps" if recipe.ig_steps > 1 else ""
    return f"{', softmax correction' if softmax else ''}{', GradDrop' if recipe.grad_drop else ''}{steps}"


def _draws(result: SweepResult) -> str:
    """`, 3 draws, seed 0` of what is drawn at random."""
    recipe = parse_recipe(result.recipe)
    if not isinstance(recipe, Ablation) or recipe.method != "resample":
        return ""
    return f", {recipe.draws} draw{'' if recipe.draws == 1 else 's'}, seed {recipe.seed}"


def _noise(recipe: AnyRecipe) -> str:
    """` (noise 3σ, 10 draws, seed 1)`."""
    if not isinstance(recipe, ActivationPatching) or recipe.noise is None:
        return ""
    draws = f"{recipe.draws} draw{'' if recipe.draws == 1 else 's'}"
    return f" (noise {recipe.noise.scale:g}σ, {draws}, seed {recipe.noise.seed})"


def swept(result: AnySweep) -> str:
    """`z, layer × head`: the activation, the axes of a cell, and its window where it has one."""
    recipe = parse_recipe(result.recipe)
    if isinstance(recipe, PathPatching) and recipe.receiver is not None:
        return "what earlier heads write"
    window = _window(recipe)
    windows = f", windows of {window} layers" if window > 1 else ""
    edges = _EDGE if "source_position" in result.cell_axes else {}
    return f"{result.activation}, {' × '.join(edges.get(axis, axis) for axis in result.cell_axes)}{windows}"


def _window(recipe: AnyRecipe) -> int:
    return recipe.cells.window if isinstance(recipe, Ablation | ActivationPatching | AttributionPatching) else 1


def under(recipe_json: str) -> str:
    """`, under zero z L5H1`: the interventions in force, named up to two, else counted; empty for the baseline."""
    named = [str(each) for each in parse_recipe(recipe_json).interventions]
    said = " and ".join(named) if len(named) <= _MOST_NAMED else f"{len(named)} interventions"
    return f", under {said}" if named else ""


def unit(metric: str, normalised: Normalised, delta: str = "") -> str:
    """The label of the colour bar and of value axes."""
    name = METRIC_NAMES[metric]
    if normalised != "effect":
        return f"recovered {name} (0 corrupted, 1 clean)"
    return f"{delta}Δ {name}{_UNITS.get(metric, '')}"


def cell_name(axes: tuple[str, ...], place: tuple[int, ...], activation: str) -> str:
    """`L5H1`, `L5H1 @14`, `L5 @14`, `L5N312`, `L5H1 14→3`; `L5KV1` for key-value heads; layers alone `L5 mlp_out`."""
    at = dict(zip(axes, place, strict=True))
    head = "KV" if activation in ("k", "v") else "H"
    name = f"L{at['layer']}" + (f"{head}{at['head']}" if "head" in at else f"N{at['neuron']}" if "neuron" in at else "")
    if "source_position" in at:
        return f"{name} {at['position']}→{at['source_position']}"
    if "position" in at:
        return f"{name} @{at['position']}"
    return name if len(axes) > 1 else f"{name} {activation}"


def cell_names(result: AnySweep) -> list[str]:
    """One name per cell."""
    return [cell_name(result.cell_axes, tuple(place), result.activation) for place in result.cells.tolist()]


def happened(result: SweepResult) -> str:
    """What happened to a cell: `patched`, `restored`, `ablated`, or `ablated corrupted run`."""
    if result.method in ("denoising", "noising"):
        return "patched"
    if result.method == "causal tracing":
        return "restored"
    return "ablated corrupted run" if result.baseline == "corrupted" else "ablated"


def known_metric(metric: str) -> bool:
    """Whether a sweep has this metric."""
    return metric in METRICS
