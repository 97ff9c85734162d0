"""A checkpoint folder -> a TransformerLens bridge and a tokenizer, through transformers' own model classes.

Nothing is fetched, no code from the folder is run, and pickled weights are read with `weights_only`. Weights that
are missing are an error here; transformers alone would fill them with random numbers.
"""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.domain.errors import ModelError
from app.domain.models import ModelSpec
from app.models.checkpoint import Checkpoint, require_config, weight_files
from app.models.memory import available_bytes, count_parameters, require

_LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


def open_checkpoint(checkpoint: Checkpoint, spec: ModelSpec, title: str, device: str) -> tuple[Any, Any]:
    """(bridge with the weights as published, tokenizer); refuses before loading what cannot work."""
    require_config(checkpoint.folder)
    parameters = count_parameters(weight_files(checkpoint.folder))
    require(parameters, spec.dtype, spec.processing, title, available_bytes())
    with _damage_named(title):
        config = _supported(checkpoint.folder, title)
        tokenizer = _tokenizer(checkpoint.folder, title)
        model = _weights(checkpoint.folder, config, spec.dtype)
    return _bridge(model.to(device), title), tokenizer


def _supported(folder: Path, title: str) -> Any:
    """The configuration, where TransformerLens has an adapter for its architecture."""
    from transformer_lens.factories.architecture_adapter_factory import SUPPORTED_ARCHITECTURES
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    try:
        config = AutoConfig.from_pretrained(folder, **_LOCAL)
    except ValueError as error:
        raise ModelError(
            f"{title} needs code that transformers does not have; code that comes with a model is never run. "
            "Choose a model whose architecture is built into transformers."
        ) from error
    names = tuple(config.architectures or ())
    if not any(n in SUPPORTED_ARCHITECTURES and n in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values() for n in names):
        named = names[0] if names else config.model_type
        raise ModelError(f"{title} is a {named}, which TransformerLens cannot open as a language model.")
    return config


def _tokenizer(folder: Path, title: str) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, **_LOCAL)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise ModelError(f"{title} has no readable tokenizer; copy its tokenizer.json into {folder}.") from error


def _weights(folder: Path, config: Any, dtype: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    loaded: Any = AutoModelForCausalLM.from_pretrained(
        folder,
        config=config,
        dtype=getattr(torch, dtype),
        attn_implementation="eager",
        weights_only=True,
        output_loading_info=True,
        **_LOCAL,
    )
    model, loading = loaded
    missing = sorted(loading["missing_keys"])
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    return model.eval()


def _bridge(model: Any, title: str) -> Any:
    """The bridge keeps no tokenizer: ids come from ours, so nothing is prepended behind our back."""
    from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_from_module

    return build_bridge_from_module(model, type(model).__name__, hf_config=model.config, model_name=title)


@contextmanager
def _damage_named(title: str) -> Iterator[None]:
    """What the loaders raise on broken files becomes one sentence."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError, pickle.UnpicklingError) as error:
        first = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ModelError(f"The files of {title} cannot be read ({first}); get them again.") from error
