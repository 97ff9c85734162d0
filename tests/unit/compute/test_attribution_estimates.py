"""An estimate is tested by what it is the first order of, by where it must be exact, and by TransformerLens' own."""

import numpy as np
import pytest
import torch
from torch import Tensor
from transformer_lens.tools.analysis import attribution_patching as oracle

from app.compute.attribution_estimates import Patched
from app.compute.gradients import record
from app.domain.cells import Cells
from app.domain.sites import Site
from tests import tiny as words
from tests.loaded import tiny
from tests.unit.compute.asking import each_model, ids
from tests.unit.compute.patched import (
    denoising,
    estimated,
    exact,
    linear_model,
    moving,
    parameters_with_gradients,
    source_values,
)  # fmt: skip

LONG = "w1 w2 w3 w4 w2 w5 w6 w8 w12 w3", "w1 w2 w3 w9 w2 w5 w6 w8 w12 w3"
ROUNDING = 1e-6  # float32 sums of the same products in another order, of estimates around 0.1
EVERY_KIND = [
    Cells("resid_pre", "position"), Cells("resid_post", "all"), Cells("attn_out", "position"),
    Cells("mlp_out", "position"), Cells("q", "position"), Cells("k", "all"), Cells("v", "position"), Cells("z", "all"),
    Cells("pattern", "position", (1,)), Cells("pattern", "edge", (1,), positions=(6,)),
    Cells("mlp_post", "position", (1,), neurons=(3, 40)),
]  # fmt: skip
name = pytest.mark.parametrize("cells", EVERY_KIND, ids=lambda cells: f"{cells.activation} by {cells.by}")


def of_transformer_lens(model, pairs):
    """Mean node scores over a batch of pairs (ids run, ids of the source), by (kind, layer, head, position)."""
    (a,), (b,) = denoising(model).answers
    run, source = (torch.tensor(each) for each in zip(*pairs, strict=True))
    with parameters_with_gradients(model), torch.enable_grad():
        scores = oracle.attribution_patch(
            model.bridge, source, run, lambda logits: (logits[:, -1, a] - logits[:, -1, b]).sum()
        )
    return {(n.kind, n.layer, n.head, n.position): score for n, score in scores.node_scores.items()}


@each_model
@pytest.mark.parametrize("texts", [(words.CLEAN, words.CORRUPTED), LONG], ids=["8 tokens", "11 tokens"])
def test_heads_and_mlps_equal_transformer_lens_attribution_patch(architecture, processing, texts):
    model = tiny(architecture, processing)
    patched = denoising(model, *texts)
    expected = of_transformer_lens(model, [(patched.ids, patched.source_ids)])
    for kind, cells in (("attn_head_out", Cells("z", "position")), ("mlp_out", Cells("mlp_out", "position"))):
        places = cells.places(model.facts, len(patched.ids)).tolist()
        keys = [(kind, place[0], place[1] if len(place) == 3 else None, place[-1]) for place in places]
        found = estimated(model, patched, cells)
        np.testing.assert_allclose(found, [expected[key] for key in keys], atol=ROUNDING)


@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_prompts_one_by_one_give_transformer_lens_mean_over_a_batch(architecture):
    model = tiny(architecture)
    texts = (words.CLEAN, words.CORRUPTED), ("w8 w2 w3 w4 w2 w5 w6", "w8 w2 w20 w9 w2 w5 w6")
    each = [denoising(model, *pair) for pair in texts]
    cells = Cells("z", "position")
    expected = of_transformer_lens(model, [(patched.ids, patched.source_ids) for patched in each])
    places = cells.places(model.facts, 8).tolist()
    found = np.mean([estimated(model, patched, cells) for patched in each], axis=0)
    np.testing.assert_allclose(found, [expected["attn_head_out", *place] for place in places], atol=ROUNDING)


@name
def test_an_estimate_is_the_slope_of_the_effect(cells):
    model = tiny("gpt2")
    patched = denoising(model)
    steps = [exact(model, patched, cells, step) for step in (0.01, -0.01)]
    # float32: logits differ by 1e-7 of rounding over a step of 1e-2, and the curvature's first term cancels
    np.testing.assert_allclose(estimated(model, patched, cells), np.mean(steps, axis=0), atol=2e-4)


@pytest.mark.parametrize("cells", [Cells("q", "position"), Cells("k", "position"), Cells("resid_pre", "position")])
def test_in_float64_an_estimate_is_the_difference_quotient(cells):
    model = linear_model()
    patched = denoising(model)
    found, quotient = estimated(model, patched, cells), exact(model, patched, cells, 1e-6)
    np.testing.assert_allclose(found, quotient, atol=1e-5)  # the quotient's second-order term is of order the step
    assert np.abs(found).max() > 1e-2


@pytest.mark.parametrize(
    "cells",
    [Cells("z", "position", (1,)), Cells("v", "all", (1,)), Cells("pattern", "edge", (1,)),
     Cells("attn_out", "all", (1,)), Cells("resid_post", "position")],
    ids=lambda cells: cells.activation,
)  # fmt: skip
def test_where_everything_after_is_linear_the_estimate_is_the_effect(cells):
    model = linear_model()
    patched = denoising(model)
    found, effect = estimated(model, patched, cells), exact(model, patched, cells)
    last = cells.places(model.facts, len(patched.ids))[:, 0] == 1
    np.testing.assert_allclose(found[last], effect[last], atol=1e-10)  # float64
    assert np.abs(effect[last]).max() > 1e-2


