"""A recipe as a program that needs TransformerLens and not Microtome: prints the same numbers as JSON.

The program loads the same model and processes its weights the same way, takes the prompts as token ids (their text
stands beside them), applies the interventions with hooks, and computes with TransformerLens' functions and plain
loops. Its keys are the array names of the result (app/domain/results.py), prompt axis first; top tokens are ids.

Text templates only: `ScriptFacts` (made by app/export/script_facts.py) holds all that the program needs to know.
"""

import json
from dataclasses import dataclass
from typing import Any

from app.domain import recipes
from app.domain.direction_card import DirectionCard
from app.domain.direction_interventions import ClampFeature, ProjectOut, directions_of
from app.domain.direction_recipes import DirectionWriters, OfDirection
from app.domain.directions import AnyDirection
from app.domain.geometry_recipes import ActivationMap
from app.domain.head_recipes import BehaviourScores, HeadProjection, HeadTokens
from app.domain.interventions import Ablate, Interventions, Reference, frozen
from app.domain.steering_recipes import SteeringCurve
from app.export import script_attention as attention
from app.export import script_directions as making
from app.export import script_geometry as geometry
from app.export import script_heads as heads
from app.export import script_lens as lenses
from app.export import script_parts as parted
from app.export import script_pieces as pieces
from app.export import script_runs as runs
from app.export.script_direction_views import UNIT, UNTOUCHED, view_constants, view_parts
from app.export.script_drawing import drawing
from app.export.script_gradients import attribution_patching_parts
from app.export.script_interventions import Labels, hooks_source, overwritten
from app.export.script_paths import path_patching_parts
from app.export.script_sae import NAME as SAE_NAME
from app.export.script_sae import SAE_FEATURES, ScriptAutoencoder, autoencoder_parts, features_constants
from app.export.script_steering import steering_parts
from app.export.script_sweep import sweep_parts
from app.export.script_values import USED


@dataclass(frozen=True)
class ScriptPrompt:
    """One prompt as ids; `text` is the clean prompt, for the reader."""

    text: str
    clean: tuple[int, ...]
    corrupted: tuple[int, ...] | None
    answer: tuple[int, ...]
    incorrect_answer: tuple[int, ...]


@dataclass(frozen=True)
class ScriptFacts:
    """`loading` are the lines that import and define `model`, weights processed. `references`: for every reference set
    of an ablation, its prompts as (positions to leave out at the start, ids). `sources`: the texts that patches name.
    `skipped` counts what is prepended to every prompt, `first` is the index in the recipe of the first of `prompts`.
    `tokens`: of a projection those of its two sides, of a lens those that it follows. `lens`: the file of a tuned
    lens. `sequences`: of behaviour scores the tokens that come twice and those of prefix matching, as (what stands
    before, rows). `directions`: those in the recipe, in order, as a program has them
    (app/export/script_directions.py); `along`: those of its interventions. `autoencoders`: whose features are set or
    shown; `texts`: in which one is looked for, as (positions to leave out at the start, ids). `onto`: on what a map's
    points are projected, which is no part of its recipe; it stands in `directions`."""

    title: str
    identity: str
    loading: tuple[str, ...]
    device: str
    prompts: tuple[ScriptPrompt, ...]
    references: tuple[tuple[Reference, tuple[tuple[int, tuple[int, ...]], ...]], ...] = ()
    sources: tuple[tuple[str, tuple[int, ...]], ...] = ()
    first: int = 0
    end_of_text: int | None = None
    skipped: int = 0
    tokens: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    sequences: tuple[tuple[tuple[int, ...], tuple[tuple[int, ...], ...]], ...] = ()
    directions: tuple[making.Data, ...] = ()
    lens: str = ""
    along: tuple[making.Along, ...] = ()
    autoencoders: tuple[ScriptAutoencoder, ...] = ()
    texts: tuple[tuple[int, tuple[int, ...]], ...] = ()
    onto: AnyDirection | None = None


@dataclass(frozen=True)
class _Kind:
    title: str
    parts: tuple[str, ...] = ()


