"""Where models, the model list and remembered hashes live on this machine, and which other folders may be read.

`MICROTOME_HOME`, or the `home` given, holds everything; otherwise the system's own cache and configuration folders.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs

from app.domain.errors import BadInput

Stamp = tuple[str, int, int]
"""A file's place, size in bytes and time of its last change in ns: another content has another one."""


def models_folder(home: Path | None = None) -> Path:
    """Converted models."""
    return (_home(home) or platformdirs.user_cache_path("microtome")) / "models"


def list_file(home: Path | None = None) -> Path:
    """The models a person added with `python -m app models add`."""
    return (_home(home) or platformdirs.user_config_path("microtome")) / "models.json"


def _home(home: Path | None) -> Path | None:
    named = os.environ.get("MICROTOME_HOME")
    return home or (Path(named) if named else None)


def stamp(file: Path) -> Stamp:
    """What tells whether a file is still the one that was read."""
    found = file.stat()
    return str(file.resolve()), found.st_size, found.st_mtime_ns


def check_below(folder: str, roots: tuple[Path, ...] | None) -> None:
    """Refuse a folder that is not, links resolved, one of `roots` or below one; None allows any."""
    if roots is None or any(Path(folder).expanduser().resolve().is_relative_to(root) for root in roots):
        return
    below = f"below {', '.join(map(str, roots))}" if roots else "none at all"
    raise BadInput(
        f"{folder} is a folder that this server does not read: it reads {below}. Move it there, or start the server "
        "with --folders naming the ones that it may read."
    )


def folders_named(value: Any) -> Iterator[str]:
    """Every `folder` inside plain JSON values: of tuned lenses and of autoencoders."""
    if isinstance(value, dict):
        named = value.get("folder")
        if isinstance(named, str) and named:
            yield named
        for each in value.values():
            yield from folders_named(each)
    elif isinstance(value, list):
        for each in value:
            yield from folders_named(each)
