"""Sparse autoencoders from local folders, as SAELens saves them: `cfg.json` and `sae_weights.safetensors`.

Of the configuration these matter: `architecture`, `d_in`, `d_sae`, `hook_name` (in newer ones inside `metadata`),
`apply_b_dec_to_input`, `normalize_activations`, `k` (in older ones inside `activation_fn_kwargs`) and
`rescale_acts_by_decoder_norm` of topk. Factors that SAELens multiplies with as it runs are folded into the weights:
decoder norms, `scaling_factor`, and that of `expected_average_only_in`, which stands beside in activation_scaler.json
until training has ended. What is not known is refused, never guessed. Nothing pickled is read.
Source: SAELens, `sae_lens.loading.pretrained_sae_loaders`, `sae_lens.saes`.
"""

import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from app.domain.errors import BadRecipe
from app.domain.models import ModelFacts
from app.domain.recipes import plain_json
from app.domain.samples import Stream
from app.domain.sites import Site
from app.models.folders import Stamp, stamp
from app.models.sparse_autoencoder import SparseAutoencoder

CONFIG, WEIGHTS, SCALER = "cfg.json", "sae_weights.safetensors", "activation_scaler.json"
OWN = {
    "standard": ("b_enc",), "jumprelu": ("b_enc", "threshold"), "topk": ("b_enc",),
    "gated": ("b_gate", "b_mag", "r_mag"),
}  # fmt: skip
"""Architecture -> its weights beside W_enc, W_dec and b_dec."""
_HOOK = re.compile(r"blocks\.(\d+)\.(\w+)")
_STREAMS: dict[str, Stream] = {
    "hook_resid_pre": "resid_pre", "hook_resid_mid": "resid_mid", "hook_resid_post": "resid_post",
    "hook_attn_out": "attn_out", "hook_mlp_out": "mlp_out", "hook_in": "resid_pre", "hook_out": "resid_post",
}  # fmt: skip
_SMALLEST = 1e-8


@dataclass(frozen=True)
class _Config:
    """What the folder's configuration says, in one layout."""

    folder: Path
    given: dict[str, Any]

    def get(self, *names: str, default: Any = None) -> Any:
        """The first of these that there is, at the top or in the metadata."""
        inside = self.given.get("metadata")
        places = (self.given, inside if isinstance(inside, dict) else {})
        return next((place[name] for name in names for place in places if place.get(name) is not None), default)

    @property
    def architecture(self) -> str:
        """Older configurations call topk an activation function."""
        named = self.get("activation_fn", "activation_fn_str", default="relu")
        found = self.get("architecture", default="standard")
        if found == "standard" and named != "relu":
            found = named
        if not isinstance(found, str) or found not in OWN:
            raise BadRecipe(f"The autoencoder in {self.folder} is {found!r}; give one that is {', '.join(OWN)}.")
        return found

    @property
    def norm(self) -> str:
        """How activations are normalised."""
        found = self.get("normalize_activations", default=False)
        return str({False: "none", True: "expected_average_only_in"}.get(found, found))


def folder_fingerprint(folder: str) -> str:
    """SHA-256 of the configuration and the weights."""
    path = _path(folder)
    return _hashed(stamp(path / CONFIG), stamp(path / WEIGHTS))


@functools.lru_cache(64)
def _hashed(config: Stamp, weights: Stamp) -> str:
    """Read again only where one of them has changed: a page asks at every news of its model."""
    found = hashlib.sha256(Path(config[0]).read_bytes())
    with Path(weights[0]).open("rb") as file:
        while part := file.read(2**24):
            found.update(part)
    return found.hexdigest()


