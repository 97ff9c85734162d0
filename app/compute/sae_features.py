"""Features of a sparse autoencoder on a prompt, what they lose of the activation, and one of them closely.

Activations f are read from the activation as it flows on, after interventions. Direct attribution at END:
`f W_dec[feature] scale . u / scale_final`, logits, positive = towards the answer: the path from the site to the
unembedding without any layer between. Read-outs of a feature: its decoder row through the final norm at the run's own
scale and the unembedding, against the vocabulary's mean. Reconstruction: |x - x^| / |x| per position, FVU over the
prompt, and what becomes of the next-token loss (mean over the prompt, nats) and of the logit difference where the
activation is replaced by x^, beside 0 in its place. The separator before the prompt is left as it is and counts
nowhere: its stream is many times longer and autoencoders are mostly not trained on it.
Source: docs/formulas.md; Bricken et al. 2023, https://transformer-circuits.pub/2023/monosemantic-features.
Not done: paths through later layers; features of several autoencoders together.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from app.compute.attention_weights import FINAL_SCALE
from app.compute.autoencoders import autoencoder
from app.compute.direct_logit_attribution import centred_direction
from app.compute.held import for_prompt
from app.compute.memo import once
from app.compute.metrics import logit_direction
from app.compute.normalization import affine_norm
from app.compute.passes import at_end, everywhere
from app.compute.prediction import check_top_k, token_strings
from app.compute.prompts import array, chosen_prompt
from app.compute.ranked import ranked_tokens
from app.compute.reading import ReadPrompt
from app.compute.report import Report, silent
from app.compute.runs import capture
from app.compute.sae_contexts import contexts
from app.compute.sae_loss import replaced
from app.domain.interventions import Interventions
from app.domain.models import Provenance
from app.domain.recipes import recipe_json
from app.domain.results import Floats
from app.domain.sae_recipes import SaeFeatures, cut_at_end
from app.domain.sae_results import EACH, MOST, SaeFeaturesResult
from app.domain.sites import within
from app.models.loaded import LoadedModel
from app.models.sparse_autoencoder import Encoded, SparseAutoencoder


@dataclass(frozen=True, eq=False)
class Seen:
    """The activation, its features, what they add to the logit difference at END, and the final scale there."""

    x: Float[Tensor, "pos d_in"]
    encoded: Encoded
    attribution: Float[Tensor, " d_sae"]
    scale: Float[Tensor, " 1"]

    @property
    def features(self) -> Float[Tensor, "pos d_sae"]:
        """Their activations."""
        return self.encoded.features

    @property
    def nbytes(self) -> int:
        """Memory of activation and features."""
        return self.x.nbytes + self.features.nbytes


def sae_features(
    model: LoadedModel,
    recipe: SaeFeatures,
    report: Report = silent,
    *,
    digest: str,
    provenance: Provenance,
    max_tokens: int = 512,
) -> SaeFeaturesResult:
    """All that matter on the prompt, and one of them closely."""
    check_top_k(recipe.top_k, model)
    sae = check_features(model, recipe)
    prompt = chosen_prompt(model, recipe, recipe.prompt, max_tokens)
    mine = for_prompt(recipe.interventions, prompt.index)
    report(0, 2)
    with model.lock:
        whole = _overview(model, prompt, sae, mine, (recipe.folder, recipe.fingerprint))
        own, plain, kept = whole.own, whole.plain, whole.kept
        feature = _chosen(recipe, own)
        promoted, best, suppressed, worst = ranked_tokens(model, _outputs(model, sae, own, [feature]), recipe.top_k)
        report(1, 2)
        places = contexts(model, recipe, sae, feature, max_tokens)
    first = int(prompt.clean.bos)
    return SaeFeaturesResult(
        recipe=recipe_json(recipe), digest=digest, provenance=provenance, autoencoder=sae.name,
        architecture=sae.architecture, activation=sae.activation, layer=sae.layer, d_sae=sae.d_sae, feature=feature,
        written=float((sae.W_dec[feature] * own.encoded.scale[-1]).norm()), first=first,
        str_tokens=prompt.clean.str_tokens, feature_ids=torch.tensor(kept, dtype=torch.int32).numpy(),
        activations=array(own.features[:, kept]), plain_activations=array(plain.features[:, kept]),
        attribution=array(own.attribution[kept]), plain_attribution=array(plain.attribution[kept]),
        promoted=token_strings(model, whole.promoted), **_reconstruction(sae, own, first), **whole.totals,
        promoted_tokens=token_strings(model, best[0]), promoted_logits=array(promoted[0]),
        suppressed_tokens=token_strings(model, worst[0]), suppressed_logits=array(suppressed[0]),
        feature_activations=array(own.features[:, feature]),
        plain_feature_activations=array(plain.features[:, feature]), **places,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Overview:
    """What is the same whichever feature is looked at closely."""

    own: Seen
    plain: Seen
    kept: list[int]
    promoted: Tensor
    totals: dict[str, Floats]

    @property
    def nbytes(self) -> int:
        """Memory of the activations."""
        return self.own.nbytes + self.plain.nbytes


def _overview(
    model: LoadedModel, prompt: ReadPrompt, sae: SparseAutoencoder, mine: Interventions, named: tuple[str, str]
) -> Overview:
    """Remembered, so that another feature's card takes no forward pass of the prompt."""

    def make() -> Overview:
        plain = seen(model, prompt, sae)
        own = seen(model, prompt, sae, mine) if mine else plain
        kept = _kept(own, plain)
        none = torch.zeros(0, dtype=torch.long)
        top = ranked_tokens(model, _outputs(model, sae, own, kept), 1)[1][:, 0] if kept else none
        return Overview(own, plain, kept, top, replaced(model, prompt, sae, mine))

    asked = (prompt.clean.ids, prompt.corrupted_ids, prompt.answer_ids, prompt.incorrect_ids)
    return once(model, ("features", named, asked, mine, model.facts.spec.prepend_bos), make)


