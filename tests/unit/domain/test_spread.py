"""Statistics over prompts: TransformerLens' own functions are the oracle, with equal seeds."""

import numpy as np
import pandas as pd
import pytest
import torch
from transformer_lens.patching import PatchingResult

from app.domain.spread import FEWEST, SIGNIFICANT, Spread, pearson, sign_flips, spearman, spread

ROUNDING = 1e-6  # the oracle computes in float32 where it takes quantiles


def effects(n_prompts: int, n_cells: int = 40, seed: int = 0) -> np.ndarray:
    """`[prompt cell]`: some cells near 0, some far from it."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_prompts, n_cells)) + np.linspace(-2, 2, n_cells)


def oracle(values: np.ndarray) -> PatchingResult:
    """The same numbers as TransformerLens holds them: cell first, prompts last; the baseline is 0."""
    cells = torch.tensor(values.T)
    return PatchingResult(
        values=cells, axis_names=("layer",), index_df=pd.DataFrame({"layer": range(len(cells))}),
        metric_names=["logit_diff"], reduced=False, baseline=torch.zeros(len(values), dtype=cells.dtype),
        has_metric_axis=False,
    )  # fmt: skip


@pytest.mark.parametrize("n_prompts", [2, 5, 8, 12, 13, 40])
def test_all_statistics_equal_transformer_lens_ones_with_the_same_seed(n_prompts):
    values = effects(n_prompts)
    found, expected = spread(values, seed=3), oracle(values)
    low, high = expected.bootstrap_ci(seed=3)
    np.testing.assert_allclose(found.mean, expected.mean(), atol=ROUNDING)
    np.testing.assert_allclose(found.standard_error, expected.stderr(), atol=ROUNDING)
    np.testing.assert_allclose(found.low, low, atol=ROUNDING)
    np.testing.assert_allclose(found.high, high, atol=ROUNDING)
    np.testing.assert_allclose(found.p_value, expected.permutation_pvalue(seed=3), atol=ROUNDING)
    assert found.n.tolist() == [n_prompts] * 40


def test_one_prompt_has_a_mean_and_nothing_else_and_hides_nothing():
    found = spread([[2.0, -3.0]])
    assert found.mean.tolist() == [2, -3]
    for name in ("standard_error", "low", "high", "p_value"):
        assert np.isnan(getattr(found, name)).all()
    assert not found.insignificant.any()


def test_equal_effects_have_no_error_and_the_smallest_p_value_that_their_number_allows():
    found = spread(np.full((8, 1), 0.5))
    assert (found.mean[0], found.standard_error[0], found.low[0], found.high[0]) == (0.5, 0, 0.5, 0.5)
    assert found.p_value[0] == 2 / 2**8


def test_no_effect_at_all_has_p_1():
    assert spread(np.zeros((8, 1))).p_value.tolist() == [1]


@pytest.mark.parametrize("n_prompts", range(2, 9))
def test_too_few_prompts_hide_nothing_because_they_could_not_have_shown_anything(n_prompts):
    values = np.tile([1.0, -1.0], n_prompts)[:n_prompts, None]
    assert (2 ** (1 - n_prompts) < SIGNIFICANT) == (n_prompts >= FEWEST)
    assert spread(values).insignificant.tolist() == [n_prompts >= FEWEST]


def corrected(p_values: list[float], n: int = 8) -> list[float]:
    """q-values of cells with these p-values."""
    nothing = np.zeros(len(p_values))
    return Spread(*[nothing] * 4, p_value=np.array(p_values), n=np.full(len(p_values), n)).q_value.tolist()


def test_q_values_are_p_values_times_the_number_of_cells_over_their_rank_made_monotonic():
    assert corrected([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])
    assert corrected([0.02]) == [0.02]
    assert np.isnan(corrected([0.02], n=FEWEST - 1)).all()


def test_of_many_cells_without_effect_some_are_below_005_and_correction_leaves_none():
    found = spread(np.random.default_rng(0).standard_normal((12, 400)))
    assert (found.p_value < SIGNIFICANT).sum() > 10  # 20 expected
    assert found.insignificant.all()


def test_cells_of_too_few_prompts_do_not_count_in_the_correction_of_the_others():
    values = np.ones((7, 3))
    values[2:, 0] = np.nan
    assert spread(values).q_value[1:].tolist() == spread(values[:, 1:]).q_value.tolist()


def test_values_not_computed_are_left_out_cell_by_cell():
    values = effects(6, 3)
    values[2:, 0], values[:, 1] = np.nan, np.nan
    found = spread(values)
    assert found.n.tolist() == [2, 0, 6]
    assert np.isnan(found.mean[1])
    for cell, whole in ((0, values[:2, :1]), (2, values[:, 2:])):
        alone = spread(whole)
        for name in ("mean", "standard_error", "low", "high", "p_value"):
            # matrix products of other shapes sum in another order
            assert getattr(found, name)[cell] == pytest.approx(getattr(alone, name)[0], abs=1e-12)


def test_with_spans_it_is_the_ratio_of_means_and_not_the_mean_of_ratios():
    values, spans = np.array([[1.0], [2.0], [6.0]]), np.array([1.0, 4.0, 10.0])
    found = spread(values, over=spans)
    assert found.mean[0] == pytest.approx(9 / 15)
    assert found.mean[0] != pytest.approx((values[:, 0] / spans).mean())


def test_the_interval_and_error_of_a_ratio_whose_values_are_proportional_to_the_spans_are_0():
    spans = np.array([1.0, 4.0, 10.0, 2.0])
    found = spread(0.25 * spans[:, None], over=spans)
    assert found.standard_error[0] == pytest.approx(0, abs=1e-12)  # rounding
    assert (found.low[0], found.high[0]) == pytest.approx((0.25, 0.25))


def test_the_error_of_a_ratio_agrees_with_its_bootstrap():
    rng = np.random.default_rng(1)
    spans = rng.uniform(2, 6, 200)
    values = (0.5 * spans + rng.standard_normal(200))[:, None]
    found = spread(values, over=spans)
    # a normal sample of 200: the 95 % interval is 3.92 standard errors wide, to the accuracy of 1,000 resamples
    assert (found.high[0] - found.low[0]) / found.standard_error[0] == pytest.approx(3.92, rel=0.1)


def test_the_p_value_is_of_the_tested_effects():
    values = effects(8, 5)
    np.testing.assert_array_equal(spread(values, tested=values - 1).p_value, spread(values - 1).p_value)


def test_pearson_equals_numpy_and_ignores_pairs_with_a_gap():
    x, y = effects(30, 2).T
    assert pearson(x, y) == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert pearson([*x, np.nan], [*y, 5.0]) == pytest.approx(pearson(x, y))


def test_spearman_ranks_ties_as_pandas_does():
    x, y = [1, 2, 2, 3, 3, 3, 9], [5, 1, 1, 2, 7, 7, 7]
    assert spearman(x, y) == pytest.approx(ranked(x, y))
    assert spearman([1, 2, 3], [10, 100, 1000]) == pytest.approx(1)


def ranked(x: list[int], y: list[int]) -> float:
    """Pearson's correlation of pandas' average ranks: Spearman's by definition."""
    return float(np.corrcoef(pd.Series(x).rank(), pd.Series(y).rank())[0, 1])


@pytest.mark.parametrize("correlation", [pearson, spearman])
def test_a_constant_or_a_single_pair_has_no_correlation(correlation):
    assert np.isnan(correlation([1, 1, 1], [1, 2, 3]))
    assert np.isnan(correlation([1], [1]))
    assert np.isnan(correlation([], []))


def test_sign_flips_are_counted_above_the_threshold_on_both_sides_only():
    a, b = [1.0, 1.0, 0.05, -2.0, np.nan, 1.0], [-1.0, 1.0, -1.0, 0.5, -1.0, -0.1]
    assert sign_flips(a, b, 0.1).tolist() == [True, False, False, True, False, False]
