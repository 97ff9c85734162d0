"""Directions against slow loops over TransformerLens' cache and NumPy's decompositions."""

import numpy as np
import pytest
import torch

from app.compute.directions import made
from app.compute.samples import activations
from app.domain.direction_places import place_of, site_of
from app.domain.directions import (
    MeanDifference,
    Placebo,
    PrincipalComponent,
    Probe,
    RandomDirection,
    SaeFeature,
    SingularVector,
    TokenDirection,
    Vector,
)
from app.domain.errors import BadPrompt, BadRecipe, BadSite
from app.domain.geometry_recipes import ActivationMap
from app.domain.models import ModelSpec
from app.domain.prompts import PromptPair
from app.domain.samples import Sample
from app.domain.sites import Head, Site
from tests import tiny as words
from tests.loaded import tiny
from tests.unit.compute.asking import TOLERANCE, answer, cache, incorrect

TEXTS = ("w1 w2 w3", "w4 w5 w6 w7", "w2 w9", "w8 w8 w1")
EACH = pytest.mark.parametrize("architecture", words.ARCHITECTURES)


def streams(model, layer, samples):
    """`[sample d_model]` resid_post by TransformerLens' cache, one text at a time."""
    found = []
    for sample in samples:
        _, cached = cache(model, sample.text)
        found.append(cached[f"blocks.{layer}.hook_resid_post"][0, -1 if sample.position is None else sample.position])
    return torch.stack(found).float()


SAMPLES = (*(Sample(text) for text in TEXTS), Sample(TEXTS[1], 1))


@EACH
def test_activations_of_samples_are_those_of_the_cache(architecture):
    model = tiny(architecture)
    torch.testing.assert_close(activations(model, "resid_post", 1, SAMPLES), streams(model, 1, SAMPLES))
    kept = [value for key, value in model.memo.items() if "sample" in key]
    assert kept
    assert all(each.untyped_storage().nbytes() == each.nbytes for each in kept)  # no view of the whole text


@EACH
@pytest.mark.parametrize("processing", ["raw", "compatibility"])
def test_a_token_difference_read_from_the_final_stream_is_the_logit_difference_times_the_scale(
    architecture, processing
):
    model = tiny(architecture, processing)
    direction = made(model, TokenDirection((words.ANSWER,), (words.INCORRECT,))).vector
    _, cached = cache(model)
    final = cached[f"blocks.{model.facts.n_layers - 1}.hook_resid_post"][0, -1].float()
    logits = model.bridge.unembed(model.bridge.ln_final(final[None, None]))[0, 0].float()
    bias = model.bridge.b_U[answer(model)] - model.bridge.b_U[incorrect(model)]
    zero = model.bridge.ln_final(torch.zeros_like(final)[None, None])[0, 0].float()  # the norm's own bias
    own = zero @ (model.bridge.W_U[:, answer(model)] - model.bridge.W_U[:, incorrect(model)]).float()
    wanted = logits[answer(model)] - logits[incorrect(model)] - bias - own
    scale = cached["ln_final.hook_scale"][0, -1]
    assert float(final @ direction / scale) == pytest.approx(float(wanted), abs=TOLERANCE)


def test_tokens_of_the_embedding_are_its_rows():
    model = tiny("llama")
    found = made(model, TokenDirection((words.ANSWER,), (words.INCORRECT,), "W_E")).vector
    rows = model.bridge.W_E.float()
    torch.testing.assert_close(found, rows[answer(model)] - rows[incorrect(model)])


@EACH
def test_a_mean_difference_is_that_of_a_slow_loop(architecture):
    model = tiny(architecture)
    found = made(model, MeanDifference("resid_post", 2, SAMPLES[:2], SAMPLES[2:])).vector
    wanted = streams(model, 2, SAMPLES[:2]).mean(0) - streams(model, 2, SAMPLES[2:]).mean(0)
    torch.testing.assert_close(found, wanted)


