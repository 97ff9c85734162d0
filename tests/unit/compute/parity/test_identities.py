"""What must hold without any reference, by the numbers of the list in this folder's docstring."""

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.analyses import ANALYSES
from app.compute.ablation import ablation
from app.compute.activation_patching import activation_patching
from app.compute.prediction import prediction
from app.domain.cells import Cells
from app.domain.interventions import GaussianNoise, Patch
from app.domain.models import ModelSpec
from app.domain.recipes import Ablation, ActivationPatching, Prediction
from app.domain.results import METRICS, SweepResult
from app.domain.sites import Head, Site
from app.export.tables import to_csv
from app.models.loaded import LoadedModel
from tests import tiny as words
from tests.loaded import loaded, tiny
from tests.unit.compute.asking import PAIR, TOLERANCE, answer, ask, cache, incorrect, tokens
from tests.unit.compute.parity.sets import LONG, SHORT

PROBABILITY, KL = METRICS.index("probability"), METRICS.index("kl_divergence")
SWEPT = (
    Cells("resid_pre", "position"), Cells("resid_post", "position"), Cells("attn_out", "position"),
    Cells("mlp_out", "position"), Cells("z"), Cells("q"), Cells("k"), Cells("v"), Cells("pattern"),
    Cells("z", "position"), Cells("pattern", "position"), Cells("mlp_post", layers=(1,)),
)  # fmt: skip
each_architecture = pytest.mark.parametrize("architecture", words.ARCHITECTURES)
each_cells = pytest.mark.parametrize("cells", SWEPT, ids=[f"{cells.activation} {cells.by}" for cells in SWEPT])


def patched(model: LoadedModel, cells: Cells, *interventions: Any, prompts: Any = (PAIR,), **options: Any) -> Any:
    return ask(activation_patching, ActivationPatching, model, *interventions, prompts=prompts, cells=cells, **options)


def ablated(model: LoadedModel, cells: Cells, prompts: Any = (PAIR,), **options: Any) -> SweepResult:
    return ask(ablation, Ablation, model, prompts=prompts, cells=cells, **options)


def from_corrupted(model: LoadedModel, *sites: Site, prompts: Any = (PAIR,)) -> np.ndarray:
    """`[metric prompt]` of the corrupted run with these sites taken from the clean one."""
    asked = [Patch(site) for site in sites]
    return ask(prediction, Prediction, model, *asked, prompts=prompts, base="corrupted").metrics


def test_6_neurons_sum_to_the_mlp_output():
    """Patching all neurons of a layer is patching its mlp_out: what they add up to, and b_out, which never changes."""
    for architecture in words.ARCHITECTURES:
        model = tiny(architecture)
        both = [from_corrupted(model, Site(activation, 1)) for activation in ("mlp_post", "mlp_out")]
        np.testing.assert_allclose(*both, atol=TOLERANCE)


@each_architecture
@each_cells
def test_7_patching_a_run_with_itself_changes_nothing(cells, architecture):
    same = replace(PAIR, corrupted=PAIR.clean)
    for direction in ("denoising", "noising"):
        found = patched(tiny(architecture), cells, prompts=(same,), direction=direction)
        np.testing.assert_allclose(found.effect(), 0, atol=1e-5)  # the same numbers in another order of summation
        assert np.isnan(found.recovered()).all(), "there is nothing to recover"


@each_architecture
def test_8_the_whole_first_stream_restores_the_clean_run_and_nothing_left_of_the_difference_matters(architecture):
    model = tiny(architecture)
    np.testing.assert_allclose(patched(model, Cells("resid_pre", layers=(0,))).recovered(), 1, atol=1e-4)
    found = patched(model, Cells("resid_pre", "position"))
    left = found.cells[:, found.cell_axes.index("position")] < 4  # BOS and w1 w2 w3 are the same in both
    assert not found.effect()[:, left].any(), "exactly 0: attention looks back only"
    at_difference = (found.cells == (0, 4)).all(axis=1)
    np.testing.assert_allclose(found.recovered()[:, at_difference], 1, atol=1e-4)


