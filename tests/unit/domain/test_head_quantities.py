"""One number per head, read from any result that has it."""

from dataclasses import replace

import numpy as np
import pytest

from app.analyses import ANALYSES
from app.domain.errors import BadInput
from app.domain.head_quantities import QUANTITIES, head_quantity, quantities_of
from tests.unit.figures import heads, results, sweeps

WITH_HEADS = (
    results.attribution(prompts=2), sweeps.sweep("zero"), sweeps.estimate(), heads.statistics(prompts=2),
    heads.behaviour(), heads.copying(), heads.projection(),
)  # fmt: skip


@pytest.mark.parametrize("result", WITH_HEADS, ids=lambda result: type(result).__name__)
def test_every_number_that_a_result_offers_is_prompt_by_layer_by_head(result):
    for name in quantities_of(result):
        assert head_quantity(result, name).shape[-2:] == (2, 3)
        assert head_quantity(result, name).ndim == 3


def test_every_row_of_the_table_is_given_by_recipes_that_exist_and_by_a_result():
    assert {kind for row in QUANTITIES.values() for kind in row.kinds} <= set(ANALYSES)
    assert {name for result in WITH_HEADS for name in quantities_of(result)} == set(QUANTITIES)


def test_the_effect_is_of_the_metric_that_is_asked_for():
    sweep = sweeps.sweep("zero")
    found = head_quantity(sweep, "effect", "kl_divergence")
    np.testing.assert_array_equal(found, sweep.grid(sweep.effect("kl_divergence")))


def test_an_effect_on_a_key_value_head_stands_at_every_head_that_reads_it():
    sweep = sweeps.sweep("denoising", activation="v")
    shared = replace(sweep, provenance=replace(sweep.provenance, heads_per_key_value=3))
    found = head_quantity(shared, "effect")
    assert found.shape == (1, 2, 9)
    np.testing.assert_array_equal(found[..., 3:6], np.repeat(sweep.grid(sweep.effect())[..., 1:2], 3, axis=-1))


def test_cells_that_are_not_heads_and_numbers_that_are_not_there_are_refused():
    with pytest.raises(BadInput, match="cells of this sweep are layer × head × position"):
        head_quantity(sweeps.sweep("zero", by="position"), "effect")
    with pytest.raises(BadInput, match="no 'entropy': it has direct"):
        head_quantity(results.attribution(), "entropy")
