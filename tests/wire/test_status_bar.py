"""Provenance, facts and meters say where numbers come from and whether they hold."""

from typing import Any

from tests.wire.page import READY, Page, experiment


def spans(children: Any) -> list[str]:
    """The words of a list of spans."""
    return [child["props"]["children"] for child in children]


def test_provenance_names_precision_weights_and_versions(served: Page) -> None:
    answer = served.ask("provenance.children", {"experiment.data": experiment(), "status.data": READY})
    assert answer is not None
    said = " · ".join(spans(answer["provenance"]["children"]))
    assert "fp32" in said
    assert "compat weights" in said
    assert "torch 2" in said


def test_provenance_of_what_is_no_experiment_is_empty(served: Page) -> None:
    answer = served.ask("provenance.children", {"experiment.data": {"model": 3}, "status.data": READY})
    assert answer["provenance"]["children"] == []


def test_facts_are_layers_heads_and_device(served: Page) -> None:
    answer = served.ask("model-facts.children", {"experiment.data": experiment(), "status.data": READY})
    assert answer is not None
    assert answer["model-facts"]["children"].startswith("2 × ")


def test_facts_of_what_is_no_experiment_are_empty(served: Page) -> None:
    answer = served.ask("model-facts.children", {"experiment.data": 7, "status.data": READY})
    assert answer["model-facts"]["children"] == ""


def test_every_meter_is_green_on_the_ground_truth_model(served: Page) -> None:
    digests = served.digests("correctness_meters", experiment())
    given = {"digests-correctness_meters.data": digests, "experiment.data": experiment()}
    answer = served.ask("meters.children", given)
    assert answer is not None
    classes = [meter["props"]["className"] for meter in answer["meters"]["children"]]
    assert classes
    assert not any("is-bad" in name for name in classes)


def test_meters_of_what_is_refused_say_why(served: Page) -> None:
    given = {"digests-correctness_meters.data": {"error": "No such model."}, "experiment.data": experiment()}
    answer = served.ask("meters.children", given)
    assert answer is not None
    assert answer["meters"]["children"]["props"]["children"] == "No such model."