_ATTRIBUTION = (pieces.DIRECTION, pieces.ATTENTION_PARTS, pieces.DECOMPOSE, pieces.ATTRIBUTIONS)
KINDS = {
    "prediction": _Kind("Next-token prediction", (pieces.METRICS, pieces.PREDICTION)),
    "direct_logit_attribution": _Kind("Direct logit attribution", (*_ATTRIBUTION, pieces.DIRECT_LOGIT_ATTRIBUTION)),
    "attention_pattern": _Kind("Attention patterns", (pieces.ATTENTION_PATTERN,)),
    "residual_trajectory": _Kind("Residual trajectory", (pieces.DIRECTION, pieces.RESIDUAL_TRAJECTORY)),
    "logit_lens": _Kind("Logit lens"),
    "component_lens": _Kind("Component lens", (pieces.ATTENTION_PARTS, heads.READ_THROUGH, lenses.COMPONENT_LENS)),
    "ablation": _Kind("Ablation sweep"),
    "activation_patching": _Kind("Activation patching"),
    "attribution_patching": _Kind("Attribution patching, with exact values of some cells"),
    "path_patching": _Kind("Path patching"),
    "self_repair": _Kind("Self-repair"),
    "generation": _Kind("Generated text", (runs.GENERATION,)),
    "attention_weights": _Kind(
        "Attention weights", (pieces.DIRECTION, attention.HEAD_OUTPUTS, attention.ATTENTION_WEIGHTS)
    ),
    "head_reading": _Kind("Head reading", (attention.HEAD_OUTPUTS, attention.HEAD_READING)),
    "correctness_meters": _Kind("Correctness meters", (*_ATTRIBUTION, pieces.CORRECTNESS_METERS)),
    "steering_curve": _Kind("Strength curve"),
    "residual_geometry": _Kind("Geometry of the residual stream", (geometry.RESIDUAL_GEOMETRY,)),
    "activation_map": _Kind("Map of activations"),
    "behaviour_scores": _Kind("Behaviour scores of heads", (heads.BEHAVIOUR_SCORES,)),
    "copying_scores": _Kind("Copying scores of heads", (heads.READ_THROUGH, heads.COPYING_SCORES)),
    "head_projection": _Kind(
        "Projection of heads on a direction",
        (pieces.ATTENTION_PARTS, heads.READ_THROUGH, heads.ALONG_TOKENS, heads.HEAD_PROJECTION),
    ),
    "head_tokens": _Kind("Tokens that heads promote", (pieces.ATTENTION_PARTS, heads.READ_THROUGH, heads.HEAD_TOKENS)),
    "direction_card": _Kind("Direction"),
    "sae_features": _Kind("Features of a sparse autoencoder", (pieces.DIRECTION, heads.READ_THROUGH, SAE_FEATURES)),
    "neurons": _Kind("Neurons", (pieces.DIRECTION, heads.READ_THROUGH, parted.NEURON_OUTPUTS, parted.NEURONS)),
    "logit_decomposition": _Kind(
        "Decomposition of the logit difference",
        (*_ATTRIBUTION, attention.HEAD_OUTPUTS, *parted.SPLIT),
    ),
    "direction_projection": _Kind("Projection on a direction"),
    "direction_distribution": _Kind("Projections of a prompt set"),
    "direction_writers": _Kind("Who writes a direction"),
    "direction_readers": _Kind("Who reads a direction"),
    "head_statistics": _Kind("Head statistics", (pieces.ATTENTION_PARTS, heads.HEAD_STATISTICS)),
}


def script(recipe: recipes.AnyRecipe, facts: ScriptFacts) -> str:
    """The program's text."""
    labels, changes = script_labels(facts), own_interventions(recipe)
    separate = isinstance(recipe, recipes.Generation)
    directions = making.directions_in(recipe) if facts.onto is None else (facts.onto,)
    made = making.along_parts(facts.along, directions)
    own = () if not made else making.direction_parts(*directions)  # the last of `made` stands for it
    parts = [
        hooks_source(changes, labels, separate),
        *(each for each in _parts(recipe, facts, labels) if each not in own),
    ]
    body = "\n".join(dict.fromkeys([*autoencoder_parts(facts.autoencoders), *made, *parts]))
    body = _with_overwriting(body, overwritten(_before(recipe, changes), labels)) if pieces.DECOMPOSE in parts else body
    used = "\n".join(text for call, text in USED.items() if call in body)
    text = "\n".join([_head(KINDS[recipe.kind].title, recipe, facts, used + body), pieces.RUN, used, body])
    end = pieces.WRITE + drawing(recipe, KINDS[recipe.kind].title)
    return f"{text}{end}".replace("\n\n\n\n", "\n\n\n")


