"""Who writes a direction is tested by the projection that the sum must reproduce, and by loops over the cache."""

import numpy as np
import pytest

from app.compute.direct_logit_attribution import direct_logit_attribution
from app.compute.direction_writers import direction_writers
from app.compute.directions import made
from app.domain.direction_recipes import DirectionWriters
from app.domain.directions import RandomDirection, TokenDirection
from app.domain.errors import BadRecipe, BadSite
from app.domain.interventions import Ablate, Patch
from app.domain.prompts import PromptPair
from app.domain.recipes import DirectLogitAttribution
from app.domain.results import difference
from app.domain.sites import Site
from tests import tiny as words
from tests.loaded import tiny
from tests.unit.compute.asking import PAIR, TOLERANCE, ask, cache, each_model
from tests.unit.compute.test_direct_logit_attribution import INTERVENTIONS

ANSWERS = TokenDirection((words.ANSWER,), (words.INCORRECT,))
PLACES = [(None, None), (1, 3), (0, 7), (2, 0)]


def writers(model, *interventions, **options):
    fields = {"direction": ANSWERS, **options}
    return ask(direction_writers, DirectionWriters, model, *interventions, **fields)


@each_model
def test_everything_written_adds_up_to_the_projection_at_any_place(architecture, processing):
    model = tiny(architecture, processing)
    unit = made(model, ANSWERS).unit
    for layer, position in PLACES:
        found = writers(model, layer=layer, position=position)
        at, after = -1 if position is None else position, 2 if layer is None else layer
        stream = cache(model)[1][f"blocks.{after}.hook_resid_post"][0, at]
        assert found.projection[0] == pytest.approx(float(stream @ unit), abs=TOLERANCE)
        assert found.error < TOLERANCE
        attention = [at for at, label in enumerate(found.component_labels) if label.endswith(".attn")]
        heads = found.heads[:, : after + 1].sum(-1) + found.attn_bias[:, : after + 1]
        np.testing.assert_allclose(heads, found.components[:, attention], atol=TOLERANCE)
        assert np.isnan(found.heads[:, after + 1 :]).all()


@pytest.mark.parametrize("position", [None, 4])
@pytest.mark.parametrize("name", INTERVENTIONS)
def test_the_sum_holds_under_interventions_after_every_layer(name, position):
    model = tiny("gpt2")
    for layer in (0, 1, None):
        assert writers(model, *INTERVENTIONS[name], layer=layer, position=position).error < TOLERANCE


def test_neurons_of_an_mlp_that_an_intervention_replaced_are_not_told():
    model = tiny("gpt2")
    found = writers(model, Ablate(Site("mlp_out", 1)), neurons=3)
    assert np.isnan(found.neurons[0, 1]).all()
    assert (found.neuron_index[0, 1] == -1).all()
    assert np.isfinite(found.neurons[0, [0, 2]]).all()
    elsewhere = writers(model, Ablate(Site("mlp_out", 1, positions=(2,))), neurons=3)
    assert np.isfinite(elsewhere.neurons[0]).all()


def test_what_a_patch_of_the_stream_puts_there_was_written_in_the_other_run():
    model, patch = tiny("llama"), Patch(Site("resid_pre", 1))
    other = writers(model, prompts=(PromptPair(words.CORRUPTED),), position=3, layer=0)
    patched = writers(model, patch, position=3, layer=1)
    np.testing.assert_allclose(patched.components[0, :3], other.components[0], atol=TOLERANCE)
    assert abs(float(patched.unwritten[0])) < TOLERANCE
    later = writers(model, patch, position=3, layer=0)  # what is changed after the place is not in it
    np.testing.assert_allclose(later.components, writers(model, position=3, layer=0).components, atol=TOLERANCE)


@each_model
def test_neurons_are_those_that_write_most_and_all_of_them_are_the_mlp(architecture, processing):
    model = tiny(architecture, processing)
    found = writers(model, position=3, neurons=48)
    cached, unit = cache(model)[1], made(model, ANSWERS).unit
    for layer in range(3):
        W_out, norm = (
            model.bridge.blocks[layer].mlp.W_out.float(),
            getattr(model.bridge.blocks[layer], "ln2_post", None),
        )
        post = cached[f"blocks.{layer}.mlp.hook_post"][0, 3]
        written = post[:, None] * W_out
        if norm is not None:
            gain = norm.original_component.weight + 1  # Gemma stores weight - 1
            written = written / cached[f"blocks.{layer}.ln2_post.hook_scale"][0, 3] * gain
        along = (written @ unit).detach().numpy()
        order = np.argsort(-np.abs(along), kind="stable")[:48]
        np.testing.assert_allclose(found.neurons[0, layer], along[order], atol=TOLERANCE)
        assert found.neuron_index[0, layer, 0] == order[0]


def test_along_the_answers_it_is_direct_attribution_but_for_the_final_scale():
    model = tiny("gpt2")
    direct, found = ask(direct_logit_attribution, DirectLogitAttribution, model), writers(model)
    ratio = direct.components[0, :-1] / found.components[0]
    np.testing.assert_allclose(ratio, np.full_like(ratio, ratio[0]), rtol=1e-3)


def test_prompts_of_a_set_are_as_if_alone_and_a_difference_of_runs_adds_up():
    model, pair = tiny("gpt2"), PromptPair("w5 w1 w5")
    both = writers(model, prompts=(PAIR, pair))
    np.testing.assert_allclose(both.components[1], writers(model, prompts=(pair,)).components[0], atol=TOLERANCE)
    assert both.positions == (7, 3)
    change = difference(writers(model, Ablate(Site("z", 1, (1,)))), writers(model))
    assert change.error < TOLERANCE
    assert np.isnan(change.neurons).all()


def test_places_and_counts_that_do_not_exist_are_refused():
    with pytest.raises(BadSite, match="3 layers"):
        writers(tiny("gpt2"), layer=3)
    with pytest.raises(BadSite, match="8 positions"):
        writers(tiny("gpt2"), position=8)
    with pytest.raises(BadRecipe, match="from 0 to 100"):
        writers(tiny("gpt2"), neurons=-1)
    assert writers(tiny("gpt2"), direction=RandomDirection(), neurons=0).neurons.shape == (1, 3, 0)
