"""Two numbers of every head: as maps side by side, and one against the other."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from app.analyses import drawn
from app.domain.errors import BadInput
from app.domain.head_quantities import head_quantity
from app.domain.recipes import parse_recipe
from app.domain.results import SweepResult
from app.domain.sites import Head
from app.domain.views import Selection, Style, View, parse_view, view_dict
from app.figures.head_maps import head_maps
from app.figures.head_scatter import head_scatter
from app.figures.marks import head_shapes
from tests.unit.figures import heads, results, sweeps
from tests.unit.figures.results import floats

DIRECT, ZERO = results.attribution(4, 3), results.ablation(4, 3)
SELECTED = Selection(heads=(Head(1, 1), Head(2, 0)), primary=Head(2, 0), pinned=Head(3, 2))


def scatter(
    across: Any = DIRECT, result: Any = ZERO, style: Style | None = None, selection: Selection | None = None
) -> Any:  # fmt: skip
    return head_scatter(across, result, style or Style(), selection or Selection())


def maps(
    beside: Any = ZERO, result: Any = DIRECT, style: Style | None = None, selection: Selection | None = None
) -> Any:  # fmt: skip
    return head_maps(beside, result, style or Style(), selection or Selection())


def without(*cells: int) -> SweepResult:
    """ZERO with these cells not computed."""
    values = ZERO.values.copy()
    values[..., list(cells)] = np.nan
    return replace(ZERO, values=values)


def line(figure: Any) -> Any:
    """The dotted line, None where there is none."""
    return next((trace for trace in figure.data if trace.name in ("y = x", "y = −x")), None)


# the scatter


def test_one_point_per_head_stands_at_both_numbers_and_is_named_by_a_plain_string():
    points = scatter().data[0]
    np.testing.assert_array_equal(points.x, DIRECT.heads[0].ravel())
    np.testing.assert_array_equal(points.y, head_quantity(ZERO)[0].ravel())
    assert points.customdata[:4].tolist() == ["L0H0", "L0H1", "L0H2", "L1H0"]


def test_points_are_coloured_by_layer_with_the_templates_colours():
    figure = scatter()
    assert figure.data[0].marker.color.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0, 3)
    assert figure.layout.coloraxis.autocolorscale


def test_correlations_are_those_of_pandas_over_the_heads_that_have_both():
    figure = scatter(result=without(2, 7))
    both = pd.DataFrame({"x": DIRECT.heads[0].ravel(), "y": head_quantity(ZERO)[0].ravel()}).drop([2, 7])
    pearson, spearman = (both.corr(method).loc["x", "y"] for method in ("pearson", "spearman"))
    assert len(figure.data[0].x) == len(both)
    said = figure.layout.annotations[0].text.replace("−", "-").split(" · ")
    assert said[:3] == [f"r {pearson:+#.3g}", f"ρ {spearman:+#.3g}", "10 of 12 heads"]


def test_hover_names_the_head_and_both_numbers_in_full_precision():
    one = replace(results.attribution(1, 1), heads=np.array([[[-1.2345678]]], np.float32))
    other = replace(heads.statistics(1, 1), entropy=np.array([[[0.5]]], np.float32))
    points = scatter(one, other, Style(quantity="entropy")).data[0]
    assert points.hovertext == ("<b>L0H0</b><br>entropy of attention 0.5<br>direct logit attribution −1.2345678",)


def test_axes_say_what_unit_and_where_runs_differ_of_which():
    style = Style(quantity="direct", quantity_across="direct", show="intervened", show_across="baseline", width=500)
    figure = scatter(DIRECT, DIRECT, style)
    assert figure.layout.xaxis.title.text == "direct logit attribution, baseline<br>logit diff"
    assert figure.layout.yaxis.title.text == "direct logit attribution, intervened<br>logit diff"
    assert "run" not in figure.layout.title.text, "both runs are named already"


@pytest.mark.parametrize(
    ("across", "result", "quantity", "name"),
    [
        (DIRECT, ZERO, "effect", "y = −x"),
        (sweeps.sweep("zero", size=(4, 3), seed=1), ZERO, "effect", "y = x"),
        (sweeps.sweep("denoising"), sweeps.sweep("noising"), "effect", "y = −x"),
        (sweeps.estimate(), sweeps.sweep("denoising"), "effect", "y = x"),
        (heads.behaviour(2, 3), heads.behaviour(2, 3), "induction", "y = x"),
        (heads.behaviour(4, 3), DIRECT, "direct", None),
        (heads.statistics(4, 3), heads.behaviour(4, 3), "attention_to_first", None),
    ],
)
def test_the_dotted_line_is_where_numbers_of_one_unit_would_agree(across, result, quantity, name):
    found = line(scatter(across, result, Style(quantity=quantity)))
    assert (found and found.name) == name
    if found:
        slope = (found.y[1] - found.y[0]) / (found.x[1] - found.x[0])
        assert slope == pytest.approx(1 if name == "y = x" else -1)


@pytest.mark.parametrize(
    ("across", "result", "across_run", "run", "drawn"),
    [
        (ZERO, DIRECT, "baseline", "difference", None),
        (DIRECT, ZERO, "intervened", "baseline", None),
        (DIRECT, ZERO, "difference", "difference", "y = −x"),
        (sweeps.sweep("denoising", size=(4, 3)), DIRECT, "baseline", "difference", None),
        (sweeps.sweep("denoising"), sweeps.sweep("noising"), "baseline", "intervened", None),
        (DIRECT, DIRECT, "baseline", "intervened", "y = x"),
        (DIRECT, DIRECT, "baseline", "difference", None),
        (ZERO, ZERO, "baseline", "intervened", "y = x"),
    ],
)
def test_of_two_runs_only_one_number_before_and_after_has_a_dotted_line(across, result, across_run, run, drawn):
    found = line(scatter(across, result, Style(show=run, show_across=across_run)))
    assert (found and found.name) == drawn


def test_the_heads_furthest_out_are_named_and_few():
    values = np.zeros((1, 6, 6), np.float32)
    values[0, 4, 2], values[0, 1, 5] = 9.0, -7.0
    values += floats(1, 6, 6, scale=0.01)
    names = scatter(replace(results.attribution(6, 6), heads=values), results.ablation(6, 6)).data[-1].text
    shown = [name.strip() for name in names]
    assert {"L4H2", "L1H5"} <= set(shown)
    assert len(shown) == len(set(shown)) <= 8


def test_selected_heads_are_ringed_at_their_points_the_primary_on_top():
    figure = scatter(selection=SELECTED)
    points = dict(zip(figure.data[0].customdata, zip(figure.data[0].x, figure.data[0].y, strict=True), strict=True))
    rings = [(ring.name, ring.xanchor, ring.yanchor) for ring in figure.layout.shapes]
    wanted = (("selected", "L1H1"), ("pinned", "L3H2"), ("primary", "L2H0"))
    assert rings == [(name, *map(float, points[head])) for name, head in wanted]


def test_a_selected_head_without_a_point_has_no_ring():
    assert not scatter(result=without(0), selection=Selection(primary=Head(0, 0))).layout.shapes


def test_nothing_computed_yet_is_an_empty_scatter_that_counts():
    figure = scatter(result=without(*range(12)), selection=SELECTED)
    assert (len(figure.data[0].x), figure.layout.annotations[0].text[:22]) == (0, "r — · ρ — · 0 of 12 he")


def test_one_head_has_no_correlation_and_is_drawn():
    figure = scatter(results.attribution(1, 1), results.ablation(1, 1))
    assert figure.layout.annotations[0].text.startswith("r — · ρ — · 1 heads")


# two maps


def test_two_maps_have_their_own_numbers_heads_and_colours():
    figure = maps(style=Style(one_scale=False))
    left, right = figure.data[0], figure.data[4]
    np.testing.assert_array_equal(left.z, DIRECT.heads[0])
    np.testing.assert_array_equal(right.z, head_quantity(ZERO)[0])
    assert (left.xaxis, right.xaxis) == ("x", "x2")
    assert left.zmax == pytest.approx(np.abs(DIRECT.heads).max())
    assert right.zmax == pytest.approx(np.abs(head_quantity(ZERO)).max())
    assert [trace.colorbar.title.text for trace in (left, right)] == ["logit diff", "Δ logit diff"]
    assert left.colorbar.orientation == "h"


def test_numbers_in_logits_share_one_scale_and_one_bar():
    left, right = maps().data[0], maps().data[4]
    largest = max(np.abs(DIRECT.heads).max(), np.abs(head_quantity(ZERO)).max())
    assert (left.zmin, left.zmax) == (right.zmin, right.zmax) == pytest.approx((-largest, largest))
    assert (left.showscale, right.showscale) == (True, False)
    assert left.colorbar.title.text == "logit diff and Δ logit diff"


def test_other_units_never_share_a_scale():
    left, right = (maps(heads.statistics(4, 3), style=Style(quantity_across="entropy")).data[at] for at in (0, 4))
    assert (left.showscale, right.showscale) == (True, True)
    assert (left.zmin < 0, right.zmin) == (True, 0)


def test_a_locked_colour_limit_holds_for_both_maps_whatever_they_are_of():
    style = Style(color_limit=0.3, quantity_across="induction")
    left, right = (maps(heads.behaviour(4, 3), style=style).data[at] for at in (0, 4))
    assert (left.zmin, left.zmax, right.zmin, right.zmax) == (-0.3, 0.3, 0, 0.3)


def test_marks_of_the_selection_are_on_both_maps():
    shapes = [shape.to_plotly_json() for shape in maps(selection=SELECTED).layout.shapes]
    assert shapes == [*head_shapes(SELECTED), *({**each, "xref": "x2"} for each in head_shapes(SELECTED))]


def test_exports_name_each_map_and_the_hatch_is_explained_once():
    partial = without(5)
    notes = [note.text for note in maps(partial, style=Style(width=760)).layout.annotations]
    assert notes == ["╱ not computed", "direct logit attribution", "zero ablation"]
    assert [note.text for note in maps(partial).layout.annotations] == ["╱ not computed"]


@pytest.mark.parametrize("draw", [maps, scatter])
def test_heads_of_two_models_are_refused_with_both_named(draw):
    with pytest.raises(BadInput, match=r"heads of \w+ \(\d × \d\) and of \w+ .*two recipes of one model"):
        draw(results.attribution(2, 3), ZERO)


@pytest.mark.parametrize("name", ["head_maps", "head_scatter"])
def test_a_view_names_both_numbers_survives_json_and_is_refused_without_the_second(name):
    style = Style(quantity="effect", quantity_across="direct", show_across="baseline")
    view = View(parse_recipe(ZERO.recipe), style, figure=name, against=parse_recipe(DIRECT.recipe))
    assert parse_view(view_dict(view)) == view
    assert drawn(view, ZERO, DIRECT).layout.meta["drawn"] == name.removeprefix("head_")
    other = view.other
    assert other
    assert (other.recipe, other.style.quantity, other.style.show) == (view.against, "direct", "baseline")
    with pytest.raises(BadInput, match="as `against`"):
        drawn(view, ZERO)