def check_features(model: LoadedModel, recipe: SaeFeatures) -> SparseAutoencoder:
    """The autoencoder; refuses one that does not fit, and a feature that it does not have."""
    sae = autoencoder(model, recipe.folder, recipe.fingerprint)
    chosen = () if recipe.feature is None else (recipe.feature,)
    within(chosen, sae.d_sae, "features", f"The autoencoder {sae.name}")
    return sae


def seen(model: LoadedModel, prompt: ReadPrompt, sae: SparseAutoencoder, mine: Interventions = ()) -> Seen:
    """What the run shows of the features."""
    keep = {sae.site.hook_name: everywhere, FINAL_SCALE: at_end}
    _, kept = capture(model, prompt.clean.ids, keep, mine, prompt.corrupted_ids)
    x, scale = kept[sae.site.hook_name].float(), kept[FINAL_SCALE].float()
    encoded = sae.encode(x)
    attribution = torch.full_like(encoded.features[-1], torch.nan)
    if prompt.answer_ids and prompt.incorrect_ids and not cut_at_end(mine, sae.site, len(x)):
        u, _ = logit_direction(model, prompt.answer_ids, prompt.incorrect_ids)
        along = sae.W_dec @ (centred_direction(model, u) / scale)
        attribution = encoded.features[-1] * encoded.scale[-1] * along
    return Seen(x, encoded, attribution, scale)


def _kept(own: Seen, plain: Seen) -> list[int]:
    """Ascending ids of the features that a ranking may show, of either run."""
    found: set[int] = set()
    for run in {id(own): own, id(plain): plain}.values():
        found |= _top(run.features) | _top(run.features.amax(0)[None]) | _top(run.attribution.nan_to_num().abs()[None])
    size = torch.maximum(own.features.amax(0), plain.features.amax(0))
    return sorted(sorted(found, key=lambda each: -float(size[each]))[:MOST])


def _top(rows: Float[Tensor, "row d_sae"]) -> set[int]:
    """Of each row the largest that are not 0."""
    top = rows.topk(min(EACH, rows.shape[1]), dim=-1)
    return set(top.indices[top.values > 0].tolist())


def _chosen(recipe: SaeFeatures, own: Seen) -> int:
    if recipe.feature is not None:
        return recipe.feature
    size = own.features.amax(0) if own.attribution.isnan().any() else own.attribution.abs()
    return int(size.argmax())


def _outputs(model: LoadedModel, sae: SparseAutoencoder, own: Seen, chosen: list[int]) -> Float[Tensor, "row d_model"]:
    """What each writes per unit of activation at END, as the unembedding reads it."""
    norm = affine_norm(model.bridge.ln_final, model.facts.d_model, sae.W_dec)
    return norm.contribution(sae.W_dec[chosen] * own.encoded.scale[-1], own.scale)


def _reconstruction(sae: SparseAutoencoder, own: Seen, first: int) -> dict[str, object]:
    """Errors and counts by position, and the fraction of variance unexplained over those that count."""
    lost = own.x - sae.decode(own.encoded)
    counted = own.x[first:]
    variance = (counted - counted.mean(0)).pow(2).sum() if len(counted) > 1 else torch.tensor(torch.nan)
    return {
        "errors": array(lost.norm(dim=-1) / own.x.norm(dim=-1).clamp(min=1e-12)),
        "active": array((own.features > 0).float().sum(-1)),
        "fvu": array((lost[first:].pow(2).sum() / variance)[None]),
    }
