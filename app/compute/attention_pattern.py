"""Attention patterns of one prompt: post-softmax, rows (dest_pos) are queries and sum to 1 over src_pos (keys).

Zeroed pattern rows of an intervened run sum to 0. Values are TransformerLens' `hook_pattern` after the interventions.
Patterns of a long prompt are asked for layer by layer: what entered the blocks in the first pass is remembered, and of
each further layer the bridge's own block alone runs again, a thirtieth of a pass of SmolLM2.
Not done: several prompts at once, value-weighted patterns.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.bridge_rows import Entry, can_be_driven, entered
from app.compute.effective import check_seen
from app.compute.held import for_prompt
from app.compute.memo import once
from app.compute.passes import Hook, quiet_scales
from app.compute.prompts import array, chosen_prompt
from app.compute.reading import ReadPrompt
from app.compute.report import Report, silent
from app.compute.runs import capture, everywhere, hooks_for
from app.domain.errors import BadRecipe
from app.domain.interventions import Interventions
from app.domain.models import Provenance
from app.domain.recipes import PATTERN_BYTES, AttentionPattern, recipe_json
from app.domain.results import AttentionPatternResult
from app.domain.sites import Site, within
from app.models.loaded import LoadedModel

Pattern = Float[Tensor, "head dest_pos src_pos"]
Layers = tuple[int, ...]


def attention_pattern(
    model: LoadedModel,
    recipe: AttentionPattern,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> AttentionPatternResult:
    """The pattern of every head of the asked layers (None = all); refuses more than PATTERN_BYTES of them."""
    prompt = chosen_prompt(model, recipe, recipe.prompt, max_tokens)
    layers = _layers(model, recipe.layers, len(prompt.clean))
    check_seen(model, (Site("pattern", layer) for layer in layers))
    report(0, 1)
    interventions = for_prompt(recipe.interventions, prompt.index)
    few = len(layers) < model.facts.n_layers and can_be_driven(model)
    found = (_by_layer if few else _at_once)(model, prompt, interventions, layers)
    return AttentionPatternResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, layers=layers,
        str_tokens=prompt.clean.str_tokens, pattern=array(torch.stack(found)),
    )  # fmt: skip


def _at_once(model: LoadedModel, prompt: ReadPrompt, interventions: Interventions, layers: Layers) -> list[Pattern]:
    """All of them in one pass."""
    names = [Site("pattern", layer).hook_name for layer in layers]
    _, kept = capture(model, prompt.clean.ids, dict.fromkeys(names, everywhere), interventions, prompt.corrupted_ids)
    return [kept[name] for name in names]


@dataclass(frozen=True, eq=False)
class Entered:
    """What entered every block in one pass."""

    blocks: tuple[Entry, ...]

    @property
    def nbytes(self) -> int:
        """Of the streams, for the memo."""
        return sum(block.stream.nbytes for block in self.blocks)


def _by_layer(model: LoadedModel, prompt: ReadPrompt, interventions: Interventions, layers: Layers) -> list[Pattern]:
    """Of each layer its block alone, on what entered it."""
    ids, other = prompt.clean.ids, prompt.corrupted_ids
    key = "entered", ids, interventions, other, model.facts.spec.prepend_bos
    with model.lock:
        hooks = hooks_for(model, ids, interventions, other)
        before = once(model, key, lambda: Entered(entered(model, ids, hooks)[1]))
        return [_of_block(model, layer, before.blocks[layer], hooks) for layer in layers]


def _of_block(model: LoadedModel, layer: int, entry: Entry, hooks: list[Hook]) -> Pattern:
    kept: list[Pattern] = []

    def keep(pattern: Tensor, hook: Any) -> None:
        kept.append(pattern[0].detach().clone())

    seen = [*hooks, (Site("pattern", layer).hook_name, keep)]
    with torch.no_grad(), quiet_scales(), model.bridge.hooks(fwd_hooks=seen):
        model.bridge.blocks[layer](entry.stream, *entry.args, **entry.options)
    return kept[0]


def _layers(model: LoadedModel, asked: tuple[int, ...] | None, n_positions: int) -> tuple[int, ...]:
    """The layers to return, checked to exist and to fit."""
    layers = tuple(range(model.facts.n_layers)) if asked is None else tuple(dict.fromkeys(asked))
    within(layers, model.facts.n_layers, "layers", model.facts.title)
    each = 4 * model.facts.n_heads * n_positions**2
    if len(layers) > 1 and len(layers) * each > PATTERN_BYTES:
        raise BadRecipe(
            f"The patterns of {len(layers)} layers at {n_positions} tokens take {len(layers) * each / 2**20:.0f} MB "
            f"and the limit is {PATTERN_BYTES // 2**20} MB; name at most {max(1, PATTERN_BYTES // each)} layers."
        )
    return layers
