"""What the model predicts after the prompt, and the answers' metrics there (docs/formulas.md).

Logits, log-probabilities and KL in nats. KL(baseline || this run) compares with the same prompt without
interventions, so it is 0 on the baseline. Metrics that the prompt names no answers for are NaN.
Not done: generated text, positions other than the last.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.metrics import answer_metrics
from app.compute.prompts import ReadPrompt, array, each_prompt, run_of
from app.compute.report import Report, silent
from app.compute.runs import Run, run
from app.domain.errors import BadRecipe
from app.domain.interventions import Interventions
from app.domain.models import Provenance
from app.domain.recipes import Prediction, recipe_json
from app.domain.results import METRICS, PredictionResult
from app.models.loaded import LoadedModel
from app.models.tokens import token_string


def prediction(
    model: LoadedModel,
    recipe: Prediction,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> PredictionResult:
    """Most likely tokens, and METRICS of each prompt's run and of its corrupted prompt's plain run."""
    check_top_k(recipe.top_k, model)
    prompts = each_prompt(model, recipe, report, max_tokens, answers=False, plain=True)
    found = [_of_prompt(model, prompt, recipe.interventions) for prompt in prompts]
    logits, metrics, corrupted = (torch.stack(part) for part in zip(*found, strict=True))
    top = logits.topk(recipe.top_k)  # prompt rank
    return PredictionResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance,
        top_tokens=token_strings(model, top.indices), top_logits=array(top.values),
        top_probabilities=array(logits.softmax(-1).gather(-1, top.indices)),
        metrics=array(metrics.T), corrupted_metrics=array(corrupted.T),
    )  # fmt: skip


def check_top_k(top_k: int, model: LoadedModel) -> None:
    """Refuse a count of tokens that the vocabulary does not have."""
    if not 1 <= top_k <= model.facts.d_vocab:
        raise BadRecipe(f"top_k={top_k} is not possible; give a number from 1 to {model.facts.d_vocab}.")


def token_strings(model: LoadedModel, ids: Tensor) -> np.ndarray:
    """The texts of an array of ids."""
    texts = [token_string(model, id) for id in ids.flatten().tolist()]
    return np.array(texts, dtype=np.str_).reshape(ids.shape)


def _of_prompt(
    model: LoadedModel, prompt: ReadPrompt, interventions: Interventions
) -> tuple[Tensor, Float[Tensor, " metric"], Float[Tensor, " metric"]]:
    """Logits, metrics, and metrics of the pair's corrupted prompt without interventions."""
    found, baseline = run_of(model, prompt, interventions), run_of(model, prompt)
    metrics = _metrics(prompt, found, baseline)
    corrupted_ids = prompt.clean.ids if prompt.base == "corrupted" else prompt.corrupted_ids
    if corrupted_ids is None:
        return found.logits, metrics, torch.full((len(METRICS),), torch.nan).to(metrics)
    return found.logits, metrics, _metrics(prompt, run(model, corrupted_ids), baseline)


def _metrics(prompt: ReadPrompt, found: Run, baseline: Run) -> Float[Tensor, " metric"]:
    """METRICS of a run; the baseline's own KL is exactly 0."""
    clean_log_probs = None if found is baseline else baseline.log_probs
    return answer_metrics(found.logits[None], prompt.answer_ids, prompt.incorrect_ids, clean_log_probs)[:, 0]
