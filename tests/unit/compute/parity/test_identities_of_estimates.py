"""Identities 12 to 14 of estimates: exact where a model is linear, slopes of small steps, and sums."""

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformer_lens.tools.analysis import attribution_patching as oracle

from app.compute.attribution_patching import attribution_patching
from app.domain.cells import Cells
from app.domain.models import ModelSpec
from app.domain.recipes import AttributionPatching
from app.domain.sites import Site
from app.models.loaded import LoadedModel
from tests import tiny as words
from tests.loaded import loaded, tiny
from tests.unit.compute.asking import PAIR, TOLERANCE, answer, ask, incorrect, tokens
from tests.unit.compute.parity.sets import LONG
from tests.unit.compute.parity.test_identities import each_architecture
from tests.unit.compute.patched import parameters_with_gradients


@functools.cache
def linear() -> LoadedModel:
    """One layer of attention without norms: the logits are linear in everything that attention passes on."""
    from transformer_lens.config import TransformerBridgeConfig
    from transformer_lens.model_bridge.sources.native import boot

    sizes: dict[str, Any] = {
        "n_layers": 1, "n_heads": 4, "d_model": 32, "d_head": 8, "n_ctx": 16, "d_vocab": 50, "attn_only": True,
        "normalization_type": None, "positional_embedding_type": "standard", "act_fn": "relu", "seed": 0,
    }  # fmt: skip
    bridge = boot(TransformerBridgeConfig(**sizes), device="cpu", model_name="linear")
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in bridge.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3).requires_grad_(False)
    return loaded(bridge.eval(), ModelSpec("live", "linear", processing="raw"))


@pytest.mark.parametrize("activation", ["z", "v", "pattern", "q", "k"])
@pytest.mark.parametrize("by", ["all", "position"])
def test_12_an_estimate_is_exact_where_the_model_is_linear(by, activation):
    """q and k too, because the softmax correction leaves only what is linear in the pattern."""
    cells, pair = Cells(activation, by), replace(PAIR, corrupted="w1 w2 w3 w9 w2 w5 w8")  # another query at the end too
    found = ask(attribution_patching, AttributionPatching, linear(), prompts=(pair,), cells=cells, top=100)
    np.testing.assert_allclose(found.estimate, found.exact, atol=TOLERANCE)
    assert np.abs(found.exact).max() > 0.01


@pytest.mark.parametrize("architecture", ["gpt2", "neox"])  # transformers' RMSNorm computes in float32 in any model
@pytest.mark.parametrize("activation", ["resid_pre", "mlp_out", "attn_out"])
def test_12_an_estimate_is_the_slope_of_a_small_step_towards_the_clean_run(activation, architecture):
    """(M(a + e change) - M(a)) / e in float64, e = 1e-6: truncation and rounding are then both under 1e-6."""
    model = tiny(architecture)
    double = words.build(architecture).double()
    found = ask(
        attribution_patching, AttributionPatching, model,
        prompts=(PAIR,), cells=Cells(activation, "position"), top=0, bottom=0, sample=0,
    )  # fmt: skip
    for layer, position in ((0, 4), (1, 7), (2, 7)):
        place = (found.cells == (layer, position)).all(axis=1)
        slope = _slope(model, double, Site(activation, layer).hook_name, position)
        np.testing.assert_allclose(found.estimate[0][place], slope, atol=TOLERANCE)


def _slope(model: LoadedModel, double: Any, name: str, position: int) -> float:
    clean = double.run_with_cache(tokens(model, words.CLEAN))[1][name][:, position]

    def logit_diff(step: float) -> float:
        def towards(x: Tensor, hook: Any) -> Tensor:
            x = x.clone()
            x[:, position] += step * (clean - x[:, position])
            return x

        end = double.run_with_hooks(tokens(model, words.CORRUPTED), fwd_hooks=[(name, towards)])[0, -1]
        return float(end[answer(model)] - end[incorrect(model)])

    with torch.no_grad():
        return (logit_diff(1e-6) - logit_diff(0)) / 1e-6


