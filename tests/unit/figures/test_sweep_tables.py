"""Tables of sweeps: every number has its labels, baselines and the flag that says whether its ratio means anything."""

import numpy as np
import pytest

from app.domain.results import METRICS
from app.domain.spread import spread
from app.export.tables import to_csv, to_json, to_parquet
from app.figures.sweep_tables import summary_table
from app.figures.tables import long_table
from tests.unit.figures import sweeps
from tests.unit.figures.test_tables import row

PAIR = (sweeps.TOKENS[:4], ("<|endoftext|>", "When", " Anna", " and"))


def test_a_sweep_has_one_row_per_metric_prompt_and_cell():
    result = sweeps.sweep(by="position", size=(2, 3), tokens=PAIR)
    table = long_table(result)
    assert list(table) == [
        "component", "layer", "head", "position", "token", "prompt", "metric", "value", "clean", "corrupted",
        "recovered", "usable",
    ]  # fmt: skip
    assert len(table) == len(METRICS) * 2 * 24
    at = row(table, layer=1, head=2, position=2, prompt=1, metric="rank")
    k, cell = METRICS.index("rank"), (1 * 3 + 2) * 4 + 2
    assert (at["component"], at["token"]) == ("L1H2", " Anna")
    assert at["value"] == result.values[k, 1, cell]
    assert (at["clean"], at["corrupted"]) == (result.clean[k, 1], result.corrupted[k, 1])


def test_recovered_is_empty_and_flagged_where_the_denominator_is_tiny():
    result = sweeps.sweep(tokens=PAIR)
    result.corrupted[0, 0] = result.clean[0, 0] - 0.05
    table = long_table(result)
    assert table["recovered"].isna().equals(~table["usable"])
    flagged = table[(table["metric"] == "logit_diff") & ~table["usable"]]
    assert flagged["prompt"].unique().tolist() == [0]
    fine = table[(table["metric"] == "logit_diff") & table["usable"]]
    np.testing.assert_allclose(fine["recovered"], result.recovered()[1], atol=1e-6)  # float32


@pytest.mark.parametrize(
    ("metric", "tiny", "enough"),
    [
        ("logit_diff", 0.09, 0.11),
        ("probability", 0.009, 0.011),
        ("rank", 0.9, 1.1),
        ("kl_divergence", 0.09, 0.11),
    ],
)
def test_what_is_tiny_is_measured_in_the_metrics_own_unit(metric, tiny, enough):
    result, at = sweeps.sweep(tokens=PAIR), METRICS.index(metric)
    result.corrupted[at] = result.clean[at] - (tiny, enough)
    table = long_table(result)
    usable = table[table["metric"] == metric].groupby("prompt")["usable"].first()
    assert usable.tolist() == result.usable(metric).tolist() == [False, True]


def test_without_a_corrupted_run_there_are_no_columns_about_it():
    assert list(long_table(sweeps.sweep("zero", corrupted=False)))[-2:] == ["value", "clean"]


@pytest.mark.parametrize(
    ("cells", "component", "columns"),
    [
        ({"activation": "k"}, "L1KV2", ["layer", "head"]),
        ({"activation": "mlp_out"}, "L1.mlp_out", ["layer"]),
        ({"activation": "resid_pre", "by": "position"}, "L1.resid_pre", ["layer", "position", "token"]),
        ({"activation": "mlp_post", "layers": (1,)}, "L1N63", ["layer", "neuron"]),
        ({"activation": "pattern", "by": "edge"}, "L1H2",
         ["layer", "head", "position", "source_position", "token", "source_token"]),
    ],
)  # fmt: skip
def test_components_and_axes_are_those_of_the_sweep(cells, component, columns):
    table = long_table(sweeps.sweep("zero", **cells))
    assert table["component"].iloc[-1] == component
    assert list(table)[1 : 1 + len(columns)] == columns


def test_cells_not_computed_stay_empty():
    result = sweeps.sweep("zero")
    result.values[:, :, 2] = np.nan
    assert long_table(result).query("component == 'L0H2'")["value"].isna().all()


def test_estimates_stand_beside_exact_values_and_say_why_they_were_computed():
    result = sweeps.estimate(size=(3, 4))
    table = long_table(result)
    at = table.iloc[int(np.argmax(result.group == 1))]
    assert (at["group"], at["metric"]) == ("top", "logit_diff")
    assert (table["group"] == "").equals(table["exact"].isna())
    np.testing.assert_array_equal(table["estimate"], result.estimate[0])


def test_the_summary_has_the_statistics_of_every_metric_and_cell():
    result = sweeps.sweep("noising", tokens=PAIR)
    table, found = summary_table(result), spread(result.effect("rank"))
    assert len(table) == len(METRICS) * 6
    at = row(table, layer=1, head=0, metric="rank")
    for name in ("mean", "standard_error", "low", "high", "p_value", "q_value", "n"):
        np.testing.assert_equal(at[name], getattr(found, name)[3])
    assert "prompt" not in table


def test_the_parts_of_self_repair_add_up_in_its_table():
    result = sweeps.self_repair(2, 3, prompts=2)
    table = long_table(result)
    first = table[table["prompt"] == 0].set_index("metric")
    repaired = sum(first.loc[name, "value"] for name in result.part_labels)
    whole = first.loc["logit_diff"]
    # float32 sums
    assert whole["before"] + first.loc["removed", "value"] + repaired == pytest.approx(whole["after"], abs=1e-5)
    at = row(table[table["metric"] == "direct_logit_attribution"], component="L1H2", prompt=1)
    assert (at["layer"], at["head"], at["before"]) == (1, 2, result.heads_before[1, 1, 2])


def test_generated_tokens_count_on_from_the_prompt():
    table = long_table(sweeps.generation((" a", "\n")))
    assert table["position"].tolist() == [4, 5]
    assert table["token"].tolist() == [" a", "\n"]
    assert table["probability"].tolist() == pytest.approx([1, np.exp(-0.5)])


@pytest.mark.parametrize(
    "result", [sweeps.sweep(by="position"), sweeps.estimate(), sweeps.self_repair(), sweeps.generation()]
)
def test_they_leave_as_files(result):
    table = long_table(result)
    for write in (to_csv, to_json, to_parquet):
        assert write(table, result)
