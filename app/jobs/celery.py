"""Many machines: the same recipes, evaluated by Celery workers, with results shared in Redis.

    MICROTOME_REDIS=redis://host:6379/0 python -m app.jobs.celery      one worker for one device

A task is a recipe's JSON; what it returns is the result's digest. Results are bytes in Redis under that digest
(`cache.packed`), so a worker's result is every worker's. Each worker has one Engine and one thread for tasks, so the
model is loaded once and never forked. Cancelling is a flag in Redis that the sweep's next report reads: killing the
process would unload the model. A task is acknowledged when it is done; if its worker dies, it goes to another after
`redeliver_after` seconds.

Not done here: one queue per model, splitting sweeps over workers, limits per user.
"""

import json
import time
from typing import Any

import redis
from celery import Celery

from app.analyses import ANALYSES
from app.cache import ResultCache
from app.compute.report import Report
from app.domain.errors import BadInput, Cancelled, MicrotomeError
from app.domain.recipes import AnyRecipe, parse_recipe, recipe_json
from app.domain.results import Result
from app.engine import Engine
from app.settings import Settings, read

KINDS = {row.kind: row.result for row in ANALYSES.values()}
TASK = "microtome.evaluate"
KEEP = 7 * 24 * 3600
"""Seconds that a result stays in Redis."""
POLL = 0.1
_PROGRESS, _CANCELLED = "microtome:progress:{}", "microtome:cancelled:{}"


class RedisStore:
    """Bytes by digest, shared by all who know the Redis."""

    def __init__(self, url: str) -> None:
        self._redis: Any = redis.Redis.from_url(url)

    def get(self, digest: str) -> bytes | None:
        """The bytes, None where there are none."""
        return self._redis.get(f"microtome:result:{digest}")

    def put(self, digest: str, raw: bytes) -> None:
        """Keep them for `KEEP` seconds."""
        self._redis.set(f"microtome:result:{digest}", raw, ex=KEEP)

    def remove(self, digest: str) -> None:
        """Forget them."""
        self._redis.delete(f"microtome:result:{digest}")

    def close(self) -> None:
        """Give the connections back."""
        self._redis.close()


def celery_app(url: str, redeliver_after: int = 3600) -> Celery:
    """The queue. JSON only: Celery's pickle is never accepted."""
    app = Celery("microtome", broker=url, backend=url)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        result_expires=KEEP,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"visibility_timeout": redeliver_after, "queue_order_strategy": "priority"},
    )
    return app


def add_task(app: Celery, engine: Engine, connection: Any) -> None:
    """Let this process do the work of the queue with this engine."""

    def evaluate(task: Any, recipe: str, urgent: bool) -> str:
        report = _reporter(connection, task.request.id)
        return engine.evaluate(parse_recipe(recipe), report, urgent).digest

    app.task(evaluate, bind=True, name=TASK, throws=(MicrotomeError,))


def _reporter(connection: Any, task: str) -> Report:
    """Progress into Redis; `Cancelled` once the flag is set."""

    def report(done: int, total: int, partial: Result | None = None) -> None:
        if connection.get(_CANCELLED.format(task)):
            raise Cancelled("Cancelled.")
        connection.set(_PROGRESS.format(task), json.dumps([done, total]), ex=KEEP)

    return report


class Workers:
    """Evaluate on whichever worker is free; means the same as `Engine.evaluate`."""

    def __init__(self, url: str, redeliver_after: int = 3600) -> None:
        self._app = celery_app(url, redeliver_after)
        self._redis: Any = redis.Redis.from_url(url)
        self._results = ResultCache(RedisStore(url), KINDS)

    def evaluate(self, recipe: AnyRecipe, report: Report | None = None, urgent: bool = True) -> Result:
        """Waits for a worker's result. Whatever `report` raises cancels the task and is raised."""
        asked = [recipe_json(recipe), urgent]
        task = self._app.send_task(TASK, asked, priority=0 if urgent else 9)
        try:
            self._wait(task, report)
        except BaseException:
            self._redis.set(_CANCELLED.format(task.id), b"1", ex=KEEP)
            task.revoke()  # drops it where it still waits; never terminates a process
            raise
        return self._fetched(task.get())

    def close(self) -> None:
        """Give the connections back."""
        self._app.close()
        self._results.close()
        self._redis.close()

    def _wait(self, task: Any, report: Report | None) -> None:
        while not task.ready():
            if report is not None:
                report(*json.loads(self._redis.get(_PROGRESS.format(task.id)) or "[0, 1]"))
            time.sleep(POLL)

    def _fetched(self, digest: str) -> Result:
        result = self._results.get(digest)
        if result is None:
            raise MicrotomeError("The result has left the shared cache before it could be read; ask again.")
        return result


def work(settings: Settings) -> None:
    """Be a worker until told to stop."""
    if settings.redis is None:
        raise BadInput("A worker needs MICROTOME_REDIS, like redis://host:6379/0.")
    app = celery_app(settings.redis, settings.redeliver_after)
    engine = Engine(settings, store=RedisStore(settings.redis))
    add_task(app, engine, redis.Redis.from_url(settings.redis))
    engine.start()
    quiet = ["--without-mingle", "--without-gossip", "--loglevel", "WARNING"]
    app.worker_main(["worker", "--pool", "threads", "--concurrency", "1", *quiet])


if __name__ == "__main__":
    work(read())
