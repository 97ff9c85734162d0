"""The logit lens heatmap."""

import base64
from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import BadInput
from app.domain.views import Selection, Style
from app.figures.logit_lens import logit_lens_heatmap
from tests.unit.figures import results


def test_colour_is_the_probability_of_the_top_token_from_0_to_1():
    result = results.lens()
    cells = logit_lens_heatmap(result, Style(), Selection()).data[0]
    np.testing.assert_array_equal(cells.z, result.top_probabilities[:, :, 0])
    assert (cells.zmin, cells.zmax) == (0, 1)
    assert cells.colorbar.title.text == "probability of top token"


def test_difference_mode_colours_the_change_of_the_logit_difference():
    result = results.lens()
    cells = logit_lens_heatmap(result, Style(show="difference"), Selection()).data[0]
    np.testing.assert_array_equal(cells.z, result.logit_diff)
    assert cells.zmin == -cells.zmax == -np.abs(result.logit_diff).max()
    assert cells.colorbar.title.text == "Δ logit diff"
    assert cells.text is not None


def test_any_number_of_the_cell_can_colour_it():
    result = results.lens()
    rank = logit_lens_heatmap(result, Style(coloured_by="rank"), Selection()).data[0]
    np.testing.assert_allclose(10 ** -np.asarray(rank.z) - 1, result.answer_rank, atol=1e-3)
    assert (rank.zmax, rank.colorbar.ticktext[0]) == (0, "0")  # the strongest colour is the top token's
    for name in ("entropy", "kl_divergence"):
        cells = logit_lens_heatmap(result, Style(coloured_by=name), Selection()).data[0]
        np.testing.assert_array_equal(cells.z, getattr(result, name))
        assert cells.zmin == 0
    signed = logit_lens_heatmap(result, Style(coloured_by="logit_diff"), Selection()).data[0]
    assert signed.zmin == -signed.zmax


def test_in_a_difference_every_colour_is_signed_and_ranks_keep_their_sign():
    result = results.lens()
    for name in ("rank", "entropy", "kl_divergence"):
        figure = logit_lens_heatmap(result, Style(show="difference", coloured_by=name), Selection())
        assert figure.data[0].zmin == -figure.data[0].zmax
        assert figure.data[0].colorbar.title.text.startswith("Δ ")


def test_the_page_has_every_choice_of_colour_at_once_and_exports_have_none():
    result = results.lens()
    choices = logit_lens_heatmap(result, Style(coloured_by="entropy"), Selection()).layout.meta
    assert choices["coloured"] == "entropy"
    assert list(choices["colours"]) == ["probability", "rank", "entropy", "kl_divergence", "logit_diff"]
    sent = choices["colours"]["kl_divergence"]
    packed = np.frombuffer(base64.b64decode(sent["z"]), np.float32).reshape(sent["shape"])
    np.testing.assert_array_equal(packed, result.kl_divergence)
    difference = logit_lens_heatmap(result, Style(show="difference"), Selection()).layout.meta
    assert "probability" not in difference["colours"]
    unanswered = logit_lens_heatmap(results.lens(answers=False), Style(), Selection()).layout.meta
    assert list(unanswered["colours"]) == ["probability", "entropy", "kl_divergence"]
    assert "colours" not in logit_lens_heatmap(result, Style(width=300, height=300), Selection()).layout.meta


def test_a_colour_that_needs_answers_is_refused_without_them():
    with pytest.raises(BadInput, match="rank of the answer needs an answer"):
        logit_lens_heatmap(results.lens(answers=False), Style(coloured_by="rank"), Selection())


def test_points_between_sublayers_and_some_positions_keep_their_names():
    result = replace(results.lens(2), points=("0_mid", "0_post"), positions=(5, 4, 3, 2, 1, 0))
    figure = logit_lens_heatmap(result, Style(), Selection())
    assert (figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext) == ((1,), ("0",))
    assert figure.data[0].hovertext[0][0].startswith("layer 0 resid_mid, position 5")