def test_a_principal_component_is_an_eigenvector_of_the_covariance():
    model = tiny("gpt2")
    samples = streams(model, 1, SAMPLES).numpy().astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(samples.T))
    for component in (0, 1):
        found = made(model, PrincipalComponent("resid_post", 1, SAMPLES, component))
        cosine = float(found.unit.numpy() @ vectors[:, -1 - component])
        assert abs(cosine) == pytest.approx(1, abs=1e-5)
        assert found.facts["variance_explained"] == pytest.approx(values[-1 - component] / values.sum(), rel=1e-4)
        assert found.vector[found.vector.abs().argmax()] > 0


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_singular_vectors_are_those_of_the_whole_product(architecture):
    model, head = tiny(architecture), Head(1, 3)
    attn = model.bridge.blocks[1].attn  # query head 3 reads the last key-value head
    product = (attn.W_V[-1] @ attn.W_O[3]).double().numpy()  # norms are folded into these weights
    U, sizes, V = np.linalg.svd(product)
    read, written = (made(model, SingularVector(head, 1, side)) for side in ("read", "write"))
    assert read.facts["singular_value"] == pytest.approx(sizes[1], rel=1e-5)
    sign = np.sign(V[1][np.abs(V[1]).argmax()])
    np.testing.assert_allclose(written.vector.numpy(), sign * V[1], atol=1e-5)
    np.testing.assert_allclose(read.vector.numpy(), sign * U[:, 1], atol=1e-5)


def test_a_placebo_has_the_length_of_the_real_direction_and_stands_across_it():
    model = tiny("llama")
    real = TokenDirection((words.ANSWER,))
    placebo, other = (made(model, Placebo(real, seed)).vector for seed in (0, 1))
    assert float(placebo.norm()) == pytest.approx(float(made(model, real).vector.norm()), rel=1e-5)
    assert float(placebo @ made(model, real).unit) == pytest.approx(0, abs=1e-5)
    assert not torch.allclose(placebo, other)


def test_a_random_direction_is_the_same_with_the_same_seed():
    model = tiny("llama")
    assert torch.equal(made(model, RandomDirection(3)).vector, made(model, RandomDirection(3)).vector)
    assert float(made(model, RandomDirection(3)).vector.norm()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("direction", "words_"),
    [
        (Vector.of((1.0, 2.0)), "has 2 numbers and the residual stream"),
        (SingularVector(Head(9, 0)), "layers"),
        (SingularVector(Head(0, 0), 99), "singular vectors per head"),
        (MeanDifference("resid_post", 0, (Sample("w1", 9),), (Sample("w2"),)), "position 9 does not exist"),
        (MeanDifference("resid_post", 0, (Sample("w1"),), (Sample("w1"),)), "alike"),
        (MeanDifference("resid_post", 1, (Sample("w1 w2", 1),), (Sample("w1 w2 w3 w4 w5", 1),)), "alike"),
        (PrincipalComponent("resid_post", 0, (Sample("w1"), Sample("w1"), Sample("w1"))), "alike"),
        (MeanDifference("resid_post", 9, (Sample("w1"),), (Sample("w2"),)), "layers"),
    ],
)
def test_what_this_model_does_not_have_is_refused(direction, words_):
    with pytest.raises((BadRecipe, BadSite, BadPrompt), match=words_):
        made(tiny("llama"), direction)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_that_not_every_library_takes_are_refused_before_any_run(seed):
    samples = (Sample("w1"), Sample("w2"), Sample("w3"), Sample("w4"))
    for make in (
        lambda: RandomDirection(seed),
        lambda: Placebo(RandomDirection(0), seed),
        lambda: Probe("resid_post", 0, samples, samples, seed=seed),
        lambda: ActivationMap(model=ModelSpec("live", "x"), prompts=(PromptPair("w1"),), layer=0, seed=seed),
    ):
        with pytest.raises(BadRecipe, match="seed"):
            make()


def test_what_enters_a_block_is_looked_at_after_the_block_before():
    before = MeanDifference("resid_pre", 3, (Sample("w1"),), (Sample("w2"),))
    assert place_of(before, ()) == 2
    assert place_of(Placebo(before), ()) == 2
    assert place_of(MeanDifference("resid_post", 3, (Sample("w1"),), (Sample("w2"),)), ()) == 3
    assert place_of(before, (5,)) == 5
    assert place_of(RandomDirection(0), ()) is None


def test_a_change_is_made_at_the_selected_layer_else_where_the_direction_is_at_home_else_after_the_last():
    feature = SaeFeature("folder", 3, "", 1, "mlp_out")
    assert site_of(feature, (), 4) == site_of(Placebo(feature), (), 4) == Site("mlp_out", 1)
    assert site_of(SingularVector(Head(2, 0), side="read"), (), 4, (1, 3)) == Site("resid_pre", 2, None, (1, 3))
    assert site_of(feature, (0, 2), 4) == Site("resid_post", 2)
    assert site_of(RandomDirection(0), (), 4) == Site("resid_post", 3)
