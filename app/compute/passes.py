"""One forward pass of the bridge on one prompt, under hooks, and what is seen of it.

The bridge is the authority. Every pass runs under the model's lock and leaves nothing on the model. Hooks are pairs of
an exact hook name and a function; later hooks at a place see what earlier ones made of the activation.
"""

import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.reading import Ids
from app.models.loaded import LoadedModel

Hook = tuple[str, Callable[[Tensor, Any], Tensor | None]]
Keep = Callable[[Tensor], Tensor]
"""What of an activation is kept: `at_end`, `everywhere`."""
_WAVE_TOKENS = {"cpu": 1024, "cuda": 16384, "mps": 4096}


def wave_tokens(device: torch.device | str) -> int:
    """Rows x positions that run at once through all layers: enough for the matrix products to be fast, few enough for
    the first results to be early, cancelling to be quick and memory to stay low (docs/performance.md)."""
    return _WAVE_TOKENS.get(torch.device(device).type, _WAVE_TOKENS["cpu"])


def at_end(activation: Tensor) -> Tensor:
    """The last position of `[row pos ...]`."""
    return activation[:, -1]


def everywhere(activation: Tensor) -> Tensor:
    """All of `[row ...]`."""
    return activation


def passed(model: LoadedModel, ids: Ids, hooks: Iterable[Hook] = ()) -> Float[Tensor, " d_vocab"]:
    """Logits at END of one pass."""
    tokens = torch.tensor([ids], device=model.facts.device)
    return batch_passed(model, tokens, hooks)[0]


def batch_passed(model: LoadedModel, tokens: Tensor, hooks: Iterable[Hook] = ()) -> Float[Tensor, "row d_vocab"]:
    """Logits at END of every row of `tokens [row pos]`."""
    only_end = {"logits_to_keep": 1} if keeps_logits(model) else {}
    with model.lock, torch.no_grad(), quiet_scales():
        logits = model.bridge.run_with_hooks(tokens, fwd_hooks=list(hooks), **only_end)
        return logits[:, -1].float()


def captured(
    model: LoadedModel, ids: Ids, keep: Mapping[str, Keep], hooks: Iterable[Hook] = ()
) -> tuple[Float[Tensor, " d_vocab"], dict[str, Tensor]]:
    """Logits at END, and activations by hook name as `hooks` leave them; a hook that does not fire is left out."""
    logits, kept = batch_captured(model, torch.tensor([ids], device=model.facts.device), keep, hooks)
    return logits[0], {name: value[0] for name, value in kept.items()}


def batch_captured(
    model: LoadedModel, tokens: Tensor, keep: Mapping[str, Keep], hooks: Iterable[Hook] = ()
) -> tuple[Float[Tensor, "row d_vocab"], dict[str, Tensor]]:
    """The same for every row of `tokens [row pos]`; what is kept has the rows first."""
    kept: dict[str, Tensor] = {}

    def keeping(name: str, part: Keep) -> Hook:
        def see(activation: Tensor, hook: Any) -> None:
            kept[name] = part(activation).detach().clone()

        return name, see

    return batch_passed(model, tokens, [*hooks, *(keeping(*item) for item in keep.items())]), kept


def block_hooks(model: LoadedModel, name: str) -> tuple[str, ...]:
    """`blocks.{layer}.{name}` of every layer; empty where this architecture has no such hook point."""
    names = tuple(f"blocks.{layer}.{name}" for layer in range(model.facts.n_layers))
    return names if all(each in model.bridge.hook_dict for each in names) else ()


@contextmanager
def quiet_scales() -> Iterator[None]:
    """TransformerLens warns that an edited scale is applied in another order of rounding; here it is asked for."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="A forward hook edited hook_scale")
        yield


def keeps_logits(model: LoadedModel) -> bool:
    """Whether the model under the bridge can compute the last position's logits alone."""
    return "logits_to_keep" in inspect.signature(model.bridge.original_model.forward).parameters
