"""Copying scores against dense eigenvalues, TransformerLens' FactoredMatrix, and heads whose answer is known."""

import numpy as np
import pytest
import torch
from transformer_lens import FactoredMatrix

from app.compute.copying_scores import copying_scores
from app.domain.head_recipes import CopyingScores
from app.domain.models import ModelSpec
from tests import tiny as words
from tests.loaded import ground_truth, loaded, tiny
from tests.unit.compute.asking import TOLERANCE, ask


def scores(model):
    return ask(copying_scores, CopyingScores, model, prompts=())


def share(eigenvalues):
    return float(eigenvalues.sum().real / eigenvalues.abs().sum())


def folded(architecture):
    """Every head's W_V and W_O of compatibility weights, which have every norm folded but a post-norm."""
    bridge = tiny(architecture).bridge
    for layer, block in enumerate(bridge.blocks):
        W_V, W_O = block.attn.W_V.double(), block.attn.W_O.double()
        post = 1 + block.ln1_post.original_component.weight.double() if architecture == "gemma" else 1.0
        for head in range(len(W_O)):
            yield layer, head, W_V[head * len(W_V) // len(W_O)], W_O[head] * post


@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_both_scores_equal_those_of_the_whole_matrices_eigenvalues(architecture):
    bridge, found = tiny(architecture).bridge, scores(tiny(architecture))
    W_E, W_U = bridge.W_E.double(), bridge.W_U.double()
    W_U = W_U - W_U.mean(-1, keepdim=True)
    for layer, head, W_V, W_O in folded(architecture):
        assert found.copying[layer, head] == pytest.approx(share(torch.linalg.eigvals(W_V @ W_O)), abs=TOLERANCE)
        whole = torch.linalg.eigvals(W_E @ W_V @ W_O @ W_U)
        assert found.copying_full[layer, head] == pytest.approx(share(whole), abs=TOLERANCE)


def test_both_scores_equal_transformer_lens_factored_matrices():
    bridge, found = tiny("gpt2").bridge, scores(tiny("gpt2"))
    for layer, head, W_V, W_O in folded("gpt2"):
        OV = FactoredMatrix(W_V, W_O)
        assert found.copying[layer, head] == pytest.approx(share(OV.eigenvalues), abs=TOLERANCE)
        whole = bridge.W_E.double() @ OV @ bridge.W_U.double()
        assert found.copying_full[layer, head] == pytest.approx(share(whole.eigenvalues), abs=TOLERANCE)


@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_raw_and_folded_weights_give_the_same_scores(architecture):
    raw, compat = scores(tiny(architecture, "raw")), scores(tiny(architecture))
    np.testing.assert_allclose(raw.copying, compat.copying, atol=TOLERANCE)
    np.testing.assert_allclose(raw.copying_full, compat.copying_full, atol=TOLERANCE)


def test_a_head_that_writes_what_it_reads_scores_1_its_negative_minus_1_and_one_that_writes_nothing_has_no_score():
    bridge = words.build("llama")
    attn = bridge.blocks[0].attn
    W_V = attn.W_V[0]  # heads 0 and 1 share these values
    with torch.no_grad():
        weight = attn.o.original_component.weight  # d_model, head * d_head
        for head, sign in enumerate((1.0, -1.0, 0.0)):
            weight[:, head * 8 : head * 8 + 8] = sign * (W_V if head < 2 else attn.W_V[1])
    found = scores(loaded(bridge, ModelSpec("live", "copier"))).copying[0]
    np.testing.assert_allclose(found[:2], [1, -1], atol=TOLERANCE)
    assert np.isnan(found[2])


def test_the_known_induction_heads_of_the_ground_truth_copy_tokens():
    assert (scores(ground_truth()).copying_full[1] > 0.95).all()
