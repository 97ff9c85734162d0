"""Attention by address: pictures, windows of exact numbers, weights of source tokens, thumbnails of every head."""

import hashlib
import json
from typing import TypeVar, cast, get_args

import numpy as np
from flask import Response

from app.domain.attention_results import AttentionWeightsResult
from app.domain.errors import BadInput, BadSite
from app.domain.results import AttentionPatternResult, Floats, difference
from app.domain.views import Style, Theme, WeightedBy
from app.engine import Engine
from app.figures.attention_png import attention_limit, attention_png
from app.figures.attention_thumbnails import thumbnails as small_maps
from app.figures.attention_windows import Window, reduced, window
from app.routes.answering import FOR_EVER, Digests, NotThere, raw

A = TypeVar("A", AttentionPatternResult, AttentionWeightsResult)


def picture(engine: Engine, digests: Digests, layer: int, head: int, theme: str, **given: str | None) -> Response:
    """A head's map as a PNG."""
    if theme not in get_args(Theme):
        raise BadInput(f"There is no theme {theme!r}; use light or dark.")
    signed = digests[1] is not None
    style = Style(cast(Theme, theme), "difference" if signed else "baseline")
    part = window(**given)
    shown = reduced(_part(engine, digests, layer, head, part), signed, part.most)
    png = attention_png(shown, attention_limit(style), signed, style.theme)
    return Response(png, mimetype="image/png", headers={"Cache-Control": FOR_EVER})


def numbers(engine: Engine, digests: Digests, layer: int, head: int, **given: str | None) -> Response:
    """A head's map as exact numbers."""
    return raw(_part(engine, digests, layer, head, window(**given)), FOR_EVER)


def _part(engine: Engine, digests: Digests, layer: int, head: int, part: Window) -> Floats:
    """A window of one head's pattern, or of the difference of two: cut first, because patterns of long prompts are
    large."""
    results = [_found(engine, digest, AttentionPatternResult) for digest in digests if digest is not None]
    _same_shape(*(each.pattern.shape for each in results))
    first, *rest = (part.cut(_map(each, layer, head, "pattern")) for each in results)
    return first - rest[0] if rest else first


def weights(engine: Engine, digests: Digests, layer: int, head: int, name: str) -> Response:
    """What every source token offers a head."""
    if name not in get_args(WeightedBy):
        raise BadInput(f"There are no attention weights {name!r}; use one of {', '.join(get_args(WeightedBy))}.")
    return raw(_map(_asked(engine, digests, AttentionWeightsResult, name), layer, head, name), FOR_EVER)


def thumbnails(engine: Engine, digests: Digests) -> Response:
    """`[layer head row column]`: what the page paints all heads from (assets/61-thumbnails.js)."""
    result = _asked(engine, digests, AttentionPatternResult, "pattern")
    small = small_maps(result.pattern, Style(show="baseline" if digests[1] is None else "difference"))
    headers = {
        "Cache-Control": FOR_EVER, "X-Shape": ",".join(map(str, small.shape)), "X-Run": _run(engine, digests),
        "X-Layers": ",".join(map(str, result.layers)),
    }  # fmt: skip
    return Response(small.tobytes(), mimetype="application/octet-stream", headers=headers)


def _run(engine: Engine, digests: Digests) -> str:
    """What results of different layers of the same run, or of the same two runs, have in common."""
    results = [_found(engine, digest, AttentionPatternResult) for digest in digests if digest is not None]
    asked = [(json.loads(each.recipe) | {"layers": None}, each.provenance.identity) for each in results]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def _asked(engine: Engine, digests: Digests, kind: type[A], name: str) -> A:
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
