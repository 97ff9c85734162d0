"""Activations of many positions and prompts as points of a plane (docs/formulas.md).

PCA: scores on the two largest principal components, exact, in float64; each component's largest entry is positive.
UMAP and t-SNE (app/compute/reduction.py) keep who is near whom; distances and directions between far groups mean
nothing there.
Activations are of the runs under the interventions, as they are in the stream: not normalised, not centred. Of `all`
positions a prepended separator is left out: its stream is many times longer than any other and would be the first
component.
Source: McInnes et al. 2018; van der Maaten & Hinton 2008.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from app.compute.effective import check_seen
from app.compute.held import for_prompt
from app.compute.metrics import logit_diff
from app.compute.passes import everywhere
from app.compute.prompts import array, read_prompts
from app.compute.reading import ReadPrompt
from app.compute.reduction import Points, reduced_with_news
from app.compute.report import Report, silent
from app.compute.runs import capture
from app.domain.geometry_recipes import ActivationMap, check_geometry, points_of, seconds_of
from app.domain.geometry_results import ActivationMapResult
from app.domain.models import Provenance
from app.domain.recipes import recipe_json
from app.domain.sites import Site
from app.models.loaded import LoadedModel


def activation_map(
    model: LoadedModel,
    recipe: ActivationMap,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> ActivationMapResult:
    """One point per prompt, side and position; one pass per prompt and side."""
    parts = list(_parts(model, recipe, report, max_tokens))
    activations = torch.cat([part.activations for part in parts])
    coordinates, explained = _placed(activations.double().cpu().numpy(), recipe, len(parts), report)
    columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
    return ActivationMapResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, method=recipe.method,
        coordinates=coordinates.astype(np.float32), variance_explained=explained.astype(np.float32),
        norm=array(activations.norm(dim=-1)), activations=array(activations),
        projection=np.full(len(activations), np.nan, np.float32), **columns,
    )  # fmt: skip


def _placed(points: Points, recipe: ActivationMap, runs: int, report: Report) -> tuple[Points, Points]:
    """Passes are done; what takes long after them counts the seconds that it is to take, and tells of each."""
    seconds = seconds_of(recipe.method, len(points))
    return reduced_with_news(points, recipe, lambda gone: report(runs + min(int(gone), seconds), runs + seconds + 1))


_COLUMNS = ("prompt", "position", "side", "token", "answer", "logit_diff")


@dataclass(frozen=True, eq=False)
class _Part:
    """The points of one run."""

    activations: Float[Tensor, "point d_model"]
    prompt: NDArray[np.int32]
    position: NDArray[np.int32]
    side: NDArray[np.str_]
    token: NDArray[np.str_]
    answer: NDArray[np.str_]
    logit_diff: NDArray[np.float32]


def _parts(model: LoadedModel, recipe: ActivationMap, report: Report, max_tokens: int) -> Iterator[_Part]:
    """Run by run: the recipe's base of every pair, then the other side where that is asked for."""
    other: Literal["clean", "corrupted"] = "corrupted" if recipe.base == "clean" else "clean"
    bases = (recipe.base, other) if recipe.both else (recipe.base,)
    runs = [prompt for base in bases for prompt in read_prompts(model, replace(recipe, base=base), max_tokens)]
    more = 0
    for base in range(len(bases)):
        lengths = tuple(len(prompt.clean) for prompt in runs[base * len(recipe.prompts) :][: len(recipe.prompts)])
        check_geometry(model.facts, recipe, lengths)
        more = seconds_of(recipe.method, points_of(recipe, lengths))
    check_seen(model, (Site(recipe.activation, recipe.layer),))
    for done, prompt in enumerate(runs):
        report(done, len(runs) + more + 1)
        yield _part(model, recipe, prompt)


def _part(model: LoadedModel, recipe: ActivationMap, prompt: ReadPrompt) -> _Part:
    name, tokens = Site(recipe.activation, recipe.layer).hook_name, prompt.clean
    with model.lock:
        mine = for_prompt(recipe.interventions, prompt.index)
        logits, kept = capture(model, tokens.ids, {name: everywhere}, mine, prompt.corrupted_ids)
    at = {"end": [len(tokens) - 1], "all": list(range(int(tokens.bos), len(tokens)))}
    chosen = at[recipe.positions] if isinstance(recipe.positions, str) else list(recipe.positions)
    answered = bool(prompt.answer_ids and prompt.incorrect_ids)
    found = float(logit_diff(logits[None], prompt.answer_ids, prompt.incorrect_ids)[0]) if answered else np.nan
    answer = next(iter(recipe.prompts[prompt.index].answer), "")
    alike = np.full(len(chosen), "x")
    return _Part(
        kept[name].float()[chosen], np.full(len(chosen), prompt.index, np.int32), np.array(chosen, np.int32),
        np.full_like(alike, prompt.base, dtype="<U9"), np.array([tokens.str_tokens[i] for i in chosen]),
        np.full(len(chosen), answer), np.full(len(chosen), found, np.float32),
    )  # fmt: skip
