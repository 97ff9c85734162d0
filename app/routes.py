"""The page's plain HTTP routes beside Dash's own: how far the model is, and attention maps as pictures and numbers.

    GET status?model=<JSON of a model>&asked=1    {phase, message, facts, queue, cache}; begins loading where needed;
                                                  a load that failed again only where a person `asked` for the model
    GET attention/<digest>/<layer>/<head>.png     ?minus=<digest>&theme=light|dark&rows=0-512&columns=0-512&fit=128x512;
                                                  the map or the difference of two, of these queries and keys (first,
                                                  one past the last); of more than fit, the largest of each block
    GET attention/<digest>/<layer>/<head>.f32     ?minus=<digest>&rows=0-512&columns=0-512; the same numbers, never
                                                  reduced: little-endian float32, rows dest_pos; X-Shape
    GET attention/<digest>/weights/<layer>/<head>/<name>.f32
                                                  ?minus=<digest>; value_norm, output_norm or attribution of every
                                                  source token: little-endian float32, X-Shape: src_pos; NaN = undefined
    GET attention/<digest>/thumbnails.u8          ?minus=<digest>; palette entries of every head, reduced to at most 64
                                                  cells per side; X-Shape: layers,heads,rows,columns; X-Layers; X-Run:
                                                  the same for layers of one run that were computed apart
    GET sweep/<digest>/<metric>.f32               ?minus=<digest>&read=effect|recovered; a sweep's cells by prompt:
                                                  little-endian float32, X-Shape: prompts,cells; NaN = not computed
    GET heads/<digest>/<quantity>.f32             ?minus=<digest>&metric=logit_diff&quiet=1; one number per head
                                                  (app/domain/head_quantities.py): little-endian float32, X-Shape:
                                                  prompts,layers,heads; `metric` is that of a sweep's `effect`, and
                                                  X-Base the value of the run that it starts from, by prompt; with
                                                  `quiet`, 204 where it is not computed yet
    GET heads/<digest>/tokens.json                ?prompt=0; {heads, promoted, suppressed}: of every head, layer by
                                                  layer, [token, logit] by rank
    POST trial                                    {"experiment", "interventions"} -> {"before", "after", "digest"}: what
                                                  these would do to the run (app/trial.py), or {"problem": in words,
                                                  "again": whether asking later can help}
    GET healthz                                   OK, by Dash

What an address with a digest shows never changes, so browsers keep it for ever, except a sweep that is not finished.
404 where the result has left the cache: the page then asks for it again.
"""

import contextlib
import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast, get_args

import numpy as np
from flask import Blueprint, Response, request
from pydantic import TypeAdapter

from app.domain.attention_results import AttentionWeightsResult
from app.domain.errors import BadInput, BadSite, Busy, MicrotomeError
from app.domain.head_quantities import head_quantity
from app.domain.head_results import HeadTokensResult
from app.domain.models import ModelSpec
from app.domain.recipes import parse_json
from app.domain.results import (
    METRICS,
    AttentionPatternResult,
    AttributionPatchingResult,
    Floats,
    Result,
    SweepResult,
    difference,
)  # fmt: skip
from app.domain.views import Style, Theme, WeightedBy
from app.engine import Engine
from app.figures.attention_png import attention_limit, attention_png
from app.figures.attention_thumbnails import thumbnails
from app.figures.attention_windows import Window, reduced, window
from app.residents import ModelStatus
from app.trial import trial

FOR_EVER = "public, max-age=31536000, immutable"
_SPEC = TypeAdapter(ModelSpec)
A = TypeVar("A", AttentionPatternResult, AttentionWeightsResult)


class NotThere(MicrotomeError):
    """A result that is not in the cache (any more)."""


