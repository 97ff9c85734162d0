"""Behaviour scores against slow loops, TransformerLens' demo and head_detector, and a circuit with known answers."""

import numpy as np
import pytest
import torch
from transformer_lens.head_detector import detect_head

from app.checks import check
from app.compute.behaviour_scores import SCORES, behaviour_scores
from app.domain.errors import BadRecipe
from app.domain.head_recipes import BehaviourScores, longest_repeat
from app.models.random_tokens import prefix_length, random_rows, separator
from tests.loaded import ground_truth, smollm2, tiny
from tests.unit.compute.asking import TOLERANCE, ask, each_model

FIELDS = {"length": 9, "sequences": 3, "seed": 5}


def scores(model, **fields):
    return ask(behaviour_scores, BehaviourScores, model, prompts=(), **{**FIELDS, **fields})


def patterns(model, ids):
    """`[layer head query key]` of TransformerLens' cache."""
    with torch.no_grad():
        _, cache = model.bridge.run_with_cache(torch.tensor([ids]))
    return torch.stack([cache[f"blocks.{layer}.attn.hook_pattern"][0] for layer in range(model.facts.n_layers)])


def rows_of(model, length=9, sequences=3, seed=5):
    return random_rows(model, length, sequences, seed, "repeats")


@each_model
@pytest.mark.parametrize("bos", [True, False])
def test_every_score_equals_a_slow_loop_over_queries(architecture, processing, bos):
    model, b, R = tiny(architecture, processing, bos), int(bos), 9
    found, slow = scores(model), {name: [] for name in SCORES}
    for row in rows_of(model):
        A = patterns(model, [*separator(model), *row, *row])
        n = b + 2 * R
        slow["previous_token"].append(sum(A[..., q, q - 1] for q in range(b + 1, n)) / (n - b - 1))
        slow["duplicate_token"].append(sum(A[..., q, q - R] for q in range(b + R, n)) / R)
        slow["induction"].append(sum(A[..., q, q - R + 1] for q in range(b + R, n)) / R)
        slow["attention_to_first"].append(sum(A[..., q, 0] for q in range(1, n)) / (n - 1))
    for name, each in slow.items():
        np.testing.assert_allclose(getattr(found, name), torch.stack(each).mean(0), atol=TOLERANCE, err_msg=name)


@pytest.mark.parametrize("bos", [True, False])
def test_prefix_matching_equals_a_slow_loop_that_looks_for_earlier_occurrences(bos):
    model = tiny("llama", prepend_bos=bos)
    found, each = scores(model), []
    assert found.prefix_length == prefix_length(model) == 15
    for row in rows_of(model, 15):
        ids = [*separator(model), *row * 4]
        A, sums = patterns(model, ids), []
        for q in range(len(ids)):
            keys = [k + 1 for k in range(q) if ids[k] == ids[q]]
            sums += [A[..., q, keys].sum(-1)] if keys else []
        each.append(sum(sums) / len(sums))
    np.testing.assert_allclose(found.prefix_matching, torch.stack(each).mean(0), atol=TOLERANCE)


@pytest.mark.parametrize(
    ("name", "field", "times"),
    [("previous_token_head", "previous_token", 2 * 9 / (2 * 9 - 1)), ("duplicate_token_head", "duplicate_token", 2.0),
     ("induction_head", "induction", 2.0)],
)  # fmt: skip
def test_scores_are_those_of_head_detector_over_the_queries_that_can_have_one(name, field, times):
    """head_detector divides by all attention, 2R rows; here only the rows that can look there count."""
    model = tiny("gpt2", prepend_bos=False)
    found = [detect_head(Reading(model.bridge, row * 2), "", name) for row in rows_of(model)]
    np.testing.assert_allclose(getattr(scores(model), field), times * torch.stack(found).mean(0), atol=TOLERANCE)


class Reading:
    """The bridge as head_detector asks it, reading these tokens whatever the text."""

    def __init__(self, bridge, ids):
        self.cfg, self.run_with_cache, self.ids = bridge.cfg, bridge.run_with_cache, ids

    def to_tokens(self, text):
        return torch.tensor([self.ids])


def test_the_demos_definition_is_the_demos_own_code_on_the_demos_own_tokens():
    model = smollm2()
    found = scores(model, definition="demo", length=12, sequences=2, seed=0)
    torch.manual_seed(0)
    once = torch.randint(100, 20000, (2, 12))
    tokens = once.repeat(1, 2)
    with torch.no_grad():
        _, cache = model.bridge.run_with_cache(tokens, names_filter=lambda name: name.endswith("hook_pattern"))
    for field, offset in (("previous_token", 1), ("duplicate_token", 12), ("induction", 11)):
        expected = [
            cache["pattern", layer].diagonal(dim1=-1, dim2=-2, offset=offset).mean(-1).mean(0)
            for layer in range(model.facts.n_layers)
        ]
        np.testing.assert_allclose(getattr(found, field), torch.stack(expected), atol=TOLERANCE)


def test_the_circuit_of_the_ground_truth_is_found():
    found = scores(ground_truth(), length=32)
    assert found.prefix_length == 16
    assert found.previous_token.argmax() == 2
    assert found.previous_token[0, 2] > 0.95
    assert (found.induction[1] > 0.9).all()
    assert (found.prefix_matching[1] > 0.9).all()
    assert found.induction[0].max() < 0.05
    assert found.duplicate_token.max() < 0.05


def test_tokens_differ_are_not_special_and_follow_the_seed():
    model = smollm2()
    rows = random_rows(model, 50, 4, 0, "repeats")
    assert rows == random_rows(model, 50, 4, 0, "repeats")
    assert rows != random_rows(model, 50, 4, 1, "repeats")
    assert all(len(set(row)) == 50 for row in rows)
    special = {id for id, token in model.tokenizer.added_tokens_decoder.items() if token.special}
    assert not special & {id for row in random_rows(tiny("gpt2"), 40, 20, 0, "repeats") for id in row} & {0, 1}
    assert not special & {id for row in rows for id in row}


@pytest.mark.parametrize(
    ("fields", "says"),
    [({"length": 33}, "sequences of 67 tokens, .* reads 65; give a number from 2 to 32"), ({"length": 1}, "from 2"),
     ({"sequences": 0}, "sequences = 0"), ({"seed": -1}, "seed = -1")],
)  # fmt: skip
def test_sequences_that_cannot_be_read_are_refused(fields, says):
    model = ground_truth()
    with pytest.raises(BadRecipe, match=says):
        check(model, BehaviourScores(model=model.facts.spec, **{**FIELDS, **fields}), 64)
    assert longest_repeat(model.facts.n_ctx) == 32


def test_without_a_length_a_short_context_gets_what_fits_and_a_long_one_50():
    model = ground_truth()
    recipe = BehaviourScores(model=model.facts.spec)
    check(model, recipe, 64)
    found = ask(behaviour_scores, BehaviourScores, model, prompts=())
    assert found.length == longest_repeat(model.facts.n_ctx) == 32
    np.testing.assert_array_equal(found.induction, scores(model, length=32, sequences=4, seed=0).induction)
    assert recipe.repeated(smollm2().facts.n_ctx) == 50


def test_a_vocabulary_that_is_too_small_is_refused():
    with pytest.raises(BadRecipe, match="use the definition repeats"):
        scores(ground_truth(), definition="demo")
    with pytest.raises(BadRecipe, match="48 ordinary tokens"):
        random_rows(tiny("gpt2"), 49, 1, 0, "repeats")
