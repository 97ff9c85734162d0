"""Text that the model generates after one prompt, under the interventions.

`temperature` 0 takes the most likely token (the lower id of two that tie); above it, tokens are drawn from
softmax(logits / temperature) with a generator seeded once. The log-probability of every token, nats, is the model's own
at temperature 1 in the intervened run. Generation ends after `max_new_tokens`, at the end-of-text token, or where the
context is full.

What interventions do where the text goes on: zero and pooled-mean ablations, and steering, clamping and projecting out
(to zero or a pooled mean), hold at generated positions as well where they name no positions. Everything that belongs to
positions of the prompt stays there: sites with positions, patches, swaps, means per position, resampled values, edges,
noise. `freeze` holds each step's patterns and scales at what the plain run of the same tokens has.
Every step is one pass over all tokens so far (two where something is frozen), so every step is exactly a run.
Not done: a cache of keys and values, several samples, chat templates.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from app.compute.bridge_values import bridge_values
from app.compute.effective import check_hooks
from app.compute.freezing import freeze_hooks
from app.compute.held import for_prompt, held_at
from app.compute.hooks import row_hooks
from app.compute.passes import Ids, passed
from app.compute.prompts import chosen_prompt
from app.compute.reading import ReadPrompt
from app.compute.report import Report, silent
from app.compute.variations import Held, Row
from app.domain.interventions import Frozen, Interventions, frozen, goes_on
from app.domain.models import Provenance
from app.domain.recipes import Generation, recipe_json
from app.domain.results import GenerationResult
from app.models.loaded import LoadedModel
from app.models.tokens import token_string


def generation(
    model: LoadedModel,
    recipe: Generation,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> GenerationResult:
    """The continuation of the chosen prompt; `report` counts tokens and has the text so far."""
    prompt = chosen_prompt(model, recipe, recipe.prompt, max_tokens)
    of = {"recipe": recipe_json(recipe), "digest": digest, "provenance": provenance}
    text = GenerationResult(
        **of, str_tokens=prompt.clean.str_tokens, generated=np.array((), np.str_), log_probs=np.array((), np.float32)
    )  # fmt: skip
    report(0, recipe.max_new_tokens, text)
    for done, (token, log_prob) in enumerate(_steps(model, prompt, recipe), 1):
        generated = np.array([*text.generated, token_string(model, token)], np.str_)
        text = replace(text, generated=generated, log_probs=np.array([*text.log_probs, log_prob], np.float32))
        report(done, recipe.max_new_tokens, text)
    return text


def _steps(model: LoadedModel, prompt: ReadPrompt, recipe: Generation) -> Iterator[tuple[int, float]]:
    """Token and log-probability of every step."""
    ids, end = prompt.clean.ids, getattr(model.tokenizer, "eos_token_id", None)
    run = _Intervened(model, prompt, for_prompt(recipe.interventions, prompt.index))
    generator = torch.Generator().manual_seed(recipe.seed)
    for _ in range(min(recipe.max_new_tokens, model.facts.n_ctx - len(ids))):
        logits = run.logits(ids).cpu()
        token = _chosen(logits, recipe.temperature, generator)
        yield token, float(logits.log_softmax(-1)[token])
        ids = (*ids, token)
        if token == end:
            return


def _chosen(logits: Float[Tensor, " d_vocab"], temperature: float, generator: torch.Generator) -> int:
    if temperature == 0:
        return int(logits.argmax())
    return int(torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator))


class _Intervened:
    """Runs of a prompt and what follows it. What is held at the prompt is made once, as other runs are read for it."""

    def __init__(self, model: LoadedModel, prompt: ReadPrompt, interventions: Interventions) -> None:
        self.model, self.prompt = model, prompt
        self.freeze: frozenset[Frozen] = frozen(interventions)
        self.goes_on = [goes_on(each) for each in interventions]
        self.interventions = interventions
        self.at_prompt = self._held(prompt.clean.ids, interventions)
        check_hooks(model, self.at_prompt)

    def logits(self, ids: Ids) -> Float[Tensor, " d_vocab"]:
        """At the end of these tokens, which begin with the prompt's."""
        hooks = row_hooks(self._row(ids))
        with self.model.lock:
            return passed(self.model, ids, [*freeze_hooks(self.model, ids, self.freeze), *hooks])

    def _row(self, ids: Ids) -> Row:
        longer = iter(self._held(ids, tuple(i for i, on in zip(self.interventions, self.goes_on, strict=True) if on)))
        n = len(self.prompt.clean)
        return tuple(
            next(longer) if on else _kept(held, n, len(ids))
            for held, on in zip(self.at_prompt, self.goes_on, strict=True)
        )

    def _held(self, ids: Ids, interventions: Interventions) -> Row:
        model = self.model
        return held_at(model, ids, self.prompt.corrupted_ids, interventions, lambda other: bridge_values(model, other))


def _kept(held: Held, n_prompt: int, n: int) -> Held:
    """The same value at the prompt's positions alone, in a run of `n` tokens."""
    site = held.site if held.site.positions is not None else replace(held.site, positions=tuple(range(n_prompt)))
    if not isinstance(held.value, Tensor):
        return replace(held, site=site)
    longer = n - n_prompt
    pad = (0, longer, 0, longer) if site.activation == "pattern" else (0, 0) * (held.value.ndim - 1) + (0, longer)
    return replace(held, site=site, value=functional.pad(held.value, pad))