def _parts(recipe: recipes.AnyRecipe, facts: ScriptFacts, labels: Labels) -> tuple[str, ...]:
    """What this kind of recipe computes, the last part being the result."""
    if isinstance(recipe, recipes.Ablation | recipes.ActivationPatching):
        same_length = len({len(prompt.clean) for prompt in facts.prompts}) == 1
        return (pieces.METRICS, *sweep_parts(recipe, labels, same_length))
    if isinstance(recipe, recipes.AttributionPatching):
        return (pieces.METRICS, *attribution_patching_parts(recipe))
    if isinstance(recipe, recipes.PathPatching):
        return (pieces.METRICS, *path_patching_parts(recipe))
    if isinstance(recipe, recipes.LogitLens):
        return (pieces.METRICS, *lenses.lens_parts(recipe, facts.lens))
    if isinstance(recipe, SteeringCurve):
        return (pieces.METRICS, *steering_parts(recipe, facts.directions, facts.skipped))
    if isinstance(recipe, recipes.SelfRepair):
        return (*_ATTRIBUTION, runs.self_repair_source(recipe.interventions, labels), runs.SELF_REPAIR)
    if isinstance(recipe, DirectionCard):
        return (*making.direction_parts(*making.directions_in(recipe)), making.CARD)
    if isinstance(recipe, ActivationMap):
        along = () if facts.onto is None else (geometry.ALONG,)
        made = () if facts.onto is None else making.direction_parts(facts.onto)
        return (*made, geometry.ACTIVATION_MAP, *along, geometry.REDUCED[recipe.method])
    if isinstance(recipe, HeadProjection) and recipe.direction is not None:
        return (*making.direction_parts(recipe.direction), UNIT, pieces.ATTENTION_PARTS, heads.HEAD_PROJECTION)
    if isinstance(recipe, OfDirection):
        return (*making.direction_parts(recipe.direction), *view_parts(recipe))
    if isinstance(recipe, recipes.Prediction) and recipe.base == "corrupted":
        return (pieces.METRICS, pieces.PREDICTION.replace(pieces.CORRUPTED_RUN, pieces.CORRUPTED_IS_RUN))
    return KINDS[recipe.kind].parts


def own_interventions(recipe: recipes.AnyRecipe) -> Interventions:
    """Those that hold in the runs of the program: all of them, or the chosen prompt's."""
    if not isinstance(recipe, recipes.OF_ONE_PROMPT):
        return recipe.interventions
    return tuple(each for each in recipe.interventions if each.prompts is None or recipe.prompt in each.prompts)


def script_labels(facts: ScriptFacts) -> dict[Any, str]:
    """A short name for every reference set, direction and autoencoder in the program."""
    own = [reference for reference, _ in facts.references if reference != "background"]
    names: dict[Any, str] = {"background": "background"}
    for at, reference in enumerate(own):
        names[reference] = f"own prompts {at}"
    names |= {each.key: SAE_NAME.format(at) for at, each in enumerate(facts.autoencoders)}
    return names | {direction: making.NAME.format(at) for at, (direction, _) in enumerate(facts.along)}


def _head(title: str, recipe: recipes.AnyRecipe, facts: ScriptFacts, body: str) -> str:
    """Docstring with the recipe, imports, the model, and the constants of this recipe."""
    lines = [
        *_docstring(title, recipe, facts),
        *_imports(body),
        *facts.loading,
        "model.eval()",
        "torch.set_grad_enabled(False)",
        "",
        f"DEVICE = {facts.device!r}",
        "N_LAYERS = model.cfg.n_layers",
        *_prompts(facts),
        *_constants(recipe, facts),
    ]
    return "\n".join(lines) + "\n"


