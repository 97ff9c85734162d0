"""Sweeps and estimates against each other: what agrees, what does not, and by name."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import BadInput
from app.domain.spread import pearson, spearman
from app.domain.sweep_asked import SweepAsked
from app.domain.views import Selection, Style
from app.figures.attribution_patching import exact_vs_estimate_scatter
from app.figures.scales import short
from app.figures.sweep_scatter import sweep_scatter
from callbacks.against import caption
from tests.unit.figures import sweeps


def against(x, y, **style):
    return sweep_scatter(x, y, Style(**style), Selection())


def trace(figure, start: str):
    return next(found for found in figure.data if found.name.startswith(start))


def test_every_exact_cell_is_one_marker_of_its_group():
    result = sweeps.estimate(size=(5, 6), each=4)
    figure = exact_vs_estimate_scatter(result, Style(), Selection())
    for name, group in (("top", 1), ("bottom", 2), ("random", 3)):
        found = trace(figure, name)
        cells = np.flatnonzero(result.group == group)
        assert found.customdata.tolist() == cells.tolist()
        np.testing.assert_array_equal(found.x, result.estimate[0, cells])
        np.testing.assert_array_equal(found.y, result.exact[0, cells])
    assert len({trace(figure, name).marker.symbol for name in ("top", "bottom", "random")}) == 3


def test_the_title_gives_both_correlations_over_all_and_over_the_random_sample_alone():
    result = sweeps.estimate(size=(5, 6), each=4)
    title = exact_vs_estimate_scatter(result, Style(), Selection()).layout.meta["title"]
    for cells, said in ((result.group > 0, "Pearson {}, Spearman {} over 16 exact cells"),
                        (result.group == 3, "{}, {} over the 8 at random")):  # fmt: skip
        x, y = result.estimate[0, cells], result.exact[0, cells]
        assert said.format(short(pearson(x, y)), short(spearman(x, y))) in title


def test_the_five_worst_misses_are_named():
    result = sweeps.estimate(size=(5, 6), each=4)
    exactly = np.flatnonzero(result.group)
    result.estimate[0, exactly], result.exact[0, exactly] = 0, np.arange(len(exactly))
    figure = exact_vs_estimate_scatter(result, Style(), Selection())
    named = [text.strip("\u2002") for text in trace(figure, "names").text]
    assert named == [f"L{layer}H{head}" for layer, head in result.cells[exactly[:-6:-1]]]


def test_names_of_misses_that_lie_together_do_not_stand_on_each_other():
    result = sweeps.estimate(size=(5, 6), each=4)
    exactly = np.flatnonzero(result.group)
    result.estimate[0, exactly], result.exact[0, exactly] = 1 + np.arange(len(exactly)) / 1000, 0
    result.estimate[0, exactly[0]], result.exact[0, exactly[0]] = -3, -3
    names = trace(exact_vs_estimate_scatter(result, Style(), Selection()), "names")
    assert len(names.text) == 2  # one of the cluster, and the one far away


def test_estimates_of_a_prompt_that_is_not_there_yet_leave_the_others_points():
    result = sweeps.estimate(size=(5, 6), each=4, tokens=(sweeps.TOKENS[:4],) * 2)
    result.estimate[1], result.exact[1] = np.nan, np.nan
    figure = exact_vs_estimate_scatter(result, Style(), Selection())
    top = np.flatnonzero(result.group == 1)
    np.testing.assert_array_equal(trace(figure, "top").x, result.estimate[0, top])
    assert figure.layout.meta["counted"] == "1 of 2 prompts"


def test_without_any_exact_value_it_says_what_to_do():
    result = replace(sweeps.estimate(), exact=np.full((1, 6), np.nan, np.float32))
    with pytest.raises(BadInput, match="No cell has an exact value"):
        exact_vs_estimate_scatter(result, Style(), Selection())


def test_two_sweeps_meet_cell_by_cell_and_flips_are_named():
    zero = sweeps.sweep("zero", size=(3, 4))
    mean = sweeps.sweep("mean", size=(3, 4), reference="background")
    mean.values[0, 0, 7] = mean.clean[0, 0] - 3
    zero.values[0, 0, 7] = zero.clean[0, 0] + 2
    figure = against(zero, mean)
    same, flipped = trace(figure, "same sign"), trace(figure, "sign differs")
    sizes = np.abs([zero.effect()[0], mean.effect()[0]])
    large = int((sizes.min(axis=0) > sizes.max() / 20).sum())
    assert (len(same.x), flipped.customdata.tolist()) == (large - 1, [7])
    assert flipped.marker.symbol == "diamond"
    assert flipped.hovertext[0].startswith("<b>L1H3</b>, sign differs")
    assert trace(figure, "names").text[0].strip("\u2002") == "L1H3"
    linear, rank = (short(found(zero.effect()[0], mean.effect()[0])) for found in (pearson, spearman))
    flips = f"1 flip among {large} cells with both effects above 5 % of the largest"
    title = figure.layout.meta["title"]
    assert title.startswith("Mean ablation (background) against zero ablation of z")
    assert title.endswith(f"Pearson {linear}, Spearman {rank} over 12 cells, {flips}")
    assert figure.layout.xaxis.title.text == "zero: Δ logit diff"
    assert figure.layout.yaxis.title.text == "mean: Δ\u00a0logit\u00a0diff"


def test_an_upright_title_is_in_lines_rather_than_cut_off():
    figure = against(sweeps.sweep("denoising"), sweeps.sweep("noising"), normalised="recovered")
    assert figure.layout.xaxis.title.text == "denoising: recovered logit diff (0 corrupted, 1 clean)"
    lines = figure.layout.yaxis.title.text.split("<br>")
    assert " ".join(lines) == "noising: recovered logit diff (0 corrupted, 1 clean)"
    assert max(map(len, lines)) <= 18


def test_small_disagreements_are_no_flips():
    zero = sweeps.sweep("zero", size=(2, 2))
    zero.values[0, 0] = zero.clean[0, 0] + np.float32([10, 0.1, 5, 5])
    mean = replace(zero, values=zero.values.copy())
    mean.values[0, 0, 1] = mean.clean[0, 0] - 0.1
    assert len(trace(against(zero, mean), "sign differs").x) == 0


def test_cells_too_small_to_be_judged_are_not_called_of_the_same_sign():
    zero = sweeps.sweep("zero", size=(2, 2))
    zero.values[0, 0] = zero.clean[0, 0] + np.float32([10, 0.1, 5, 5])
    mean = replace(zero, values=zero.values.copy())
    mean.values[0, 0, 1] = mean.clean[0, 0] - 0.1
    figure = against(zero, mean)
    assert [found.name for found in figure.data[:4]] == [
        "same sign (3)", "sign differs (0)", "below 5 % of the largest (1)", "y = x",
    ]  # fmt: skip
    assert figure.data[3].showlegend


def test_cells_that_are_not_computed_are_counted_nowhere():
    zero, mean = (sweeps.sweep(method, size=(3, 4)) for method in ("zero", "mean"))
    zero.values[:, :, 3], mean.values[:, :, 5] = np.nan, np.nan
    assert sum(len(found.x) for found in against(zero, mean).data[:3]) == 10


def test_noising_and_denoising_are_correlated_as_drawn_and_the_words_expect_opposite_signs():
    denoised = sweeps.sweep("denoising", size=(2, 2))
    noised = sweeps.sweep("noising", size=(2, 2))
    noised.values[0, 0] = noised.clean[0, 0] - denoised.effect()[0]
    figure = against(denoised, noised)
    assert [found.name for found in figure.data[:4]] == [
        "opposite sign, as expected (4)", "same sign (0)", "below 5 % of the largest (0)", "y = −x",
    ]  # fmt: skip
    np.testing.assert_allclose(trace(figure, "opposite").y, noised.effect()[0], atol=1e-6)
    assert trace(figure, "y = −x").y[0] == -trace(figure, "y = −x").x[0]
    title = figure.layout.meta["title"]
    assert "; opposite signs expected (starts differ);" in title
    assert "Pearson −1.00, Spearman −1.00 over 4 cells, all opposite among 4 cells" in title


def kl_both_ways() -> tuple[sweeps.SweepResult, sweeps.SweepResult]:
    """Denoising and noising with KL from either start, 0 where nothing is changed, rising from cell to cell."""
    both = sweeps.sweep("denoising", size=(2, 2)), sweeps.sweep("noising", size=(2, 2))
    for result in both:
        result.clean[4], result.corrupted[4] = (2.5, 0) if result.method == "denoising" else (0, 2.5)
        result.values[4, 0] = np.float32([0.5, 1, 1.5, 2])
    return both


def test_a_distance_is_positive_from_either_start_and_is_not_turned():
    figure = against(*kl_both_ways(), metric="kl_divergence")
    assert len(trace(figure, "sign differs").x) == 0
    assert trace(figure, "same").y[0] > 0
    assert figure.layout.meta["title"].endswith(
        "Spearman +1.00 over 4 cells, no flips among 4 cells with both effects above 5 % of the largest"
    )


def test_the_recovered_share_of_a_distance_is_turned():
    figure = against(*kl_both_ways(), metric="kl_divergence", normalised="recovered")
    assert len(trace(figure, "sign differs").x) == 0
    points = trace(figure, "same")
    np.testing.assert_allclose(points.x + points.y, 1, atol=1e-6)  # float32
    assert "Spearman −1.00" in figure.layout.meta["title"]


def test_what_is_restored_and_what_is_broken_add_up_to_1():
    denoised, noised = sweeps.sweep("denoising", size=(2, 2)), sweeps.sweep("noising", size=(2, 2))
    noised.values[0, 0] = noised.clean[0, 0] - denoised.effect()[0]
    figure = against(denoised, noised, normalised="recovered")
    line, points = trace(figure, "y = 1 − x"), trace(figure, "opposite")
    np.testing.assert_allclose(np.add(line.x, line.y), 1, atol=1e-12)  # float64
    np.testing.assert_allclose(points.x + points.y, 1, atol=1e-5)  # float32
    assert "Spearman −1.00" in figure.layout.meta["title"]


def test_only_cells_that_both_have_computed_are_counted():
    zero, mean = sweeps.sweep("zero", size=(3, 4)), sweeps.sweep("mean", size=(3, 4), seed=4)
    zero.values[:, :, 3], mean.values[:, :, 5] = np.nan, np.nan
    assert "over 10 cells" in against(zero, mean).layout.meta["title"]


def test_sweeps_that_are_not_equally_far_say_so():
    tokens = (sweeps.TOKENS[:4],) * 3
    whole, part = sweeps.sweep("zero", tokens=tokens), sweeps.sweep("mean", tokens=tokens)
    part.values[:, 1:, :2] = np.nan
    meta = against(whole, part).layout.meta
    assert ", x: 3 prompts, y: 1–3 of 3 prompts, Tiny;" in meta["title"]
    assert meta["counted"] == "1–3 of 3 prompts"


def test_the_worst_misses_of_an_estimate_are_named_beside_its_exact_values():
    exact, estimate = sweeps.sweep("denoising", size=(3, 4)), sweeps.estimate(size=(3, 4))
    estimate.estimate[0] = exact.effect()[0]
    estimate.estimate[0, [2, 7]] += np.float32([9, -7])
    named = [name.strip("\u2002") for name in trace(against(exact, estimate), "names").text]
    assert {"L0H2", "L1H3"} <= set(named)
    assert not trace(against(exact, sweeps.sweep("denoising", size=(3, 4))), "names").text


@pytest.mark.parametrize("estimated_first", [True, False])
def test_an_estimate_stands_against_another_method(estimated_first):
    estimate, zero = sweeps.estimate(), sweeps.sweep("zero")
    figure = against(*((estimate, zero) if estimated_first else (zero, estimate)))
    labels = [axis.title.text.replace("<br>", " ") for axis in (figure.layout.xaxis, figure.layout.yaxis)]
    labels = [label.replace("\u00a0", " ") for label in labels]
    assert labels[0 if estimated_first else 1] == "denoising, estimated: Δ logit diff"
    points = np.concatenate([trace(figure, name).x for name in ("opposite", "same", "below")])
    assert sorted(points) == sorted((estimate.estimate if estimated_first else zero.effect())[0])


def test_a_restricted_sweep_is_compared_where_both_have_cells():
    whole, part = sweeps.sweep("zero", size=(3, 2)), sweeps.sweep("mean", size=(3, 2), layers=(1,))
    figure = against(whole, part)
    cells = [cell for found in figure.data[:3] for cell in found.customdata.tolist()]
    assert sorted(cells) == [2, 3]


def test_other_cells_are_refused():
    with pytest.raises(BadInput, match="These sweeps have other cells: z, layer × head and z, layer × head × position"):
        against(sweeps.sweep("zero"), sweeps.sweep("zero", by="position"))


def test_a_caption_beside_others_leaves_out_the_agreement_and_keeps_the_run():
    figure = against(sweeps.sweep("zero"), sweeps.sweep("mean", reference="background"), show="intervened")
    result, several = sweeps.sweep("zero"), SweepAsked(method="zero", against=("mean", "resample"))
    words = caption(figure, result, several)
    assert words.endswith(("prompts, intervened run", "prompt, intervened run"))
    assert "Pearson" in caption(figure, result, replace(several, against=("mean",)))