@each_architecture
def test_9_all_heads_and_the_mlp_are_all_that_a_layer_adds(architecture):
    """resid_post := corrupted resid_pre + what the clean layer added, by hand."""
    model, layer = tiny(architecture), 1
    (_, clean), (_, corrupted) = cache(model), cache(model, words.CORRUPTED)
    added = clean["resid_post", layer] - clean["resid_pre", layer]
    hook = (f"blocks.{layer}.hook_resid_post", lambda x, hook: corrupted["resid_pre", layer] + added)
    logits = cache(model, words.CORRUPTED, [hook])[0][0, -1]
    for parts in (("z", "mlp_out"), ("attn_out", "mlp_out")):
        found = from_corrupted(model, *(Site(part, layer) for part in parts))
        np.testing.assert_allclose(found[0, 0], logits[answer(model)] - logits[incorrect(model)], atol=TOLERANCE)


@each_architecture
def test_9_queries_keys_and_values_together_and_pattern_with_values_are_z(architecture):
    model = tiny(architecture)
    whole = from_corrupted(model, Site("z", 1))
    for parts in (("q", "k", "v"), ("pattern", "v")):
        np.testing.assert_allclose(from_corrupted(model, *(Site(part, 1) for part in parts)), whole, atol=TOLERANCE)
    assert abs(from_corrupted(model, Site("v", 1)) - whole).max() > 0.01, "the pattern matters"


@each_architecture
def test_10_the_last_stream_at_the_end_is_the_clean_run(architecture):
    end = len(tokens(tiny(architecture))[0]) - 1
    found = patched(tiny(architecture), Cells("resid_post", "position", layers=(2,), positions=(end,)))
    np.testing.assert_allclose(found.recovered(), 1, atol=1e-5)


@each_architecture
@each_cells
def test_11_denoising_is_noising_with_the_prompts_exchanged(cells, architecture):
    model = tiny(architecture)
    exchanged = tuple(replace(pair, clean=pair.corrupted, corrupted=pair.clean) for pair in LONG)
    one, other = patched(model, cells, prompts=LONG), patched(model, cells, prompts=exchanged, direction="noising")
    np.testing.assert_allclose(one.values, other.values, atol=TOLERANCE)
    np.testing.assert_allclose(one.corrupted, other.clean, atol=TOLERANCE)
    sums = (one.recovered() + other.recovered())[one.usable()]
    np.testing.assert_allclose(sums, 1, atol=1e-3)  # divided by spans above 0.1


def test_16_zero_ablation_sees_folded_value_biases_and_mean_and_resample_do_not():
    """GPT-2 has value biases; folding moves b_V W_O into b_O, which survives a zeroed z."""
    raw, folded = tiny("gpt2", "raw"), tiny("gpt2")
    far = ablated(raw, Cells("z")).effect() - ablated(folded, Cells("z")).effect()
    assert np.abs(far).max() > 0.01
    for method in ("mean", "resample"):
        options: dict[str, Any] = {"method": method, "reference": (words.CORRUPTED,)}
        both = [ablated(model, Cells("z"), **options).effect() for model in (raw, folded)]
        np.testing.assert_allclose(*both, atol=TOLERANCE)


@each_architecture
@each_cells
def test_17_the_divergence_of_the_baseline_is_zero_and_of_any_run_not_negative(cells, architecture):
    found = ablated(tiny(architecture), cells, LONG)
    assert not found.clean[KL].any()
    assert found.values[KL].min() > -1e-6  # rounding of a sum that is 0
    assert (found.values[PROBABILITY] >= 0).all()
    assert (found.values[PROBABILITY] <= 1).all()


