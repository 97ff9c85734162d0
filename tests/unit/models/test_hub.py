"""Hugging Face names, against a small real server that answers as the hub does, in processes of their own (the hub
library reads its settings once)."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.unit.models.small import folder

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ASK = """
import sys
from pathlib import Path
from app.domain.errors import ModelError
from app.domain.models import ModelSpec
from app.models.hub import from_hub
try:
    found = from_hub(ModelSpec("huggingface", sys.argv[1]), None, lambda text: print("told:", text))
    print(found.weights, found.revision, *sorted(path.name for path in found.folder.iterdir()))
except ModelError as error:
    print(f"ModelError: {error}")
"""


class _Hub(BaseHTTPRequestHandler):
    """`org/tiny` exists, `org/gated` asks for a login, nothing else is there."""

    root: Path
    wanted: list[str]

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = self.path.split("?")[0]
        if "org/gated" in path:
            self._send(403, b"", {"X-Error-Code": "GatedRepo"})
        elif path == f"/api/models/org/tiny/tree/{COMMIT}":
            self._send(200, json.dumps(self._tree()).encode(), {})
        elif path.startswith("/api/models/org/tiny"):
            self._send(200, json.dumps(self._info()).encode(), {})
        elif path.startswith(f"/org/tiny/resolve/{COMMIT}/"):
            self._file(path.rsplit("/", 1)[1])
        else:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"})

    def _info(self) -> dict[str, object]:
        files = [{"rfilename": file.name, "size": file.stat().st_size} for file in sorted(self.root.iterdir())]
        return {"id": "org/tiny", "modelId": "org/tiny", "sha": COMMIT, "siblings": files, "tags": []}

    def _tree(self) -> list[dict[str, object]]:
        return [
            {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": _etag(file.read_bytes())}
            for file in sorted(self.root.iterdir())
        ]

    def _file(self, name: str) -> None:
        self.wanted.append(name)
        content = (self.root / name).read_bytes()
        self._send(200, content, {"ETag": _etag(content), "X-Repo-Commit": COMMIT})

    def _send(self, code: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def _etag(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@contextmanager
def _serving(root: Path) -> Iterator[tuple[str, list[str]]]:
    handler = type("Hub", (_Hub,), {"root": root, "wanted": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler.wanted
    finally:
        server.shutdown()
        server.server_close()


def _ask(name: str, cache: Path, **environment: str) -> str:
    plain = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    settings = {**plain, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    command = [sys.executable, "-c", ASK, name]
    done = subprocess.run(
        command, env={**settings, **environment}, capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout.strip()


def test_a_name_is_downloaded_once_and_identified_by_its_commit(tmp_path: Path) -> None:
    root = folder(tmp_path / "served")
    (root / "extra.h5").write_bytes(b"not wanted")
    with _serving(root) as (address, wanted):
        first = _ask("org/tiny", tmp_path / "cache", HF_ENDPOINT=address)
        asked = len(wanted)
        again = _ask("org/tiny", tmp_path / "cache", HF_ENDPOINT=address)
    assert first.splitlines()[0].startswith("told: downloading org/tiny")
    assert first.splitlines()[1].startswith(f"org/tiny@{COMMIT} {COMMIT} config.json")
    assert again == first.splitlines()[1]
    assert len(wanted) == asked
    assert "extra.h5" not in wanted


def test_a_cached_model_needs_no_network(tmp_path: Path) -> None:
    with _serving(folder(tmp_path / "served")) as (address, _):
        _ask("org/tiny", tmp_path / "cache", HF_ENDPOINT=address)
    assert _ask("org/tiny", tmp_path / "cache", HF_HUB_OFFLINE="1").startswith(f"org/tiny@{COMMIT}")


def test_an_interrupted_download_is_not_taken_for_a_model(tmp_path: Path) -> None:
    with _serving(folder(tmp_path / "served", max_shard_size="20KB")) as (address, _):
        first = _ask("org/tiny", tmp_path / "cache", HF_ENDPOINT=address).splitlines()[1]
        snapshot = next((tmp_path / "cache").glob("hub/models--org--tiny/snapshots/*"))
        next(iter(sorted(snapshot.glob("model-*.safetensors")))).unlink()
        again = _ask("org/tiny", tmp_path / "cache", HF_ENDPOINT=address).splitlines()
    assert again[0].startswith("told: downloading")
    assert again[1] == first


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("org/none", "There is no model 'org/none' on Hugging Face"),
        ("org/gated", "org/gated wants a login"),
        ("a/b/c", "'a/b/c' is not a Hugging Face name"),
    ],
)
def test_what_the_hub_refuses_is_refused_in_words(tmp_path: Path, name: str, sentence: str) -> None:
    with _serving(folder(tmp_path / "served")) as (address, _):
        assert _ask(name, tmp_path / "cache", HF_ENDPOINT=address).startswith(f"ModelError: {sentence}")


@pytest.mark.parametrize("how", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}])
def test_offline_and_not_cached_says_both(tmp_path: Path, how: dict[str, str]) -> None:
    said = _ask("org/tiny", tmp_path / "cache", **how)
    assert said.startswith("ModelError: org/tiny is not in the local Hugging Face cache and the hub cannot be reached")
