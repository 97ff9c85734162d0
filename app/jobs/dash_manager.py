"""Dash's background callbacks on threads of this process: same `background=True` API, no fork, one shared model.

Dash's own DiskcacheManager forks, and a child forked after torch has run hangs at its first parallel operation. Here
a job is a thread that waits for the engine; the computing is done, and bounded, by the engine's one compute thread.
Every call is a job of its own, so two pages never share progress or cancel each other. Cancelling is cooperative: the
job's next `set_progress` raises `Cancelled`.

This is the only module that touches Dash's semi-private classes; tests/unit/jobs/test_dash_manager.py is the contract
that fails loudly when a Dash upgrade changes them.
"""

import itertools
import threading
import time
import traceback
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

from dash._callback_context import context_value
from dash._utils import AttributeDict
from dash.background_callback._proxy_set_props import ProxySetProps
from dash.background_callback.managers import BaseBackgroundCallbackManager
from dash.exceptions import PreventUpdate

from app.answered import Answered, listening, note
from app.domain.errors import Busy, Cancelled

_NO_UPDATE = {"_dash_no_update": "_dash_no_update"}
FORGET_AFTER = 300.0
"""Seconds without a question after which a job is cancelled: its page was closed. Pages ask every second, hidden ones
at least every minute."""


@dataclass(eq=False)
class Job:
    """One call of one page, abandoned when the page has not asked for it in `patience` seconds."""

    id: str
    patience: float
    asked: float = field(default_factory=time.monotonic)
    cancelled: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    progress: list[Any] | None = None
    props: dict[str, dict[str, Any]] = field(default_factory=dict)
    result: Any = None
    fetched: bool = False
    answered: list[Answered] = field(default_factory=list)
    """By the engine, within the job; noted again where the result is fetched."""

    @property
    def abandoned(self) -> bool:
        """Whether the page has gone."""
        return time.monotonic() - self.asked > self.patience

    def set_progress(self, value: Any) -> None:
        """What the callback calls `set_progress`; raises `Cancelled` once the page has cancelled or gone."""
        if self.cancelled.is_set() or self.abandoned:
            raise Cancelled("Cancelled.")
        self.progress = list(value) if isinstance(value, list | tuple) else [value]


class ThreadManager(BaseBackgroundCallbackManager):
    """At most `limit` jobs at once. Methods and their meaning are Dash's."""

    def __init__(self, limit: int = 64, forget_after: float = FORGET_AFTER) -> None:
        self._limit, self._forget_after = limit, forget_after
        self._jobs: dict[str, Job] = {}
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._secret: bytes | None = None
        super().__init__(cache_by=None)

    def build_cache_key(self, fn: Any, args: Any, cache_args_to_ignore: Any, triggered: Any) -> str:
        """A new key per call: what is shared is results, in the engine, not jobs."""
        return f"call-{next(self._numbers)}"

    def make_job_fn(self, fn: Callable[..., Any], progress: Any, key: Any = None) -> Callable[..., None]:
        """The callback as something a thread can run."""

        def run(job: Job, args: Any, context: Any) -> None:
            _enter(job, context, self._lock)
            before = (job.set_progress,) if progress else ()
            try:
                with listening() as job.answered:
                    job.result = fn(*before, **args) if isinstance(args, dict) else fn(*before, *_listed(args))
            except (PreventUpdate, Cancelled):
                job.result = _NO_UPDATE
            except Exception as error:  # noqa: BLE001  # Dash raises it in the page's next request, so it is logged there
                job.result = {"background_callback_error": {"msg": str(error), "tb": traceback.format_exc()}}
            finally:
                job.done.set()

        return run

    def call_job_fn(self, key: str, job_fn: Callable[..., None], args: Any, context: Any) -> str:
        """Start a job; `Busy` where too many run."""
        job = Job(key, self._forget_after)
        with self._lock:
            self._forget()
            if len(self._jobs) >= self._limit:
                raise Busy(f"{len(self._jobs)} background jobs run already; try again when some have finished.")
            self._jobs[job.id] = job
        run = copy_context().run
        threading.Thread(target=run, args=(job_fn, job, args, context), name=f"job-{key}", daemon=True).start()
        return job.id

    def terminate_job(self, job: str | None) -> None:
        """Ask the job to stop at its next `set_progress`. Dash calls this after a success too; then it is nothing."""
        found = self._jobs.get(job or "")
        if found is not None and not found.done.is_set():
            found.cancelled.set()

    def terminate_unhealthy_job(self, job: str | None) -> bool:
        """Threads share this process' health."""
        return False

    def job_running(self, job: str | None) -> bool:
        """False from the moment of cancelling, so that the page stops asking."""
        found = self._asked(job)
        return found is not None and not found.done.is_set() and not found.cancelled.is_set()

    def get_progress(self, key: str) -> list[Any] | None:
        """The newest progress, None before the first and after cancelling: it would be written over what the page says
        then."""
        found = self._asked(key)
        return found.progress if found and not found.cancelled.is_set() else None

    def result_ready(self, key: str) -> bool:
        """Whether the job has ended."""
        found = self._asked(key)
        return found is not None and found.done.is_set()

    def get_result(self, key: str, job: str | None) -> Any:
        """The result, once; UNDEFINED while there is none."""
        found = self._asked(key)
        if found is None or not found.done.is_set():
            return self.UNDEFINED
        found.fetched = True
        note(*found.answered)
        return found.result

    def get_updated_props(self, key: str | None) -> dict[str, Any]:
        """What the callback has set by `set_props` since the last question; the last one forgets the job."""
        with self._lock:
            found = self._jobs.get(key or "")
            if found is None:
                return {}
            props, found.props = found.props, {}
            if found.done.is_set() or found.cancelled.is_set():
                del self._jobs[found.id]
            return props

    def get_or_create_signing_secret(self, generate: Callable[[], bytes]) -> bytes:
        """One secret per process: handles of an earlier one are not valid here."""
        with self._lock:
            if self._secret is None:
                self._secret = generate()
            return self._secret

    def _asked(self, key: str | None) -> Job | None:
        found = self._jobs.get(key or "")
        if found is not None:
            found.asked = time.monotonic()
        return found

    def _forget(self) -> None:
        """Drop the jobs that no page will ask for again."""
        for job in tuple(self._jobs.values()):
            if job.abandoned or (job.done.is_set() and (job.fetched or job.cancelled.is_set())):
                job.cancelled.set()
                del self._jobs[job.id]


def _listed(args: Any) -> list[Any]:
    return list(args) if isinstance(args, list | tuple) else [args]


def _enter(job: Job, context: Any, lock: threading.RLock) -> None:  # type: ignore[valid-type]  # RLock is a function on 3.11
    """Make `ctx` and `set_props` work inside the job's thread."""

    def set_props(component: str, props: dict[str, Any]) -> None:
        with lock:
            job.props.setdefault(component, {}).update(props)

    entered = AttributeDict(**context)
    entered.ignore_register_page = False
    entered.updated_props = ProxySetProps(set_props)
    context_value.set(entered)