def _docstring(title: str, recipe: recipes.AnyRecipe, facts: ScriptFacts) -> list[str]:
    model = f"Model: {facts.title}, identity {facts.identity[:12]}. Written by Microtome from this recipe:"
    return [
        f'"""{title}, recomputed with TransformerLens alone.', "", _quoted(model), "",
        _quoted(recipes.recipe_json(recipe, indent=2)), '"""', "",
    ]  # fmt: skip


def _imports(body: str) -> list[str]:
    """Those that the body needs."""
    return [
        *(["import functools"] if "functools." in body else []), *(["import hashlib"] if "hashlib." in body else []),
        "import json", *(["import sys", "import time"] if "sys.stderr" in body else []), "",
        *(["import numpy as np"] if "np." in body else []), "import torch",
        *(making.PROBE_IMPORTS if "LogisticRegression" in body else ()),
        *(["from transformer_lens import patching"] if "patching." in body else []),
    ]  # fmt: skip


def _quoted(text: str) -> str:
    """Safe inside the docstring."""
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _prompts(facts: ScriptFacts) -> list[str]:
    lines = ["PROMPTS = ["]
    for at, prompt in enumerate(facts.prompts, facts.first):
        lines += [f"    # {json.dumps(prompt.text, ensure_ascii=False)}", "    {"]
        lines += [f'        "index": {at},']
        lines += [f'        "clean": {list(prompt.clean)},']
        lines += [f'        "corrupted": {None if prompt.corrupted is None else list(prompt.corrupted)},']
        lines += [f'        "answer": {list(prompt.answer)},']
        lines += [f'        "incorrect_answer": {list(prompt.incorrect_answer)},', "    },"]
    return [*lines, "]"]


def _constants(recipe: recipes.AnyRecipe, facts: ScriptFacts) -> list[str]:
    lines: list[str] = []
    if isinstance(recipe, recipes.LogitLens | recipes.ComponentLens):
        lines += lenses.lens_constants(recipe, facts.tokens[0], facts.lens)
    if isinstance(recipe, recipes.Neurons):
        lines += parted.neuron_constants(recipe, own_interventions(recipe), len(facts.prompts[0].clean))
    if isinstance(recipe, recipes.SaeFeatures):
        prompt = facts.prompts[0]
        own, hook = own_interventions(recipe), facts.autoencoders[0].config["hook"]
        lines += features_constants(recipe, own, hook, len(prompt.clean), facts.skipped, facts.texts)
    if isinstance(recipe, recipes.LogitDecomposition):
        lengths = tuple(len(prompt.clean) for prompt in facts.prompts)
        lines += parted.decomposition_constants(recipe.scale, recipe.interventions, lengths)
    if isinstance(recipe, recipes.Prediction):
        lines.append(f"TOP_K = {recipe.top_k}")
    if isinstance(recipe, recipes.Generation):
        lines += [f"STEPS, TEMPERATURE, SEED = {recipe.max_new_tokens}, {recipe.temperature!r}, {recipe.seed}"]
        lines.append(f"END_OF_TEXT, FREEZE = {facts.end_of_text}, {sorted(frozen(own_interventions(recipe)))}")
        lines.append("# whether each change holds in what is generated, too")
        lines.append(f"GOES_ON = {runs.goes_on(own_interventions(recipe))}")
    if isinstance(recipe, HeadProjection):
        lines.append(f"POSITION = {-1 if recipe.position is None else recipe.position}")
        tokens = f"TOKENS, MINUS = {list(facts.tokens[0])}, {list(facts.tokens[1])}"
        lines.append(tokens if recipe.direction is None else f"DIRECTION = {facts.directions[0]}")
    if isinstance(recipe, ActivationMap):
        lines += geometry.map_constants(recipe, facts.skipped)
        lines += [f"DIRECTION = {each}" for each in facts.directions]
    if isinstance(recipe, HeadTokens):
        lines.append(f"TOP_K, POSITION = {recipe.top_k}, {-1 if recipe.position is None else recipe.position}")
    if isinstance(recipe, DirectionCard):
        first, *others = facts.directions
        lines += [
            f"TOP_K = {recipe.top_k}",
            f"DIRECTION = {first}",
            "OTHERS = [",
            *(f"    {each}," for each in others),
            "]",
        ]
    if isinstance(recipe, OfDirection):
        lines += [
            f"DIRECTION = {facts.directions[0]}",
            *view_constants(recipe, tuple(len(prompt.clean) for prompt in facts.prompts)),
        ]
    if isinstance(recipe, BehaviourScores):
        lines.append(f"WHOLE_DIAGONAL = {int(recipe.definition == 'demo')}  # 1: as the Exploratory Analysis demo")
        named = zip(("REPEATED", "PREFIX"), facts.sequences, strict=True)
        lines += [f"{name} = {sequence}  # what stands before, rows" for name, sequence in named]
    if facts.sources:
        lines += ["SOURCES = {", *(f"    {text!r}: {list(ids)}," for text, ids in facts.sources), "}"]
    if isinstance(recipe, recipes.AttentionPattern | recipes.AttentionWeights):
        lines.append(f"LAYERS = {'list(range(N_LAYERS))' if recipe.layers is None else list(recipe.layers)}")
    if isinstance(recipe, recipes.AttentionWeights):
        lines += attention.replaced_source(own_interventions(recipe), len(facts.prompts[0].clean))
    if isinstance(recipe, recipes.HeadReading):
        lines += attention.reading_source(recipe, own_interventions(recipe), len(facts.prompts[0].clean))
    if facts.references:
        labels = script_labels(facts)
        lines.append("REFERENCES = {  # prompts as (positions left out at the start, ids)")
        for reference, prompts in facts.references:
            lines.append(f"    {labels[reference]!r}: [")
            lines += [*(f"        ({skipped}, {list(ids)})," for skipped, ids in prompts), "    ],"]
        lines.append("}")
    return lines


