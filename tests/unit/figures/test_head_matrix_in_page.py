"""The page draws the head matrix from numbers as the server's figure does (assets/44-head-figure.js)."""

import itertools
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.domain.head_choices import CHOICES, SOURCES, described
from app.domain.head_quantities import head_quantity
from app.domain.views import Selection, Show, Style
from app.figures.head_maps import head_maps
from app.figures.head_matrix import head_matrix_heatmap
from app.figures.scales import colour_range
from callbacks.heads import shown_of
from tests.node import in_node
from tests.unit.figures import heads, results, sweeps

RESULTS: dict[str, Any] = {
    "direct": results.attribution(2, 3),
    "zero": results.ablation(2, 3),
    "denoising": sweeps.sweep("denoising"),
    "noising": sweeps.sweep("noising"),
    "estimate": sweeps.estimate(),
    "entropy": heads.statistics(),
    "attention_to_first": heads.statistics(),
    "induction": heads.behaviour(),
    "copying": heads.copying(),
}
SHOWS: tuple[Show, ...] = ("baseline", "difference")


@pytest.mark.parametrize("show", SHOWS)
@pytest.mark.parametrize("name", RESULTS)
def test_cells_colours_and_first_line_of_the_hover_agree(name: str, show: Show):
    result, choice = RESULTS[name], CHOICES[name]
    values = head_quantity(result, choice.number)[0]
    theirs = head_matrix_heatmap(result, Style(show=show, quantity=choice.number), Selection()).data[0]
    asked = json.dumps([values.ravel().tolist(), list(values.shape), described()[name], {"show": show}])
    ours = in_node(f"figure.cells(...{asked})", figure="44-head-figure")
    np.testing.assert_array_equal(np.float32(ours["z"]), theirs.z)
    assert (ours["zmin"], ours["zmax"]) == pytest.approx((theirs.zmin, theirs.zmax))  # float32 beside double
    assert (ours["unit"], tuple(ours["ticktext"])) == (theirs.colorbar.title.text, theirs.colorbar.ticktext)
    assert ours["text"] == theirs.text.tolist()
    first = [["<br>".join(text.split("<br>")[:2]) for text in row] for row in theirs.hovertext]
    assert ours["hovertext"] == first


def test_heads_that_share_values_are_named_alike_on_the_page_and_in_exports():
    swept = sweeps.sweep("denoising", size=(2, 2), activation="v")
    result = replace(swept, provenance=replace(swept.provenance, heads_per_key_value=3))
    theirs = head_matrix_heatmap(result, Style(), Selection()).data[0].hovertext
    shared = described()["value_patching"]["shared"]
    ours = in_node(f"figure.sharedBy({json.dumps(shared)}, [2, 6], 2)", figure="44-head-figure")
    assert [text.split("<br>")[-1] for row in theirs for text in row] == ours
    assert ours[4] == "one number for L0H3–H5, which share values"


@pytest.mark.parametrize("show", SHOWS)
def test_one_scale_is_offered_for_two_maps_where_it_is_drawn(show: Show):
    numbers = RESULTS | {"output_norm": heads.statistics(), "projection": heads.projection()}
    pairs = list(itertools.product(numbers, repeat=2))
    rows = json.dumps([[described()[one], described()[other], show] for one, other in pairs])
    offered = in_node(f"{rows}.map((pair) => shown.sharesScale(...pair))", shown="10-shown-heads")
    assert offered == [_one_bar(numbers, one, other, show) for one, other in pairs]


def _one_bar(numbers: dict[str, Any], one: str, other: str, show: Show) -> bool:
    """Whether the server draws one colour bar for both."""
    left, right = (shown_of(SOURCES[CHOICES[name].source], show) for name in (one, other))
    quantities = {"quantity": CHOICES[one].number, "quantity_across": CHOICES[other].number}
    style = Style(show=left, show_across=right, **quantities)
    return not head_maps(numbers[other], numbers[one], style, Selection()).data[4].showscale


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("limit", [2.0, 0.031, 1.0, 347.3, 1171.3, 2e-5])
def test_the_bar_of_weighted_attention_is_written_as_the_servers(limit: float, signed: bool):
    theirs = colour_range(np.array([limit]), Style(), signed=signed, unit="u")
    ours = in_node(f"scale.scaleOf({limit}, {json.dumps(signed)}, 'u')", scale="59-attention-scale")
    assert ours["coloraxis.colorbar.tickvals"] == pytest.approx(theirs["colorbar"]["tickvals"])
    assert ours["coloraxis.colorbar.ticktext"] == theirs["colorbar"]["ticktext"]
    assert (ours["coloraxis.cmin"], ours["coloraxis.cmax"]) == (theirs["zmin"], theirs["zmax"])