@each_architecture
def test_22_without_noise_causal_tracing_gives_the_clean_probability_everywhere(architecture):
    found = patched(tiny(architecture), Cells("resid_post", "position"), noise=GaussianNoise((1, 4), scale=0.0))
    everywhere = np.broadcast_to(found.clean[PROBABILITY], found.values[PROBABILITY, 0].shape)
    np.testing.assert_allclose(found.values[PROBABILITY, 0], everywhere, rtol=1e-4)  # of probabilities near 0.01


@each_architecture
def test_22_restoring_every_noised_embedding_gives_the_clean_probability(architecture):
    model, noise = tiny(architecture), GaussianNoise((4,), scale=3.0)
    at_start = patched(model, Cells("resid_pre", "position", layers=(0,), positions=(4,)), noise=noise)
    whole = patched(model, Cells("resid_pre", layers=(0,)), noise=GaussianNoise((1, 4), scale=3.0), draws=3)
    for found in (at_start, whole):
        np.testing.assert_allclose(found.values[PROBABILITY, 0], found.clean[PROBABILITY], rtol=1e-4)
        changed = found.corrupted[PROBABILITY] / found.clean[PROBABILITY] - 1
        assert abs(changed).max() > 1e-3, "noise must do something"


@pytest.mark.parametrize("sweep", [patched, ablated])
@each_architecture
def test_23_a_restricted_sweep_gives_the_numbers_of_the_whole_one(sweep, architecture):
    model, heads = tiny(architecture), (Head(2, 3), Head(0, 1))
    whole = sweep(model, Cells("z", "position"))
    part = sweep(model, Cells("z", "position", heads=heads, positions=(4, 7)))
    assert [tuple(cell) for cell in part.cells] == [(0, 1, 4), (0, 1, 7), (2, 3, 4), (2, 3, 7)]
    for cell, values in zip(part.cells, part.values.transpose(2, 0, 1), strict=True):
        place = (whole.cells == cell).all(axis=1)
        np.testing.assert_allclose(values, whole.values[:, :, place][..., 0], atol=TOLERANCE)


def test_23_the_table_holds_the_numbers_of_the_arrays():
    found = patched(tiny("llama"), Cells("k", "position"), prompts=LONG)
    table = ANALYSES["activation_patching"].table(found)
    for metric, name in enumerate(METRICS):
        for prompt in range(2):
            rows = table[(table["metric"] == name) & (table["prompt"] == prompt)]
            place = {tuple(cell): i for i, cell in enumerate(found.cells.tolist())}
            at = [place[cell] for cell in zip(*(rows[axis].tolist() for axis in found.cell_axes), strict=True)]
            assert sorted(at) == list(range(len(found.cells)))
            np.testing.assert_array_equal(rows["value"], found.values[metric, prompt, at])


@each_architecture
@each_cells
def test_24_a_prompt_has_the_same_cells_alone_and_in_a_set_of_other_lengths(cells, architecture):
    model = tiny(architecture)
    together = patched(model, cells, prompts=(LONG[0], SHORT[0], LONG[1]))
    places = {tuple(cell): i for i, cell in enumerate(together.cells.tolist())}
    for prompt, pair in ((0, LONG[0]), (1, SHORT[0]), (2, LONG[1])):
        alone = patched(model, cells, prompts=(pair,))
        at = [places[tuple(cell)] for cell in alone.cells.tolist()]
        np.testing.assert_allclose(together.values[:, prompt, at], alone.values[:, 0], atol=TOLERANCE)
        assert np.isnan(np.delete(together.values[:, prompt], at, axis=1)).all(), "positions that it does not have"


def test_25_the_same_recipe_gives_the_same_bytes():
    model = loaded(words.build("llama"), ModelSpec("live", "again"))
    again = loaded(words.build("llama"), ModelSpec("live", "again"))
    files = []
    for each in (model, again):
        found = ablated(each, Cells("v", "position"), method="resample", reference=(words.CORRUPTED,), seed=3)
        files.append(to_csv(ANALYSES["ablation"].table(found), found))
    assert files[0] == files[1]
    assert len(io.BytesIO(files[0]).readlines()) > len(METRICS)
