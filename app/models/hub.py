"""A Hugging Face name -> a local snapshot. A copy in the local cache is used as it is, without asking the hub, so
that a name means the same weights until another revision is asked for. Code in a repository is never run.
"""

import json
from pathlib import Path
from typing import Any

from app.domain.errors import ModelError
from app.domain.models import ModelSpec
from app.models.checkpoint import Checkpoint, Tell, weight_files
from app.models.memory import available_bytes, require

_SMALL = ("*.json", "tokenizer.model", "*.txt")


def from_hub(spec: ModelSpec, home: Path | None, tell: Tell) -> Checkpoint:
    """The snapshot's folder is named by its commit, which identifies the weights."""
    folder = _cached(spec) or _downloaded(spec, tell)
    return Checkpoint(folder, f"{spec.name}@{folder.name}", folder.name)


def _cached(spec: ModelSpec) -> Path | None:
    """A complete snapshot in the local cache, None where there is none."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(spec.name, "config.json", revision=spec.revision)
    except HFValidationError as error:
        raise ModelError(f"{spec.name!r} is not a Hugging Face name; write it as owner/model.") from error
    folder = Path(config).parent if isinstance(config, str) else None
    return folder if folder is not None and _complete(folder) else None


def _complete(folder: Path) -> bool:
    """Whether an interrupted download left any weights out; the index of a sharded model names its files."""
    try:
        there = {file.name for file in weight_files(folder)}
        indices = [json.loads(index.read_bytes())["weight_map"] for index in folder.glob("*.index.json")]
    except (ModelError, ValueError, KeyError):
        return False
    return not indices or any(set(index.values()) <= there for index in indices)


def _downloaded(spec: ModelSpec, tell: Tell) -> Path:
    import httpx2  # what huggingface_hub speaks through; its refused connections are no OSError
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        info = HfApi().model_info(spec.name, revision=spec.revision, files_metadata=True)
        wanted = _wanted(spec, info)
        tell(f"downloading {spec.name} ({sum(wanted.values()) / 1e6:.0f} MB)")
        return Path(snapshot_download(spec.name, revision=spec.revision, allow_patterns=[*wanted, *_SMALL]))
    except (OfflineModeIsEnabled, LocalEntryNotFoundError, HfHubHTTPError, httpx2.HTTPError, OSError) as error:
        raise ModelError(_why_not(spec, error)) from error


def _why_not(spec: ModelSpec, error: Exception) -> str:
    """What the hub's refusal means and what to do. A gated repository is a kind of one that is not found."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    if isinstance(error, GatedRepoError):
        return f"{spec.name} wants a login; accept its terms on its page, then run `hf auth login`."
    if isinstance(error, RevisionNotFoundError):
        return f"{spec.name} has no revision {spec.revision!r}; check it on the model's page."
    if isinstance(error, RepositoryNotFoundError):
        return f"There is no model {spec.name!r} on Hugging Face; check the spelling."
    return (
        f"{spec.name} is not in the local Hugging Face cache and the hub cannot be reached; connect this machine, "
        "or copy the model's folder here and give its path."
    )


def _wanted(spec: ModelSpec, info: Any) -> dict[str, int]:
    """Weight files and their sizes: safetensors, or .bin where there are none. Refuses what would not fit."""
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or () if "/" not in file.rfilename}
    for suffix in (".safetensors", ".bin"):
        wanted = {name: size for name, size in sizes.items() if name.endswith(suffix)}
        if wanted:
            parameters = (info.safetensors or {}).get("total") or sum(wanted.values()) // 4
            require(parameters, spec.dtype, spec.processing, spec.name, available_bytes())
            return wanted
    raise ModelError(f"{spec.name} has no weights that can be read (safetensors); choose another model.")
