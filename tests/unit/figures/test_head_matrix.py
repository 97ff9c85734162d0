"""The head matrix: cells, signs, selection, what is not computed."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import BadInput
from app.domain.head_quantities import head_quantity
from app.domain.sites import Head
from app.domain.views import Selection, Style
from app.figures.head_matrix import head_matrix_heatmap
from tests.unit.figures import heads, results, sweeps


def draw(result, style: Style | None = None, selection: Selection | None = None):
    return head_matrix_heatmap(result, style or Style(), selection or Selection())


def test_one_cell_per_head_named_by_a_plain_string():
    cells, handles = draw(results.attribution(2, 3)).data[:2]
    assert cells.type == "heatmap"
    assert cells.customdata.tolist() == [["L0H0", "L0H1", "L0H2"], ["L1H0", "L1H1", "L1H2"]]
    assert handles.type == "scatter"
    assert handles.customdata.tolist() == [label for row in cells.customdata.tolist() for label in row]
    assert handles.marker.opacity == 0
    assert (handles.x.tolist(), handles.y.tolist()) == ([0, 1, 2, 0, 1, 2], [0, 0, 0, 1, 1, 1])


def test_layers_run_downwards_from_0_and_heads_across_at_the_top():
    figure = draw(results.attribution(30, 9))
    assert figure.layout.yaxis.range == (29.5, -0.5)
    assert figure.layout.xaxis.range == (-0.5, 8.5)
    assert figure.layout.xaxis.side == "top"
    assert (figure.layout.yaxis.title.text, figure.layout.xaxis.title.text) == ("layer", "head")
    assert (figure.layout.yaxis.dtick, figure.layout.xaxis.dtick) == (5, 1)


def test_48_layers_of_25_heads_thin_both_axes():
    layout = draw(results.attribution(48, 25)).layout
    assert (layout.yaxis.dtick, layout.xaxis.dtick) == (5, 2)


def test_colours_are_symmetric_about_0_and_strong_negative_cells_carry_a_minus():
    result = replace(results.attribution(1, 3), heads=np.array([[[4.0, -2.0, -0.5]]], np.float32))
    cells = draw(result).data[0]
    assert (cells.zmin, cells.zmax) == (-4.0, 4.0)
    assert cells.text.tolist() == [["", "−", ""]]
    assert cells.colorbar.ticktext[-1] == "+4.00"


def test_a_locked_limit_stays_locked():
    cells = draw(results.attribution(), Style(color_limit=0.25)).data[0]
    assert (cells.zmin, cells.zmax) == (-0.25, 0.25)


def test_hover_names_the_head_and_gives_full_precision_with_sign():
    result = replace(results.attribution(1, 1), heads=np.array([[[-1.2345678]]], np.float32))
    cells = draw(result).data[0]
    assert cells.hovertext.tolist() == [["<b>L0H0</b><br>direct logit attribution −1.2345678"]]
    assert cells.hovertemplate == "%{hovertext}<extra></extra>"


def test_difference_mode_says_delta():
    cells = draw(results.attribution(), Style(show="difference")).data[0]
    assert cells.colorbar.title.text == "Δ logit diff"
    assert "Δ direct logit attribution" in cells.hovertext[0, 0]


def test_ablation_shows_ablated_minus_clean_and_both_runs_on_hover():
    result = results.ablation(2, 2)
    cells = draw(result).data[0]
    np.testing.assert_array_equal(cells.z.ravel(), result.values[0, 0] - result.clean[0, 0])
    assert cells.hovertext[1, 0].startswith("<b>L1H0</b><br>zero ablation, Δ logit diff ")
    assert f"clean +{result.clean[0, 0]!s}" in cells.hovertext[1, 0]


def test_a_difference_of_ablation_effects_says_so_everywhere_and_may_be_negative_without_answers_too():
    figure = draw(results.ablation(2, 2, answers=False), Style(show="difference", width=400))
    cells = figure.data[0]
    assert (cells.zmin, cells.colorbar.title.text) == (-cells.zmax, "Δ Δ KL divergence (nats)")
    assert "Δ clean" in cells.hovertext[0, 0]
    assert "Δ ablated" in cells.hovertext[0, 0]
    assert figure.layout.title.text.startswith("Δ effect of zero ablation")


@pytest.mark.parametrize("result", [results.ablation(), results.attribution()])
def test_an_exported_figure_of_the_intervened_run_says_so(result):
    titles = [draw(result, Style(show=show, width=900)).layout.title.text for show in ("baseline", "intervened")]
    assert titles[1] == f"{titles[0]}, intervened run"


def test_without_answers_the_ablation_effect_is_the_kl_divergence_from_0():
    cells = draw(results.ablation(answers=False)).data[0]
    assert cells.zmin == 0
    assert cells.colorbar.title.text == "Δ KL divergence (nats)"


def test_cells_not_computed_are_hatched_named_and_never_zero():
    result = results.ablation(2, 2)
    values = result.values.copy()
    values[:, :, 2:] = np.nan
    figure = draw(replace(result, values=values))
    cells, hatch = figure.data[0], figure.data[3]
    assert np.isnan(cells.z[1]).all()
    strokes = np.stack([hatch.x, hatch.y], -1).reshape(2, 3, 2)[:, :2]  # [cell, end, xy]; the third end is a gap
    np.testing.assert_allclose(strokes.mean(axis=1), [[0, 1], [1, 1]], atol=1e-6)  # float32
    assert hatch.mode == "lines"  # a box selects markers only
    assert "not computed" in cells.hovertext[1, 0]
    assert [note.text for note in figure.layout.annotations] == ["╱ not computed"]
    assert np.isfinite(cells.zmax)


def test_a_finished_matrix_has_no_hatch_and_the_same_margins():
    partial = results.ablation(2, 2)
    partial.values[:] = np.nan
    whole = draw(results.ablation(2, 2))
    assert len(whole.data[3].x) == 0
    assert len(whole.layout.annotations) == 0
    assert whole.layout.margin == draw(partial).layout.margin


def test_selection_is_drawn_with_the_primary_on_top():
    chosen = Selection(heads=(Head(0, 1), Head(1, 2)), primary=Head(1, 2), pinned=Head(0, 0))
    shapes = draw(results.attribution(2, 3), selection=chosen).layout.shapes
    assert [shape.name for shape in shapes] == ["selected", "pinned", "primary"]
    primary = shapes[-1]
    assert (primary.x0, primary.x1, primary.y0, primary.y1) == (1.5, 2.5, 0.5, 1.5)
    assert primary.line.width > shapes[0].line.width
    assert primary.line.color is None  # the template's accent


def test_one_head_and_all_zero_are_drawn():
    figure = draw(replace(results.attribution(1, 1), heads=np.zeros((1, 1, 1), np.float32)))
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-1, 1)
    assert figure.layout.yaxis.range == (0.5, -0.5)


def test_the_selected_prompt_is_shown_and_one_that_does_not_exist_is_refused():
    result = results.attribution(prompts=2)
    np.testing.assert_array_equal(draw(result, selection=Selection(prompt=1)).data[0].z, result.heads[1])
    with pytest.raises(BadInput, match="Prompt 2 is selected, but this result has 2"):
        draw(result, selection=Selection(prompt=2))


def test_one_prompt_is_the_one_on_screen_whatever_its_place_in_the_prompt_set():
    result = results.attribution()
    np.testing.assert_array_equal(draw(result, selection=Selection(prompt=5)).data[0].z, result.heads[0])


def test_a_named_number_is_drawn_with_its_own_title_and_unit():
    result = heads.statistics()
    figure = draw(result, Style(quantity="mean_distance", width=900))
    np.testing.assert_array_equal(figure.data[0].z, result.mean_distance[0])
    assert figure.data[0].colorbar.title.text == "tokens"
    assert figure.layout.title.text.startswith("Mean distance from query to key, heads of Tiny")
    assert figure.data[0].hovertext[0, 1].startswith("<b>L0H1</b><br>mean distance from query to key ")
    assert figure.data[0].zmin == 0


def test_without_a_name_the_first_number_is_drawn_and_a_name_that_is_not_there_is_refused_with_the_list():
    np.testing.assert_array_equal(draw(heads.statistics()).data[0].z, heads.statistics().entropy[0])
    with pytest.raises(BadInput, match=r"no 'direct': it has entropy, .*output_norm"):
        draw(heads.statistics(), Style(quantity="direct"))
    with pytest.raises(BadInput, match="has no number per head"):
        draw(results.lens())


def test_shares_are_drawn_up_to_1_unless_locked_and_their_difference_is_signed():
    share, locked = Style(quantity="attention_to_first"), Style(quantity="attention_to_first", color_limit=0.5)
    assert [draw(heads.statistics(), style).data[0].zmax for style in (share, locked)] == [1.0, 0.5]
    cells = draw(heads.statistics(), Style(quantity="attention_to_first", show="difference")).data[0]
    assert cells.zmin == -cells.zmax
    assert cells.zmax < 1
    assert cells.colorbar.title.text == "Δ share of attention"


def test_background_texts_are_drawn_as_their_mean_whatever_prompt_is_selected():
    result = heads.statistics(prompts=4, corpus=True)
    figure = draw(result, Style(width=900), Selection(prompt=2))
    np.testing.assert_array_equal(figure.data[0].z, result.entropy.mean(axis=0))
    assert "mean over 4 background texts" in figure.layout.title.text


def test_a_patching_sweep_over_heads_says_so_and_one_by_position_is_refused():
    result = sweeps.sweep("denoising")
    cells = draw(result, Style(width=900))
    assert cells.layout.title.text.startswith("Effect of activation patching (denoising) on logit diff, heads of")
    assert "patched" in cells.data[0].hovertext[0, 0]
    with pytest.raises(BadInput, match="The cells of this sweep are layer × position"):
        draw(sweeps.sweep("denoising", activation="resid_pre", by="position"))


def test_an_estimate_is_drawn_with_the_exact_effect_beside_it_on_hover():
    result = sweeps.estimate()
    cells = draw(result).data[0]
    np.testing.assert_array_equal(cells.z, result.grid(result.estimate)[0])
    assert "attribution patching (" in cells.hovertext[0, 0]
    assert all("<br>exact " in text for text in cells.hovertext.ravel())


def test_a_projection_names_its_tokens_and_behaviour_scores_need_no_prompt():
    figure = draw(heads.projection(), Style(width=900))
    assert figure.layout.title.text.startswith("Projection on ·Mary − ·John, heads of Tiny")
    assert figure.data[0].zmin == -figure.data[0].zmax
    scores = heads.behaviour()
    shown = draw(scores, Style(quantity="induction"), Selection(prompt=3)).data[0]
    np.testing.assert_array_equal(shown.z, scores.induction)
    assert shown.hovertext[1, 2].startswith("<b>L1H2</b><br>induction score 0.")


def test_behaviour_scores_tell_the_attention_to_the_first_token_beside_them():
    result = heads.behaviour()
    text = draw(result, Style(quantity="induction")).data[0].hovertext[0, 1]
    assert text.startswith("<b>L0H1</b><br>induction score ")
    assert text.endswith(f"<br>attention to the first token {head_quantity(result, 'attention_to_first')[0, 0, 1]!s}")
