"""Settings, once: defaults < TOML file < `MICROTOME_*` environment < command line. Bad values are refused in words.

The file is `settings.toml` in the user's configuration folder (`~/.config/microtome/` on Linux), or the file named by
`MICROTOME_SETTINGS`. Names are the same everywhere: `cache_limit = 5000000000` in the file is
`MICROTOME_CACHE_LIMIT=5000000000` in the environment and `--cache-limit 5000000000` on the command line.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any, get_args

import platformdirs
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from app.domain.errors import BadInput
from app.domain.models import DType, ModelSpec, Processing, Source
from app.domain.session import DEFAULT_MODEL
from app.models.catalogue import entries

PREFIX = "MICROTOME_"
_ELSEWHERE = {"settings", "skips", "gpt2"}
"""Variables with our prefix that are no settings: where the settings file is, how the tests treat skips, and where they
find gpt2-small."""


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Settings:
    """Everything that can be set from outside. Sizes in bytes; `None` means: chosen by Microtome."""

    host: str = "127.0.0.1"
    port: int = 8050
    """0 takes any free port."""
    url_prefix: str = "/"
    """Path under which a reverse proxy shows the page, e.g. `/microtome/`."""
    open_browser: bool = False
    home: Path | None = None
    """Folder for models, the model list and the cache; None: the system's own places for caches and settings."""
    cache: Path | None = None
    """Folder of the result cache; None: `results` inside home."""
    cache_limit: int = 2_000_000_000
    views_limit: int = 200_000_000
    """Of all saved views together, in the folder `views` of the cache; they are never evicted."""
    model: str = DEFAULT_MODEL
    """A name from `models list`, a Hugging Face name, a local folder or a GGUF file."""
    folders: str | None = None
    """Folders, separated as in PATH, below which models, lenses and autoencoders that a page, link or recipe names are
    read; None: any where `host` is this machine alone, none where others can reach the page. Models of the list and
    `model` itself are always read."""
    device: str | None = None
    """`cpu`, `cuda`, `cuda:1`, `mps`; None: CUDA, then MPS, then CPU."""
    dtype: DType = "float32"
    processing: Processing = "compatibility"
    max_tokens: int = 2048
    """Longest prompt that is accepted, in tokens with BOS, where the model's context is no shorter."""
    queue_limit: int = 64
    """Computations that may wait before new ones are refused."""
    models_in_memory: int = 2
    sweep_memory: int = 2048
    """MiB that a sweep may take above the model."""
    redis: str | None = None
    """Where workers (`python -m app.jobs.celery`) get their work and keep results, like `redis://host:6379/0`."""
    redeliver_after: int = 3600
    """Seconds after which work that a worker has taken and not finished goes to another; longer than any sweep."""

    def __post_init__(self) -> None:
        least_of = {"cache_limit": 1_000_000, "views_limit": 1_000_000, "sweep_memory": 64}
        sizes = (
            "cache_limit",
            "views_limit",
            "max_tokens",
            "queue_limit",
            "models_in_memory",
            "sweep_memory",
            "redeliver_after",
        )
        for name in sizes:
            least = least_of.get(name, 1)
            if getattr(self, name) < least:
                raise BadInput(f"{name} = {getattr(self, name)} is too small; give at least {least}.")
        if not 0 <= self.port <= 65535:
            raise BadInput(f"port = {self.port} is not a port; give a number from 0 to 65535.")
        if not (self.url_prefix.startswith("/") and self.url_prefix.endswith("/")):
            raise BadInput(f"url_prefix = {self.url_prefix!r} must begin and end with a slash, like /microtome/.")

    @property
    def cache_folder(self) -> Path:
        """Where results are kept."""
        return self.cache or (self.home or platformdirs.user_cache_path("microtome")) / "results"

    @property
    def roots(self) -> tuple[Path, ...] | None:
        """`folders` as they are on disk; None = any."""
        if self.folders is None:
            return None if _only_here(self.host) else ()
        return tuple(Path(each).expanduser().resolve() for each in self.folders.split(os.pathsep) if each.strip())

    @property
    def spec(self) -> ModelSpec:
        """The model to start with, as asked for."""
        return ModelSpec(_source(self.model, self.home), self.model, processing=self.processing, dtype=self.dtype)


def _only_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _source(name: str, home: Path | None) -> Source:
    """A name of the list comes first; a path that exists is a folder or a GGUF file; the rest is on Hugging Face."""
    if name in {entry.name for entry in entries(home)}:
        return "listed"
    if Path(name).exists():
        return "folder" if Path(name).is_dir() else "gguf"
    return "huggingface"


_ADAPTER = TypeAdapter(Settings)
NAMES = tuple(field.name for field in fields(Settings))


def read(
    given: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None, file: Path | None = None
) -> Settings:
    """Merge the four sources; `given` is the command line, where None means not given."""
    environment = os.environ if environment is None else environment
    chosen = {
        **_from_file(file or _default_file(environment)),
        **_from_environment(environment),
        **{name: value for name, value in (given or {}).items() if value is not None},
    }
    return _validated(chosen)


def _default_file(environment: Mapping[str, str]) -> Path:
    named_file = environment.get(f"{PREFIX}SETTINGS")
    if named_file and not Path(named_file).is_file():
        raise BadInput(f"MICROTOME_SETTINGS names {named_file}, which is not a file; correct the path or unset it.")
    return Path(named_file) if named_file else platformdirs.user_config_path("microtome") / "settings.toml"


def _from_file(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"The settings file {file} is not TOML: {error}. Correct it or remove it.") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    ours = {name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name.startswith(PREFIX)}
    return {name: value for name, value in ours.items() if name not in _ELSEWHERE}


def _validated(chosen: Mapping[str, Any]) -> Settings:
    unknown = sorted(set(chosen) - set(NAMES))
    if unknown:
        raise BadInput(f"There is no setting {unknown[0]!r}; the settings are {', '.join(NAMES)}.")
    try:
        return _ADAPTER.validate_python(dict(chosen))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        choices = {"dtype": DType, "processing": Processing}.get(name)
        hint = (
            f"Use one of {', '.join(get_args(choices))}." if choices else f"The default is {getattr(Settings, name)}."
        )
        raise BadInput(f"{name} = {first['input']!r} cannot be used: {first['msg']}. {hint}") from error
