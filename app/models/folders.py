"""Where models, the model list and remembered hashes live on this machine.

`MICROTOME_HOME`, or the `home` given, holds everything; otherwise the system's own cache and configuration folders.
"""

import os
from pathlib import Path

import platformdirs


def models_folder(home: Path | None = None) -> Path:
    """Converted models."""
    return (_home(home) or platformdirs.user_cache_path("microtome")) / "models"


def list_file(home: Path | None = None) -> Path:
    """The models a person added with `python -m app models add`."""
    return (_home(home) or platformdirs.user_config_path("microtome")) / "models.json"


def _home(home: Path | None) -> Path | None:
    named = os.environ.get("MICROTOME_HOME")
    return home or (Path(named) if named else None)
