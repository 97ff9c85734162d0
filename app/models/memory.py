"""Will it fit? Estimated from the headers of the weight files before anything is loaded.

peak bytes = parameters x bytes per parameter x copies. Copies: 1.3 for raw weights (the model and what loading holds
beside it); processing weights keeps old and new ones side by side for a while (2.9 measured on SmolLM2).
"""

import json
import math
import struct
from pathlib import Path

import psutil

from app.domain.errors import ModelError
from app.domain.models import DType, Processing

BYTES: dict[DType, int] = {"float32": 4, "bfloat16": 2, "float16": 2}
COPIES: dict[Processing, float] = {"raw": 1.3, "compatibility": 3.0}
_CGROUP_LIMIT, _CGROUP_USED = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
_LARGEST_HEADER = 100_000_000


def peak_bytes(parameters: int, dtype: DType, processing: Processing) -> int:
    """Memory at the worst moment of loading."""
    return int(parameters * BYTES[dtype] * COPIES[processing])


def require(parameters: int, dtype: DType, processing: Processing, title: str, available: int) -> None:
    """Refuse a model that would not fit, with both numbers and the choices that need less."""
    needed = peak_bytes(parameters, dtype, processing)
    if needed <= available:
        return
    less = "raw weights" if processing == "compatibility" else "a smaller model"
    raise ModelError(
        f"{title} needs about {_gb(needed)} of memory while it loads ({parameters / 1e6:.0f} million parameters, "
        f"{dtype}, {processing} weights) and {_gb(available)} are free; choose {less}, or close other programs."
    )


def available_bytes() -> int:
    """Free memory of this machine, or of the container where that is less."""
    machine = int(psutil.virtual_memory().available)
    try:
        limit, used = _CGROUP_LIMIT.read_text().strip(), int(_CGROUP_USED.read_text())
    except (OSError, ValueError):
        return machine
    return min(machine, int(limit) - used) if limit.isdigit() else machine


def count_parameters(files: tuple[Path, ...]) -> int:
    """Parameters in weight files: exactly from safetensors headers; from the size, as if float32, for others."""
    return sum(_in_safetensors(file) if file.suffix == ".safetensors" else file.stat().st_size // 4 for file in files)


def _in_safetensors(file: Path) -> int:
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            if length > _LARGEST_HEADER:
                raise ValueError("header length")
            header = json.loads(opened.read(length))
        return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"The weight file {file.name} is damaged (unreadable header); get it again.") from error


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
