"""Long tables: one row per experiment x prompt x metric, nothing dropped, labels right."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.results import Result, difference
from app.domain.steering_results import SteeringCurveResult
from app.figures.tables import component_rows, long_table
from tests.unit.figures import directions, heads, results, sweeps
from tests.unit.figures.test_direction_card import card
from tests.unit.figures.test_geometry import geometry, points


def row(table, **where):
    for name, value in where.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_a_difference_of_predictions_has_no_corrupted_run():
    assert long_table(difference(results.prediction(), results.prediction()))["corrupted"].isna().all()


def test_attribution_rows_other_than_whole_layers_sum_to_the_logit_difference_of_their_prompt():
    result = results.attribution(2, 3, prompts=2)
    table = long_table(result)
    for prompt in (0, 1):
        mine = table[(table["prompt"] == prompt) & (table["metric"] == "direct_logit_attribution")]
        total = mine.loc[mine["kind"] != "attn", "value"].sum()
        assert total == pytest.approx(result.logit_diff[prompt], abs=1e-5)  # float32 sums in another order
        assert row(table, prompt=prompt, metric="logit_diff")["value"] == result.logit_diff[prompt]
    assert row(table, prompt=1, component="L1H2")["value"] == result.heads[1, 1, 2]
    assert row(table, prompt=1, component="L1.mlp")["layer"] == 1


def test_models_without_an_output_bias_have_no_rows_for_it():
    result = results.attribution(2, 3)
    assert "attn_bias" in set(component_rows(result)["kind"])
    bare = component_rows(replace(result, attn_bias=np.zeros((1, 2), np.float32)))
    assert "attn_bias" not in set(bare["kind"])
    assert str(bare["layer"].dtype) == "Int64"


def test_attention_names_query_and_key():
    result = results.pattern()
    table = long_table(result)
    assert len(table) == 2 * 6 * 6
    at = row(table, head=1, position=4, source_position=2)
    assert (at["value"], at["token"], at["source_token"]) == (result.pattern[0, 1, 4, 2], " Mary", " Mary")
    assert (at["component"], at["layer"], at["metric"]) == ("L0H1", 0, "pattern")


def test_attention_weights_name_head_and_source_token():
    result = results.weights()
    table = long_table(result)
    assert len(table) == 3 * 2 * 2 * 6
    at = row(table, component="L3H1", source_position=5, metric="output_norm")
    assert (at["value"], at["source_token"]) == (result.output_norm[1, 1, 5], "\n")
    assert (at["layer"], at["head"], at["prompt"]) == (3, 1, 0)


def test_a_head_reading_has_numbers_by_key_and_tokens_by_rank_with_and_without_attention():
    result = results.reading()
    table = long_table(result)
    assert len(table) == 5 * (4 + 4 * 4)
    at = row(table, source_position=3, metric="content")
    assert (at["value"], at["source_token"], at["component"]) == (result.content[2], " and", "L0H1")
    assert (at["position"], at["token"]) == (5, "\n")
    top = row(table, source_position=5, metric="promoted_logit_times_attention", rank=1)
    assert top["value"] == result.promoted_logits[4, 1] * result.pattern[4]
    assert top["top_token"] == "<b>"
    assert row(table, source_position=5, metric="suppressed_logit", rank=0)["top_token"] == "\n"


def test_trajectory_has_both_readings_by_point_and_layer():
    result = results.trajectory(2)
    table = long_table(result)
    at = row(table, component="1_mid", metric="cumulative_direct_attribution")
    assert (at["value"], at["layer"]) == (result.cumulative[0, 3], 1)
    assert table.loc[table["component"] == "final", "layer"].isna().all()


def test_lens_has_ranked_tokens_and_one_number_per_position_and_metric():
    result = results.lens(2)
    table = long_table(result)
    assert len(table) == 2 * 6 * (2 + 5 + 3 * 2)
    at = row(table, layer=1, position=5, rank=1)
    assert (at["value"], at["top_token"], at["token"]) == (
        result.top_probabilities[1, 5, 1], result.top_tokens[1, 5, 1], "\n",
    )  # fmt: skip
    assert row(table, layer=1, position=5, metric="entropy")["value"] == result.entropy[1, 5]
    followed = row(table, component="0_post", position=2, metric="rank", top_token="<b>")
    assert (followed["value"], followed["lens"]) == (result.token_ranks[0, 2, 1], "logit lens")


def test_the_component_lens_has_tokens_by_rank_and_contributions_that_sum_to_the_total():
    result = results.component_lens()
    table = long_table(result)
    assert row(table, component="L1H0", metric="promoted_logit", rank=1)["top_token"] == "<b>"
    mary = table[(table["metric"] == "logit") & (table["top_token"] == " Mary")].set_index("component")["value"]
    assert mary.drop("total").sum() == pytest.approx(mary["total"], abs=1e-5)
    assert row(table, component="L0H1", metric="norm")["head"] == 1


def test_prediction_has_metrics_and_ranked_tokens():
    table = long_table(results.prediction())
    assert row(table, metric="logit_diff")["value"] == 2.5
    assert row(table, metric="top_logit", rank=2)["top_token"] == "<s>"


def test_meters_are_rows():
    assert long_table(results.meters())["metric"].tolist() == ["components sum", "heads sum", "restore"]


def test_component_rows_rank_by_attribution_and_leave_effects_empty_until_they_are_computed():
    dla, zero = results.attribution(2, 3), results.ablation(2, 3)
    rows = component_rows(dla, zero, None)
    assert list(rows) == ["component", "layer", "head", "kind", "direct", "zero", "mean"]
    assert rows["direct"].abs().is_monotonic_decreasing
    assert row(rows, component="L1H0")["zero"] == zero.effect()[0, 3]
    assert rows.loc[rows["kind"] != "head", "zero"].isna().all()
    assert rows["mean"].isna().all()


def test_every_result_kind_has_a_table():
    known = set(Result.__subclasses__())
    made = [
        results.ablation(), results.attribution(), results.pattern(), results.trajectory(), results.lens(),
        results.prediction(), results.meters(), results.weights(), results.reading(), sweeps.sweep(), sweeps.estimate(),
        sweeps.self_repair(), sweeps.generation(), heads.statistics(), heads.behaviour(), heads.copying(),
        heads.projection(), heads.tokens(), card(), results.component_lens(),
        results.decomposition(), results.neurons(), results.features(), geometry(), points(),
    ]  # fmt: skip
    made += [directions.projection(), directions.distribution(), directions.writers(), directions.readers()]
    assert {type(result) for result in made} | {SteeringCurveResult} == known  # test_steering_curve.py has its table
    assert all(len(long_table(result)) for result in made)


def test_behaviour_scores_say_how_many_random_tokens_they_are_of():
    table = long_table(heads.behaviour())
    assert set(table["length"][table["metric"] == "induction"]) == {50}
    assert set(table["length"][table["metric"] == "prefix_matching"]) == {25}


def test_numbers_per_head_stand_by_prompt_head_and_name():
    result = heads.statistics(prompts=2)
    table = long_table(result)
    assert list(table) == ["prompt", "component", "layer", "head", "metric", "value"]
    assert len(table) == 6 * 2 * 2 * 3
    assert row(table, prompt=1, component="L1H2", metric="mean_distance")["value"] == result.mean_distance[1, 1, 2]
