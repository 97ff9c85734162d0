"""The models in memory: loaded on the compute thread, a few at a time, least recently used first out.

What a model says of itself (its facts) is remembered after it has left, so cached results need no model. An identical
wish while a model loads waits for the same load. A load that failed is tried again when asked for again, but not
within `RETRY` seconds, because a page asks for many things at once. Polling (app/routes.py) is not asking.
"""

import functools
import gc
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal

from app.domain.errors import MicrotomeError
from app.domain.models import ModelFacts, ModelSpec
from app.jobs.threads import ComputeThread

log = logging.getLogger(__name__)
RETRY = 5.0
Phase = Literal["starting", "loading", "ready", "failed"]


@dataclass(frozen=True)
class ModelStatus:
    """How far a model is: `starting` while libraries are imported, `failed` with the reason in `message`."""

    phase: Phase
    message: str
    facts: ModelFacts | None = None


class _Load:
    """One load: its future, what it says of its progress, and when it failed."""

    def __init__(self, retry: float = RETRY) -> None:
        self._retry = retry
        self.message = "Waiting for the compute thread."
        self.future: Future[Any] = Future()
        self.failed_at = 0.0

    def tell(self, message: str) -> None:
        """What the load does now."""
        self.message = message

    @property
    def error(self) -> BaseException | None:
        """Why it failed, None while it has not."""
        return self.future.exception() if self.future.done() and not self.future.cancelled() else None

    @property
    def stale(self) -> bool:
        """Whether to try again: dropped from the queue, or failed a while ago."""
        failed = self.error is not None and time.monotonic() - self.failed_at > self._retry
        return failed or self.future.cancelled()


class ResidentModels:
    """`load(spec, tell)` gives a LoadedModel; it runs on the compute thread only."""

    def __init__(
        self,
        thread: ComputeThread,
        load: Callable[[ModelSpec, Callable[[str], None]], Any],
        limit: int,
        retry: float = RETRY,
    ) -> None:
        self._thread, self._load, self._limit, self._retry = thread, load, limit, retry
        self._loads: OrderedDict[ModelSpec, _Load] = OrderedDict()
        self._facts: dict[ModelSpec, ModelFacts] = {}
        self._lock = threading.Lock()
        self.starting = True
        """Until the libraries are imported."""

    def keep(self, spec: ModelSpec, model: Any) -> None:
        """A model that is in memory anyway: a live bridge of a notebook."""
        entry = _Load()
        entry.future.set_result(model)
        self._loads[spec], self._facts[spec] = entry, model.facts

    def want(self, spec: ModelSpec) -> Future[Any]:
        """Begin loading where that is needed; never waits."""
        with self._lock:
            entry = self._loads.get(spec)
            if entry is None or entry.stale:
                entry = _Load(self._retry)
                entry.future = self._thread.submit(
                    functools.partial(self._loaded, spec, entry), name=f"loading {spec.name}"
                )  # may be refused
                self._loads[spec] = entry
            self._loads.move_to_end(spec)
            return entry.future

    def get(self, spec: ModelSpec) -> Any:
        """The loaded model; waits for it, and raises what made it fail."""
        return self.want(spec).result()

    def facts(self, spec: ModelSpec) -> ModelFacts:
        """What the model says of itself; waits where it was never loaded."""
        known = self._facts.get(spec)
        return known if known is not None else self.get(spec).facts

    def status(self, spec: ModelSpec) -> ModelStatus:
        """How far this model is; begins nothing."""
        entry, facts = self._loads.get(spec), self._facts.get(spec)
        if entry is not None and entry.error is not None:
            return ModelStatus("failed", _reason(entry.error))
        if facts is not None:
            return ModelStatus("ready", f"{facts.title} on {facts.device}", facts)
        if self.starting:
            return ModelStatus("starting", "Importing PyTorch and TransformerLens.")
        return ModelStatus("loading", entry.message if entry else "Not loaded yet.")

    def _loaded(self, spec: ModelSpec, entry: _Load) -> Any:
        """On the compute thread: make room, load, remember the facts."""
        self._make_room(spec)
        try:
            model = self._load(spec, entry.tell)
        except MicrotomeError:
            entry.failed_at = time.monotonic()
            raise
        except Exception:
            entry.failed_at = time.monotonic()
            log.exception("Loading %s failed", spec.name)
            raise
        self.starting = False
        self._facts[spec] = model.facts
        return model

    def _make_room(self, coming: ModelSpec) -> None:
        """Forget the least recently used models, before the next one takes memory; live bridges stay."""
        with self._lock:
            loaded = [s for s, e in self._loads.items() if s != coming and s.source != "live" and e.future.done()]
            leaving = loaded[: max(0, len(loaded) - self._limit + 1)]
            for spec in leaving:
                del self._loads[spec]
        if leaving:
            gc.collect()  # bridges hold cycles, so their weights would linger


def _reason(error: BaseException) -> str:
    """A refusal speaks for itself; a bug says its name, and its traceback is in the log."""
    return str(error) if isinstance(error, MicrotomeError) else f"A bug: {type(error).__name__}: {error}"
