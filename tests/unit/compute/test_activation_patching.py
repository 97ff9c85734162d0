"""Every cell of a patching sweep is a whole run: the oracle is one hooked forward pass per cell."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from app.compute.activation_patching import activation_patching
from app.compute.metrics import answer_metrics
from app.compute.variations import Held
from app.domain.cells import Cells
from app.domain.errors import BadPrompt, BadRecipe, BadSite
from app.domain.interventions import Ablate, GaussianNoise
from app.domain.prompts import PromptPair
from app.domain.recipes import ActivationPatching
from app.domain.results import METRICS, SweepResult
from app.domain.sites import Head, Site
from app.models.loaded import LoadedModel
from app.models.tokens import answer_ids
from tests.loaded import tiny
from tests.tiny import ARCHITECTURES, CLEAN, CORRUPTED
from tests.unit.compute import slow
from tests.unit.compute.asking import PAIR, TOLERANCE, ask, ids

POSITIONS = Cells("resid_pre", "position")
EVERY = [
    Cells("resid_pre", "position", (0, 2)), Cells("resid_mid", "position", (1,)), Cells("resid_post"),
    Cells("attn_out", "position", (1,)), Cells("attn_out", window=2), Cells("mlp_out", "position", (0,)),
    Cells("z", layers=(0, 2)), Cells("z", "position", heads=(Head(1, 3),)), Cells("q", layers=(1,)),
    Cells("k", layers=(1,)), Cells("k", "position", heads=(Head(2, 1),)), Cells("v", layers=(1,)),
    Cells("pattern", layers=(1,)), Cells("pattern", "position", heads=(Head(1, 0),)),
    Cells("pattern", "edge", heads=(Head(0, 1), Head(2, 2)), positions=(5, 7)),
    Cells("mlp_post", layers=(1,), neurons=(0, 5, 40)), Cells("mlp_post", "position", (0,), neurons=(3,)),
]  # fmt: skip
"""One or two of each kind: the oracle takes a forward pass for each cell."""
SWAPPED = PromptPair(CORRUPTED, CLEAN, PAIR.incorrect_answer, PAIR.answer)
LD = METRICS.index("logit_diff")


def patch(model: LoadedModel, *interventions: Any, **fields: Any) -> SweepResult:
    return ask(activation_patching, ActivationPatching, model, *interventions, **fields)


def oracle(model: LoadedModel, cells: Cells, direction: str, pair: PromptPair = PAIR) -> np.ndarray:
    """METRICS `[metric cell]` by one forward pass under hand-written hooks per cell."""
    runs = (ids(model, pair.clean), ids(model, pair.corrupted or ""))
    patched, source = runs if direction == "noising" else reversed(runs)
    value = slow.values(model, source)
    places = cells.places(model.facts, len(patched))
    rows = []
    for place in places:
        edges = ((int(place[-2]), int(place[-1])),) if cells.by == "edge" else None
        sites = cells.sites(tuple(map(int, place)), model.facts.n_layers)
        rows.append(slow.forward(model, patched, tuple(Held(site, value(site), edges) for site in sites)))
    answers = [answer_ids(model, chosen) for chosen in (pair.answer, pair.incorrect_answer)]
    base = slow.forward(model, patched, ()).log_softmax(-1)
    return answer_metrics(torch.stack(rows), *answers, base).numpy()


@pytest.mark.parametrize("cells", EVERY, ids=lambda cells: f"{cells.activation}-{cells.by}-{cells.window}")
@pytest.mark.parametrize("direction", ["denoising", "noising"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_cell_equals_one_hooked_forward_pass(architecture, direction, cells):
    model = tiny(architecture)
    if cells.activation == "resid_mid" and model.facts.parallel_blocks:
        with pytest.raises(BadSite, match="resid_mid"):
            patch(model, cells=cells)
        return
    found = patch(model, cells=cells, direction=direction)
    np.testing.assert_allclose(found.values[:, 0], oracle(model, cells, direction), atol=TOLERANCE)
    assert found.baseline == {"denoising": "corrupted", "noising": "clean"}[direction]


@pytest.mark.parametrize("cells", [Cells("z"), Cells("pattern", "position", layers=(1,)), Cells("mlp_out")], ids=str)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_patching_a_run_with_itself_changes_nothing(architecture, cells):
    """Validation 7. Noise of no size makes the corrupted run equal to the clean one without being known to be equal."""
    found = patch(tiny(architecture), cells=cells, noise=GaussianNoise((0,), 0.0))
    np.testing.assert_allclose(found.effect(), 0, atol=1e-5)  # float32 logits in another batch


def logit_diff(model: LoadedModel, logits: torch.Tensor) -> float:
    answer, incorrect = (answer_ids(model, chosen)[0] for chosen in (PAIR.answer, PAIR.incorrect_answer))
    return float(logits[answer] - logits[incorrect])


@pytest.mark.parametrize("direction", ["denoising", "noising"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_all_of_the_first_stream_is_the_whole_other_run_and_left_of_the_change_is_nothing(architecture, direction):
    """Validation 8: the pair differs at one position, so the stream there at layer 0 is the other run."""
    found = patch(tiny(architecture), cells=POSITIONS, direction=direction)
    layers = found.recovered().reshape(3, 8)
    restored, base = (1, 0) if direction == "denoising" else (0, 1)
    np.testing.assert_allclose(layers[0, 4], restored, atol=1e-3)  # a ratio of two differences of float32 logits
    assert (found.effect().reshape(3, 8)[:, :4] == 0).all()
    np.testing.assert_allclose(layers[0, [0, 1, 2, 3, 5, 6, 7]], base, atol=1e-3)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_end_of_the_last_stream_is_the_whole_other_run(architecture):
    """Validation 10."""
    found = patch(tiny(architecture), cells=Cells("resid_post", "position", layers=(2,)))
    np.testing.assert_allclose(found.recovered()[0], [0, 0, 0, 0, 0, 0, 0, 1], atol=1e-3)  # as above


@pytest.mark.parametrize("cells", [POSITIONS, Cells("z"), Cells("pattern", "edge", layers=(1,))], ids=str)
def test_denoising_a_pair_is_noising_the_swapped_pair(cells):
    """Validation 11: the answers swap too, so the logit difference changes its sign."""
    model = tiny("llama")
    forth = patch(model, cells=cells, direction="denoising")
    back = patch(model, cells=cells, direction="noising", prompts=(SWAPPED,))
    np.testing.assert_allclose(forth.values[LD], -back.values[LD], atol=TOLERANCE)
    kl = METRICS.index("kl_divergence")
    np.testing.assert_allclose(forth.values[kl], back.values[kl], atol=TOLERANCE)


def test_both_baselines_are_plain_runs_and_kl_starts_at_the_run_that_is_patched():
    model = tiny("gpt2")
    found = patch(model, cells=Cells("z"))
    clean, corrupted = (slow.forward(model, ids(model, text), ()) for text in (CLEAN, CORRUPTED))
    np.testing.assert_allclose(found.clean[LD, 0], logit_diff(model, clean), atol=TOLERANCE)
    np.testing.assert_allclose(found.corrupted[LD, 0], logit_diff(model, corrupted), atol=TOLERANCE)
    p, q = corrupted.log_softmax(-1), clean.log_softmax(-1)
    np.testing.assert_allclose(
        found.clean[METRICS.index("kl_divergence"), 0], (p.exp() * (p - q)).sum(), atol=TOLERANCE
    )
    assert found.corrupted[METRICS.index("kl_divergence"), 0] == 0


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_interventions_hold_in_the_patched_run_and_not_in_the_other(architecture):
    model, cells = tiny(architecture), Cells("z", layers=(1,))
    found = patch(model, Ablate(Site("mlp_out", 0)), cells=cells)
    value = slow.values(model, ids(model))
    mlp = Held(Site("mlp_out", 0), torch.zeros(8, 32))
    rows = [
        slow.forward(model, ids(model, CORRUPTED), (mlp, Held(Site("z", 1, (h,)), value(Site("z", 1)))))
        for h in range(4)
    ]
    np.testing.assert_allclose(found.values[LD, 0], [logit_diff(model, row) for row in rows], atol=TOLERANCE)
    base = slow.forward(model, ids(model, CORRUPTED), (mlp,))
    np.testing.assert_allclose(found.corrupted[LD, 0], logit_diff(model, base), atol=TOLERANCE)
    np.testing.assert_allclose(
        found.clean[LD, 0], logit_diff(model, slow.forward(model, ids(model), ())), atol=TOLERANCE
    )


def test_an_intervention_on_one_prompt_leaves_the_others_as_they_are():
    model, both = tiny("gpt2"), (PAIR, replace(PAIR, clean="w4 w2 w3 w4 w2 w5 w6", corrupted="w4 w2 w3 w9 w2 w5 w6"))
    plain = patch(model, cells=Cells("z"), prompts=both)
    some = patch(model, Ablate(Site("mlp_out", 0), prompts=(1,)), cells=Cells("z"), prompts=both)
    np.testing.assert_allclose(some.values[:, 0], plain.values[:, 0], atol=TOLERANCE)
    assert np.abs(some.values[LD, 1] - plain.values[LD, 1]).min() > 1e-3


NOISE = GaussianNoise((2, 3), 3.0, seed=4)


def noisy(model: LoadedModel, draw: int) -> Held:
    """One draw of the noise, written out: RandomState(seed) in order, times scale and the embeddings' deviation."""
    embedded = model.bridge.embed(torch.tensor([ids(model)]))[0, [2, 3]].detach()
    block = np.random.RandomState(4).standard_normal((draw + 1, 2, embedded.shape[-1]))[draw]
    added = torch.zeros(8, embedded.shape[-1])
    added[[2, 3]] = torch.from_numpy(block).float() * 3.0 * embedded.std(correction=0)
    return Held(Site("resid_pre", 0, None, (2, 3)), lambda x: x + added)


