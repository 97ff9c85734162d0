"""Component lens: what single components wrote at one position, as tokens (docs/formulas.md).

`centre(c) / scale * gain @ W_U`, with the run's own final scale at that position held fixed, against the vocabulary's
mean: logits, positive = promoted. Heads, b_O, MLPs and embeddings add up, with the bias, to the run's logits (against
their mean) before any soft cap. What later layers make of a component is not in it.

Interventions on attn_out or the stream change what was written afterwards: components are shown as they were written,
and `interventions` is the difference to the stream that the final norm reads, 0 without such interventions.
The components shown are those of one layer, or those with the largest |logit difference|; by the length of what they
write where the prompt has no two answers.
Source: Elhage et al. 2021 (direct paths to the logits); TransformerLens `stack_head_results`, `apply_ln_to_stack`.
Not done: neurons, source tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.attention_weights import FINAL_SCALE
from app.compute.decomposition import attention_parts, post_norm
from app.compute.effective import check_seen
from app.compute.held import for_prompt
from app.compute.lens_streams import check_lens
from app.compute.logit_lens import lens_tokens
from app.compute.normalization import AffineNorm, affine_norm
from app.compute.prediction import check_top_k, token_strings
from app.compute.prompts import ReadPrompt, array, chosen_prompt
from app.compute.ranked import ranked_tokens
from app.compute.reading import Ids
from app.compute.report import Report, silent
from app.compute.runs import capture
from app.domain.interventions import Interventions
from app.domain.lens_recipes import ComponentLens
from app.domain.lens_results import ComponentLensResult
from app.domain.models import Provenance
from app.domain.recipes import recipe_json
from app.domain.sites import Site
from app.models.loaded import LoadedModel
from app.models.tokens import token_string

REMAINDERS = ("others", "interventions", "bias")


def component_lens(
    model: LoadedModel,
    recipe: ComponentLens,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> ComponentLensResult:
    """The chosen components' tokens, and the contributions of all of them to a few tokens."""
    check_top_k(recipe.top_k, model)
    prompt = chosen_prompt(model, recipe, recipe.prompt, max_tokens)
    check_lens(model, recipe, prompt)
    at = len(prompt.clean) - 1 if recipe.position is None else recipe.position
    check_seen(model, (Site("z", layer) for layer in range(model.facts.n_layers)))
    report(0, 1)
    with model.lock:
        written = _written(model, prompt, recipe.interventions, at)
        tokens = lens_tokens(model, recipe.tokens, prompt)
        fields = _fields(model, written, recipe, prompt, tokens)
    return ComponentLensResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, str_tokens=prompt.clean.str_tokens,
        position=at, tokens=tuple(token_string(model, each) for each in tokens), remainder_labels=REMAINDERS, **fields,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Written:
    """Parts of the stream at one position as the unembedding reads them: `parts`, by label, sum with `interventions` to
    `stream`, the last one without the norm's bias; `wholes` are the attention layers."""

    parts: dict[str, Float[Tensor, " d_model"]]
    wholes: dict[str, Float[Tensor, " d_model"]]
    interventions: Float[Tensor, " d_model"]
    stream: Float[Tensor, " d_model"]
    norm: AffineNorm


def _written(model: LoadedModel, prompt: ReadPrompt, interventions: Interventions, at: int) -> _Written:
    layers = range(model.facts.n_layers)
    blocks = ("attn.hook_z", "hook_attn_out", "hook_mlp_out", "ln1_post.hook_scale")
    names = [f"blocks.{layer}.{name}" for layer in layers for name in blocks]
    names += ["blocks.0.hook_resid_pre", "hook_pos_embed", f"blocks.{layers[-1]}.hook_resid_post", FINAL_SCALE]
    keep = {name: lambda x: x[:, at] for name in names if name in model.bridge.hook_dict}
    mine = for_prompt(interventions, prompt.index)
    _, kept = capture(model, prompt.clean.ids, keep, mine, prompt.corrupted_ids)
    here = {name: value.float() for name, value in kept.items()}
    parts, wholes = _embeddings(here), dict[str, Tensor]()
    for layer in layers:
        parts |= _block(model, layer, here)
        wholes[f"L{layer}.attn"] = here[f"blocks.{layer}.hook_attn_out"]
    return _as_read(model, parts, wholes, here, layers[-1])


def _embeddings(here: Mapping[str, Tensor]) -> dict[str, Float[Tensor, " d_model"]]:
    embed, pos = here["blocks.0.hook_resid_pre"], here.get("hook_pos_embed")
    return {"embed": embed} if pos is None else {"embed": embed - pos, "pos_embed": pos}


