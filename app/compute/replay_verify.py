"""Whether the replay may stand in for the bridge on this model: compared once, on a short prompt, before any sweep.

Every layer's residual stream and the logits must agree with the bridge at every position to 1e-4 of that position's
largest magnitude (at least 1): float32 rounding of two orders of summation stays ten times below that, and a wrong
norm, angle, scale or activation far above. Models with a sliding window get a prompt longer than the window.
"""

from typing import Any

import torch
from torch import Tensor

from app.compute.replay import end_logits, trace
from app.compute.replay_weights import Uncovered, Weights, read_weights
from app.domain.sites import Site
from app.models.loaded import LoadedModel

TOLERANCE = 1e-4
_LENGTH, _LONGEST = 24, 600
_KEY = "replay"


def replay_weights(model: LoadedModel) -> Weights | str:
    """The verified weights, or why the bridge has to be used. Decided once per model."""
    with model.lock:
        if _KEY not in model.memo:
            model.memo[_KEY] = _decide(model)
        return model.memo[_KEY]


def engine_name(model: LoadedModel) -> str:
    """`replay`, or `bridge: ` and the reason."""
    found = replay_weights(model)
    return f"bridge: {found}" if isinstance(found, str) else "replay"


def _decide(model: LoadedModel) -> Weights | str:
    try:
        weights = read_weights(model.bridge)
        off = deviation(model.bridge, weights)
    except Uncovered as reason:
        return str(reason)
    except (AttributeError, TypeError, ValueError, LookupError, RuntimeError) as error:
        return f"this architecture could not be replayed ({type(error).__name__}: {error})"
    if not off <= TOLERANCE:
        return f"the replay differs from the model by {off:.1e} of its largest value (limit {TOLERANCE:.0e})"
    return weights


@torch.inference_mode()
def deviation(bridge: Any, weights: Weights) -> float:
    """Largest difference between replay and bridge, relative to each position's largest magnitude."""
    ids = _prompt(bridge, weights)
    names = [Site("resid_post", layer).hook_name for layer in range(len(weights.blocks))]
    logits, cache = bridge.run_with_cache(torch.tensor([ids], device=weights.W_E.device), names_filter=names)
    run = trace(weights, ids)
    pairs = [(run.resid[layer + 1], cache[name][0]) for layer, name in enumerate(names)]
    return max(_relative(*pair) for pair in [*pairs, (end_logits(weights, run.resid[-1]), logits[0])])


def _prompt(bridge: Any, weights: Weights) -> list[int]:
    """Ids spread over the vocabulary, one repeated."""
    windows = [block.attn.window or 0 for block in weights.blocks]
    longer = max((window + 4 for window in windows if window < _LONGEST), default=0)
    n = min(max(_LENGTH, longer), bridge.cfg.n_ctx)
    return [(1 + 7919 * (i % (n - 1))) % bridge.cfg.d_vocab for i in range(n)]


def _relative(ours: Tensor, theirs: Tensor) -> float:
    scale = theirs.abs().amax(-1, keepdim=True).clamp(min=1)
    return float(((ours - theirs).abs() / scale).max())
