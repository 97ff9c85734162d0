"""Maps of sweeps: where cells stand, what colour and hover say, what is hidden and what is not there yet."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import BadInput
from app.domain.results import METRICS, difference
from app.domain.sites import Head
from app.domain.spread import spread
from app.domain.views import Selection, Style
from app.figures.scales import short
from app.figures.sweep_map import sweep_heatmap
from tests.recovered import mean_recovered
from tests.unit.figures import sweeps

EXPORT = Style(width=560, height=480)
PAIR = (sweeps.TOKENS[:4], ("<|endoftext|>", "When", " Anna", " and"))


def draw(result, style: Style | None = None, selection: Selection | None = None):
    return sweep_heatmap(result, style or Style(), selection or Selection())


def title(result, style: Style) -> str:
    return draw(result, style).layout.meta["title"]


def at(result, **place) -> int:
    """Index of the cell at this place."""
    wanted = [place[axis] for axis in result.cell_axes]
    return int(np.flatnonzero((result.cells == wanted).all(axis=1))[0])


def test_layers_run_down_and_positions_across_and_each_cell_knows_its_index_in_the_result():
    result = sweeps.sweep(activation="resid_pre", by="position", size=(3, 2))
    figure = draw(result)
    cells = figure.data[0]
    assert cells.customdata.tolist() == np.arange(12).reshape(3, 4).tolist()
    np.testing.assert_allclose(cells.z.ravel(), result.effect()[0], atol=1e-6)  # float32
    assert (figure.layout.yaxis.range, figure.layout.xaxis.range) == ((2.5, -0.5), (-0.5, 3.5))
    meta = figure.layout.meta
    assert (meta["panel"], meta["axes"], meta["shape"]) == ("sweep", ["layer", "position"], [3, 4])
    assert (meta["rows"], meta["columns"]) == ([0, 1, 2], [0, 1, 2, 3])


def test_it_may_stand_beside_another():
    assert sweep_heatmap(sweeps.sweep(), Style(), Selection(), "against").layout.meta["panel"] == "against"


def test_positions_are_labelled_by_tokens_italic_where_prompts_differ():
    result = sweeps.sweep(activation="resid_pre", by="position", tokens=PAIR)
    ticks = draw(result, selection=Selection(prompt=1)).layout.xaxis
    assert ticks.ticktext[1:] == ("1 When", "<i>2 ·Anna</i>", "3 ·and")
    assert ticks.title.text == "position (tokens of prompt 1; italic: prompts differ)"
    alone = draw(sweeps.sweep(activation="resid_pre", by="position")).layout.xaxis
    assert (alone.ticktext[2], alone.title.text) == ("2 ·Mary", "position")


@pytest.mark.parametrize("direction", ["denoising", "noising"])
@pytest.mark.parametrize("made", [sweeps.sweep, sweeps.estimate])
def test_where_a_pair_differs_both_tokens_are_named_clean_first_in_both_directions(made, direction):
    result = made(direction, activation="resid_pre", by="position")
    other = np.where(result.str_tokens == " Mary", " John", result.str_tokens)
    clean, corrupted = (result.str_tokens, other) if direction == "noising" else (other, result.str_tokens)
    figure = draw(replace(result, other_tokens=other))
    said = f"·{clean[0, 2].strip()}→·{corrupted[0, 2].strip()}"
    assert figure.layout.xaxis.ticktext[1:] == ("1 When", f"2 {said}", "3 ·and")
    assert figure.data[0].hovertext[0, 2].startswith(f"<b>L0 @2 {said}</b>")


def test_an_ablation_takes_nothing_from_the_other_prompt_and_names_its_own_tokens():
    result = sweeps.sweep("zero", activation="resid_pre", by="position")
    figure = draw(replace(result, other_tokens=np.full_like(result.str_tokens, " x")))
    assert figure.layout.xaxis.ticktext[2] == "2 ·Mary"


def test_a_restricted_sweep_has_no_empty_rows_and_its_ticks_say_which():
    result = sweeps.sweep(activation="mlp_out", by="position", size=(9, 2), layers=(2, 7), positions=(1, 3))
    figure = draw(result)
    assert figure.data[0].z.shape == (2, 2)
    assert figure.layout.yaxis.ticktext == ("2", "7")
    assert figure.layout.meta["columns"] == [1, 3]


def test_heads_can_be_selected_by_a_box_and_bear_the_selections_marks():
    figure = draw(
        sweeps.sweep("zero", size=(2, 3)), selection=Selection(heads=(Head(0, 1), Head(1, 2)), primary=Head(1, 2))
    )
    handles = figure.data[1]
    assert handles.customdata.tolist() == ["L0H0", "L0H1", "L0H2", "L1H0", "L1H1", "L1H2"]
    assert [(s.name, s.x0, s.y0) for s in figure.layout.shapes] == [("selected", 0.5, -0.5), ("primary", 1.5, 0.5)]
    assert figure.layout.dragmode == "select"


def test_the_selected_place_is_outlined_where_its_layer_and_position_are_shown():
    result = sweeps.sweep(activation="resid_pre", by="position")
    shapes = draw(result, selection=Selection(layers=(0, 1), positions=(2,))).layout.shapes
    assert [s.name for s in shapes] == ["position", "primary"]
    assert (shapes[1].x0, shapes[1].y0) == (1.5, 0.5)


def test_heads_by_position_show_the_strongest_30_grouped_by_layer_and_the_selected_ones():
    result = sweeps.sweep("zero", by="position", size=(8, 8))
    weak = at(result, layer=7, head=7, position=0)
    result.values[:, :, weak : weak + 4] = result.clean[:, :, None]
    figure = draw(result, selection=Selection(primary=Head(7, 7)))
    rows = figure.layout.meta["rows"]
    assert (len(rows), rows[-1]) == (30, "L7H7")
    assert rows == sorted(rows)
    strongest = result.cells[np.abs(result.effect()[0]).argmax()]
    assert f"L{strongest[0]}H{strongest[1]}" in rows
    assert figure.layout.meta["title"].endswith("strongest 30 of 64 heads")
    assert figure.layout.shapes[0].name == "primary"


def test_selected_layers_choose_the_heads_by_position():
    figure = draw(sweeps.sweep("zero", by="position", size=(8, 8)), selection=Selection(layers=(3,)))
    assert figure.layout.meta["rows"] == [f"L3H{head}" for head in range(8)]


def test_edges_are_those_of_the_primary_head_and_later_keys_do_not_exist():
    result = sweeps.sweep("zero", activation="pattern", by="edge", size=(2, 2))
    figure = draw(result, selection=Selection(primary=Head(1, 0), positions=(2,)))
    cells = figure.data[0]
    assert cells.z.shape == (4, 4)
    assert (cells.customdata == -1).sum() == 6
    assert cells.customdata[2, 1] == at(result, layer=1, head=0, position=2, source_position=1)
    assert cells.hovertext[2, 1].startswith("<b>L1H0 2→1 ·Mary When</b>")
    assert len(figure.data[1].x) == 0  # nothing is hatched: the missing half does not exist
    assert [s.name for s in figure.layout.shapes] == ["position"]
    assert "edges of L1H0" in figure.layout.meta["title"]


def test_without_a_primary_head_edges_are_the_strongest_heads():
    result = sweeps.sweep("zero", activation="pattern", by="edge", size=(2, 2))
    result.values[0, 0, at(result, layer=0, head=1, position=3, source_position=0)] = 50
    assert "edges of L0H1" in draw(result).layout.meta["title"]


def test_layers_alone_are_one_column_that_prints_its_values():
    result = sweeps.sweep("zero", activation="mlp_out", size=(5, 2))
    cells = draw(result).data[0]
    assert cells.z.shape == (5, 1)
    assert all(cells.text[:, 0] != "")


def test_neurons_are_bars_of_largest_magnitude_with_their_index():
    result = sweeps.sweep("zero", activation="mlp_post", layers=(1,), tokens=PAIR)
    figure = draw(result)
    bars, means = figure.data[0], result.effect().mean(axis=0)
    assert bars.type == "bar"
    assert bars.customdata.tolist() == np.argsort(-np.abs(means), kind="stable")[:30].tolist()
    assert figure.layout.yaxis.ticktext[0] == f"L1N{result.cells[bars.customdata[0], 1]}"
    assert figure.layout.meta["title"].endswith("strongest 30 of 64 neurons")
    result.values[:, :, 40:] = np.nan
    assert draw(result).layout.meta["title"].endswith("strongest 30 of 40 computed of 64 neurons")


def test_the_note_of_bars_counts_what_significance_left():
    result = sweeps.sweep("zero", activation="mlp_post", layers=(1,), tokens=(sweeps.TOKENS[:4],) * 8)
    steady = np.where(np.arange(64) < 34, 1.0, np.resize([9, -9], 8)[:, None]).astype(np.float32)  # 30 sum to 0
    result.values[0] = result.clean[0][:, None] + steady
    said = draw(result, Style(significant=True)).layout.meta["title"]
    assert said.endswith("strongest 30 of 34 not hidden of 64 neurons")


def test_colours_are_symmetric_about_0_and_kl_starts_at_0():
    result = sweeps.sweep("zero")
    cells = draw(result).data[0]
    assert cells.zmin == -cells.zmax == -np.abs(result.effect()).max()
    assert draw(result, Style(metric="kl_divergence")).data[0].zmin == 0
    assert draw(sweeps.sweep(), Style(metric="kl_divergence")).data[0].zmin == 0


@pytest.mark.parametrize(
    ("metric", "said"),
    [("logit_diff", "Δ logit diff"), ("answer_log_prob", "Δ answer log-prob (nats)"),
     ("probability", "Δ answer probability"), ("rank", "Δ answer rank (− = nearer the top)"),
     ("kl_divergence", "Δ KL divergence (nats)")],
)  # fmt: skip
def test_every_metric_has_its_name_and_unit_and_is_value_minus_baseline(metric, said):
    result = sweeps.sweep("noising")
    cells = draw(result, Style(metric=metric)).data[0]
    assert cells.colorbar.title.text == said
    k = METRICS.index(metric)
    np.testing.assert_allclose(cells.z.ravel(), result.values[k, 0] - result.clean[k, 0], atol=1e-5)  # float32


def test_an_unknown_metric_is_refused_with_the_list():
    with pytest.raises(BadInput, match="'score' is not a metric; use one of logit_diff"):
        draw(sweeps.sweep(), Style(metric="score"))


def test_without_answers_it_shows_the_kl_divergence():
    result = sweeps.sweep("zero", corrupted=False)
    result.values[:4], result.clean[:4] = np.nan, np.nan
    assert draw(result).data[0].colorbar.title.text == "Δ KL divergence (nats)"


@pytest.mark.parametrize("method", ["denoising", "noising", "zero"])
def test_recovered_is_the_ratio_of_means_or_the_mean_of_ratios(method):
    result = sweeps.sweep(method, tokens=PAIR)
    ratio = draw(result, Style(normalised="recovered")).data[0]
    each = draw(result, Style(normalised="recovered_each")).data[0]
    np.testing.assert_allclose(ratio.z.ravel(), mean_recovered(result), atol=1e-5)  # float32, another order of sums
    np.testing.assert_allclose(each.z.ravel(), result.recovered().mean(axis=0), atol=1e-5)
    assert ratio.colorbar.title.text == "recovered logit diff (0 corrupted, 1 clean)"
    assert "ratio of means over 2 prompts" in title(result, Style(normalised="recovered"))
    assert "mean of ratios over 2 prompts" in title(result, Style(normalised="recovered_each"))


def test_prompts_with_a_tiny_denominator_are_left_out_and_counted():
    result = sweeps.sweep(tokens=(*PAIR, PAIR[0]))
    result.corrupted[0, 1] = result.clean[0, 1] - 0.05
    asked = Style(normalised="recovered")
    assert "ratio of means over 2 prompts (1 left out: |clean − corrupted| < 0.1)" in title(result, asked)
    np.testing.assert_allclose(draw(result, asked).data[0].z.ravel(), mean_recovered(result), atol=1e-5)  # float32


def test_recovered_without_a_corrupted_run_is_refused():
    with pytest.raises(BadInput, match="show the effect instead"):
        draw(sweeps.sweep("zero", corrupted=False), Style(normalised="recovered"))


def test_hover_gives_every_statistic_but_the_error_and_both_baselines_in_full_precision():
    result = sweeps.sweep("mean", reference="background", tokens=PAIR)
    found, text = spread(result.effect()), draw(result).data[0].hovertext[1, 2]
    i = at(result, layer=1, head=2)
    assert text.startswith("<b>L1H2</b><br>Δ logit diff ")
    error = short(found.standard_error[i], signed=False)  # the one number that would not know its digits
    assert f"{abs(np.float32(found.mean[i]))!s} ± {error} SE, n = 2" in text
    assert f"p = {found.p_value[i]:.3g}" in text
    assert f"clean +{np.float32(result.clean[0].astype(float).mean())!s}, corrupted −" in text
    assert "ablated +" in text


def test_one_prompt_shows_no_error_that_it_does_not_have():
    text = draw(sweeps.sweep()).data[0].hovertext[0, 0]
    assert "±" not in text
    assert "nan" not in text
    assert title(sweeps.sweep(), Style()).endswith("1 prompt, Tiny")


def test_cells_not_computed_are_hatched_and_say_so():
    result = sweeps.sweep("zero", size=(2, 2))
    result.values[:, :, 1] = np.nan
    figure = draw(result)
    hatch = next(trace for trace in figure.data if trace.name == "not computed")
    assert len(hatch.x) == 3
    assert np.isnan(figure.data[0].z[0, 1])
    assert "not computed" in figure.data[0].hovertext[0, 1]
    assert [note.text for note in figure.layout.annotations] == ["╱ not computed"]


def test_the_title_says_technique_method_reference_prompts_and_model():
    mean = sweeps.sweep("mean", reference="background", tokens=PAIR)
    assert (
        title(mean, Style())
        == "Effect on logit diff, mean ablation (background) of z, layer × head, mean over 2 prompts, Tiny"
    )
    traced = replace(sweeps.sweep(activation="mlp_out", by="position", window=3, layers=(0,)), method="causal tracing")
    assert title(traced, Style(metric="probability")) == (
        "Effect on answer probability, causal tracing of mlp_out, layer × position, windows of 3 layers, 1 prompt, Tiny"
    )


def test_estimates_are_drawn_and_hover_gives_the_exact_value_where_there_is_one():
    result = sweeps.estimate(size=(3, 4))
    figure = draw(result)
    np.testing.assert_array_equal(figure.data[0].z.ravel(), result.estimate[0])
    texts = figure.data[0].hovertext.ravel()
    assert ["exact Δ logit diff" in text for text in texts] == (result.group > 0).tolist()
    assert "attribution patching (denoising, estimated) of z" in figure.layout.meta["title"]


def test_estimates_of_other_metrics_are_refused():
    with pytest.raises(BadInput, match="estimates effects on logit_diff only"):
        draw(sweeps.estimate(), Style(metric="rank"))


@pytest.mark.parametrize("method", ["zero", "denoising"])
def test_a_difference_is_one_of_effects_each_from_its_own_start(method):
    one, other = sweeps.sweep(method), sweeps.sweep(method, seed=7)
    figure = draw(difference(one, other), Style(show="difference"))
    np.testing.assert_allclose(figure.data[0].z.ravel(), (one.effect() - other.effect())[0], atol=1e-5)  # float32
    assert figure.data[0].colorbar.title.text == "Δ Δ logit diff"
    assert figure.layout.meta["title"].startswith("Δ effect on logit diff")
