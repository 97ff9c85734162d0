"""A GGUF file of the person's own -> a converted folder in the cache, named by the file's hash.

Llama-type files go through our own fast reader; everything else through transformers' loader, which knows more
architectures and takes about five times as long.
"""

from pathlib import Path
from typing import Any

from app.domain.errors import ModelError
from app.domain.models import ModelSpec
from app.models.checkpoint import Checkpoint, Tell
from app.models.converted import content_hash, converted, file_hash
from app.models.folders import models_folder

_MAGIC = b"GGUF"


def from_gguf(spec: ModelSpec, home: Path | None, tell: Tell) -> Checkpoint:
    """The converted folder of a GGUF file."""
    file = Path(spec.name).expanduser()
    if not file.is_file():
        raise ModelError(f"There is no file {spec.name!r}; check the path.")
    with file.open("rb") as opened:
        if opened.read(4) != _MAGIC:
            raise ModelError(f"{file.name} is not a GGUF file (it does not begin with GGUF); check the path.")
    tell("checking the file")
    source = file_hash(file)
    folder = models_folder(home) / f"{file.stem}-{source[:12]}"
    converted(folder, source, lambda fresh: _convert(file, fresh, tell), tell)
    return Checkpoint(folder, content_hash(folder), f"sha256:{source[:12]}")


def _convert(file: Path, fresh: Path, tell: Tell) -> None:
    from app.models import gguf_llama

    contents = _opened(file)
    tell(f"converting {file.name} to float32, once")
    try:
        if gguf_llama.readable(contents):
            gguf_llama.write(contents, fresh)
        else:
            _with_transformers(file, fresh)
    except (ValueError, KeyError, NotImplementedError, TypeError, AttributeError) as error:
        kind = contents.get("general.architecture", "unnamed")
        raise ModelError(
            f"{file.name} holds a {kind!r} model that cannot be converted ({error}); use the model's Hugging Face "
            "folder instead."
        ) from error


def _opened(file: Path) -> Any:
    from app.models.gguf_llama import Contents

    try:
        return Contents(file)
    except (ValueError, IndexError, KeyError, OSError, UnicodeDecodeError) as error:
        raise ModelError(f"The GGUF file {file.name} is damaged ({error}); get it again.") from error


def _with_transformers(file: Path, fresh: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name, "local_files_only": True}
    AutoTokenizer.from_pretrained(**where).save_pretrained(fresh)
    model: Any = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    model.hf_quantizer, model.is_quantized = None, False  # dequantized by now, but save_pretrained refuses the mark
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(fresh)
