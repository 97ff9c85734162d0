"""Features on a prompt: every number is a slow loop over TransformerLens' cache and hand-written hooks."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from app.compute.autoencoders import autoencoder, fitting_autoencoder
from app.compute.memo import remember, share_of
from app.compute.sae_features import sae_features
from app.domain.direction_interventions import ClampFeature
from app.domain.directions import SaeFeature
from app.domain.errors import BadRecipe, BadSite
from app.domain.interventions import Ablate, Patch
from app.domain.prompts import PromptPair
from app.domain.results import difference
from app.domain.sae_recipes import SaeFeatures
from app.domain.sae_results import BEFORE
from app.domain.sites import Site
from tests import autoencoders
from tests import tiny as words
from tests.loaded import BACKGROUND, tiny
from tests.unit.compute.asking import PAIR, TOLERANCE, answer, ask, cache, incorrect, tokens

HOOKS = {"llama": "blocks.1.hook_resid_post", "gemma": "blocks.1.hook_mlp_out", "neox": "blocks.0.hook_attn_out"}


def asked(model, folder, *interventions, **options):
    own, sae = fitting_autoencoder(model, folder)
    given = {"folder": folder, "fingerprint": own, "top_k": 4} | options
    return ask(sae_features, SaeFeatures, model, *interventions, **given), sae


@pytest.fixture(params=[("llama", "topk"), ("gemma", "jumprelu"), ("neox", "gated")], ids=str)
def case(request, tmp_path):
    """(model, folder); LayerNorm models with raw weights, as the autoencoder was not trained on a centred stream."""
    architecture, kind = request.param
    model = tiny(architecture, "compatibility" if architecture == "llama" else "raw")
    return model, autoencoders.saved(tmp_path, kind, HOOKS[architecture])


def final(model, cached):
    """(centring and gain as one function, scale) of the final norm at END."""
    norm = model.bridge.ln_final
    weight = getattr(norm.original_component, "weight", None)
    gain = 1 if weight is None else weight + bool(norm.uses_weight_offset)
    return (lambda row: (row if norm.uses_rms_norm else row - row.mean()) * gain), cached["ln_final.hook_scale"][0, -1]


def test_activations_shares_and_read_outs_equal_slow_loops(case):
    model, folder = case
    result, sae = asked(model, folder)
    _, cached = cache(model)
    x = cached[sae.site.hook_name][0]
    encoded = sae.encode(x)
    np.testing.assert_allclose(result.activations, encoded.features[:, result.feature_ids], atol=TOLERANCE)
    assert set((encoded.features > 0).nonzero()[:, 1].tolist()) == set(result.feature_ids.tolist())
    read, scale = final(model, cached)
    u = model.bridge.W_U[:, answer(model)] - model.bridge.W_U[:, incorrect(model)]
    for at, feature in enumerate(result.feature_ids.tolist()):
        written = sae.written(encoded, feature)[-1]
        assert result.attribution[at] == pytest.approx(float(read(written) / scale @ u), abs=TOLERANCE)
    assert result.feature == result.feature_ids[np.abs(result.attribution).argmax()]
    logits = read(sae.W_dec[result.feature] * encoded.scale[-1]) / scale @ model.bridge.W_U
    logits = logits - logits.mean()
    np.testing.assert_allclose(result.promoted_logits, logits.topk(4).values, atol=TOLERANCE)
    np.testing.assert_allclose(result.suppressed_logits, logits.topk(4, largest=False).values, atol=TOLERANCE)
    at = result.feature_ids.tolist().index(result.feature)
    assert result.promoted[at] == result.promoted_tokens[0]


def test_errors_and_what_replacing_does_equal_hand_written_hooks(case):
    model, folder = case
    result, sae = asked(model, folder)
    name = sae.site.hook_name
    x = cache(model)[1][name][0]
    kept = sae.decode(sae.encode(x))
    for position in range(len(x)):
        lost = float((x[position] - kept[position]).norm() / x[position].norm())
        assert result.errors[position] == pytest.approx(lost, abs=TOLERANCE)
        assert result.active[position] == int((sae.encode(x[position]).features > 0).sum())
    spread = sum(float((row - x[1:].mean(0)).pow(2).sum()) for row in x[1:])
    unexplained = sum(float((x[at] - kept[at]).pow(2).sum()) for at in range(1, len(x)))
    assert result.fvu[0] == pytest.approx(unexplained / spread, rel=1e-4)

    def edit(new):
        def hook(value, hook):
            changed = value.clone()
            changed[0, 1:] = new[1:]
            return changed

        return hook

    prompt = tokens(model)
    for at, new in enumerate((x, kept, torch.zeros_like(x))):
        logits = cache(model, hooks=[(name, edit(new))])[0][0]
        loss = -sum(float(logits[t].log_softmax(-1)[prompt[0, t + 1]]) for t in range(len(x) - 1)) / (len(x) - 1)
        assert result.losses[at] == pytest.approx(loss, abs=TOLERANCE)
        diff = float(logits[-1, answer(model)] - logits[-1, incorrect(model)])
        assert result.logit_diffs[at] == pytest.approx(diff, abs=TOLERANCE)


def test_contexts_are_the_places_where_a_slow_search_finds_it_most_active(tmp_path):
    model = tiny("llama")
    result, sae = asked(model, autoencoders.saved(tmp_path, "topk"), prompts=(PAIR, PromptPair("w9 w8 w7")), contexts=3)
    found, active, count = [], 0, 0
    for at, text in enumerate((words.CLEAN, "w9 w8 w7", *BACKGROUND)):
        act = sae.encode(cache(model, text)[1][sae.site.hook_name][0]).features[:, result.feature].tolist()
        found.append((max(act[1:]), at, 1 + act[1:].index(max(act[1:])), text.split()))
        active, count = active + sum(each > 0 for each in act[1:]), count + len(act) - 1
    expected = sorted((each for each in found if each[0] > 0), key=lambda each: -each[0])[:3]
    np.testing.assert_allclose(result.context_activations[:, BEFORE], [each[0] for each in expected], atol=TOLERANCE)
    assert result.context_texts.tolist() == [each[1] for each in expected]
    assert result.context_positions.tolist() == [each[2] for each in expected]
    assert [row[BEFORE] for row in result.context_tokens] == [each[3][each[2] - 1] for each in expected]
    assert (result.texts, result.tokens) == (6, count)
    assert result.density[0] == pytest.approx(active / count)


def test_a_difference_is_of_the_same_features_and_an_ablated_one_is_gone(tmp_path):
    model, folder = tiny("llama"), autoencoders.saved(tmp_path)
    plain, sae = asked(model, folder)
    own = SaeFeature(folder, plain.feature, fitting_autoencoder(model, folder)[0])
    changed, _ = asked(model, folder, ClampFeature(sae.site, own), Ablate(Site("z", 0, (1,))), feature=plain.feature)
    delta = difference(changed, plain)
    np.testing.assert_array_equal(delta.activations, changed.activations - changed.plain_activations)
    both = [np.isin(of.feature_ids, other.feature_ids) for of, other in ((changed, plain), (plain, changed))]
    np.testing.assert_allclose(changed.plain_activations[:, both[0]], plain.activations[:, both[1]], atol=TOLERANCE)
    assert np.isnan(delta.plain_activations).all()
    assert delta.losses[0] == changed.losses[0] - plain.losses[0]


def test_without_answers_the_most_active_is_chosen_and_a_replaced_stream_has_no_shares(tmp_path):
    model, folder = tiny("llama"), autoencoders.saved(tmp_path)
    result, _ = asked(model, folder, prompts=(PromptPair("w1 w2 w3"),))
    assert np.isnan([*result.attribution, *result.logit_diffs]).all()
    assert result.feature == result.feature_ids[result.activations.max(0).argmax()]
    for change, cut in ((Patch(Site("resid_pre", 2)), True), (Patch(Site("resid_pre", 1)), False),
                        (Patch(Site("resid_post", 2, None, (3,))), False)):  # fmt: skip
        assert np.isnan(asked(model, folder, change)[0].attribution).all() == cut


def test_what_does_not_hold_is_refused(tmp_path):
    model, folder = tiny("llama"), autoencoders.saved(tmp_path)
    with pytest.raises(BadSite, match="has 40 features"):
        asked(model, folder, feature=40)
    with pytest.raises(BadRecipe, match="fingerprint is 00"):
        asked(model, folder, fingerprint="00")
    with pytest.raises(BadRecipe, match="contexts = 51"):
        asked(model, folder, contexts=51)


def test_the_last_autoencoder_stays_beside_whatever_else_is_remembered(tmp_path):
    model = tiny("llama")
    folder = autoencoders.saved(tmp_path, d_in=model.facts.d_model)
    fingerprint, found = fitting_autoencoder(model, folder)
    small = replace(model, sweep_bytes=8 * 1024)
    for at in range(3):
        remember(small, ("filler", at), torch.zeros(share_of(small)))
    assert autoencoder(model, folder, fingerprint) is found