@pytest.mark.parametrize("cells", [POSITIONS, Cells("mlp_out", "position", window=2)], ids=str)
@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_causal_tracing_restores_cells_of_noisy_runs_and_averages_over_draws(architecture, cells):
    model = tiny(architecture)
    found = patch(model, cells=cells, noise=NOISE, draws=2, prompts=(PromptPair(CLEAN, None, PAIR.answer),))
    value, answer = slow.values(model, ids(model)), answer_ids(model, PAIR.answer)[0]
    probability = METRICS.index("probability")
    for draw_mean, row in ((found.corrupted[probability, 0], ()), (found.values[probability, 0, -1], None)):
        last = cells.sites(tuple(found.cells[-1]), 3)
        sites = tuple(Held(site, value(site)) for site in last) if row is None else row
        runs = [slow.forward(model, ids(model), (noisy(model, draw), *sites)) for draw in range(2)]
        np.testing.assert_allclose(draw_mean, np.mean([run.softmax(-1)[answer] for run in runs]), atol=TOLERANCE)
    assert (found.method, found.baseline) == ("causal tracing", "corrupted")
    assert np.abs(found.effect("probability")[0, -1]) > 1e-4


def test_restoring_every_noisy_token_gives_the_clean_run():
    """Validation 22: with one noisy token, its stream at layer 0 is all that differs; without noise, nothing is."""
    model = tiny("gpt2")
    found = patch(model, cells=POSITIONS, noise=replace(NOISE, positions=(3,)), draws=3)
    probability = METRICS.index("probability")
    np.testing.assert_allclose(found.values[probability, 0, 3], found.clean[probability, 0], atol=1e-6)
    silent = patch(model, cells=POSITIONS, noise=replace(NOISE, scale=0.0), draws=3)
    np.testing.assert_allclose(silent.values[probability, 0], silent.clean[probability, 0], atol=1e-6)  # float32


