"""Why a query of a head attends where it does, and what the head writes when it attends there (docs/formulas.md).

Scores in parts: compute/attention_scores.py. Output: for every key that the query sees, `v_k W_O` read by the final
norm (at the run's own scale at the query's position) and the unembedding, centred over the vocabulary: logits per unit
of attention to that token, positive = promoted. Times attention they are what it writes here. Before a final soft cap;
through the post-norm at the query's scale where the model has one. A value's bias is part of every token's v.
Source: Elhage et al. 2021 (QK and OV circuits), on the values of one prompt. Interventions in force hold; where one
replaces the head's z, the reading is of what the head would have read.
Not done: what later layers make of the output.
"""

from jaxtyping import Float
from torch import Tensor

from app.compute.attention_scores import score_parts
from app.compute.attention_weights import FINAL_SCALE, values_by_head, written
from app.compute.effective import check_seen
from app.compute.held import for_prompt
from app.compute.normalization import affine_norm
from app.compute.passes import Keep, captured, everywhere
from app.compute.prediction import check_top_k, token_strings
from app.compute.prompts import array, chosen_prompt
from app.compute.ranked import ranked_tokens
from app.compute.report import Report, silent
from app.compute.runs import hooks_for
from app.domain.attention_recipes import HeadReading
from app.domain.attention_results import HeadReadingResult
from app.domain.models import Provenance
from app.domain.recipes import recipe_json
from app.domain.sites import Head, Site, within
from app.models.loaded import LoadedModel


def head_reading(
    model: LoadedModel,
    recipe: HeadReading,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> HeadReadingResult:
    """Scores, attention and output of one query of one head at every key that it sees."""
    check_top_k(recipe.top_k, model)
    prompt, head = chosen_prompt(model, recipe, recipe.prompt, max_tokens), recipe.head
    ids, interventions = prompt.clean.ids, for_prompt(recipe.interventions, prompt.index)
    query = len(ids) - 1 if recipe.query is None else recipe.query
    _check(model, head, query, len(ids))
    report(0, 1)
    with model.lock:
        hooks = hooks_for(model, ids, interventions, prompt.corrupted_ids)
        parts = score_parts(model, ids, hooks, interventions, head, query)
        _, kept = captured(model, ids, _keep(model, head, query), hooks)
        seen = parts.seen.to(model.facts.device)
        promoted, best, suppressed, worst = ranked_tokens(model, _outputs(model, kept, head)[seen], recipe.top_k)
    return HeadReadingResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, head=str(head), query=query,
        str_tokens=prompt.clean.str_tokens, src_positions=tuple(seen.tolist()), note=parts.note,
        score=array(parts.score), content=array(parts.content), positional=array(parts.score - parts.content),
        pattern=array(kept[Site("pattern", head.layer).hook_name][seen]),
        promoted_tokens=token_strings(model, best), promoted_logits=array(promoted),
        suppressed_tokens=token_strings(model, worst), suppressed_logits=array(suppressed),
    )  # fmt: skip


def _check(model: LoadedModel, head: Head, query: int, n_positions: int) -> None:
    within((head.layer,), model.facts.n_layers, "layers", model.facts.title)
    within((head.head,), model.facts.n_heads, "heads", model.facts.title)
    within((query,), n_positions, "positions", "The prompt")
    check_seen(model, (Site("v", head.layer), Site("pattern", head.layer)))


def _keep(model: LoadedModel, head: Head, query: int) -> dict[str, Keep]:
    """Values everywhere, the pattern's row, and the scales at the query."""
    scales = (FINAL_SCALE, f"blocks.{head.layer}.ln1_post.hook_scale")
    return {
        Site("v", head.layer).hook_name: everywhere,
        Site("pattern", head.layer).hook_name: lambda pattern: pattern[:, head.head, query],
        **{name: lambda scale: scale[:, query] for name in scales if name in model.bridge.hook_dict},
    }


def _outputs(model: LoadedModel, kept: dict[str, Tensor], head: Head) -> Float[Tensor, "src_pos d_model"]:
    """What the head writes per unit of attention, as the unembedding reads it."""
    v = values_by_head(model.facts, kept[Site("v", head.layer).hook_name])[head.head]
    W_O = written(model, head.layer, kept.get(f"blocks.{head.layer}.ln1_post.hook_scale"))[head.head]
    norm = affine_norm(model.bridge.ln_final, model.facts.d_model, W_O)
    return norm.contribution(v @ W_O, kept[FINAL_SCALE].float())