@each_architecture
@pytest.mark.parametrize("activation", ["z", "v", "pattern"])
def test_13_estimates_by_position_sum_to_the_estimate_of_all_positions(activation, architecture):
    by = {
        by: ask(
            attribution_patching, AttributionPatching, tiny(architecture),
            prompts=LONG, cells=Cells(activation, by), top=0, bottom=0, sample=0,
        ).estimate
        for by in ("all", "position")
    }  # fmt: skip
    summed = by["position"].reshape(2, 3, -1, 8).sum(-1).reshape(2, -1)
    np.testing.assert_allclose(summed, by["all"], atol=TOLERANCE)


@pytest.mark.parametrize("processing", ["compatibility", "raw"])
def test_13_edges_that_cross_a_stream_add_up_to_its_estimate(processing):
    """At each position, TransformerLens' edges from all writers before a layer to all readers from it on,
    `(w_clean - w_corrupted) . d M / d input of the reader`, are together the estimate of that stream; the last one has
    the logits as its only reader. On GPT-2: there are no edges where heads share keys or norms follow the sublayers."""
    model = tiny("gpt2", processing)
    edges = _edges(model)
    for cells in (Cells("resid_pre", "position"), Cells("resid_post", "position", (2,))):
        found = ask(
            attribution_patching, AttributionPatching, model, prompts=(PAIR,), cells=cells, top=0, bottom=0, sample=0
        )
        for (layer, position), estimate in zip(found.cells.tolist(), found.estimate[0], strict=True):
            at = layer + (cells.activation == "resid_post")
            expected = sum(score for write, read, where, score in edges if write < at <= read and where == position)
            np.testing.assert_allclose(estimate, expected, atol=1e-5)  # float32 sums of up to 15 x 50 products
        assert np.abs(found.estimate).max() > 0.01


def _edges(model: LoadedModel) -> list[tuple[int, int, int, float]]:
    """Layer written (-1: embedding), layer read (3: logits), position, score."""
    a, b = answer(model), incorrect(model)
    with parameters_with_gradients(model), torch.enable_grad():
        scores = oracle.attribution_patch(
            model.bridge, tokens(model, words.CLEAN), tokens(model, words.CORRUPTED),
            lambda logits: logits[0, -1, a] - logits[0, -1, b], oracle.EdgeAttributionConfig(granularity="edge"),
        ).edge_scores  # fmt: skip
    written = {writer: -1 if writer.kind == "embed" else writer.layer for writer, _ in scores}
    read = {reader: model.facts.n_layers if reader.kind == "logits" else reader.layer for _, reader in scores}
    return [(written[writer], read[reader], reader.position, score) for (writer, reader), score in scores.items()]


@pytest.mark.parametrize(
    ("architecture", "direction"), [*((each, "denoising") for each in words.ARCHITECTURES), ("gpt2", "noising")]
)
def test_14_integrated_estimates_of_the_first_stream_add_up_to_the_difference_of_the_runs(architecture, direction):
    """A left Riemann sum is off by a term in 1/m, which `2 S(2m) - S(m)` takes away."""
    asked: dict[str, Any] = {"cells": Cells("resid_pre", "position", (0,)), "direction": direction, "prompts": (PAIR,)}
    few = {"top": 0, "bottom": 0, "sample": 0}
    found = [
        ask(attribution_patching, AttributionPatching, tiny(architecture), **asked, **few, ig_steps=steps)
        for steps in (1, 50, 100)
    ]
    sign = 1 if direction == "denoising" else -1
    wanted = sign * float((found[0].clean - found[0].corrupted)[0, 0])
    plain, fewer, more = (float(each.estimate.sum()) - wanted for each in found)
    assert max(abs(fewer), abs(more)) < 0.1 * abs(plain)
    assert abs(2 * more - fewer) < TOLERANCE
    assert abs(wanted) > 0.01
