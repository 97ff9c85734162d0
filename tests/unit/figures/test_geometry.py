"""Figures, tables and projector files of the geometry of activations: meaning, not pixels."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from app.domain.errors import BadInput
from app.domain.geometry_results import ActivationMapResult, ResidualGeometryResult
from app.domain.results import difference
from app.domain.views import Selection, Style
from app.export.projector import to_projector
from app.figures.activation_map import activation_map_scatter, on_page
from app.figures.residual_geometry import residual_geometry_lines
from app.figures.tables import long_table
from tests.unit.figures.results import TOKENS, _common, floats

NOTHING = Selection()


def geometry() -> ResidualGeometryResult:
    scales = np.abs(floats(2, 3, 6, seed=2)) + 1
    scales[1] = np.nan  # parallel blocks have no ln2
    return ResidualGeometryResult(
        **_common("residual_geometry"), str_tokens=TOKENS, norms=np.abs(floats(4, 3, 6)) + 1,
        cosines=np.tanh(floats(4, 3, 6, seed=1)), scales=scales, final_scale=np.ones(6, np.float32),
    )  # fmt: skip


def points(**changes: object) -> ActivationMapResult:
    side = np.array(["clean", "clean", "corrupted", "corrupted"])
    values = {
        "method": "pca", "prompt": np.array([0, 1, 0, 1], np.int32), "position": np.full(4, 2, np.int32), "side": side,
        "token": np.array([" Mary", "\n", " Mary", "\t<b>"]), "answer": np.array([" a", "", " a", ""]),
        "coordinates": floats(4, 2), "variance_explained": np.array([0.5, 0.25], np.float32),
        "norm": np.arange(1, 5, dtype=np.float32), "projection": np.full(4, np.nan, np.float32),
        "logit_diff": np.array([1, np.nan, -2, 0.5], np.float32), "activations": floats(4, 3),
    }  # fmt: skip
    return ActivationMapResult(**_common("activation_map", layer=1), **{**values, **changes})


def test_lines_are_of_the_last_selected_position_else_the_last():
    result = geometry()
    figure = residual_geometry_lines(result, Style(), Selection(positions=(4, 2)))
    assert [trace.name for trace in figure.data] == ["resid_pre", "attn_out", "mlp_out", "resid_post"]
    np.testing.assert_array_equal(figure.data[1].y, result.norms[1, :, 2])
    assert figure.layout.yaxis.type == "log"
    assert "at 2 ·Mary" in figure.layout.meta["title"]
    at_end = residual_geometry_lines(result, Style(quantity="cosines"), NOTHING)
    np.testing.assert_array_equal(at_end.data[3].y, result.cosines[3, :, 5])
    assert list(at_end.layout.yaxis.range) == [-1.04, 1.04]


def test_a_norm_that_the_architecture_lacks_has_no_line():
    assert [trace.name for trace in residual_geometry_lines(geometry(), Style(quantity="scales"), NOTHING).data] == [
        "ln1"
    ]


def test_a_difference_of_norms_is_linear_and_says_so():
    changed = difference(geometry(), replace(geometry(), norms=geometry().norms + 1))
    figure = residual_geometry_lines(changed, Style(show="difference"), NOTHING)
    assert (figure.layout.yaxis.type, figure.layout.yaxis.title.text) == ("linear", "Δ norm")
    np.testing.assert_allclose(figure.data[0].y, -1, atol=1e-6)


def test_labels_are_traces_and_every_point_knows_its_index():
    figure = activation_map_scatter(points(), Style(quantity="token"), NOTHING)
    assert [trace.name for trace in figure.data] == ["·Mary", "⏎", "⇥&lt;b>"]
    assert [list(trace.customdata) for trace in figure.data] == [[0, 2], [1], [3]]
    assert figure.layout.meta["points"][3] == [1, 2, "corrupted"]
    assert figure.layout.xaxis.title.text == "PC0, 50 % of variance"
    assert figure.layout.dragmode == "lasso"


def test_signed_numbers_are_symmetric_about_zero_and_points_without_one_are_hollow():
    figure = activation_map_scatter(points(), Style(quantity="logit_diff"), NOTHING)
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (-2, 2)
    assert list(figure.data[1].customdata) == [1]
    assert figure.data[1].marker.symbol == "circle-open"
    assert "logit diff −2.0" in figure.data[0].hovertext[1]


def test_more_labels_than_colours_share_one_grey_trace():
    many = points(token=np.array(list("abcdefghij")), **{name: np.resize(getattr(points(), name), 10) for name in (
        "prompt", "position", "side", "answer", "norm", "projection", "logit_diff")}, coordinates=floats(10, 2),
        activations=floats(10, 3))  # fmt: skip
    figure = activation_map_scatter(many, Style(quantity="token"), NOTHING)
    assert len(figure.data) == 8
    assert figure.data[-1].name == "other"
    assert sorted(i for trace in figure.data for i in trace.customdata) == list(range(10))


ASKED = [{"clean": "a", "labels": {"topic": "<b>sport", "level": "-1"}}, {"clean": "b", "labels": {"level": "3"}}]


def test_a_label_colours_by_name_and_one_of_numbers_by_size():
    result = replace(points(), recipe=_common("activation_map", layer=1, prompts=ASKED)["recipe"])
    named = activation_map_scatter(result, Style(quantity="label:topic"), NOTHING)
    assert [(trace.name, list(trace.customdata)) for trace in named.data] == [("&lt;b>sport", [0, 2]), ("none", [1, 3])]
    assert " by topic, " in named.layout.meta["title"]
    assert "<br>topic &lt;b>sport<br>level -1" in named.data[0].hovertext[0]
    sized = activation_map_scatter(result, Style(quantity="label:level"), NOTHING)
    assert sized.data[0].marker.color.tolist() == [-1, 3, -1, 3]
    assert (sized.layout.coloraxis.cmin, sized.layout.coloraxis.cmax) == (-3, 3)
    assert list(sized.layout.coloraxis.colorbar.tickvals) == [-1, 3]
    assert named.data[1].marker.symbol == "circle-open"
    rows = long_table(result).query("metric == 'norm'")
    assert rows["label:topic"].tolist() == ["<b>sport", "", "<b>sport", ""]
    with zipfile.ZipFile(io.BytesIO(to_projector(result))) as archive:
        metadata = archive.read("metadata.tsv").decode().splitlines()
    assert [line.split("\t")[5:7] for line in metadata[:2]] == [["label:topic", "label:level"], ["<b>sport", "-1"]]


def test_a_map_of_a_difference_and_an_unknown_colour_are_refused():
    with pytest.raises(BadInput, match="one run"):
        activation_map_scatter(difference(points(), points()), Style(show="difference"), NOTHING)
    with pytest.raises(BadInput, match="colour them by one of"):
        activation_map_scatter(points(), Style(quantity="weather"), NOTHING)


def test_tables_name_every_number_once():
    rows = long_table(geometry())
    assert len(rows) == (4 + 4 + 2) * 3 * 6 + 6
    picked = rows[(rows.component == "mlp_out") & (rows.layer == 1) & (rows.position == 2)]
    assert float(picked.value.iloc[0]) == pytest.approx(float(geometry().norms[2, 1, 2]))
    assert set(long_table(points()).metric) == {"coordinate_0", "coordinate_1", "norm", "projection", "logit_diff"}


def test_a_projection_names_its_direction_wherever_it_goes():
    along = points().along(np.array([0, 0, 2], np.float32), "token · Mary")
    np.testing.assert_array_equal(along.projection, along.activations[:, 2])
    figure = activation_map_scatter(along, Style(quantity="projection"), NOTHING)
    assert "by projection on token · Mary" in figure.layout.meta["title"]
    assert list(long_table(along).query("direction == 'token · Mary'").metric.unique()) == ["projection"]
    with zipfile.ZipFile(io.BytesIO(to_projector(along))) as archive:
        assert archive.read("metadata.tsv").decode().splitlines()[0].endswith("\tprojection")
        assert "token · Mary" in archive.read("provenance.json").decode()


def test_the_page_has_one_element_per_trace_and_an_export_every_point():
    figure = activation_map_scatter(points(), Style(), NOTHING)
    assert {trace.marker.maxdisplayed for trace in figure.data} == {None}
    assert {trace.marker.maxdisplayed for trace in on_page(figure).data} == {1}


def test_projector_files_hold_the_activations_and_one_line_of_labels_each():
    with zipfile.ZipFile(io.BytesIO(to_projector(points()))) as archive:
        vectors = np.loadtxt(io.StringIO(archive.read("vectors.tsv").decode()), delimiter="\t")
        labels = archive.read("metadata.tsv").decode().splitlines()
        assert "vectors.tsv" in archive.read("projector_config.pbtxt").decode()
        assert b'"digest"' in archive.read("provenance.json")
    np.testing.assert_array_equal(vectors.astype(np.float32), points().activations)
    assert labels[0].split("\t") == ["prompt", "side", "position", "token", "answer", "norm", "logit_diff"]
    assert [line.split("\t")[3] for line in labels[1:]] == ["·Mary", "⏎", "·Mary", "⇥<b>"]
