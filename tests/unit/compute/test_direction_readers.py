"""Who reads a direction, against loops over the weights and the model's own norms."""

import numpy as np
import pytest
import torch

from app.compute.direction_readers import direction_readers
from app.compute.directions import made
from app.domain.direction_recipes import DirectionReaders
from app.domain.directions import RandomDirection, TokenDirection, Vector
from app.domain.errors import BadRecipe
from tests import tiny as words
from tests.loaded import ground_truth, tiny
from tests.unit.compute.asking import TOLERANCE, ask, each_model

ANSWERS = TokenDirection((words.ANSWER,), (words.INCORRECT,))


def readers(model, **options):
    return ask(direction_readers, DirectionReaders, model, prompts=(), **{"direction": ANSWERS, **options})


def folded(norm, weights):
    """What the norm's output is read with, as a matrix on its input: row by row through the norm, scale taken off."""
    weight = getattr(norm.original_component, "weight", None)
    gain = torch.ones(len(weights)) if weight is None else weight + (1 if norm.uses_weight_offset else 0)
    rows = torch.stack([gain[at] * weights[at] for at in range(len(weights))])
    return rows if norm.uses_rms_norm else rows - rows.mean(0)


@each_model
def test_every_reader_is_a_loop_over_its_weights(architecture, processing):
    model = tiny(architecture, processing)
    unit, found = made(model, ANSWERS).unit, readers(model, draws=2)
    for reads, layer, head, norm in zip(found.inputs, found.layers, found.heads, found.norm, strict=True):
        block = model.bridge.blocks[layer]
        if head < 0:
            W = folded(block.ln2, (block.mlp.W_in if reads == "mlp" else block.mlp.W_gate).float())
        else:
            W = folded(block.ln1, getattr(block.attn, f"W_{reads.upper()}")[head].float())
        expected = (W.T @ unit).norm() / (W.norm() / 32**0.5)
        assert norm == pytest.approx(float(expected), abs=TOLERANCE)


def test_the_readers_are_every_head_and_every_mlp_and_shared_heads_once():
    counts = {kind: readers(tiny("llama"), draws=2).inputs.count(kind) for kind in ("q", "k", "v", "mlp", "gate")}
    assert counts == {"q": 12, "k": 6, "v": 6, "mlp": 3, "gate": 3}
    assert set(readers(ground_truth(), direction=RandomDirection(), draws=2).inputs) == {"q", "k", "v"}


def test_random_directions_read_as_one_and_a_fresh_one_lies_within_their_band():
    found = readers(tiny("gpt2"), draws=500, direction=RandomDirection(12345))
    np.testing.assert_allclose(found.random_mean, 1, atol=0.1)
    inside = (found.random_low <= found.norm) & (found.norm <= found.random_high)
    assert inside.mean() > 0.8
    assert np.abs(found.z).mean() < 2


def test_what_a_head_reads_most_stands_out_and_what_it_cannot_see_is_zero():
    model = tiny("llama")
    W = folded(model.bridge.blocks[1].ln1, model.bridge.blocks[1].attn.W_Q[2].float())
    U, sizes, _ = torch.linalg.svd(W)
    most, unseen = (readers(model, direction=Vector.of(tuple(U[:, at].tolist())), draws=50) for at in (0, 31))
    at = next(i for i in range(len(most.inputs)) if (most.inputs[i], most.layers[i], most.heads[i]) == ("q", 1, 2))
    assert most.norm[at] == pytest.approx(float(sizes[0] / sizes.norm() * 32**0.5), abs=TOLERANCE)
    assert most.z[at] > 3
    assert unseen.norm[at] == pytest.approx(0, abs=TOLERANCE)


def test_the_seed_makes_the_random_directions_and_the_length_of_the_direction_does_not_matter():
    model, numbers = tiny("gpt2"), tuple(np.random.default_rng(1).normal(size=32))
    one, longer = (readers(model, direction=Vector.of(tuple(k * n for n in numbers)), draws=9) for k in (1, 5))
    np.testing.assert_allclose(one.norm, longer.norm, atol=TOLERANCE)
    np.testing.assert_array_equal(one.random_mean, longer.random_mean)
    assert (one.random_mean != readers(model, draws=9, seed=1).random_mean).all()


def test_prompts_and_counts_that_mean_nothing_are_refused():
    with pytest.raises(BadRecipe, match="of the model alone"):
        DirectionReaders(model=tiny("gpt2").facts.spec, prompts=("w1",), direction=ANSWERS)
    with pytest.raises(BadRecipe, match="draws = 1 is not possible"):
        readers(tiny("gpt2"), draws=1)
