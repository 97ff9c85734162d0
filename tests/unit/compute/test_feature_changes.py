"""Setting a feature of a sparse autoencoder: what it does at the hook, in both engines, and in sums of attributions."""

import numpy as np
import pytest
import torch

from app.checks import check
from app.compute.autoencoders import fitting_autoencoder
from app.compute.bases import BridgeRuns, in_force, runs_of
from app.compute.direct_logit_attribution import direct_logit_attribution
from app.compute.passes import everywhere
from app.compute.reading import ReadPrompt
from app.compute.runs import capture, forward
from app.compute.variations import Held
from app.domain.direction_interventions import ClampFeature, Steer
from app.domain.directions import SaeFeature
from app.domain.errors import BadSite
from app.domain.interventions import Ablate
from app.domain.recipes import DirectLogitAttribution, Prediction
from app.domain.sites import Site
from app.models.sae_folder import OWN
from app.models.tokens import tokenise
from tests import autoencoders
from tests import tiny as words
from tests.loaded import tiny
from tests.unit.compute.asking import PAIR, TOLERANCE, ask, ids

HOOK = "blocks.1.hook_{}"


def feature(folder, model, at=None):
    """A feature that is active on the prompt, and its autoencoder."""
    own, sae = fitting_autoencoder(model, folder)
    if at is None:
        at = int(sae.encode(seen(model, sae.site)).features.sum(0).argmax())
    return SaeFeature(folder, at, own, sae.layer, sae.activation), sae


def seen(model, site, *interventions):
    hook = site.hook_name
    return capture(model, ids(model), {hook: everywhere}, interventions, ids(model, words.CORRUPTED))[1][hook].float()


@pytest.mark.parametrize("architecture", list(OWN))
def test_an_ablated_feature_takes_away_what_it_wrote_and_leaves_the_error(architecture, tmp_path):
    model = tiny("llama")
    folder = autoencoders.saved(tmp_path, architecture, normalize_activations="layer_norm")
    direction, sae = feature(folder, model)
    site, before = Site("resid_post", 1, positions=(2, 6)), seen(model, sae.site)
    encoded = sae.encode(before)
    for value in (0.0, 3.0):
        moved = seen(model, sae.site, ClampFeature(site, direction, value)) - before
        expected = torch.zeros_like(moved)
        for position in (2, 6):  # in the words of the definition
            act, scale = encoded.features[position, direction.feature], encoded.scale[position]
            expected[position] = (value - act) * scale * sae.W_dec[direction.feature]
        torch.testing.assert_close(moved, expected, atol=1e-5, rtol=0)
    assert float(encoded.features[[2, 6], direction.feature].max()) > 0


@pytest.mark.parametrize("activation", ["resid_mid", "resid_post", "mlp_out"])
def test_both_engines_agree_beside_other_changes_and_sweeps(activation, tmp_path):
    model = tiny("llama")
    direction, sae = feature(autoencoders.saved(tmp_path, "topk", HOOK.format(activation)), model)
    mine = (ClampFeature(sae.site, direction), Steer(sae.site, direction, 1.0), Ablate(Site("z", 2, (1,))))
    prompt = ReadPrompt(tokenise(model, words.CLEAN, 64), tokenise(model, words.CORRUPTED, 64), (), ())
    zeros = torch.zeros(len(prompt.clean), model.facts.n_heads, model.facts.d_head)
    rows = [(Held(Site("z", layer, (1,)), zeros),) for layer in range(3)]
    found = []
    for runs, name in ((runs_of(model), "replay"), (BridgeRuns(model), "bridge")):
        base = runs.base(prompt.clean.ids, *in_force(model, prompt, mine, frozenset(), runs))
        assert base.engine.startswith(name)
        found.append(torch.stack([base.logits, *(base.run([row])[0] for row in rows)]))
    torch.testing.assert_close(*found, atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(found[0][0], forward(model, ids(model), (), mine), atol=TOLERANCE, rtol=0)
    assert (found[0][0] - forward(model, ids(model), (), mine[1:])).abs().max() > 0.01


@pytest.mark.parametrize("activation", ["resid_mid", "resid_post", "attn_out", "mlp_out"])
def test_attributions_still_sum_to_the_logit_difference(activation, tmp_path):
    model = tiny("llama")
    direction, sae = feature(autoencoders.saved(tmp_path, hook=HOOK.format(activation)), model)
    result = ask(direct_logit_attribution, DirectLogitAttribution, model, ClampFeature(sae.site, direction))
    np.testing.assert_allclose(result.components.sum(-1), result.logit_diff, atol=TOLERANCE)


def test_a_site_that_the_autoencoder_is_not_of_is_refused(tmp_path):
    model = tiny("llama")
    direction, _ = feature(autoencoders.saved(tmp_path), model, 7)
    recipe = Prediction(
        model=model.facts.spec, prompts=(PAIR,), interventions=(ClampFeature(Site("resid_pre", 1), direction),)
    )
    with pytest.raises(BadSite, match=r"is of L1\.resid_post, and the site is L1\.resid_pre"):
        check(model, recipe, 64)
    assert str(ClampFeature(Site("resid_post", 1), direction)).startswith("ablate feature 7 of ")
