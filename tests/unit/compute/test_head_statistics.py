"""Statistics of heads against a slow loop over TransformerLens' own cache, and on patterns set by hand."""

import math

import numpy as np
import pytest

from app.compute.head_statistics import STATISTICS, head_statistics
from app.domain.errors import BadInput
from app.domain.head_recipes import HeadStatistics
from app.domain.interventions import Ablate, KnockOutEdge, Patch
from app.domain.prompts import PromptPair
from app.domain.sites import Site
from tests import tiny as words
from tests.loaded import BACKGROUND, ground_truth, tiny
from tests.unit.compute.asking import TOLERANCE, ask, cache, each_model


def statistics(model, *interventions, **options):
    return ask(head_statistics, HeadStatistics, model, *interventions, **options)


def slow(model, text=words.CLEAN, hooks=()):
    """One number at a time: `[statistic layer head]`."""
    _, cached = cache(model, text, hooks)
    found = np.zeros((6, model.facts.n_layers, model.facts.n_heads))
    for layer, head in np.ndindex(*found.shape[1:]):
        rows = cached[f"blocks.{layer}.attn.hook_pattern"][0, head].double().numpy()
        each = []
        for q in range(1, len(rows)):
            entropy = -sum(a * math.log(a) for a in rows[q].tolist() if a > 0)
            distance = sum(a * (q - k) for k, a in enumerate(rows[q].tolist()))
            each.append(
                [
                    entropy,
                    entropy / math.log(q + 1),
                    rows[q, 0],
                    rows[q, q],
                    distance,
                    length(model, cached, layer, head, q),
                ]
            )
        found[:, layer, head] = np.mean(each, axis=0)
    return found


def length(model, cached, layer, head, q):
    """Norm of what one head adds to the stream at one position."""
    block = model.bridge.blocks[layer]
    written = cached[f"blocks.{layer}.attn.hook_z"][0, q, head] @ block.attn.W_O[head]
    if f"blocks.{layer}.ln1_post.hook_scale" in cached:
        gain = 1 + block.ln1_post.original_component.weight
        written = written / cached[f"blocks.{layer}.ln1_post.hook_scale"][0, q] * gain
    return float(written.norm())


def whole(result, prompt=0):
    return np.stack([getattr(result, name)[prompt] for name in STATISTICS])


@each_model
def test_every_statistic_equals_a_slow_loop_over_the_cache(architecture, processing):
    model = tiny(architecture, processing)
    np.testing.assert_allclose(whole(statistics(model)), slow(model), atol=TOLERANCE)


def test_interventions_hold():
    model = tiny("gpt2")

    def cut(pattern, hook):
        pattern = pattern.clone()
        pattern[:, :, 5, 2] = 0
        return pattern

    found = statistics(model, KnockOutEdge(1, ((5, 2),)))
    np.testing.assert_allclose(whole(found), slow(model, hooks=[("blocks.1.attn.hook_pattern", cut)]), atol=TOLERANCE)


def test_a_head_that_was_zeroed_attends_but_writes_nothing():
    found, plain = statistics(tiny("llama"), Ablate(Site("z", 1, (2,)))), statistics(tiny("llama"))
    assert found.output_norm[0, 1, 2] == 0
    assert found.entropy[0, 1, 2] == plain.entropy[0, 1, 2]


def test_each_prompt_has_its_own_and_the_corrupted_prompts_can_be_run():
    model = tiny("gpt2")
    pair = PromptPair(words.CLEAN, words.CORRUPTED)
    found = statistics(model, prompts=(pair, PromptPair("w5 w1 w5")))
    np.testing.assert_allclose(whole(found, 1), slow(model, "w5 w1 w5"), atol=TOLERANCE)
    other = statistics(model, prompts=(pair,), base="corrupted")
    np.testing.assert_allclose(whole(other), slow(model, words.CORRUPTED), atol=TOLERANCE)


def test_with_corpus_the_background_texts_are_read():
    model = tiny("llama")
    found = statistics(model, prompts=(), corpus=True)
    assert len(found.entropy) == len(BACKGROUND)
    np.testing.assert_allclose(whole(found, 2), slow(model, BACKGROUND[2]), atol=TOLERANCE)


def test_patterns_set_by_hand_have_the_statistics_that_can_be_counted():
    model, n = tiny("gpt2"), 8
    first = tuple((q, k) for q in range(n) for k in range(q + 1))
    one_hot = [KnockOutEdge(0, first), KnockOutEdge(0, tuple((q, 0) for q in range(n)), value=1.0)]
    found = whole(statistics(model, *one_hot))[:5, 0, 0]
    np.testing.assert_allclose(found, [0, 0, 1, 0, np.mean(np.arange(1, n))], atol=1e-6)
    alike = [KnockOutEdge(0, tuple((q, k) for k in range(q + 1)), value=1 / (q + 1)) for q in range(n)]
    found = whole(statistics(model, *alike))[:5, 0, 0]
    q = np.arange(1, n)
    expected = [np.log(q + 1).mean(), 1, (1 / (q + 1)).mean(), (1 / (q + 1)).mean(), (q / 2).mean()]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_prompt_of_one_token_has_no_queries_to_average():
    found = statistics(tiny("llama", prepend_bos=False), prompts=(PromptPair("w3"),))
    assert np.isnan(whole(found)).all()


def test_the_known_previous_token_head_of_the_ground_truth_looks_one_token_back():
    model = ground_truth()
    found = statistics(model, prompts=(PromptPair("apple river house tree dog cat bird fish"),))
    heads = found.mean_distance[0, 0]
    assert np.abs(heads - 1).min() < 0.2


@pytest.mark.parametrize("intervention", [Patch(Site("z", 0)), Ablate(Site("z", 0), "mean", "prompts")])
def test_an_intervention_that_needs_a_prompt_of_ones_own_is_refused_on_background_texts(intervention):
    with pytest.raises(BadInput):
        statistics(tiny("gpt2"), intervention, prompts=(), corpus=True)
