"""A recipe as a program that needs TransformerLens and not Microtome: prints the same numbers as JSON.

The program loads the same model and processes its weights the same way, takes the prompts as token ids (their text
stands beside them), applies the interventions with hooks, and computes with TransformerLens' functions and plain
loops. Its keys are the array names of the result (app/domain/results.py), prompt axis first; top tokens are ids.

Text templates only: `ScriptFacts` (made by app/export/script_facts.py) holds all that the program needs to know.
"""

import json
from dataclasses import dataclass
from typing import Any

from app.domain.interventions import Ablate, Reference
from app.domain.recipes import AnyRecipe, AttentionPattern, HeadAblation, LogitLens, Prediction, recipe_json
from app.export import script_pieces as pieces
from app.export.script_interventions import hooks_source, overwritten


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
    of a mean ablation, its prompts as (positions to leave out at the start, ids)."""

    title: str
    identity: str
    loading: tuple[str, ...]
    device: str
    prompts: tuple[ScriptPrompt, ...]
    references: tuple[tuple[Reference, tuple[tuple[int, tuple[int, ...]], ...]], ...] = ()


@dataclass(frozen=True)
class _Kind:
    title: str
    parts: tuple[str, ...]


_ATTRIBUTION = (pieces.DIRECTION, pieces.DECOMPOSE)
KINDS = {
    "prediction": _Kind("Next-token prediction", (pieces.METRICS, pieces.PREDICTION)),
    "direct_logit_attribution": _Kind("Direct logit attribution", (*_ATTRIBUTION, pieces.DIRECT_LOGIT_ATTRIBUTION)),
    "attention_pattern": _Kind("Attention patterns", (pieces.ATTENTION_PATTERN,)),
    "residual_trajectory": _Kind("Residual trajectory", (pieces.DIRECTION, pieces.RESIDUAL_TRAJECTORY)),
    "logit_lens": _Kind("Logit lens", (pieces.METRICS, pieces.LOGIT_LENS)),
    "head_ablation": _Kind("Ablation of every head", (pieces.METRICS, pieces.HEAD_ABLATION)),
    "correctness_meters": _Kind("Correctness meters", (*_ATTRIBUTION, pieces.CORRECTNESS_METERS)),
}


def script(recipe: AnyRecipe, facts: ScriptFacts) -> str:
    """The program's text."""
    kind = KINDS[recipe.kind]
    labels = reference_labels(facts)
    parts = [pieces.RUN, hooks_source(recipe.interventions, labels), *kind.parts]
    if _ablates_by_mean(recipe):
        parts.insert(1, pieces.MEAN_Z)
    text = "\n".join([_head(kind.title, recipe, facts), *parts[:-1], _before_result(recipe, labels), parts[-1]])
    text = _with_overwriting(text, recipe) if pieces.DECOMPOSE in parts else text
    return f"{text}{pieces.WRITE}".replace("\n\n\n\n", "\n\n\n")


def reference_labels(facts: ScriptFacts) -> dict[Reference, str]:
    """A short name for every reference set in the program."""
    own = [reference for reference, _ in facts.references if reference != "background"]
    return {"background": "background", **{reference: f"own prompts {at}" for at, reference in enumerate(own)}}


def _head(title: str, recipe: AnyRecipe, facts: ScriptFacts) -> str:
    """Docstring with the recipe, imports, the model, and the constants of this recipe."""
    cached = ["import functools"] if _ablates_by_mean(recipe) else []
    lines = [
        f'"""{title}, recomputed with TransformerLens alone.',
        "",
        _quoted(f"Model: {facts.title}, identity {facts.identity[:12]}. Written by Microtome from this recipe:"),
        "",
        _quoted(recipe_json(recipe, indent=2)),
        '"""',
        "",
        *cached,
        "import json",
        "",
        "import torch",
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


def _quoted(text: str) -> str:
    """Safe inside the docstring."""
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _prompts(facts: ScriptFacts) -> list[str]:
    lines = ["PROMPTS = ["]
    for prompt in facts.prompts:
        lines += [f"    # {json.dumps(prompt.text, ensure_ascii=False)}", "    {"]
        lines += [f'        "clean": {list(prompt.clean)},']
        lines += [f'        "corrupted": {None if prompt.corrupted is None else list(prompt.corrupted)},']
        lines += [f'        "answer": {list(prompt.answer)},']
        lines += [f'        "incorrect_answer": {list(prompt.incorrect_answer)},', "    },"]
    return [*lines, "]"]


def _constants(recipe: AnyRecipe, facts: ScriptFacts) -> list[str]:
    lines: list[str] = []
    if isinstance(recipe, Prediction | LogitLens):
        lines.append(f"TOP_K = {recipe.top_k}")
    if isinstance(recipe, AttentionPattern):
        lines.append(f"LAYERS = {'list(range(N_LAYERS))' if recipe.layers is None else list(recipe.layers)}")
    if facts.references:
        labels = reference_labels(facts)
        lines.append("REFERENCES = {  # prompts as (positions left out at the start, ids)")
        for reference, prompts in facts.references:
            lines.append(f"    {labels[reference]!r}: [")
            lines += [*(f"        ({skipped}, {list(ids)})," for skipped, ids in prompts), "    ],"]
        lines.append("}")
    return lines


def _before_result(recipe: AnyRecipe, labels: dict[Reference, str]) -> str:
    """What a head ablation puts in place of z."""
    if not isinstance(recipe, HeadAblation):
        return ""
    if recipe.method == "mean":
        return f"REPLACEMENT = mean_z({labels[recipe.reference]!r})  # layer head d_head"
    return "REPLACEMENT = torch.zeros(N_LAYERS, model.cfg.n_heads, model.cfg.d_head)  # layer head d_head"


def _with_overwriting(text: str, recipe: AnyRecipe) -> str:
    """With interventions on the stream, what they leave of earlier contributions; without, no word about it."""
    call = "    overwrite(prompt, labels, (components, heads, attn_bias))\n"
    changes = overwritten(recipe.interventions)
    if not changes:
        return text.replace(call, "")
    constant = f"\nOVERWRITTEN = {changes!r}  # (activation, layer, positions, by the corrupted run)\n\n"
    return text.replace(pieces.DECOMPOSE, constant + pieces.OVERWRITE + "\n" + pieces.DECOMPOSE)


def _ablates_by_mean(recipe: AnyRecipe) -> bool:
    return bool(references_of(recipe))


def references_of(recipe: AnyRecipe) -> tuple[Reference, ...]:
    """The reference sets that the recipe's mean ablations use, each once."""
    found: list[Any] = [
        each.reference for each in recipe.interventions if isinstance(each, Ablate) and each.method == "mean"
    ]
    if isinstance(recipe, HeadAblation) and recipe.method == "mean":
        found.append(recipe.reference)
    return tuple(dict.fromkeys(found))
