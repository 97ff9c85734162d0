"""What the figures and tables of a direction mean."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from app.domain.errors import BadInput, BadSite
from app.domain.results import from_bytes, to_bytes
from app.domain.separation import auc, d_prime
from app.domain.sites import Head
from app.domain.views import Selection, Style
from app.figures.direction_distribution import direction_distribution_strip
from app.figures.direction_projection import direction_projection_heatmap
from app.figures.direction_readers import direction_readers_heatmap
from app.figures.direction_writers import direction_writers_bars
from app.figures.tables import long_table
from tests.unit.figures import directions as made

PLAIN, NOTHING = Style(), Selection()
PICKED = Selection((Head(1, 1), Head(0, 0)), Head(1, 1), positions=(2,), layers=(1,))


def texts(figure):
    return " ".join(str(note.text) for note in figure.layout.annotations)


def test_a_projection_is_coloured_about_zero_up_to_the_largest_after_the_first_token():
    result = made.projection()
    figure = direction_projection_heatmap(result, PLAIN, PICKED)
    cells = figure.data[0]
    assert cells.zmax == -cells.zmin == np.abs(result.projection[0, :, 1:]).max()
    assert "≥" in cells.colorbar.ticktext[-1] or "≤" in cells.colorbar.ticktext[0]
    assert cells.text[2][3] == "position 3 <b>·a</b>"
    assert cells.hovertemplate.startswith("resid_post of layer %{y}, %{text}<br>projection %{z:+")
    assert {(shape.name, shape.x0, shape.y0) for shape in figure.layout.shapes} == {
        ("layer", 0, 0.5), ("position", 1.5, 0)
    }  # fmt: skip


def test_a_shorter_prompt_is_drawn_without_its_padding():
    figure = direction_projection_heatmap(made.projection(), PLAIN, Selection(prompt=1))
    assert figure.data[0].z.shape == (3, 2)
    assert "cosine" in direction_projection_heatmap(made.projection(True), PLAIN, NOTHING).layout.meta["title"].lower()


def test_a_distribution_has_a_row_per_side_and_says_how_far_they_are_apart():
    figure = direction_distribution_strip(made.distribution(), PLAIN, NOTHING)
    assert [name.split("<br>")[0] for name in figure.layout.yaxis.ticktext] == ["clean", "corrupted"]
    assert "AUC 1.000" in texts(figure)
    assert figure.layout.meta["layer"] == 1
    assert "of nothing" in texts(direction_distribution_strip(made.distribution(), PLAIN, Selection(layers=(0,))))
    shorter = replace(made.distribution(), texts=np.array([["a", "b", "c"], ["d", "e", "f"]]), position=7)
    assert "1 prompt has no position 7" in texts(direction_distribution_strip(shorter, PLAIN, NOTHING))
    marked = direction_distribution_strip(made.distribution(), PLAIN, Selection(prompt=1)).layout.shapes
    assert [(shape.name, shape.xanchor) for shape in marked] == [("prompt", 3.0), ("prompt", 0.0)]


@pytest.mark.parametrize("held_at", [0.0, 5.0])
def test_prompts_that_differ_by_rounding_alone_are_drawn_as_one_and_have_no_auc(held_at):
    result = made.distribution()
    noise = np.where(np.isnan(result.projection), np.nan, held_at + 8e-7 * np.sign(result.projection)).astype(
        np.float32
    )
    figure = direction_distribution_strip(replace(result, projection=noise), PLAIN, NOTHING)
    assert "of nothing" in figure.layout.annotations[0].text
    assert list(figure.layout.xaxis.range) == pytest.approx([held_at - 1, held_at + 1])
    assert "e-" not in "".join(figure.layout.yaxis.ticktext)


def test_what_is_nothing_but_rounding_has_no_colour_and_no_sign():
    nothing = {
        name: getattr(made.writers(), name) * 0 + 9e-8 for name in ("heads", "attn_bias", "components", "neurons")
    }
    total = nothing["components"].sum(-1)
    figure = direction_writers_bars(replace(made.writers(), projection=total, **nothing), PLAIN, PICKED)
    assert np.nanmax(np.abs(figure.data[0].z)) == 0 == np.abs(figure.data[1].x).max()
    assert figure.layout.annotations[0].text.startswith("Σ 0 = resid·d̂ 0, ")
    assert "9e−08" in figure.data[0].hovertext[0][0]
    flat = made.projection()
    heat = direction_projection_heatmap(replace(flat, projection=flat.projection * 0 + 9e-8), PLAIN, NOTHING).data[0]
    assert np.abs(heat.z).max() == 0


def test_prompts_grouped_by_answer_are_both_sides_together():
    style = Style(grouped_by="answer")
    figure = direction_distribution_strip(made.distribution(), style, NOTHING)
    assert [name.split("<br>")[0] for name in figure.layout.yaxis.ticktext] == ["·M", "·J"]
    assert figure.data[0].customdata.tolist() == [0, 2, 1]
    without = replace(made.distribution(), answers=np.full((2, 3), ""))
    with pytest.raises(BadInput, match="name no answers"):
        direction_distribution_strip(without, style, NOTHING)
    with pytest.raises(BadSite, match="2 layers"):
        direction_distribution_strip(made.distribution(), PLAIN, Selection(layers=(9,)))


def test_prompts_are_grouped_by_a_label_and_by_one_of_numbers_in_their_order():
    labels = [{"topic": "sport", "level": "10"}, {"topic": "art", "level": "9"}, {"topic": "sport"}]
    asked = made._common("direction_distribution", [{"clean": "a", "labels": each} for each in labels])
    result = from_bytes(type(made.distribution()), to_bytes(replace(made.distribution(), **asked)))
    figure = direction_distribution_strip(result, Style(grouped_by="label:topic"), NOTHING)
    assert [name.split("<br>")[0] for name in figure.layout.yaxis.ticktext] == ["sport", "art"]
    assert [list(trace.customdata) for trace in figure.data[:2]] == [[0, 2, 0], [1, 1]]
    assert [trace.name for trace in figure.data[:2]] == ["sport", "art"]
    ordered = direction_distribution_strip(result, Style(grouped_by="label:level"), NOTHING)
    assert [name.split("<br>")[0] for name in ordered.layout.yaxis.ticktext] == ["9", "10"]
    assert "1 prompt has no level" in texts(ordered)
    assert set(long_table(result)["label:topic"]) == {"sport", "art"}
    with pytest.raises(BadInput, match="group them by one of side, answer, label:topic, label:level"):
        direction_distribution_strip(result, Style(grouped_by="label:weather"), NOTHING)


def test_separation_is_that_of_scipy_and_of_the_formula():
    rng = np.random.default_rng(0)
    more, less = rng.integers(0, 9, 20), rng.integers(0, 7, 15)
    assert auc(more, less) == pytest.approx(mannwhitneyu(more, less).statistic / 300)
    pooled = np.sqrt((np.var(more, ddof=1) + np.var(less, ddof=1)) / 2)
    assert d_prime(more, less) == pytest.approx((more.mean() - less.mean()) / pooled)
    assert np.isnan([auc([], less), d_prime([1], less), d_prime([1, 1], [2, 2])]).all()


def test_writers_are_ranked_and_all_that_is_written_sums_to_the_projection():
    result = made.writers()
    figure = direction_writers_bars(result, PLAIN, PICKED)
    bars = figure.data[1]
    assert list(np.abs(bars.x)) == sorted(np.abs(bars.x), reverse=True)
    assert float(np.sum(bars.x)) == pytest.approx(float(result.projection[0]), abs=1e-5)
    assert "error" in texts(figure)
    assert figure.data[0].z.shape == (2, 2)
    mlp = next(text for text in bars.hovertext if "L1.mlp" in text)
    assert "N7 " in mlp
    assert "the rest" in mlp
    rows = figure.layout.meta["rows"]
    marked = {(shape.name, shape.y0) for shape in figure.layout.shapes if shape.yref == "y2"}
    assert marked == {("primary", rows.index("L1H1") - 0.5), ("selected", rows.index("L0H0") - 0.5)}


def test_writers_of_several_prompts_are_means_with_a_standard_deviation():
    result = made.writers(prompts=4)
    bars = direction_writers_bars(result, PLAIN, NOTHING).data[1]
    at = list(bars.customdata).index("L0H1")
    assert bars.x[at] == pytest.approx(float(result.heads[:, 0, 1].mean()), abs=1e-6)
    assert bars.error_x.array[at] == pytest.approx(float(result.heads[:, 0, 1].std(ddof=1)), abs=1e-6)


@pytest.mark.parametrize(("reads", "signed"), [("z", True), ("norm", False)])
def test_readers_stand_in_groups_and_are_coloured_as_asked(reads, signed):
    result = made.readers()
    figure = direction_readers_heatmap(result, Style(reading_as=reads), PICKED)
    cells = figure.data[0]
    assert figure.layout.meta["columns"] == {"q": [0, 2], "k": [3, 1], "v": [5, 1], "mlp": [7, 1]}
    assert cells.z[1, 7] == pytest.approx(getattr(result, reads)[-1])
    assert np.isnan(cells.z[:, 2]).all()
    assert (cells.zmin < 0) is signed
    assert "95 % of 20 random: norm 0.80–1.20" in texts(figure)


def test_tables_are_long_and_say_what_each_row_is():
    assert len(long_table(made.projection())) == 2 * 3 * 4 - 3 * 2
    shown = long_table(made.distribution())
    assert shown.loc[(shown["side"] == "clean") & (shown["layer"] == 1), "value"].tolist() == [2, 3, 4]
    rows = long_table(made.writers())
    summed = rows.loc[rows["kind"].isin(["head", "attn_bias", "mlp", "embed", "unwritten"]), "value"].sum()
    assert summed == pytest.approx(float(rows.loc[rows["kind"] == "projection", "value"].iloc[0]), abs=1e-5)
    mlps, parts = ("mlp",), ("neuron", "mlp_rest")
    totals = [rows.loc[rows["kind"].isin(kinds), "value"].sum() for kinds in (mlps, parts)]
    assert totals[0] == pytest.approx(totals[1], abs=1e-5)
    assert long_table(made.readers())["component"].tolist()[:5] == ["L0H0.q", "L0H1.q", "L0H0.k", "L0H0.v", "L0.mlp"]


@pytest.mark.parametrize("make", [made.projection, made.distribution, made.writers, made.readers])
def test_a_result_survives_the_cache(make):
    result = make()
    again = from_bytes(type(result), to_bytes(result))
    assert long_table(again).equals(long_table(result))