def read_autoencoder(folder: str, facts: ModelFacts, expected: str) -> SparseAutoencoder:
    """The autoencoder of this fingerprint for this model; refuses whatever else is there."""
    path, found = _path(folder), folder_fingerprint(folder)
    if expected != found:
        given = f"fingerprint is {expected}" if expected else "there is no fingerprint"
        raise BadRecipe(f"The autoencoder in {folder} has the SHA-256 {found} and {given}; give that as fingerprint.")
    config = _Config(path, _json(path / CONFIG))
    activation, layer = _place(config, facts)
    _check_width(config, facts)
    weights = _weights(config, facts)
    return SparseAutoencoder(
        path.resolve().name, config.architecture, activation, layer, weights.pop("W_enc"), weights.pop("W_dec"),  # pyright: ignore[reportArgumentType]  # checked
        weights.pop("b_dec"), weights, _k(config) if config.architecture == "topk" else 0,
        _checked_norm(config), bool(config.get("apply_b_dec_to_input", default=True)),  # pyright: ignore[reportArgumentType]
        str(config.get("model_name", default="")),
        centred=bool(_table(config, "model_from_pretrained_kwargs").get("center_writing_weights", False)),
    )  # fmt: skip


def folder_config(folder: str, facts: ModelFacts) -> dict[str, Any]:
    """Of the configuration what a program needs to do the same: `rescaled` by decoder norms, times a `factor`."""
    path = _path(folder)
    config = _Config(path, _json(path / CONFIG))
    topk = config.architecture == "topk"
    return {
        "hook": Site(*_place(config, facts)).hook_name, "architecture": config.architecture,
        "norm": _checked_norm(config), "k": _k(config) if topk else 0,
        "subtracts_b_dec": bool(config.get("apply_b_dec_to_input", default=True)),
        "rescaled": topk and bool(config.get("rescale_acts_by_decoder_norm")),
        "factor": _factor(config) if config.norm == "expected_average_only_in" else 1.0,
    }  # fmt: skip


def _path(folder: str) -> Path:
    path = Path(folder).expanduser()
    if not folder or not all((path / name).is_file() for name in (CONFIG, WEIGHTS)):
        raise BadRecipe(
            f"There is no sparse autoencoder in {folder or 'a folder without a name'}: give a folder with {CONFIG} and "
            f"{WEIGHTS}, as SAELens saves them."
        )
    return path


def _json(path: Path) -> dict[str, Any]:
    try:
        found = plain_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadRecipe(f"{path} cannot be read ({error}); save the autoencoder again.") from error
    if not isinstance(found, dict):
        raise BadRecipe(f"{path} is no JSON object; save the autoencoder again.")
    return found


def _place(config: _Config, facts: ModelFacts) -> tuple[Stream, int]:
    """The activation and layer of its hook; refuses hooks of another width and layers that the model has not."""
    name = config.get("hook_name", "hook_point", default="")
    match = _HOOK.fullmatch(str(name))
    if match is None or match[2] not in _STREAMS or config.get("hook_head_index") is not None:
        wanted = ", ".join(f"blocks.N.{each}" for each in list(_STREAMS)[:5])
        raise BadRecipe(f"The autoencoder in {config.folder} is of {name or 'no hook'!r}; give one of {wanted}.")
    layer, said = int(match[1]), config.get("hook_layer")
    if said is not None and said != layer:
        raise BadRecipe(f"{CONFIG} in {config.folder} says layer {said} and hook {name}; correct one of them.")
    if layer >= facts.n_layers:
        raise BadRecipe(
            f"The autoencoder in {config.folder} is of {name}, and {facts.title} has {facts.n_layers} layers (0 to "
            f"{facts.n_layers - 1}); give one made for it."
        )
    return _STREAMS[match[2]], layer


def _check_width(config: _Config, facts: ModelFacts) -> None:
    if config.get("d_in") != facts.d_model:
        raise BadRecipe(
            f"The autoencoder in {config.folder} has d_in = {config.get('d_in')}, and the residual stream of "
            f"{facts.title} has {facts.d_model}; give one made for it."
        )


def _checked_norm(config: _Config) -> str:
    """That is left to do as it runs: a constant factor is in the weights by now."""
    known = ("none", "layer_norm", "constant_norm_rescale", "expected_average_only_in")
    if config.norm not in known:
        raise BadRecipe(
            f"The autoencoder in {config.folder} has normalize_activations = {config.norm!r}; give one with one of "
            f"{', '.join(known)}."
        )
    return "none" if config.norm == "expected_average_only_in" else config.norm


def _table(config: _Config, name: str) -> dict[str, Any]:
    """A table of the configuration; empty where it is none."""
    found = config.get(name)
    return found if isinstance(found, dict) else {}


