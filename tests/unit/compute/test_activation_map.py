"""Maps of activations: points against the cache, PCA against scikit-learn, the others by what they keep."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from app.compute.activation_map import activation_map
from app.compute.direction_card import direction_card
from app.compute.directions import made
from app.compute.reduction import reduced, reduced_with_news
from app.domain.direction_card import DirectionCard
from app.domain.directions import TokenDirection
from app.domain.errors import BadRecipe, BadSite, Cancelled
from app.domain.geometry_recipes import ActivationMap
from app.domain.prompts import PromptPair
from app.figures.activation_map import projected
from tests import tiny as words
from tests.loaded import tiny
from tests.unit.compute.asking import TOLERANCE, answer, ask, cache, incorrect

PAIRS = tuple(
    PromptPair(f"w{i} w2 w{i + 1} w4", f"w{i} w3 w{i + 1} w4", (words.ANSWER,), (words.INCORRECT,))
    for i in range(5, 13)
)  # fmt: skip


def mapped(model, **fields):
    return ask(activation_map, ActivationMap, model, prompts=PAIRS, **{"layer": 1, **fields})


@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_points_are_the_cached_activations_in_the_order_of_sides_prompts_and_positions(architecture):
    model = tiny(architecture)
    found, at = mapped(model, positions=(1, 3), both=True), 0
    for side in ("clean", "corrupted"):
        for prompt, pair in enumerate(PAIRS):
            logits, cached = cache(model, getattr(pair, side))
            for position in (1, 3):
                wanted = cached["blocks.1.hook_resid_post"][0, position].float()
                np.testing.assert_allclose(found.activations[at], wanted, atol=TOLERANCE)
                named = (found.side[at], found.prompt[at], found.position[at])
                assert named == (side, prompt, position)
                assert found.token[at] == getattr(pair, side).split()[position - 1]  # after the separator
                diff = float(logits[0, -1, answer(model)] - logits[0, -1, incorrect(model)])
                assert found.logit_diff[at] == pytest.approx(diff, abs=TOLERANCE)
                at += 1
    assert at == len(found.activations)
    np.testing.assert_allclose(found.norm, np.linalg.norm(found.activations, axis=1), rtol=1e-5)


def test_pca_is_that_of_scikit_learn_up_to_the_sign_of_a_component():
    found = mapped(tiny("gpt2"), positions="all")
    reference = PCA(2).fit(found.activations.astype(np.float64))
    np.testing.assert_allclose(found.variance_explained, reference.explained_variance_ratio_, atol=1e-5)
    scores = reference.transform(found.activations.astype(np.float64))
    signs = np.sign((scores * found.coordinates).sum(0))
    np.testing.assert_allclose(found.coordinates, scores * signs, atol=TOLERANCE)
    biggest = reference.components_[[0, 1], np.abs(reference.components_).argmax(1)] * signs
    assert np.all(biggest > 0)


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_neighbourhoods_are_kept_and_a_seed_gives_the_same_map_again(method):
    model = tiny("llama")
    found = mapped(model, positions="all", method=method, seed=3)
    assert trustworthiness(found.activations, found.coordinates, n_neighbors=5) > 0.85  # random maps have 0.5
    assert np.isnan(found.variance_explained).all()
    recipe = ActivationMap(model=model.facts.spec, prompts=PAIRS, layer=1, positions="all", method=method, seed=3)
    once, again = (reduced(found.activations.astype(np.float64), recipe)[0] for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_who_leaves_a_map_that_takes_long_is_let_go_and_the_next_one_is_whole():
    recipe = ActivationMap(model=tiny("llama").facts.spec, prompts=PAIRS, layer=1, method="tsne")
    points, heard = np.random.default_rng(0).normal(size=(400, 8)), []

    def leave(seconds):
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        reduced_with_news(points, recipe, leave)
    found, _ = reduced_with_news(points, recipe, heard.append)
    np.testing.assert_array_equal(found, reduced(points, recipe)[0])
    assert heard == sorted(heard)
    assert heard


def test_any_direction_adds_every_points_projection_without_another_map():
    model, direction = tiny("llama"), TokenDirection((words.ANSWER,))
    found = mapped(model)
    assert np.isnan(found.projection).all()
    card = ask(direction_card, DirectionCard, model, prompts=(), direction=direction)
    along = projected(found, card)
    wanted = [float(point @ made(model, direction).unit.numpy()) for point in found.activations]
    np.testing.assert_allclose(along.projection, wanted, atol=TOLERANCE)
    assert along.coordinates is found.coordinates
    assert along.direction == str(direction)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"layer": 9}, "layers"),
        ({"positions": (9,)}, "Prompt 0 has 5 positions"),
        ({"neighbours": 8}, "do not have 8 neighbours"),
        ({"min_dist": 2.0}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_mapped_is_refused(fields, said):
    with pytest.raises((BadRecipe, BadSite), match=said):
        mapped(tiny("llama"), **fields)


def test_two_points_are_too_few():
    with pytest.raises(BadRecipe, match="4 to 20,000 points, not 2"):
        ask(activation_map, ActivationMap, tiny("llama"), prompts=PAIRS[:2], layer=1)
