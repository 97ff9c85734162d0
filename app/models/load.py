"""A spec -> a model in memory: found or converted, opened, processed as asked, gradients off, in eval mode.

torch and TransformerLens are imported inside the functions, so that this module costs nothing until it is used.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.domain.errors import ModelError
from app.domain.models import ModelSpec, Source
from app.models import bundled, checkpoint, gguf_file, hub
from app.models.background import BACKGROUND
from app.models.catalogue import GROUND_TRUTH, SMOLLM2, resolve, title_of
from app.models.facts import facts_of
from app.models.loaded import LoadedModel
from app.models.tokens import document_separator

Tell = Callable[[str], None]
_CHECKPOINTS: dict[Source, Callable[[ModelSpec, Path | None, Tell], checkpoint.Checkpoint]] = {
    "bundled": bundled.from_package,
    "huggingface": hub.from_hub,
    "folder": checkpoint.from_folder,
    "gguf": gguf_file.from_gguf,
}


def _silent(_: str) -> None:
    """Tell nobody."""


def load(spec: ModelSpec, *, device: str | None = None, tell: Tell = _silent, home: Path | None = None) -> LoadedModel:
    """The model ready to run. Every refusal is a `ModelError`; `tell` hears what is being done."""
    spec = resolve(spec, home)
    title = title_of(spec, home)
    if spec.source == "bundled" and spec.name == GROUND_TRUTH:
        return _ground_truth(spec, title, chosen_device(device))
    found = _checkpoint(spec, home, tell)
    tell(f"loading {title}")
    from app.models.pretrained import open_checkpoint

    with _quiet():
        bridge, tokenizer = open_checkpoint(found, spec, title, chosen_device(device))
        _prepare(bridge, spec, title, tell)
    return _loaded(bridge, tokenizer, spec, title, found.weights, found.revision, BACKGROUND)


def live(
    bridge: Any, *, tokenizer: Any = None, title: str = "live model", prepend_bos: bool = True,
    background: tuple[str, ...] = BACKGROUND,
) -> LoadedModel:  # fmt: skip
    """A bridge from a notebook, as it is: its processing is read from it and its weights are hashed. It is put into
    eval mode and its gradients are turned off, because training mode gives other numbers."""
    tokenizer = tokenizer or getattr(bridge, "tokenizer", None)
    if tokenizer is None:
        raise ModelError("The live model has no tokenizer; give it one first: bridge.tokenizer = ….")
    processing = "compatibility" if bridge.compatibility_mode else "raw"
    dtype: Any = str(bridge.cfg.dtype).removeprefix("torch.")
    spec = ModelSpec("live", title, processing=processing, dtype=dtype, prepend_bos=prepend_bos)
    _freeze(bridge)
    weights = live_hash(bridge, tokenizer, background)
    return _loaded(bridge, tokenizer, spec, title, weights, "live", background)


def live_hash(bridge: Any, tokenizer: Any, background: tuple[str, ...]) -> str:
    """SHA-256 over what decides a live model's numbers: weights, constants (like the rotary base, which is no weight),
    how text becomes ids, and the reference texts."""
    config: Any = getattr(bridge.original_model, "config", None)
    constants = config.to_dict() if hasattr(config, "to_dict") else vars(bridge.cfg)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    reading = tokenizer.get_vocab() if backend is None else backend.to_str()
    parts = [weights_hash(bridge), constants, reading, background]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def weights_hash(bridge: Any) -> str:
    """SHA-256 over names and bytes of all weights as they are now."""
    import torch

    found = hashlib.sha256()
    for name, value in sorted(bridge.state_dict().items()):
        found.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        found.update(value.detach().contiguous().cpu().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def chosen_device(device: str | None = None) -> str:
    """The given device, checked; otherwise CUDA, then MPS, then CPU."""
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device is None:
        return next(name for name, is_there in there.items() if is_there)
    kind = device.split(":")[0]
    if not there.get(kind, False):
        usable = ", ".join(name for name, is_there in there.items() if is_there)
        raise ModelError(f"The device {device!r} is not there; use one of {usable}.")
    return device


def _checkpoint(spec: ModelSpec, home: Path | None, tell: Tell) -> checkpoint.Checkpoint:
    if spec.source == "live":
        raise ModelError("A live model is handed over from Python, as Engine(model=bridge); it has no name to load.")
    if spec.source == "bundled" and spec.name != SMOLLM2:
        raise ModelError(f"There is no bundled model {spec.name!r}; they are {SMOLLM2}, {GROUND_TRUTH}.")
    try:
        return _CHECKPOINTS[spec.source](spec, home, tell)
    except OSError as error:
        raise ModelError(f"{spec.name} cannot be read or its converted copy written: {error}.") from error


def _ground_truth(spec: ModelSpec, title: str, device: str) -> LoadedModel:
    from app.models import ground_truth_model as known
    from app.models.converted import file_hash

    bridge = known.trained_bridge(device)
    if spec.dtype != "float32":
        raise ModelError(f"{title} is small enough for float32 everywhere; choose dtype float32.")
    _prepare(bridge, spec, title, _silent)
    weights = file_hash(known.FOLDER / "model.safetensors")
    tokenizer = known.trained_tokenizer()
    return _loaded(bridge, tokenizer, spec, title, weights, f"sha256:{weights[:12]}", known.background())


def _prepare(bridge: Any, spec: ModelSpec, title: str, tell: Tell) -> None:
    """Process the weights where asked; then nothing may change any more."""
    if not getattr(bridge.blocks[0], "attn", None):
        raise ModelError(f"{title} has layers without attention heads, which the views need; choose a transformer.")
    if spec.processing == "compatibility":
        tell(f"folding and centring the weights of {title}")
        try:
            bridge.enable_compatibility_mode(disable_warnings=True)
        except (RuntimeError, NotImplementedError) as error:
            raise ModelError(f"{title} cannot be had with compatibility weights ({error}); choose raw.") from error
    _require_finite(bridge, spec, title)
    _freeze(bridge)


def _freeze(bridge: Any) -> None:
    bridge.eval()
    for parameter in bridge.parameters():
        parameter.requires_grad_(False)


def _loaded(
    bridge: Any, tokenizer: Any, spec: ModelSpec, title: str, weights: str, revision: str, background: tuple[str, ...]
) -> LoadedModel:
    bos = document_separator(tokenizer)
    bos_token = None if bos is None else str(tokenizer.convert_ids_to_tokens(bos))
    facts = facts_of(bridge, spec, title=title, weights=weights, revision=revision, bos_token=bos_token)
    return LoadedModel(bridge, tokenizer, replace(facts, title=title), bos, background)


def _require_finite(bridge: Any, spec: ModelSpec, title: str) -> None:
    """float16 ends at 65,504: a weight beyond it would have become infinite."""
    import torch

    if spec.dtype != "float32" and not all(bool(torch.isfinite(value).all()) for value in bridge.parameters()):
        raise ModelError(f"{title} has weights that {spec.dtype} cannot hold; choose bfloat16 or float32.")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' progress bar and one remark of TransformerLens, neither of which the page can use."""
    from transformers.utils import logging as hf_logging

    bar = hf_logging.is_progress_bar_enabled()
    hf_logging.disable_progress_bar()
    root, mute = logging.getLogger(), _CentringRemark()
    root.addFilter(mute)
    try:
        yield
    finally:
        root.removeFilter(mute)
        if bar:
            hf_logging.enable_progress_bar()


class _CentringRemark(logging.Filter):
    """Drops one line: that the unembedding of a soft-capped model is not centred, which is as it should be."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is kept."""
        return "incompatible with logit softcapping" not in record.getMessage()
