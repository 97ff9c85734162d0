"""Paths into one head on a map: which rows are cells, what stands where there are none, and what hover says."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.sites import Head
from app.domain.views import Selection, Style
from app.figures.path_patching import path_heatmap
from tests.unit.figures.sweeps import paths, sweep


def trace(figure, name):
    return next(each for each in figure.data if each.name == name)


def test_only_layers_before_the_receiver_are_cells_and_all_layers_are_rows():
    figure = path_heatmap(paths(), Style(), Selection())
    cells = figure.data[0]
    assert figure.layout.meta["rows"] == [0, 1, 2, 3, 4]
    assert np.isfinite(cells.z).tolist() == [[True] * 3] * 2 + [[False] * 3] * 3
    assert np.asarray(cells.customdata)[2:].tolist() == [[-1] * 3] * 3
    assert figure.layout.meta["receiver"] == "L2H1"


def test_no_path_looks_neither_like_zero_nor_like_not_computed():
    found = paths(n_layers=6)
    found.values[:, :, 0] = found.corrupted[:, :, None][:, :, 0]  # a path of no effect
    found.values[:, :, 1] = np.nan
    figure = path_heatmap(found, Style(), Selection())
    hatched = [y for y in trace(figure, "not computed").y if y == y]
    assert {round(float(y)) for y in hatched} == {0}, "one cell of layer 0 is hatched, no placeholder is"
    assert figure.data[0].z[0, 0] == 0
    (frames,) = [each for each in figure.data if each.name == "cells" and each.type == "scatter"]
    assert np.nanmax(frames.y) == 1.5, "frames end with the last layer that writes"
    assert figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
    (note,) = [each for each in figure.layout.annotations if each.name == "no paths"]
    assert note.text == "L2H1 reads nothing from here on"


@pytest.mark.parametrize(("component", "heads", "into"), [("q", [1], "L2H1.q"), ("k", [0, 1, 2], "L2KV0.k")])
def test_the_receiver_is_marked_with_every_head_that_reads_its_input(component, heads, into):
    figure = path_heatmap(paths(component=component), Style(), Selection())
    marked = trace(figure, "receiver")
    assert (list(marked.x), set(marked.y)) == (heads, {2})
    assert figure.data[0].hovertext[1, 2].startswith(f"<b>L1H2 → {into}</b>")
    assert figure.layout.meta["title"].startswith(
        f"Effect on logit diff, path patching into {into} (denoising) of what"
    )


def test_the_selected_heads_are_framed_where_they_are():
    chosen = Selection(heads=(Head(1, 2), Head(4, 0)), primary=Head(1, 2))
    shapes = path_heatmap(paths(), Style(), chosen).layout.shapes
    assert [(shape.name, shape.x0 + 0.5, shape.y0 + 0.5) for shape in shapes] == [("selected", 0, 4), ("primary", 2, 1)]


def test_recovered_runs_from_corrupted_to_clean_and_a_number_of_layers_that_is_not_known_ends_at_the_receiver():
    figure = path_heatmap(paths(n_layers=None), Style(normalised="recovered"), Selection())
    assert figure.data[0].colorbar.title.text == "recovered logit diff (0 corrupted, 1 clean)"
    assert figure.layout.meta["rows"] == [0, 1, 2]


def test_some_heads_alone_and_other_sweeps_are_the_map_of_their_cells():
    assert path_heatmap(paths(layers=[0, 1]), Style(), Selection()).layout.meta["rows"] == [0, 1]
    assert path_heatmap(replace(sweep()), Style(), Selection()).layout.meta["rows"] == [0, 1]