def _block(model: LoadedModel, layer: int, here: Mapping[str, Tensor]) -> dict[str, Float[Tensor, " d_model"]]:
    """Heads, output bias (where it is not 0) and MLP of a layer, as they were added to the stream."""
    scale = here.get(f"blocks.{layer}.ln1_post.hook_scale")
    heads, bias = attention_parts(model, layer, here[f"blocks.{layer}.attn.hook_z"], post_norm(model, layer), scale)
    found = {f"L{layer}H{head}": written for head, written in enumerate(heads)}
    if bias.any():
        found[f"L{layer}.b_O"] = bias
    mlp = here.get(f"blocks.{layer}.hook_mlp_out")
    return found if mlp is None else found | {f"L{layer}.mlp": mlp}


def _as_read(
    model: LoadedModel, parts: dict[str, Tensor], wholes: dict[str, Tensor], here: Mapping[str, Tensor], last: int
) -> _Written:
    """Through the final norm at its own scale."""
    stream = here[f"blocks.{last}.hook_resid_post"]
    norm = affine_norm(model.bridge.ln_final, model.facts.d_model, model.bridge.W_U)

    def read(written: Tensor) -> Tensor:
        return norm.contribution(written, here[FINAL_SCALE])

    rest = stream - torch.stack([*parts.values()]).sum(0)
    return _Written(
        {label: read(part) for label, part in parts.items()}, {label: read(whole) for label, whole in wholes.items()},
        read(rest), read(stream), norm,
    )  # fmt: skip


def _fields(
    model: LoadedModel, written: _Written, recipe: ComponentLens, prompt: ReadPrompt, tokens: Ids
) -> dict[str, Any]:
    """What the result holds of them."""
    every = torch.stack([*written.parts.values()])
    diffs = _logit_diffs(model, every, prompt)
    labels = _chosen(written, recipe, every.norm(dim=-1) if diffs is None else diffs.abs())
    rows = torch.stack([(written.parts | written.wholes)[label] for label in labels])
    promoted, best, suppressed, worst = ranked_tokens(model, rows, recipe.top_k)
    columns, bias = _columns(model, written, tokens)
    shown = [at for at, label in enumerate(written.parts) if label in labels]
    others = (every.sum(0) - every[shown].sum(0)) @ columns
    remainders = torch.stack([others, written.interventions @ columns, bias])
    of_rows = _logit_diffs(model, rows, prompt)
    return {
        "component_labels": labels, "promoted_tokens": token_strings(model, best), "promoted_logits": array(promoted),
        "suppressed_tokens": token_strings(model, worst), "suppressed_logits": array(suppressed),
        "norm": array(rows.norm(dim=-1)), "token_logits": array(rows @ columns), "remainders": array(remainders),
        "logit_diff": array(rows.new_full((len(rows),), torch.nan) if of_rows is None else of_rows),
        "logits": array(written.stream @ columns + bias),
    }  # fmt: skip


def _chosen(written: _Written, recipe: ComponentLens, size: Float[Tensor, " part"]) -> tuple[str, ...]:
    """Labels of what is shown: a layer in the order of the model, or the largest first."""
    if recipe.layer is not None:
        own = [label for label in written.parts if label.startswith((f"L{recipe.layer}H", f"L{recipe.layer}."))]
        return (f"L{recipe.layer}.attn", *own)
    every = tuple(written.parts)
    return tuple(every[at] for at in size.argsort(descending=True, stable=True)[: recipe.most].tolist())


def _columns(
    model: LoadedModel, written: _Written, tokens: Ids
) -> tuple[Float[Tensor, "d_model token"], Float[Tensor, " token"]]:
    """Columns of the unembedding against their mean, and what the biases add."""
    W_U, b_U, chosen = model.bridge.W_U.float(), model.bridge.b_U.float(), list(tokens)
    columns = W_U[:, chosen] - W_U.mean(-1, keepdim=True)
    return columns, written.norm.bias @ columns + b_U[chosen] - b_U.mean()


def _logit_diffs(
    model: LoadedModel, rows: Float[Tensor, "row d_model"], prompt: ReadPrompt
) -> Float[Tensor, " row"] | None:
    """Contribution of each to the logit difference; None without both answers."""
    if not prompt.answer_ids or not prompt.incorrect_ids:
        return None
    W_U = model.bridge.W_U.float()
    return rows @ (W_U[:, list(prompt.answer_ids)].mean(-1) - W_U[:, list(prompt.incorrect_ids)].mean(-1))
