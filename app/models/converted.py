"""Model folders that Microtome writes itself, each with a manifest of hashes.

A folder appears in one step (written beside its place, then renamed), so no process ever sees half of one; a file
lock lets one process write while the others wait. Later starts compare sizes and modification times with the
manifest and hash again only what changed: 538 MB of weights are hashed once, not at every start. A folder that does
not match is written again, and that is said.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

MANIFEST = "manifest.json"
Tell = Callable[[str], None]


def converted(folder: Path, source: str, write: Callable[[Path], object], tell: Tell) -> Path:
    """The folder, sound and made from `source` (a hash); `write(empty_folder)` is called where it has to be made."""
    if fault(folder, source) is None:
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder, tell):
        reason = fault(folder, source)
        if reason is not None:
            if folder.exists():
                tell(f"{reason}; converting again")
            _replace(folder, source, write)
    return folder


def fault(folder: Path, source: str) -> str | None:
    """Why the folder cannot be used; None where it is sound."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if manifest["source"] != source:
            return f"{folder.name} was made from another file"
        changed = [name for name, known in manifest["files"].items() if not _unchanged(folder / name, known)]
    except (OSError, ValueError, KeyError, TypeError):
        return f"{folder.name} is incomplete"
    return f"{changed[0]} in {folder.name} is damaged" if changed else None


def content_hash(folder: Path) -> str:
    """SHA-256 over the hashes of all files in a sound folder: the weights, configuration and tokenizer."""
    files = json.loads((folder / MANIFEST).read_bytes())["files"]
    return hashlib.sha256(json.dumps({n: files[n]["sha256"] for n in sorted(files)}).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unchanged(path: Path, known: dict[str, Any]) -> bool:
    now = path.stat()
    if now.st_size != known["size"]:
        return False
    return now.st_mtime_ns == known["mtime_ns"] or file_hash(path) == known["sha256"]


@contextmanager
def _alone(folder: Path, tell: Tell) -> Iterator[None]:
    """Hold the folder's lock; says so where another process has it."""
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        tell("another process is converting this model; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _replace(folder: Path, source: str, write: Callable[[Path], object]) -> None:
    """Write beside, then rename; what an interrupted process left is removed. Called with the lock held."""
    for left in folder.parent.glob(f"{folder.name}.partial-*"):
        shutil.rmtree(left, ignore_errors=True)
    fresh = Path(tempfile.mkdtemp(prefix=f"{folder.name}.partial-", dir=folder.parent))
    try:
        write(fresh)
        (fresh / MANIFEST).write_text(json.dumps(_manifest(fresh, source), indent=2), encoding="utf-8")
        fresh.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _manifest(folder: Path, source: str) -> dict[str, Any]:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    known = {
        path.name: {"size": path.stat().st_size, "mtime_ns": path.stat().st_mtime_ns, "sha256": file_hash(path)}
        for path in files
    }
    return {"source": source, "files": known}