def routes(engine: Engine) -> Blueprint:
    """All of them, to be registered under the page's prefix."""
    blueprint = Blueprint("microtome", __name__)

    def status() -> Response:
        return _json(status_of(engine, request.args.get("model"), asked=bool(request.args.get("asked"))))

    def tried() -> Response:
        return _json(_tried_out(engine, request.get_json(silent=True)))

    blueprint.add_url_rule("/status", view_func=status)
    blueprint.add_url_rule("/trial", view_func=tried, methods=["POST"])
    for rule, answer, options in _OF_RESULTS:
        view = functools.partial(_answered, engine, answer, options)
        blueprint.add_url_rule(rule, answer.__name__.strip("_"), view)
    return blueprint


def _answered(
    engine: Engine, answer: Callable[..., Response], options: Mapping[str, str | None], digest: str, **place: Any
) -> Response:
    """The answer about one result, or about it minus another; `options` are what the query may say, by default."""
    asked = {name: request.args.get(name, default) for name, default in options.items()}
    digests = (digest, request.args.get("minus"))
    return _refusing(lambda: answer(engine, digests, **place, **asked), bool(request.args.get("quiet")))


def status_of(engine: Engine, model: str | None, asked: bool = False) -> dict[str, Any]:
    """How far a model is, how busy the queue, how useful the cache; a model that cannot be had is `failed`."""
    counters = engine.counters()
    try:
        spec = parse_json(_SPEC, model, "a model") if model else engine.spec
        found = dataclasses.asdict(_begun(engine, spec, asked))
    except MicrotomeError as error:
        found = {"phase": "failed", "message": str(error), "facts": None}
    return {
        **found,
        "queue": {"running": counters.running, "waiting": counters.waiting},
        "cache": {"hits": counters.hits, "misses": counters.misses},
    }


def _begun(engine: Engine, spec: ModelSpec, asked: bool) -> ModelStatus:
    """The status after what it calls for. Pages poll, so a failed load is not repeated by polling: it would occupy the
    compute thread for ever."""
    phase = engine.status(spec).phase
    if phase in ("starting", "loading") or (asked and phase == "failed"):
        with contextlib.suppress(Busy):  # a full queue is no reason to call the model failed
            engine.want(spec)
    return engine.status(spec)


def _tried_out(engine: Engine, given: Any) -> dict[str, Any]:
    """The trial, or why there is none: an answer either way, because browsers log every refusal as an error."""
    try:
        return trial(engine, given)
    except MicrotomeError as error:
        return {"problem": str(error), "again": not isinstance(error, BadInput)}


def _picture(
    engine: Engine, digests: tuple[str, str | None], layer: int, head: int, theme: str, **given: str | None
) -> Response:
    if theme not in get_args(Theme):
        raise BadInput(f"There is no theme {theme!r}; use light or dark.")
    signed = digests[1] is not None
    style = Style(cast(Theme, theme), "difference" if signed else "baseline")
    part = window(**given)
    shown = reduced(_part(engine, digests, layer, head, part), signed, part.most)
    png = attention_png(shown, attention_limit(style), signed, style.theme)
    return Response(png, mimetype="image/png", headers={"Cache-Control": FOR_EVER})


def _numbers(engine: Engine, digests: tuple[str, str | None], layer: int, head: int, **given: str | None) -> Response:
    return _raw(_part(engine, digests, layer, head, window(**given)), FOR_EVER)


def _part(engine: Engine, digests: tuple[str, str | None], layer: int, head: int, part: Window) -> Floats:
    """A window of one head's pattern, or of the difference of two: cut first, because patterns of long prompts are
    large."""
    results = [_found(engine, digest, AttentionPatternResult) for digest in digests if digest is not None]
    _same_shape(*(each.pattern.shape for each in results))
    first, *rest = (part.cut(_map(each, layer, head, "pattern")) for each in results)
    return first - rest[0] if rest else first


