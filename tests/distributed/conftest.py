"""A real Redis on a free loopback port and real worker processes, ended with the tests."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from app.jobs.celery import Workers
from app.settings import Settings
from tests.environment import as_environment


@pytest.fixture
def redis_url(tmp_path: Path, free_port: int) -> Iterator[str]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not on the PATH")
    options = [
        "--port",
        str(free_port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        str(tmp_path),
    ]
    with subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL) as server:
        url = f"redis://127.0.0.1:{free_port}/0"
        _wait_for(url)
        yield url
        server.terminate()


def _wait_for(url: str) -> None:
    end = time.monotonic() + 10
    with redis.Redis.from_url(url) as connection:
        while time.monotonic() < end:
            try:
                connection.ping()
            except redis.ConnectionError:
                time.sleep(0.02)
            else:
                return
    raise TimeoutError("redis-server does not answer")


@pytest.fixture
def start_worker(redis_url: str, settings: Settings) -> Iterator[Callable[[], Any]]:
    """`start_worker()` -> the process of one more worker on the ground-truth model."""
    started: list[subprocess.Popen[bytes]] = []
    environment = as_environment(replace(settings, redis=redis_url, redeliver_after=2))

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-W", "ignore", "-m", "app.jobs.celery"]
        started.append(subprocess.Popen(command, env={**os.environ, **environment, "OMP_NUM_THREADS": "1"}))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait(10)


@pytest.fixture
def workers(redis_url: str) -> Iterator[Workers]:
    """The side that asks."""
    found = Workers(redis_url, redeliver_after=2)
    yield found
    found.close()