def _k(config: _Config) -> int:
    k = config.get("k", default=_table(config, "activation_fn_kwargs").get("k"))
    features = config.get("d_sae")
    if not isinstance(k, int) or not isinstance(features, int) or not 1 <= k <= features:
        raise BadRecipe(f"{CONFIG} in {config.folder} has k = {k}; a topk autoencoder needs 1 to d_sae.")
    return k


def _weights(config: _Config, facts: ModelFacts) -> dict[str, Tensor]:
    """W_enc, W_dec, b_dec and the architecture's own, float32 on the model's device, constant factors folded in."""
    found = _state(config.folder / WEIGHTS)
    if "log_threshold" in found:
        found["threshold"] = found.pop("log_threshold").exp()
    finetuned = found.pop("scaling_factor", None)
    _check_state(config, found)
    if finetuned is not None and finetuned.shape != found["W_dec"].shape[:1]:
        raise BadRecipe(f"scaling_factor in {config.folder / WEIGHTS} has another length than d_sae; save it again.")
    if finetuned is not None and not torch.allclose(finetuned, torch.ones_like(finetuned)):
        found["W_dec"] = found["W_dec"] * finetuned[:, None]
    if config.architecture == "topk" and config.get("rescale_acts_by_decoder_norm"):
        found = _decoder_norm_folded(found)
    if config.norm == "expected_average_only_in":
        found = _factor_folded(found, _factor(config))
    return {name: value.to(facts.device) for name, value in found.items()}


def _state(path: Path) -> dict[str, Tensor]:
    try:
        return {name: value.float() for name, value in load_file(path).items()}
    except (OSError, ValueError, SafetensorError) as error:
        raise BadRecipe(f"{path} is damaged ({type(error).__name__}); save the autoencoder again.") from error


def _check_state(config: _Config, found: dict[str, Tensor]) -> None:
    width, features = config.get("d_in"), config.get("d_sae")
    wanted = {"W_enc": (width, features), "W_dec": (features, width), "b_dec": (width,)}
    wanted |= dict.fromkeys(OWN[config.architecture], (features,))
    for name, shape in wanted.items():
        if name not in found or tuple(found[name].shape) != shape:
            has = f"of shape {tuple(found[name].shape)}" if name in found else "missing"
            raise BadRecipe(
                f"{name} in {config.folder / WEIGHTS} is {has}, and a {config.architecture} autoencoder of d_in = "
                f"{width} and d_sae = {features} needs {shape}; save it again."
            )
        if not torch.isfinite(found[name]).all():
            raise BadRecipe(f"{name} in {config.folder / WEIGHTS} has numbers that are not finite; save it again.")
    if more := sorted(set(found) - set(wanted)):
        raise BadRecipe(
            f"{config.folder / WEIGHTS} has {', '.join(more)}, which a {config.architecture} autoencoder has not; "
            f"give one that is {', '.join(OWN)}."
        )


def _decoder_norm_folded(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """Activations as of a decoder of rows of length 1."""
    norm = found["W_dec"].norm(dim=-1).clamp(min=_SMALLEST)
    scaled = {"W_enc": found["W_enc"] * norm, "b_enc": found["b_enc"] * norm, "W_dec": found["W_dec"] / norm[:, None]}
    return found | scaled


def _factor(config: _Config) -> float:
    """sqrt(d_in) / mean norm of the activations it was trained on, while it is not in the weights yet."""
    path = config.folder / SCALER
    factor = _json(path).get("scaling_factor") if path.is_file() else None
    if not isinstance(factor, float | int) or not factor > 0:
        raise BadRecipe(
            f"The autoencoder in {config.folder} has normalize_activations = 'expected_average_only_in' and no "
            f"{SCALER} with its scaling_factor; fold the factor in with SAELens, or add it."
        )
    return float(factor)


def _factor_folded(found: dict[str, Tensor], factor: float) -> dict[str, Tensor]:
    scaled = {"W_enc": found["W_enc"] * factor, "W_dec": found["W_dec"] / factor, "b_dec": found["b_dec"] / factor}
    return found | scaled