def _weights(engine: Engine, digests: tuple[str, str | None], layer: int, head: int, name: str) -> Response:
    if name not in get_args(WeightedBy):
        raise BadInput(f"There are no attention weights {name!r}; use one of {', '.join(get_args(WeightedBy))}.")
    return _raw(_map(_asked(engine, digests, AttentionWeightsResult, name), layer, head, name), FOR_EVER)


def _thumbnails(engine: Engine, digests: tuple[str, str | None]) -> Response:
    """`[layer head row column]`: what the page paints all heads from (assets/61-thumbnails.js)."""
    result = _asked(engine, digests, AttentionPatternResult, "pattern")
    small = thumbnails(result.pattern, Style(show="baseline" if digests[1] is None else "difference"))
    headers = {
        "Cache-Control": FOR_EVER, "X-Shape": ",".join(map(str, small.shape)), "X-Run": _run(engine, digests),
        "X-Layers": ",".join(map(str, result.layers)),
    }  # fmt: skip
    return Response(small.tobytes(), mimetype="application/octet-stream", headers=headers)


def _run(engine: Engine, digests: tuple[str, str | None]) -> str:
    """What results of different layers of the same run, or of the same two runs, have in common."""
    results = [_found(engine, digest, AttentionPatternResult) for digest in digests if digest is not None]
    asked = [(json.loads(each.recipe) | {"layers": None}, each.provenance.identity) for each in results]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def _effects(engine: Engine, digests: tuple[str, str | None], metric: str, read: str) -> Response:
    """`[prompt cell]` of a sweep: `read` as effect, or as the recovered share; of an estimate, the estimates."""
    if metric not in METRICS or read not in ("effect", "recovered"):
        raise BadInput(f"A sweep has no {metric!r} read as {read!r}; metrics are {', '.join(METRICS)}.")
    first, *rest = (_swept(engine, digest) for digest in digests if digest is not None)
    if rest and _tried(rest[0]) != _tried(first):
        raise BadInput("These two sweeps have different cells or prompts, so their difference means nothing.")
    result = difference(first, rest[0]) if rest else first
    whole = all(engine.result(digest) is not None for digest in digests if digest is not None)
    if isinstance(result, AttributionPatchingResult):
        return _raw(result.estimate, FOR_EVER if whole else "no-store")
    return _raw(getattr(result, read)(metric), FOR_EVER if whole else "no-store")


def _tried(sweep: SweepResult | AttributionPatchingResult) -> tuple[Any, ...]:
    """What two sweeps must have in common for a difference: kind of numbers, prompts, cells."""
    return type(sweep), len(sweep.str_tokens), sweep.cell_axes, sweep.cells.tolist()


def _heads(engine: Engine, digests: tuple[str, str | None], quantity: str, metric: str) -> Response:
    """`[prompt layer head]` of one result, or the first's minus the second's."""
    if metric not in METRICS:
        raise BadInput(f"There is no metric {metric!r}; use one of {', '.join(METRICS)}.")
    results = [_any(engine, digest) for digest in digests if digest is not None]
    first, *rest = (head_quantity(result, quantity, metric) for result in results)
    base = _base(results, metric) if quantity == "effect" else {}
    if rest and rest[0].shape != first.shape:
        raise BadInput("These two results have different prompts or heads, so their difference means nothing.")
    whole = all(engine.result(digest) is not None for digest in digests if digest is not None)
    return _raw(first - rest[0] if rest else first, FOR_EVER if whole else "no-store", base)


def _base(results: list[Result], metric: str) -> dict[str, str]:
    """The value that an effect is added to, of every prompt: of the clean or the corrupted run, or a difference."""
    first, *rest = (result for result in results if isinstance(result, SweepResult))
    values, *less = (getattr(each, each.baseline)[METRICS.index(metric)] for each in (first, *rest))
    known = (values - less[0] if less else values).astype(float).tolist()
    return {"X-Base": json.dumps({"name": first.baseline, "values": [v if v == v else None for v in known]})}