def test_noise_can_be_patched_into_the_clean_run():
    model = tiny("gpt2")
    found = patch(model, cells=Cells("z"), noise=NOISE, direction="noising")
    value = slow.values(model, ids(model), (noisy(model, 0),))
    expected = slow.forward(model, ids(model), (Held(Site("z", 2, (3,)), value(Site("z", 2))),))
    np.testing.assert_allclose(found.values[LD, 0, -1], logit_diff(model, expected), atol=TOLERANCE)
    assert found.baseline == "clean"


@pytest.mark.parametrize("direction", ["denoising", "noising"])
@pytest.mark.parametrize("freeze", [("pattern",), ("scale",)], ids=str)
def test_what_the_noise_freezes_is_what_the_sweep_freezes(freeze, direction):
    model, options = tiny("gpt2"), {"cells": Cells("z", layers=(1,)), "direction": direction}
    by_noise = patch(model, noise=replace(NOISE, freeze=freeze), **options)
    by_recipe = patch(model, noise=NOISE, freeze=freeze, **options)
    for name in ("values", "clean", "corrupted"):
        np.testing.assert_array_equal(getattr(by_noise, name), getattr(by_recipe, name))
    assert np.abs(by_noise.values[LD] - patch(model, noise=NOISE, **options).values[LD]).max() > 1e-3


def test_noise_for_some_prompts_only_is_refused():
    with pytest.raises(BadRecipe, match=r"corrupted run of every prompt, and prompts=\[1\] restrict it"):
        patch(tiny("gpt2"), noise=replace(NOISE, prompts=(1,)))


def test_without_an_answer_tracing_follows_the_clean_runs_most_likely_token():
    model = tiny("llama")
    found = patch(model, cells=POSITIONS, noise=NOISE, prompts=(PromptPair(CLEAN),))
    clean = slow.forward(model, ids(model), ()).softmax(-1)
    np.testing.assert_allclose(found.clean[METRICS.index("probability"), 0], clean.max(), atol=TOLERANCE)
    assert found.clean[METRICS.index("rank"), 0] == 0
    assert np.isnan(found.clean[LD]).all()


def test_a_pair_of_different_counts_of_tokens_is_refused():
    with pytest.raises(BadPrompt, match="8 tokens and the corrupted one 3"):
        patch(tiny("gpt2"), prompts=(PromptPair(CLEAN, "w1 w2"),))


def test_a_prompt_without_another_is_refused():
    with pytest.raises(BadRecipe, match="Prompt 1 has no corrupted prompt"):
        patch(tiny("gpt2"), prompts=(PAIR, PromptPair(CLEAN)))


def test_the_tokens_of_the_prompts_that_are_run_are_kept():
    found = patch(tiny("gpt2"), cells=POSITIONS)
    assert tuple(found.str_tokens[0]) == ("<|endoftext|>", *CORRUPTED.split())


def test_a_sweep_knows_the_tokens_of_both_prompts_of_its_pairs():
    model = tiny("gpt2")
    down, up = (patch(model, cells=POSITIONS, direction=direction) for direction in ("noising", "denoising"))
    assert down.str_tokens.tolist() == up.other_tokens.tolist() != up.str_tokens.tolist()
    assert down.other_tokens.tolist() == up.str_tokens.tolist()