def _before(recipe: recipes.AnyRecipe, changes: Interventions) -> Interventions:
    """Those that can overwrite what is decomposed: of a place in the stream, those that come before it."""
    last = recipe.layer if isinstance(recipe, DirectionWriters) else None
    return changes if last is None else tuple(each for each in changes if each.site.layer <= last)


def _with_overwriting(text: str, changes: str) -> str:
    """With interventions on the stream, what they leave of earlier contributions; without, no word about it."""
    call = "    if not plain:\n        b = b + overwrite(prompt, labels, (components, heads, attn_bias), end) @ along\n"
    if not changes:
        return text.replace(call, "").replace(parted.OVERWRITING, "").replace(*UNTOUCHED)
    constant = "\n# activation, layer, positions, by what, of which text and positions, prompts, within which basis"
    constant += f"\nOVERWRITTEN = {changes}\n\n"
    return text.replace(pieces.DECOMPOSE, constant + pieces.OVERWRITE + "\n" + pieces.DECOMPOSE)


def references_of(recipe: recipes.AnyRecipe) -> tuple[Reference, ...]:
    """The reference sets that the recipe's ablations and projections use, each once."""
    mine = own_interventions(recipe)
    asked = [each for each in (*mine, recipe) if isinstance(each, Ablate | recipes.Ablation) and each.method != "zero"]
    means = [each for each in mine if isinstance(each, ProjectOut) and each.to == "mean"]
    return tuple(dict.fromkeys(each.reference for each in (*asked, *means)))


def directions_along(recipe: recipes.AnyRecipe) -> tuple[AnyDirection, ...]:
    """The directions of its program's interventions, each once; setting a feature needs its whole autoencoder."""
    along = [each for each in own_interventions(recipe) if not isinstance(each, ClampFeature)]
    return tuple(dict.fromkeys(way for each in along for way in directions_of(each)))


def autoencoders_of(recipe: recipes.AnyRecipe) -> tuple[tuple[str, str], ...]:
    """Folders and fingerprints of the autoencoders that its program needs, each once."""
    own: list[Any] = [recipe] if isinstance(recipe, recipes.SaeFeatures) else []
    features = [*own, *(each.direction for each in own_interventions(recipe) if isinstance(each, ClampFeature))]
    return tuple(dict.fromkeys((each.folder, each.fingerprint) for each in features))
