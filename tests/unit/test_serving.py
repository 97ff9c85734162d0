"""The page answers at once, at the address it names, under its prefix, and before torch is imported."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from app.engine import Engine
from app.factory import create_app
from app.serving import address
from app.settings import Settings
from tests.environment import as_environment
from tests.loaded import tiny


def read(address: str) -> bytes:
    """What the address answers."""
    with urlopen(address, timeout=30) as answer:
        return answer.read()


def answers(address: str) -> bool:
    """Whether anything listens there."""
    try:
        return bool(read(f"{address}healthz"))
    except (URLError, ConnectionError):  # refused, or reset while it closes
        return False


def test_serve_in_a_thread_shows_the_page_of_this_engine(make_engine: Callable[..., Engine]) -> None:
    address = make_engine(model=tiny("gpt2")).serve()
    assert read(f"{address}healthz") == b"OK"
    assert b'"phase": "ready"' in read(f"{address}status")
    assert b"<title>Microtome</title>" in read(address)


def test_an_ipv6_address_can_be_opened_as_it_is_printed(settings: Settings) -> None:
    class Bound:
        effective_port = 8050

    assert address(Bound(), replace(settings, host="::1")) == "http://[::1]:8050/"
    assert address(Bound(), replace(settings, host="0.0.0.0")) == "http://127.0.0.1:8050/"


def test_closing_the_engine_ends_its_page(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(model=tiny("gpt2"))
    address = engine.serve()
    assert answers(address)
    engine.close()
    end = time.monotonic() + 30
    while answers(address) and time.monotonic() < end:
        time.sleep(0.01)
    assert not answers(address)


def test_everything_lies_under_the_prefix(make_engine: Callable[..., Engine], settings: Settings) -> None:
    engine = make_engine(settings=replace(settings, url_prefix="/lab/microtome/"), model=tiny("gpt2"))
    address = engine.serve()
    assert address.endswith("/lab/microtome/")
    assert read(f"{address}healthz") == b"OK"
    assert b'"phase"' in read(f"{address}status")
    with pytest.raises(URLError):
        read(address.replace("/lab/microtome/", "/status"))


def test_two_apps_in_one_process_do_not_mix(make_engine: Callable[..., Engine], settings: Settings) -> None:
    apps = [create_app(make_engine(model=tiny(name)), settings) for name in ("gpt2", "neox")]
    names = [app.server.test_client().get("/status").json["facts"]["title"] for app in apps]
    assert names == ["tiny-gpt2", "tiny-neox"]


def test_building_the_page_imports_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from app.engine import Engine; from app.factory import create_app; "
        f"from app.settings import Settings; s = Settings(cache=Path({str(tmp_path)!r})); create_app(Engine(s), s); "
        "print([name for name in ('torch', 'transformer_lens', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_command_prints_its_address_and_stops_when_terminated(settings: Settings) -> None:
    environment = {**os.environ, **as_environment(settings)}
    command = [sys.executable, "-m", "app", "serve"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        assert read(f"{address}healthz") == b"OK"
        process.send_signal(signal.SIGTERM)  # not SIGINT, which background shells ignore
        assert _ended(process) == 0


def _ended(process: Any) -> int:
    end = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    if process.poll() is None:
        process.kill()
    return process.wait(10)