@pytest.mark.parametrize("saturation", [1.0, 20.0])
@pytest.mark.parametrize("by", ["all", "position"])
@pytest.mark.parametrize("activation", ["q", "k"])
@pytest.mark.parametrize("corrupted", [words.CORRUPTED, "w1 w2 w3 w9 w2 w8 w6"])
def test_the_softmax_correction_is_exact_where_everything_after_the_row_is_linear(
    activation, by, saturation, corrupted
):
    model = linear_model(saturation)
    patched, cells = denoising(model, corrupted=corrupted), Cells(activation, by, (1,))
    effect = exact(model, patched, cells)
    np.testing.assert_allclose(estimated(model, patched, cells, correction=True), effect, atol=1e-9)  # float64
    assert np.abs(effect).max() > 1e-2


@pytest.mark.parametrize("by", ["all", "position"])
def test_keys_of_a_pair_without_a_common_beginning_are_exact_too(by):
    model = linear_model()
    a, b = ids(model), ids(model, words.CORRUPTED)
    patched, cells = Patched((5, *b[1:]), a, denoising(model).answers), Cells("k", by, (1,))
    effect = exact(model, patched, cells)
    np.testing.assert_allclose(estimated(model, patched, cells, correction=True), effect, atol=1e-9)  # float64


@pytest.mark.parametrize("activation", ["q", "k"])
def test_where_attention_saturates_the_correction_sees_what_the_plain_gradient_misses(activation):
    model = linear_model(20.0)
    patched, cells = denoising(model), Cells(activation, "position", (1,))
    effect = exact(model, patched, cells)
    largest = np.abs(effect).argmax()
    assert np.abs(estimated(model, patched, cells)[largest] - effect[largest]) > 0.3 * abs(effect[largest])


@pytest.mark.parametrize("by", ["all", "position"])
@pytest.mark.parametrize("activation", ["q", "k"])
@each_model
def test_the_correction_is_the_gradient_at_the_pattern_times_the_change_of_the_rows(
    architecture, processing, activation, by
):
    model = tiny(architecture, processing)
    patched, cells = denoising(model), Cells(activation, by, (1,))
    rows = Site("pattern", 1)
    gradient = record(model, patched.ids, (rows,), patched.answers).gradients((rows,))[rows]
    expected = [_through_the_rows(model, patched, cells, place, gradient) for place in cells.places(model.facts, 8)]
    np.testing.assert_allclose(estimated(model, patched, cells, correction=True), expected, atol=1e-5)  # float32 rows


def _through_the_rows(model, patched, cells, place, gradient):
    """The slow way: patch one cell, read its layer's pattern, and take the change times the gradient."""
    rows = Site("pattern", int(place[0]))
    move = moving(cells, place, source_values(model, patched, Site(cells.activation, int(place[0]))))
    seen: list[Tensor] = []
    watch = (rows.hook_name, lambda pattern, hook: seen.append(pattern[0].clone()))
    with torch.no_grad():
        for hooks in ([watch], [move, watch]):
            model.bridge.run_with_hooks(torch.tensor([patched.ids]), fwd_hooks=hooks)
    return float(((seen[1] - seen[0]) * gradient).sum())


@each_model
def test_estimates_by_position_add_up_to_those_of_all_positions(architecture, processing):
    model = tiny(architecture, processing)
    patched = denoising(model)
    for activation in ("resid_pre", "z", "v", "mlp_out", "pattern"):
        by = {each: estimated(model, patched, Cells(activation, each)) for each in ("all", "position")}
        np.testing.assert_allclose(by["position"].reshape(len(by["all"]), -1).sum(1), by["all"], atol=1e-5)
    q = {each: estimated(model, patched, Cells("q", each), correction=True) for each in ("all", "position")}
    np.testing.assert_allclose(q["position"].reshape(len(q["all"]), -1).sum(1), q["all"], atol=1e-5)


def test_edges_add_up_to_their_row():
    model = tiny("llama")
    patched = denoising(model)
    rows, edges = Cells("pattern", "position"), Cells("pattern", "edge")
    found = np.zeros((3, 4, 8))
    for place, value in zip(edges.places(model.facts, 8), estimated(model, patched, edges), strict=True):
        found[tuple(place[:3])] += value
    np.testing.assert_allclose(found.flatten(), estimated(model, patched, rows), atol=1e-5)


def test_a_window_adds_up_its_layers():
    model = tiny("neox")
    patched = denoising(model)
    single = estimated(model, patched, Cells("attn_out", "position")).reshape(3, 8)
    window = estimated(model, patched, Cells("attn_out", "position", window=2)).reshape(3, 8)
    expected = [single[0] + single[1], single[1] + single[2], single[2]]
    np.testing.assert_allclose(window, expected, atol=1e-6)


def test_nothing_left_of_the_first_difference_has_an_estimate():
    model = tiny("gemma")
    found = estimated(model, denoising(model), Cells("z", "position")).reshape(3, 4, 8)
    assert (found[..., :4] == 0).all()
    assert (found[..., 4:] != 0).any()


@pytest.mark.parametrize("activation", ["q", "k", "z", "resid_pre"])
def test_a_prompt_patched_from_itself_has_no_estimates(activation):
    model = tiny("llama")
    own = Patched(ids(model), ids(model), denoising(model).answers)
    for cells in (Cells(activation, "all"), Cells(activation, "position")):
        assert (estimated(model, own, cells, correction=True) == 0).all()
