"""The tokens that each head's output promotes and suppresses at one position (docs/formulas.md).

`z[l,h] W_O[l,h]` read by the final norm, at the run's own scale at that position, and the unembedding, centred over the
vocabulary: logits, positive = promoted. Before a final soft cap. It is direct attribution towards single tokens: what
later layers make of the output is not in it. What interventions on attn_out or the stream make of a head's output
afterwards is not counted.
Source: Elhage et al. 2021 (the direct path of a head to the logits). Not done: what a head would write on its own
favourite tokens, without a prompt.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.attention_weights import FINAL_SCALE
from app.compute.effective import check_seen
from app.compute.head_outputs import head_outputs
from app.compute.normalization import affine_norm
from app.compute.prediction import check_top_k, token_strings
from app.compute.prompts import array, read_prompts
from app.compute.ranked import ranked_tokens
from app.compute.reading import ReadPrompt
from app.compute.report import Report, silent
from app.domain.head_recipes import HeadTokens, check_heads
from app.domain.head_results import HeadTokensResult
from app.domain.models import Provenance
from app.domain.recipes import recipe_json
from app.domain.sites import Site
from app.models.loaded import LoadedModel


def head_tokens(
    model: LoadedModel,
    recipe: HeadTokens,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> HeadTokensResult:
    """The `top_k` most promoted and most suppressed tokens of every head on every prompt, one forward pass for each."""
    check_top_k(recipe.top_k, model)
    check_seen(model, (Site("z", layer) for layer in range(model.facts.n_layers)))
    prompts, found = read_prompts(model, recipe, max_tokens), []
    check_heads(model.facts, recipe, tuple(len(prompt.clean) for prompt in prompts))
    for done, prompt in enumerate(prompts):
        report(done, len(prompts))
        found.append(ranked_tokens(model, _read(model, recipe, prompt), recipe.top_k))
    promoted, best, suppressed, worst = (torch.stack(parts) for parts in zip(*found, strict=True))
    return HeadTokensResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance,
        promoted_tokens=token_strings(model, best), promoted_logits=array(promoted),
        suppressed_tokens=token_strings(model, worst), suppressed_logits=array(suppressed),
    )  # fmt: skip


def _read(model: LoadedModel, recipe: HeadTokens, prompt: ReadPrompt) -> Float[Tensor, "layer head d_model"]:
    """Outputs of the heads as the unembedding reads them."""
    written, kept = head_outputs(model, prompt, recipe.interventions, recipe.position, (FINAL_SCALE,))
    norm = affine_norm(model.bridge.ln_final, model.facts.d_model, written)
    return norm.contribution(written, kept[FINAL_SCALE][0])
