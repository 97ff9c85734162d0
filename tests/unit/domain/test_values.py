"""Heads, sites, prompts, results: what the small values promise."""

import zipfile

import numpy as np
import pytest
from hypothesis import given

from app.domain.errors import BadPrompt, BadSite
from app.domain.interventions import KnockOutEdge, spoken_edges
from app.domain.lens_results import LogitLensResult
from app.domain.models import Provenance
from app.domain.prompts import TokenisedPrompt, aligned, first_difference
from app.domain.results import METRICS, SweepResult, difference, from_bytes, to_bytes
from app.domain.sites import Head, Site
from tests.unit.domain.strategies import heads

HERE = Provenance("m", "id", "rev", "raw", "float32", "cpu", "none", (("torch", "2"),))


def prompt(*ids: int) -> TokenisedPrompt:
    return TokenisedPrompt(ids, tuple(f"t{i}" for i in ids), False)


def lens(value: float) -> LogitLensResult:
    grid = np.full((2, 3), value, np.float32)
    tokens = np.array([[['a"', "\n,"]] * 3] * 2)
    return LogitLensResult(
        recipe="{}", digest="d", provenance=HERE, str_tokens=("a", " b", "é"), top_tokens=tokens,
        top_probabilities=np.zeros((2, 3, 2), np.float32), logit_diff=grid, answer_probability=grid,
        answer_rank=grid, entropy=grid, positions=(0, 1, 2), points=("0_post", "1_post"), lens="logit lens",
        tokens=(" a",), kl_divergence=grid, token_logits=grid[..., None], token_probabilities=grid[..., None],
        token_ranks=grid[..., None],
    )  # fmt: skip


@given(heads)
def test_a_head_reads_back_from_its_label(head):
    assert Head.parse(str(head)) == head


@pytest.mark.parametrize("label", ["5.1", "L5", "L5H1x", "", "L-1H0"])
def test_a_label_that_is_not_a_head_is_refused(label):
    with pytest.raises(BadSite, match="write it as L5H1"):
        Head.parse(label)


@pytest.mark.parametrize(
    ("site", "name"),
    [
        (Site("resid_pre", 3), "blocks.3.hook_resid_pre"),
        (Site("z", 0, (1,)), "blocks.0.attn.hook_z"),
        (Site("mlp_post", 2), "blocks.2.mlp.hook_post"),
        (Site("attn_scores", 2), "blocks.2.attn.hook_attn_scores"),
    ],
)
def test_a_site_knows_its_hook_name(site, name):
    assert site.hook_name == name


def test_first_difference_is_the_first_position_whose_tokens_differ():
    assert first_difference(prompt(1, 2, 3), prompt(1, 9, 3)) == 1
    assert first_difference(prompt(1, 2), prompt(1, 2)) is None


def test_a_pair_of_unequal_length_is_refused_with_the_place_where_it_parts():
    with pytest.raises(BadPrompt, match=r"3 tokens and the corrupted one 2; they first differ at position 1 \('t2'"):
        aligned(prompt(1, 2, 3), prompt(1, 3))
    with pytest.raises(BadPrompt, match="against the end"):
        aligned(prompt(1, 2, 3), prompt(1, 2))


def test_a_result_survives_bytes_exactly_strings_included():
    given_result = lens(0.5)
    read = from_bytes(LogitLensResult, to_bytes(given_result))
    assert read.provenance == HERE
    assert read.str_tokens == given_result.str_tokens
    np.testing.assert_array_equal(read.top_tokens, given_result.top_tokens)
    np.testing.assert_array_equal(read.logit_diff, given_result.logit_diff)


def test_damaged_bytes_raise_and_never_unpickle():
    good = to_bytes(lens(1.0))
    with pytest.raises((zipfile.BadZipFile, ValueError, OSError)):
        from_bytes(LogitLensResult, good[: len(good) // 2])
    with pytest.raises((zipfile.BadZipFile, ValueError, OSError)):
        from_bytes(LogitLensResult, b"\x80\x04N.")


def test_a_difference_subtracts_the_baseline_and_keeps_the_intervened_tokens():
    changed = difference(lens(2.0), lens(0.5))
    assert changed.logit_diff.tolist() == [[1.5] * 3] * 2
    np.testing.assert_array_equal(changed.top_tokens, lens(2.0).top_tokens)


def ablation(clean: float, *ablated: float) -> SweepResult:
    """Heads L1H0, L1H1, ..."""
    values = np.array(ablated, np.float32) * np.ones((len(METRICS), 1, 1), np.float32)
    cells = np.array([[1, head] for head in range(len(ablated))], np.int32)
    flat = np.full((len(METRICS), 1), clean, np.float32)
    return SweepResult(
        recipe="{}", digest="d", provenance=HERE, method="zero", reference="none", engine="replay", baseline="clean",
        activation="z", cell_axes=("layer", "head"), cells=cells, str_tokens=np.array([["a"]]),
        other_tokens=np.array([["a"]]),
        values=values, clean=flat, corrupted=flat,
    )  # fmt: skip


def test_an_ablation_effect_is_ablated_minus_clean_and_nan_where_not_computed():
    effect = ablation(3.0, 2.0, np.nan).effect()
    assert effect[0, 0] == -1.0
    assert np.isnan(effect[0, 1])


def test_a_grid_lays_cells_out_by_their_axes_and_has_nan_where_there_is_no_cell():
    result = ablation(3.0, 2.0, 5.0)
    np.testing.assert_array_equal(result.grid(result.effect()), [[[np.nan, np.nan], [-1.0, 2.0]]])


def test_a_difference_of_sweeps_measures_each_effect_from_its_own_start():
    changed = difference(ablation(1.0, 0.5, 2.0), ablation(3.0, 2.0, 3.0))
    assert changed.effect().tolist() == [[0.5, 1.0]]


def test_edges_are_named_one_by_one_as_a_rectangle_or_by_their_first_ones():
    corner = tuple((dest, src) for dest in range(10, 14) for src in range(2, 5))
    assert str(KnockOutEdge(9, ((14, 4), (14, 2)), (6,))) == "knock out L9H6 14→2 14→4"
    assert str(KnockOutEdge(9, corner, (6,), 0.5)) == "set to 0.5 L9H6 12 edges 10-13→2-4"
    triangle = tuple((dest, src) for dest in range(4) for src in range(dest + 1))
    assert spoken_edges(triangle) == "10 edges 0-3→0-3"
    assert spoken_edges(tuple((dest, 0) for dest in range(5))) == "5 edges 0-4→0"
    assert spoken_edges((*corner, (20, 1))) == "13 edges 10→2 10→3 …"
