"""Scores of one query of one head before the softmax, and how much of them is content and how much is position.

Scores are after scale and soft cap: TransformerLens' `hook_attn_scores`, or q . k by the replay's description where
that hook shows something else (TransformerLens' own models show the pattern there).

Rotary: `content` is the score with query and key at one place. A second pass puts the query's own vector at every
position and reads the diagonal, so rotation, query and key norms, scale and cap are the model's own. Learned positions:
`content` is the score without what `pos_embed` itself adds to query and key, at the run's own scale of the norm before;
what earlier layers made of positions counts as content. `positional` is the rest in both.
Scores of one query mean something up to a constant: adding the same to all keys changes no attention.
Not done: other kinds of positions (ALiBi, relative biases); a note says so and the parts are NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from app.compute.effective import check_hooks
from app.compute.freezing import norm_scales
from app.compute.passes import Hook, Ids, Keep, captured, everywhere
from app.compute.replay import head_normed, rotated
from app.compute.replay_verify import replay_weights
from app.compute.variations import Held
from app.domain.errors import BadSite
from app.domain.interventions import Interventions, replaces_stream
from app.domain.sites import Head, Site
from app.models.loaded import LoadedModel

POS_EMBED = "hook_pos_embed"
LOWEST = -1e30
"""Masked keys have -inf or the lowest number of the precision."""


@dataclass(frozen=True, eq=False)
class ScoreParts:
    """At the keys that the query sees; NaN where `note` says why."""

    seen: Int[Tensor, " src_pos"]
    score: Float[Tensor, " src_pos"]
    content: Float[Tensor, " src_pos"]
    note: str


def score_parts(
    model: LoadedModel, ids: Ids, hooks: Sequence[Hook], interventions: Interventions, head: Head, query: int
) -> ScoreParts:
    """`hooks` are those of `interventions`. One pass for the scores and one for their parts."""
    causal, source = torch.arange(query + 1), _source(model, head.layer)
    nothing = torch.full((query + 1,), torch.nan)
    if isinstance(source, str):
        return ScoreParts(causal, nothing, nothing, source)
    scores = source.read(model, ids, hooks, head)[query, : query + 1]
    seen = (scores > LOWEST).nonzero()[:, 0]
    try:
        content, note = _content(model, source, ids, hooks, interventions, head, query)[: query + 1], ""
    except BadSite as reason:
        content, note = nothing.to(scores), str(reason)
    return ScoreParts(seen, scores[seen], content[seen], note)


class _Shown:
    """Scores as the hook shows them."""

    def read(
        self, model: LoadedModel, ids: Ids, hooks: Sequence[Hook], head: Head
    ) -> Float[Tensor, "dest_pos src_pos"]:
        name = Site("attn_scores", head.layer).hook_name
        keep: dict[str, Keep] = {name: lambda scores: scores[:, head.head]}
        return captured(model, ids, keep, hooks)[1][name].float()


class _Computed:
    """Scores of queries and keys, by the replay's description of the model."""

    def read(
        self, model: LoadedModel, ids: Ids, hooks: Sequence[Hook], head: Head
    ) -> Float[Tensor, "dest_pos src_pos"]:
        weights: Any = replay_weights(model)
        attn, names = weights.blocks[head.layer].attn, [Site(each, head.layer).hook_name for each in ("q", "k")]
        _, kept = captured(model, ids, dict.fromkeys(names, everywhere), hooks)
        angles = weights.angles(len(ids)).get(attn.rotation)
        norms = (attn.q_norm, attn.k_norm)
        q, k = (
            rotated(head_normed(norm, kept[name].float()), angles, weights.adjacent)
            for norm, name in zip(norms, names, strict=True)
        )
        scores = q[:, head.head] @ k[:, head.head * k.shape[1] // q.shape[1]].T * attn.scale
        scores = scores if attn.soft_cap is None else torch.tanh(scores / attn.soft_cap) * attn.soft_cap
        at = torch.arange(len(ids), device=scores.device)
        back = at[:, None] - at
        return scores.masked_fill((back < 0) | (back >= (attn.window or len(ids))), -torch.inf)


def _source(model: LoadedModel, layer: int) -> _Shown | _Computed | str:
    """Where the scores of a layer come from, or why there are none; found out once per model and layer."""
    key = ("attn_scores", layer)
    with model.lock:
        if key not in model.memo:
            weights = replay_weights(model)
            uncovered = (
                f"TransformerLens does not show the scores of this model, nor does the replay know it: {weights}."
            )
            other = uncovered if isinstance(weights, str) else _Computed()
            model.memo[key] = _Shown() if _shows(model, layer) else other
        return model.memo[key]


def _shows(model: LoadedModel, layer: int) -> bool:
    """Whether the softmax of what the hook shows is the pattern, on a short prompt."""
    ids = tuple((1 + 7919 * at) % model.facts.d_vocab for at in range(min(6, model.facts.n_ctx)))
    scores, pattern = (Site(name, layer).hook_name for name in ("attn_scores", "pattern"))
    if scores not in model.bridge.hook_dict:
        return False
    _, kept = captured(model, ids, dict.fromkeys((scores, pattern), everywhere))
    if scores not in kept or pattern not in kept or kept[scores].shape != kept[pattern].shape:
        return False
    return torch.allclose(kept[scores].float().softmax(-1), kept[pattern].float(), atol=1e-2)  # of bfloat16


def _content(
    model: LoadedModel,
    source: _Shown | _Computed,
    ids: Ids,
    hooks: Sequence[Hook],
    interventions: Interventions,
    head: Head,
    query: int,
) -> Float[Tensor, " src_pos"]:
    """Learned and rotary positions are told from content, others refused."""
    if model.bridge.cfg.positional_embedding_type != "rotary":
        hooks = [*hooks, *_without_positions(model, ids, hooks, interventions, head)]
        return source.read(model, ids, hooks, head)[query]
    q = Site("q", head.layer)
    check_hooks(model, (Held(q, torch.zeros_like),))

    def everywhere_the_query(activation: Tensor, hook: Any) -> Tensor:
        return activation[:, query : query + 1].expand_as(activation).clone()

    return source.read(model, ids, [*hooks, (q.hook_name, everywhere_the_query)], head).diagonal()


def _without_positions(
    model: LoadedModel, ids: Ids, hooks: Sequence[Hook], interventions: Interventions, head: Head
) -> list[Hook]:
    """Hooks that take the learned positions out of what a layer's attention reads, its norm's scale held."""
    stream, scale = Site("resid_pre", head.layer).hook_name, f"blocks.{head.layer}.ln1.hook_scale"
    if replaces_stream(interventions, head.layer):
        raise BadSite(
            f"An intervention replaces the stream that {head} reads, so what goes through positions there is not known."
        )
    normed = scale in model.bridge.hook_dict and bool(norm_scales(model))  # refuses norms that do not follow
    _, kept = captured(model, ids, dict.fromkeys((POS_EMBED, scale) if normed else (POS_EMBED,), everywhere), hooks)
    if POS_EMBED not in kept:
        kind = model.bridge.cfg.positional_embedding_type
        raise BadSite(f"Positions of this model ({kind}) are not told from content; only rotary and learned ones are.")
    taken: list[Hook] = [(stream, lambda resid_pre, hook: resid_pre - kept[POS_EMBED].to(resid_pre))]
    return [*taken, *([(scale, lambda found, hook: kept[scale].expand_as(found))] if normed else [])]
