"""How far a model is, and what more interventions would do."""

import contextlib
import dataclasses
from typing import Any

from pydantic import TypeAdapter

from app.domain.errors import BadInput, Busy, MicrotomeError
from app.domain.models import ModelSpec
from app.domain.recipes import parse_json
from app.engine import Engine
from app.residents import ModelStatus
from app.trial import trial

_SPEC = TypeAdapter(ModelSpec)


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
        "queue": {"running": counters.running_names, "waiting": counters.waiting_names},
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


def tried_out(engine: Engine, given: Any) -> dict[str, Any]:
    """The trial, or why there is none: an answer either way, because browsers log every refusal as an error."""
    try:
        return trial(engine, given)
    except MicrotomeError as error:
        return {"problem": str(error), "again": not isinstance(error, BadInput)}