def _tokens(engine: Engine, digests: tuple[str, str | None], prompt: str) -> Response:
    """What the head card lists; ranks have no difference, so `minus` is not heard."""
    result = _any(engine, digests[0])
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


def _any(engine: Engine, digest: str) -> Result:
    result = engine.result(digest) or engine.partial(digest)
    if result is None:
        raise NotThere("There is no result of this digest in the cache; ask for it again.")
    return result


def _swept(engine: Engine, digest: str) -> SweepResult | AttributionPatchingResult:
    result = engine.result(digest) or engine.partial(digest)
    if not isinstance(result, SweepResult | AttributionPatchingResult):
        raise NotThere("There is no sweep of this digest in the cache; ask for it again.")
    return result


def _raw(values: Floats, keep: str, more: dict[str, str] | None = None) -> Response:
    headers = {"Cache-Control": keep, "X-Shape": ",".join(map(str, values.shape)), **(more or {})}
    return Response(values.astype("<f4").tobytes(), mimetype="application/octet-stream", headers=headers)


def _asked(engine: Engine, digests: tuple[str, str | None], kind: type[A], name: str) -> A:
    """One result, or the first minus the second."""
    first, *rest = (_found(engine, digest, kind) for digest in digests if digest is not None)
    _same_shape(*(getattr(each, name).shape for each in (first, *rest)))
    return difference(first, rest[0]) if rest else first


def _same_shape(*shapes: tuple[int, ...]) -> None:
    if len(set(shapes)) > 1:
        raise BadInput("These two results have different shapes, so their difference means nothing.")


def _found(engine: Engine, digest: str, kind: type[A]) -> A:
    result = engine.result(digest)
    if not isinstance(result, kind):
        raise NotThere("There is no such reading of attention of this digest in the cache; ask for it again.")
    return result


def _map(result: AttentionPatternResult | AttentionWeightsResult, layer: int, head: int, name: str) -> Floats:
    """One head's part of an array: `[dest_pos src_pos]` of a pattern, `[src_pos]` of weights."""
    values = getattr(result, name)
    if layer not in result.layers or not head < values.shape[1]:
        raise BadSite(f"This result has no L{layer}H{head}.")
    return np.ascontiguousarray(values[result.layers.index(layer), head])


_WINDOW = {"rows": None, "columns": None, "fit": None}
_OF_RESULTS: tuple[tuple[str, Callable[..., Response], Mapping[str, str | None]], ...] = (
    ("/attention/<digest>/<int:layer>/<int:head>.png", _picture, {"theme": "light", **_WINDOW}),
    ("/attention/<digest>/<int:layer>/<int:head>.f32", _numbers, _WINDOW),
    ("/attention/<digest>/weights/<int:layer>/<int:head>/<name>.f32", _weights, {}),
    ("/attention/<digest>/thumbnails.u8", _thumbnails, {}),
    ("/sweep/<digest>/<metric>.f32", _effects, {"read": "effect"}),
    ("/heads/<digest>/<quantity>.f32", _heads, {"metric": "logit_diff"}),
    ("/heads/<digest>/tokens.json", _tokens, {"prompt": "0"}),
)
"""Address, what answers it, and what its query may say, by default. `minus` and `quiet` are understood by all."""


def _refusing(answer: Callable[[], Response], quiet: bool = False) -> Response:
    """The answer, or a refusal in words that no browser keeps; `quiet`: no words where the result is not there."""
    try:
        return answer()
    except MicrotomeError as error:
        if quiet and isinstance(error, NotThere):
            return Response(status=204, headers={"Cache-Control": "no-store"})
        code = 404 if isinstance(error, NotThere | BadSite) else 400
        return Response(str(error), code, mimetype="text/plain", headers={"Cache-Control": "no-store"})


def _json(value: Any) -> Response:
    return Response(json.dumps(value), mimetype="application/json", headers={"Cache-Control": "no-store"})
