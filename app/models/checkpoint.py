"""A checkpoint: a local folder in Hugging Face layout and what identifies its content. Every source but a live
bridge and the ground truth becomes one before anything is loaded. Needs no torch.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.domain.errors import ModelError
from app.domain.models import ModelSpec
from app.models.converted import file_hash
from app.models.folders import models_folder

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Checkpoint:
    """`weights` identifies the content: a hash, or a Hugging Face name with its commit. `revision` is for people."""

    folder: Path
    weights: str
    revision: str


def from_folder(spec: ModelSpec, home: Path | None, tell: Tell) -> Checkpoint:
    """A folder the person has; identified by hashing what is in it."""
    folder = Path(spec.name).expanduser()
    if not folder.is_dir():
        raise ModelError(f"There is no folder {spec.name!r}; check the path.")
    files = (require_config(folder), *weight_files(folder), *_tokenizer_files(folder))
    hashes = _Hashes(models_folder(home) / "hashes.json")
    tell("checking the files")
    known = {file.name: hashes.of(file) for file in files}
    weights = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
    return Checkpoint(folder, weights, f"sha256:{weights[:12]}")


def require_config(folder: Path) -> Path:
    """config.json, or a sentence that says what a model folder is."""
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"{folder} has no config.json, so it is not a model folder; give one written by `save_pretrained`, with "
            "config.json, model.safetensors and the tokenizer's files."
        )
    return folder / "config.json"


def weight_files(folder: Path) -> tuple[Path, ...]:
    """safetensors files; pytorch_model*.bin only where there are none (read with `weights_only`)."""
    for pattern in ("*.safetensors", "pytorch_model*.bin"):
        found = tuple(sorted(folder.glob(pattern)))
        if found:
            return found
    raise ModelError(f"{folder} has no weights (model.safetensors); get the file and try again.")


def _tokenizer_files(folder: Path) -> tuple[Path, ...]:
    names = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "merges.txt")
    return tuple(folder / name for name in names if (folder / name).is_file())


class _Hashes:
    """Hashes remembered by path, size and modification time, so that large files are hashed once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._known: dict[str, str] = dict(json.loads(file.read_bytes()))
        except (OSError, ValueError, TypeError):
            self._known = {}

    def of(self, path: Path) -> str:
        """SHA-256 of the file."""
        stat = path.stat()
        key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
        if key not in self._known:
            self._known[key] = file_hash(path)
            self._file.parent.mkdir(parents=True, exist_ok=True)
            half = self._file.with_suffix(".partial")
            half.write_text(json.dumps(self._known), encoding="utf-8")
            half.replace(self._file)
        return self._known[key]
