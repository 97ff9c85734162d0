"""Heads by address: a number of every head, and the tokens that each promotes and suppresses."""

import json

from flask import Response

from app.domain.errors import BadInput
from app.domain.head_quantities import head_quantity
from app.domain.head_results import HeadTokensResult
from app.domain.results import METRICS, Result, SweepResult
from app.engine import Engine
from app.routes.answering import FOR_EVER, Digests, NotThere, any_result, raw, whole


def heads(engine: Engine, digests: Digests, quantity: str, metric: str) -> Response:
    """`[prompt layer head]` of one result, or the first's minus the second's."""
    if metric not in METRICS:
        raise BadInput(f"There is no metric {metric!r}; use one of {', '.join(METRICS)}.")
    keep = FOR_EVER if whole(engine, digests) else "no-store"  # asked first: it may end meanwhile
    results = [any_result(engine, digest) for digest in digests if digest is not None]
    first, *rest = (head_quantity(result, quantity, metric) for result in results)
    base = _base(results, metric) if quantity == "effect" else {}
    if rest and rest[0].shape != first.shape:
        raise BadInput("These two results have different prompts or heads, so their difference means nothing.")
    return raw(first - rest[0] if rest else first, keep, base)


def _base(results: list[Result], metric: str) -> dict[str, str]:
    """The value that an effect is added to, of every prompt: of the clean or the corrupted run, or a difference."""
    first, *rest = (result for result in results if isinstance(result, SweepResult))
    values, *less = (getattr(each, each.baseline)[METRICS.index(metric)] for each in (first, *rest))
    known = (values - less[0] if less else values).astype(float).tolist()
    return {"X-Base": json.dumps({"name": first.baseline, "values": [v if v == v else None for v in known]})}


def tokens(engine: Engine, digests: Digests, prompt: str) -> Response:
    """What the head card lists; ranks have no difference, so `minus` is not heard."""
    result = any_result(engine, digests[0])
    if not isinstance(result, HeadTokensResult):
        raise NotThere("There are no tokens of heads of this digest in the cache; ask for it again.")
    prompts = len(result.promoted_logits)
    if prompt not in map(str, range(prompts)):
        raise BadInput(f"The result has {prompts} prompts, so prompt {prompt!r} does not exist; count from 0.")
    sides = {side: _ranked(result, side, int(prompt)) for side in ("promoted", "suppressed")}
    content = json.dumps({"heads": result.promoted_logits.shape[2], **sides})
    return Response(content, mimetype="application/json", headers={"Cache-Control": FOR_EVER})


def _ranked(result: HeadTokensResult, side: str, prompt: int) -> list[list[tuple[str, float]]]:
    """`[token, logit]` by rank of every head; as many digits as are shown."""
    tokens, logits = (getattr(result, f"{side}_{what}")[prompt] for what in ("tokens", "logits"))
    pairs = zip(tokens.ravel().tolist(), logits.ravel().tolist(), strict=True)
    rounded = [(token, float(f"{logit:.3g}")) for token, logit in pairs]
    top_k = tokens.shape[-1]
    return [rounded[at : at + top_k] for at in range(0, len(rounded), top_k)]
