"""One number of every head of the selected prompt, as figures of heads draw it: values, names, hover, sign, limit.

Of a sweep the exact effect of changing that head alone on `logit_diff`, or on `kl_divergence` where the prompt names no
answers; of background texts their mean. In difference mode the same of intervened - baseline, so that `Δ` stands before
it (`Δ Δ` for sweeps).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import BadInput
from app.domain.head_quantities import QUANTITIES, head_quantity, over_heads, quantity_named
from app.domain.head_recipes import BehaviourScores, HeadProjection, HeadStatistics
from app.domain.head_results import BehaviourScoresResult
from app.domain.recipes import parse_recipe
from app.domain.results import METRICS, AttributionPatchingResult, Floats, Result, SweepResult
from app.domain.views import Selection, Style
from app.figures import marks
from app.figures.scales import spoken
from app.figures.sweep_words import happened, technique, unit
from app.figures.tokens import label, safe, shorten


@dataclass(frozen=True)
class HeadNumbers:
    """`values[layer head]`, hover lines of the same shape; `name` of the number, `brief` where that has no room,
    `title` for figures. `limit` of the colours, None = the largest magnitude."""

    values: NDArray[np.float32]
    hover: NDArray[np.str_]
    name: str
    brief: str
    title: str
    unit: str
    signed: bool = True
    limit: float | None = None


def head_numbers(result: Result, style: Style, selection: Selection) -> HeadNumbers:
    """The number that the style names; refuses a result that does not have it."""
    name = quantity_named(result, style.quantity)
    if isinstance(result, SweepResult):
        return _effect(result, style, selection)
    return _plain(result, name, style, selection)


def of_the_same_heads(x: Result, first: HeadNumbers, y: Result, second: HeadNumbers) -> None:
    """Refuse numbers that no head has both of."""
    models = [f"{result.provenance.model} ({' × '.join(map(str, numbers.values.shape))})"
              for result, numbers in ((x, first), (y, second))]  # fmt: skip
    if models[0] != models[1]:
        raise BadInput(f"These are heads of {models[0]} and of {models[1]}; give two recipes of one model.")


def _plain(result: Result, name: str, style: Style, selection: Selection) -> HeadNumbers:
    """A number as the table of quantities describes it."""
    row, delta = QUANTITIES[name], "Δ " if style.show == "difference" else ""
    values, over = _shown(result, head_quantity(result, name), selection)
    signed = row.signed or bool(delta)
    named = delta + _named(result, row.title)
    hover = np.char.add(np.char.add(f"{named} ", spoken(values, signed)), _told(result, name, delta, selection))
    title = f"{named}, heads of {result.provenance.model}{over}"
    return HeadNumbers(values, hover, named, named, title, f"{delta}{row.unit}", signed, None if delta else row.limit)


def _named(result: Result, title: str) -> str:
    """The title of the table, or where the recipe says more, that."""
    if isinstance(result, AttributionPatchingResult):
        return technique(result)
    recipe = parse_recipe(result.recipe)
    if not isinstance(recipe, HeadProjection):
        return title
    if recipe.direction is not None:
        return f"projection on {safe(shorten(str(recipe.direction), 60))}"
    sides = [" / ".join(label(token, 20) for token in side) for side in (recipe.tokens, recipe.minus)]
    return f"projection on {' − '.join(side for side in sides if side)}"


def _shown(result: Result, values: Floats, selection: Selection) -> tuple[Floats, str]:
    """`[layer head]` of the selected prompt, of background texts or of random tokens, and the words for these."""
    recipe = parse_recipe(result.recipe)
    if isinstance(recipe, HeadStatistics) and recipe.corpus:
        return values.mean(axis=0), f", mean over {len(values)} background texts"
    if isinstance(result, BehaviourScoresResult) and isinstance(recipe, BehaviourScores):
        return values[0], f", {result.length} random tokens twice, seed {recipe.seed}"
    return values[marks.prompt_row(selection, len(values))], ""


def _told(result: Result, name: str, delta: str, selection: Selection) -> NDArray[np.str_] | str:
    """The second line: the exact effect beside an estimate, and beside behaviour scores the attention to the first
    token, where heads look that have nothing to do."""
    if isinstance(result, BehaviourScoresResult) and name != "attention_to_first":
        values, _ = _shown(result, head_quantity(result, "attention_to_first"), selection)
        return np.char.add("<br>attention to the first token ", spoken(values, signed=False))
    if not isinstance(result, AttributionPatchingResult):
        return ""
    values, _ = _shown(result, over_heads(result, result.exact), selection)
    return np.char.add(f"<br>{delta}exact ", spoken(values))


def _effect(result: SweepResult, style: Style, selection: Selection) -> HeadNumbers:
    """`Δ` is changed - the run that is changed; in difference mode everything once more intervened - baseline, so `Δ`
    stands twice."""
    prompt = marks.prompt_row(selection, result.values.shape[1])
    base = getattr(result, result.baseline)[:, prompt]
    metric = "logit_diff" if np.isfinite(base[0]) else "kl_divergence"
    at, delta = METRICS.index(metric), "Δ " if style.show == "difference" else ""
    values = head_quantity(result, "effect", metric)[prompt]
    changed = over_heads(result, result.values[at])[prompt]
    what, named = unit(metric, "effect", delta), _technique(result)
    between = f"<br>{delta}{result.baseline} {spoken(base[at])}, {delta}{happened(result)} "
    hover = np.char.add(np.char.add(f"{named}, {what} ", spoken(values)), np.char.add(between, spoken(changed)))
    title = f"{delta}effect of {named} on {what.split('Δ ')[-1]}, heads of {result.provenance.model}"
    hover = np.char.add(hover, _shared(result, values.shape))
    brief = delta + named.replace("activation patching", "patching")
    return HeadNumbers(values, hover, named, brief, title, what, bool(delta) or metric == "logit_diff")


def _shared(result: SweepResult, shape: tuple[int, ...]) -> NDArray[np.str_]:
    """Of keys and values that several heads read: which heads this one number is of."""
    size = result.provenance.heads_per_key_value or 1
    if result.activation not in ("k", "v") or size == 1:
        return np.zeros(shape, dtype=str)
    word = {"k": "keys", "v": "values"}[result.activation]
    firsts = np.arange(shape[1]) // size * size
    return np.array(
        [[f"<br>one number for L{layer}H{at}–H{at + size - 1}, which share {word}" for at in firsts]
         for layer in range(shape[0])]
    )  # fmt: skip


def _technique(result: SweepResult) -> str:
    """Of what else than a head's output the name says so: `activation patching (denoising) of v`."""
    return technique(result) + ("" if result.activation == "z" else f" of {result.activation}")