def test_cells_print_the_top_token_visibly_and_safely():
    result = results.lens(1, ("a", "b"))
    tokens = np.array([[[" the", "x"], ["<b>", "y"]]])
    cells = logit_lens_heatmap(replace(result, top_tokens=tokens), Style(), Selection()).data[0]
    assert list(map(list, cells.text)) == [["·the", "&lt;b>"]]


def test_large_maps_leave_the_text_to_the_hover():
    assert logit_lens_heatmap(results.lens(2, ("a",) * 25), Style(), Selection()).data[0].texttemplate is None
    assert logit_lens_heatmap(results.lens(41, ("a",)), Style(), Selection()).data[0].texttemplate is None
    assert logit_lens_heatmap(results.lens(40, ("a",) * 24), Style(), Selection()).data[0].texttemplate


def test_the_cells_of_long_prompts_have_no_gaps_that_would_swallow_them():
    assert logit_lens_heatmap(results.lens(2, ("a",) * 15), Style(), Selection()).data[0].xgap == 1
    assert logit_lens_heatmap(results.lens(2, ("a",) * 300), Style(), Selection()).data[0].xgap == 0


def test_hover_lists_tokens_with_probabilities_rank_and_entropy():
    result = results.lens()
    text = logit_lens_heatmap(result, Style(), Selection()).data[0].hovertext[1][2]
    assert text.startswith("layer 1, position 2 <b>·Mary</b><br>1 <b>")
    assert f"</b> {result.top_probabilities[1, 2, 1]!s}<br>" in text
    assert f"entropy {result.entropy[1, 2]!s} nats" in text
    assert f"answer rank {int(result.answer_rank[1, 2])}, " in text


def test_the_largest_prompts_list_one_token_per_cell_on_hover():
    text = logit_lens_heatmap(results.lens(30, ("a",) * 512), Style(), Selection()).data[0].hovertext[0][0]
    assert "<br>1 <b>" in text
    assert "<br>2 <b>" not in text


def test_without_answers_hover_is_silent_about_them():
    text = logit_lens_heatmap(results.lens(answers=False), Style(), Selection()).data[0].hovertext[0][0]
    assert "answer" not in text
    assert text.endswith("nats")


def test_layers_run_downwards_and_repeated_tokens_stay_apart():
    layout = logit_lens_heatmap(results.lens(3), Style(), Selection()).layout
    assert layout.yaxis.range == (2.5, -0.5)
    assert layout.xaxis.tickvals == (0, 1, 2, 3, 4, 5)
    assert layout.xaxis.ticktext[2] == layout.xaxis.ticktext[4] == "·Mary"


def test_selected_positions_are_framed_as_columns():
    (shape,) = logit_lens_heatmap(results.lens(), Style(), Selection(positions=(1,))).layout.shapes
    assert (shape.name, shape.x0, shape.x1, shape.yref) == ("position", 0.5, 1.5, "paper")


def test_one_token_and_one_layer_are_drawn_and_unknown_cells_are_hatched():
    result = results.lens(1, ("a",))
    unknown = replace(result, top_probabilities=np.full_like(result.top_probabilities, np.nan))
    figure = logit_lens_heatmap(unknown, Style(), Selection())
    assert figure.data[1].x[:2].mean() == 0
    assert figure.layout.annotations[0].text == "╱ not computed"


def test_in_a_difference_the_numbers_on_hover_say_delta_and_the_top_tokens_do_not():
    cell = logit_lens_heatmap(results.lens(), Style(show="difference"), Selection()).data[0].hovertext[0][0]
    top, numbers = cell.split("Δ entropy")
    assert "Δ" not in top
    assert [numbers.count(name) for name in ("Δ answer rank", "Δ probability", "Δ logit diff")] == [1, 1, 1]


def test_a_difference_without_answers_is_refused_not_hatched():
    with pytest.raises(BadInput, match="name both answers"):
        logit_lens_heatmap(results.lens(answers=False), Style(show="difference"), Selection())
