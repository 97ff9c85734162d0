"""Tuned lenses from local folders: one affine translator per layer, as the tuned-lens repository saves them.

The folder has `config.json` (`base_model_name_or_path, d_model, num_hidden_layers, bias, lens_type`) and the weights,
`params.pt` or `params.safetensors`: `{layer}.weight` [d_model d_model] and `{layer}.bias` [d_model] of a linear map
that is added to its input. Translator l reads what stands before block l: the embedding for l = 0, resid_post of layer
l - 1 else; the last resid_post has none, because it is the model's own output. `params.pt` is read with
`torch.load(weights_only=True)`, which runs nothing that a file says.
Source: Belrose et al. 2023 (https://arxiv.org/abs/2303.08112), `tuned_lens.nn.lenses.TunedLens`.
Not done: training one.
"""

import functools
import hashlib
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from app.domain.errors import BadRecipe
from app.domain.models import ModelFacts
from app.domain.recipes import plain_json
from app.models.folders import Stamp, stamp

PARAMS = ("params.safetensors", "params.pt")
_NAMED = ("listed", "bundled", "huggingface")
"""Sources whose models are called what others call them."""


@dataclass(frozen=True, eq=False)
class TunedLens:
    """Float32 translators; `translated` is h + A_l h + b_l."""

    name: str
    weights: Float[Tensor, "layer d_model d_model"]
    biases: Float[Tensor, "layer d_model"]

    @property
    def nbytes(self) -> int:
        """Memory of the translators."""
        return self.weights.nbytes + self.biases.nbytes

    def translated(self, stream: Float[Tensor, "... d_model"], layer: int) -> Float[Tensor, "... d_model"]:
        """What stands before block `layer`, as the last block would leave it; as it is after the last one."""
        if layer == len(self.weights):
            return stream
        return stream + stream @ self.weights[layer].T + self.biases[layer]


def fingerprint(folder: str) -> str:
    """SHA-256 of the weights."""
    return _hashed(stamp(params_file(folder)))


@functools.lru_cache(64)
def _hashed(params: Stamp) -> str:
    """Read again only where it has changed: a page asks at every news of its model."""
    with Path(params[0]).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_tuned_lens(folder: str, facts: ModelFacts, expected: str) -> TunedLens:
    """The lens of this fingerprint for this model; refuses whatever else is there."""
    path, found = params_file(folder), fingerprint(folder)
    if expected != found:
        given = f"fingerprint is {expected}" if expected else "the recipe has no fingerprint"
        raise BadRecipe(f"The weights in {path} have the SHA-256 {found} and {given}; give theirs as fingerprint.")
    _check_config(_config(path.parent), facts, path.parent)
    weights, biases = _translators(_state(path), facts, path)
    return TunedLens(path.parent.name, weights.to(facts.device), biases.to(facts.device))


def check_stream(facts: ModelFacts, centres: bool) -> None:
    """Refuse processing that changes the stream which translators were trained on."""
    if centres and facts.spec.processing == "compatibility":
        raise BadRecipe(
            f"Compatibility processing takes the mean off the residual stream of {facts.title} (LayerNorm), and a "
            "tuned lens was trained on the stream as it is; choose raw weights."
        )


def params_file(folder: str) -> Path:
    """The file of the weights; refuses a folder without one."""
    path = Path(folder).expanduser()
    found = next((path / name for name in PARAMS if (path / name).is_file()), None)
    if found is None:
        raise BadRecipe(
            f"There is no tuned lens in {folder}: give a folder with config.json and {' or '.join(PARAMS)}."
        )
    return found


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = plain_json((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadRecipe(f"config.json in {folder} cannot be read ({error}); save the lens again.") from error
    if not isinstance(config, dict):
        raise BadRecipe(f"config.json in {folder} is no JSON object; save the lens again.")
    return config


def _check_config(config: dict[str, Any], facts: ModelFacts, folder: Path) -> None:
    kind = config.get("lens_type", "linear_tuned_lens")
    if kind != "linear_tuned_lens":
        raise BadRecipe(f"The lens in {folder} is a {kind}; give one of type linear_tuned_lens.")
    for name, own in (("d_model", facts.d_model), ("num_hidden_layers", facts.n_layers)):
        if config.get(name) != own:
            raise BadRecipe(
                f"The lens in {folder} has {name} = {config.get(name)} and {facts.title} {own}; give one made for it."
            )
    base = str(config.get("base_model_name_or_path", ""))
    if facts.spec.source in _NAMED and base and _last(base) != _last(facts.spec.name):
        raise BadRecipe(
            f"The lens in {folder} was made for {base} and the model is {facts.spec.name}; give one made for it, or "
            "correct base_model_name_or_path in its config.json where that is the same model."
        )


def _last(name: str) -> str:
    return name.rstrip("/").rsplit("/", 1)[-1].casefold()


def _state(path: Path) -> dict[str, Tensor]:
    """The tensors of the file by name."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError, SafetensorError) as error:
        raise BadRecipe(
            f"{path} is damaged or holds more than weights ({type(error).__name__}); save it again."
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise BadRecipe(f"{path} is no state dict of translators; save the lens again.")
    return state


def _translators(state: dict[str, Tensor], facts: ModelFacts, path: Path) -> tuple[Tensor, Tensor]:
    """Weights and biases of all layers; a lens without biases has zeros."""
    width, none = facts.d_model, torch.zeros(facts.d_model)
    wanted = {f"{layer}.weight": (width, width) for layer in range(facts.n_layers)}
    wanted |= {name: (width,) for layer in range(facts.n_layers) if (name := f"{layer}.bias") in state}
    for name, shape in wanted.items():
        if name not in state or state[name].shape != shape:
            has = f"of shape {tuple(state[name].shape)}" if name in state else "missing"
            raise BadRecipe(f"{name} in {path} is {has}, and {facts.title} needs {shape}; give a lens made for it.")
    found = {name: state[name].float() for name in wanted}
    if not all(torch.isfinite(value).all() for value in found.values()):
        raise BadRecipe(f"{path} holds numbers that are not finite; save the lens again.")
    weights = torch.stack([found[f"{layer}.weight"] for layer in range(facts.n_layers)])
    return weights, torch.stack([found.get(f"{layer}.bias", none) for layer in range(facts.n_layers)])
