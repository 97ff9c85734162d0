"""How far two sweeps agree, in words: correlations, and the cells whose sign flips."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import BadInput
from app.domain.spread import pearson, spearman
from app.domain.views import Style
from app.figures.scales import short
from app.figures.sweep_agreement import agreement
from tests.unit.figures import sweeps


def effects(method: str, *values: float, **made):
    """A sweep of two by two heads with these effects."""
    result = sweeps.sweep(method, size=(2, 2), **made)
    start = result.clean if result.baseline == "clean" else result.corrupted
    result.values[0, 0] = start[0, 0] + np.float32(values)
    return result


def test_both_correlations_are_of_the_effects_and_flips_are_named_largest_first():
    zero, mean = effects("zero", -3, 1, 2, -0.5), effects("mean", -2, -0.5, -1.5, -1)
    found = agreement(zero, mean, Style())
    linear, ranks = (short(each(zero.effect()[0], mean.effect()[0])) for each in (pearson, spearman))
    assert (found.short, found.flips) == (f"r {linear} · ρ {ranks} · 2 flips", ": L1H0, L0H1")
    assert f"over 4 cells: Pearson {linear}, Spearman {ranks}" in found.said
    assert found.said.endswith("Sign differs, among 4 cells with both effects above 5 % of the largest: L1H0, L0H1.")


def test_of_more_flips_than_a_line_holds_two_are_named_and_all_in_the_whole():
    found = agreement(effects("zero", 4, 3, 2, 1), effects("mean", -4, -3, -2, -1), Style())
    assert found.flips == ": L0H0, L0H1, …"
    assert found.said.endswith("L0H0, L0H1, L1H0, L1H1.")


def test_what_is_small_beside_the_largest_effect_is_no_flip():
    found = agreement(effects("zero", -10, 0.4, 2, 1), effects("mean", -10, -0.4, 2, 1), Style())
    assert found.short.endswith("· no flips")
    assert found.said.endswith("none.")


def test_correlations_of_opposite_directions_are_of_the_numbers_that_are_drawn():
    denoised, noised = effects("denoising", 1, 2, -3, 4), effects("noising", -1, -2, 3, -4)
    found = agreement(denoised, noised, Style())
    assert (found.short, found.flips) == ("r −1.00 · ρ −1.00 · all opposite", "")
    assert "Opposite signs are expected, because one starts from the clean and one from the corrupted run" in found.said


def test_of_opposite_directions_the_cells_of_the_same_sign_are_named():
    found = agreement(effects("denoising", 1, 2, -3, 4), effects("zero", -1, 2, 3, -0.1), Style())
    linear, ranks = (short(each([1, 2, -3, 4], [-1, 2, 3, -0.1])) for each in (pearson, spearman))
    assert (found.short, found.flips) == (f"r {linear} · ρ {ranks} · 1 not opposite", ": L0H1")
    assert found.said.endswith("The same sign, among 3 cells with both effects above 5 % of the largest: L0H1.")


def test_before_two_cells_are_there_correlations_are_a_dash():
    zero, mean = effects("zero", 1, 2, 3, 4), effects("mean", 1, 2, 3, 4)
    mean.values[0, 0, 1:] = np.nan
    assert agreement(zero, mean, Style()).short == "r — · ρ — · no flips"


def test_the_order_of_the_two_changes_only_the_names_order():
    zero, mean = effects("zero", -3, 1, 2, -0.5), effects("mean", -2, -0.5, -1.5, -1)
    assert agreement(zero, mean, Style()).short == agreement(mean, zero, Style()).short


def test_sweeps_of_other_cells_are_refused():
    with pytest.raises(BadInput, match="compare two over the same ones"):
        agreement(sweeps.sweep("zero"), replace(sweeps.sweep("zero"), activation="q"), Style())


def test_effects_on_a_distance_are_positive_from_either_start_and_agree_unturned():
    both = effects("denoising", 0, 0, 0, 0), effects("noising", 0, 0, 0, 0)
    for result in both:
        result.values[4, 0] = np.float32([0.5, 1, 1.5, 2])
    found = agreement(*both, Style(metric="kl_divergence"))
    assert found.short == "r +1.00 · ρ +1.00 · no flips"
    assert "pposite" not in found.said
