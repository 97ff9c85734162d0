"""The numbers that answer "how well does the model tell the answer from the incorrect answer", from final logits.

Definitions, units and order are `app.domain.results.METRICS`; docs/formulas.md. Every metric but
`kl_divergence` needs answers and `logit_diff` needs both kinds: what is not defined is NaN, never 0.
Low-precision logits are read in float32. Not done: positions other than the last, padding.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.normalization import affine_norm
from app.compute.reading import Ids
from app.domain.errors import BadAnswer
from app.domain.results import METRICS
from app.models.loaded import LoadedModel

AT_ONCE = {"cpu": 2**19}
"""Logits whose metrics are computed together, so that what lies between stays in the cache; other devices: all."""


def answer_metrics(
    logits: Float[Tensor, "row d_vocab"],
    answer_ids: Ids,
    incorrect_ids: Ids,
    clean_log_probs: Float[Tensor, " d_vocab"] | None,
) -> Float[Tensor, "metric row"]:
    """METRICS of each row of final logits. `clean_log_probs` is the baseline's next-token distribution in the KL;
    None says that the rows are the baseline themselves, whose KL is 0."""
    n_rows = max(1, AT_ONCE.get(logits.device.type, logits.numel()) // logits.shape[-1])
    parts = logits.split(n_rows)
    return torch.cat([_metrics(part.float(), answer_ids, incorrect_ids, clean_log_probs) for part in parts], 1)


def _metrics(
    logits: Tensor, answer_ids: Ids, incorrect_ids: Ids, clean_log_probs: Tensor | None
) -> Float[Tensor, "metric row"]:
    log_norm = logits.logsumexp(-1)
    found = {
        "logit_diff": logit_diff(logits, answer_ids, incorrect_ids),
        "kl_divergence": _kl_divergence(logits, log_norm, clean_log_probs),
        **of_answers(logits, log_norm, answer_ids),
    }
    return torch.stack([found[name] for name in METRICS])


def logit_diff(logits: Float[Tensor, "row d_vocab"], answer_ids: Ids, incorrect_ids: Ids) -> Float[Tensor, " row"]:
    """mean_a logit[a] - mean_b logit[b]; positive = the model prefers the answer. NaN without both."""
    if not answer_ids or not incorrect_ids:
        return logits.new_full(logits.shape[:1], torch.nan)
    return logits[:, list(answer_ids)].mean(-1) - logits[:, list(incorrect_ids)].mean(-1)


def logit_direction(model: LoadedModel, answer_ids: Ids, incorrect_ids: Ids) -> tuple[Float[Tensor, " d_model"], float]:
    """(u, b) with `logit_diff = normalised_resid @ u + b`, where normalised_resid is the last stream after the final
    norm's centring and scaling but before its weight and bias. u = w * (mean W_U[:, a] - mean W_U[:, b]), and b holds
    the unembedding bias and the final norm's own; a folded norm has w = 1. Before any final soft-cap."""
    if not answer_ids or not incorrect_ids:
        raise BadAnswer("A logit difference needs an answer and an incorrect answer; give one token for each.")
    with model.lock:
        W_U, b_U = model.bridge.W_U.float(), model.bridge.b_U.float()
        norm = affine_norm(model.bridge.ln_final, model.facts.d_model, W_U)
        a, b = list(answer_ids), list(incorrect_ids)
        direction = W_U[:, a].mean(-1) - W_U[:, b].mean(-1)
        return direction * norm.gain, float(b_U[a].mean() - b_U[b].mean() + norm.bias @ direction)


def of_answers(
    logits: Float[Tensor, "row d_vocab"], log_norm: Float[Tensor, " row"], answer_ids: Ids
) -> dict[str, Float[Tensor, " row"]]:
    """answer_log_prob, probability and rank; `log_norm` is the rows' logsumexp, so nothing of the vocabulary's size
    is computed but one comparison. NaN without answers."""
    if not answer_ids:
        undefined = logits.new_full(logits.shape[:1], torch.nan)
        return dict.fromkeys(("answer_log_prob", "probability", "rank"), undefined)
    answers = logits[:, list(answer_ids)]
    total = (answers - log_norm[:, None]).logsumexp(-1)
    above = torch.gt(logits, answers.amax(-1, keepdim=True), out=torch.empty_like(logits))  # counts faster than bools
    rank = torch.where(log_norm.isfinite(), above.sum(-1), torch.nan)  # no comparison holds with what is no number
    return {"answer_log_prob": total, "probability": total.exp(), "rank": rank}


def _kl_divergence(logits: Tensor, log_norm: Tensor, clean_log_probs: Tensor | None) -> Float[Tensor, " row"]:
    """sum_v p(v) (ln p(v) - ln q(v)), p the baseline: KL(baseline || row), nats."""
    if clean_log_probs is None:
        return logits.new_zeros(logits.shape[:1])
    log_ratio = (logits - log_norm[:, None]).neg_().add_(clean_log_probs)
    return log_ratio.mul_(clean_log_probs.exp()).sum(-1)
