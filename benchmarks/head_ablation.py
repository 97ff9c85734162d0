"""The exact sweep over all heads against TransformerLens with one hooked forward pass per head.

Rounds alternate between the two, so that both meet the same machine. A round of the reference is a fair sample: one
head of every layer, another one each round, scaled by the number of heads per layer (a forward pass costs the same
whichever head it ablates). The sweep is the whole of it: tokenising, baseline, all cells, all five metrics; the
reference computes logits and one logit difference.
"""

import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import psutil
import torch

from app.compute.head_ablation import head_ablation
from app.compute.replay_verify import engine_name
from app.domain.models import ModelSpec, Provenance
from app.domain.prompts import PromptPair
from app.domain.recipes import HeadAblation
from app.domain.results import HeadAblationResult
from app.domain.session import DEFAULT_MODEL, WORKED_EXAMPLE
from app.domain.sites import Site
from app.models.load import load
from app.models.loaded import LoadedModel
from app.models.tokens import answer_ids, tokenise

PAIR = replace(WORKED_EXAMPLE.experiment.prompt, corrupted=None)
STORY = " ".join([f"{PAIR.clean} Mary."] * 8)


@dataclass(frozen=True)
class Round:
    """Seconds of the whole sweep and of the reference scaled to all heads; largest difference of logit_diff."""

    sweep: float
    reference: float
    error: float


def run() -> dict[str, Any]:
    """Ratios at 15 and 64 tokens, memory rise and error."""
    model = load(ModelSpec("listed", DEFAULT_MODEL), device="cpu")
    engine, long_pair = engine_name(model), _of_length(model, 64)
    memory = [memory_rise(lambda pair=pair: sweep(model, pair)) for pair in (PAIR, long_pair)]
    short = [one_round(model, PAIR, number) for number in range(5)]
    long = [one_round(model, long_pair, number) for number in range(2)]
    return {
        "what": f"zero-ablate all {model.facts.n_layers * model.facts.n_heads} heads of {model.facts.title}, {engine}",
        "reference": "TransformerLens run_with_hooks, one forward pass per head (one head per layer timed, scaled)",
        "threads": torch.get_num_threads(),
        **_summary("15_tokens", short),
        **_summary("64_tokens", long),
        "memory_rise_mb_15_tokens": memory[0],
        "memory_rise_mb_64_tokens": memory[1],
    }


def one_round(model: LoadedModel, pair: PromptPair, number: int) -> Round:
    """The reference on a sample, then the sweep."""
    n_layers, n_heads = model.facts.n_layers, model.facts.n_heads
    sample = [(layer, (layer + number) % n_heads) for layer in range(n_layers)]
    reference, expected = _timed(lambda: [_one_forward(model, pair, *head) for head in sample])
    seconds, found = _timed(lambda: sweep(model, pair))
    errors = [abs(float(found.values[0, 0, *head]) - value) for head, value in zip(sample, expected, strict=True)]
    return Round(seconds, reference * n_heads, max(errors))


def sweep(model: LoadedModel, pair: PromptPair) -> HeadAblationResult:
    """All cells of one prompt."""
    recipe = HeadAblation(model=model.facts.spec, prompts=(pair,))
    return head_ablation(model, recipe, digest="", provenance=Provenance.of(model.facts, {}))


def memory_rise(work: Callable[[], Any]) -> float:
    """Largest resident memory during the work above that before it, MB, sampled every 5 ms."""
    process, done = psutil.Process(), threading.Event()
    before = peak = process.memory_info().rss

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return (peak - before) / 2**20


def _one_forward(model: LoadedModel, pair: PromptPair, layer: int, head: int) -> float:
    """logit_diff with one head's z zeroed at all positions, as TransformerLens' tutorials do it."""
    answer, incorrect = (answer_ids(model, chosen)[0] for chosen in (pair.answer, pair.incorrect_answer))

    def zero(z: torch.Tensor, hook: object) -> torch.Tensor:
        z[:, :, head] = 0
        return z

    tokens = torch.tensor([tokenise(model, pair.clean, 512).ids])
    with model.lock, torch.no_grad():
        logits = model.bridge.run_with_hooks(tokens, fwd_hooks=[(Site("z", layer).hook_name, zero)])
    return float(logits[0, -1, answer] - logits[0, -1, incorrect])


def _of_length(model: LoadedModel, n_tokens: int) -> PromptPair:
    """The worked example repeated, its beginning cut so that it has this many tokens."""
    cuts = (replace(PAIR, clean=STORY[start:]) for start in range(len(STORY)))
    return next(pair for pair in cuts if len(tokenise(model, pair.clean, 512)) == n_tokens)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found


def _summary(name: str, rounds: list[Round]) -> dict[str, Any]:
    ratios = [each.reference / each.sweep for each in rounds]
    return {
        f"ratio_{name}": statistics.median(ratios),
        f"ratios_{name}": [round(ratio, 1) for ratio in ratios],
        f"sweep_seconds_{name}": min(each.sweep for each in rounds),
        f"reference_seconds_{name}": min(each.reference for each in rounds),
        f"max_error_{name}": max(each.error for each in rounds),
    }
