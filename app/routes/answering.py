"""What every address about a result has in common: finding it, its bytes, and refusals in words."""

from collections.abc import Callable

from flask import Response

from app.domain.errors import BadLink, BadSite, MicrotomeError
from app.domain.results import Floats, Result
from app.engine import Engine

FOR_EVER = "public, max-age=31536000, immutable"
Digests = tuple[str, str | None]
"""Of a result, and of what is taken away from it."""


class NotThere(MicrotomeError):
    """A result that is not in the cache (any more)."""


def any_result(engine: Engine, digest: str) -> Result:
    """A result, or as much of it as there is."""
    result = engine.result(digest) or engine.partial(digest)
    if result is None:
        raise NotThere("There is no result of this digest in the cache; ask for it again.")
    return result


def whole(engine: Engine, digests: Digests) -> bool:
    """Whether all of these results are finished, so that browsers may keep them."""
    return all(engine.result(digest) is not None for digest in digests if digest is not None)


def raw(values: Floats, keep: str, more: dict[str, str] | None = None) -> Response:
    """Little-endian float32 with its shape."""
    headers = {"Cache-Control": keep, "X-Shape": ",".join(map(str, values.shape)), **(more or {})}
    return Response(values.astype("<f4").tobytes(), mimetype="application/octet-stream", headers=headers)


def refusing(answer: Callable[[], Response], quiet: bool = False) -> Response:
    """The answer, or a refusal in words that no browser keeps; `quiet`: no words where the result is not there."""
    try:
        return answer()
    except MicrotomeError as error:
        if quiet and isinstance(error, NotThere):
            return Response(status=204, headers={"Cache-Control": "no-store"})
        code = 404 if isinstance(error, NotThere | BadSite | BadLink) else 400
        return Response(str(error), code, mimetype="text/plain", headers={"Cache-Control": "no-store"})
