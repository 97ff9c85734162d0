"""Which controls of a sweep are shown: only those that change the chosen sweep."""

from typing import Any

import pytest

from app.domain.cells import Cells
from app.domain.sites import Head
from app.domain.sweep_asked import PathsAsked
from callbacks.sweep_controls import APPLIES
from layouts import ids
from tests.wire.page import Page, sweep


def shown(served: Page, store: Any) -> set[str]:
    """The controls of the table that are not hidden."""
    first = ids.FIELD.format(next(iter(APPLIES)))
    answer = served.ask(f"{first}.hidden", {"sweep.data": store})
    assert answer is not None
    return {control for control in APPLIES if not answer[ids.FIELD.format(control)]["hidden"]}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"method": "zero"}, set()),
        ({"method": "mean"}, {"sweep-reference", "sweep-pooled"}),
        ({"method": "resample"}, {"sweep-reference", "sweep-draws", "sweep-seed"}),
        (
            {"method": "tracing"},
            {"sweep-noise", "sweep-noise-scale", "sweep-noise-seed", "sweep-draws"},
        ),
        ({"method": "zero", "cells": Cells("mlp_post", layers=(0,))}, {"sweep-layer"}),
        ({"method": "estimate"}, {"sweep-direction", "sweep-grad-drop", "sweep-steps", "sweep-seed"}),
        (
            {"method": "estimate", "cells": Cells("q")},
            {"sweep-direction", "sweep-grad-drop", "sweep-steps", "sweep-seed", "sweep-softmax"},
        ),
        ({"method": "zero", "against": ("mean",)}, {"sweep-reference", "sweep-pooled"}),
        ({"method": "zero", "against": ("noising",), "against_as": "map"}, {"sweep-one-scale"}),
        (
            {"method": "zero", "against": ("mean", "resample")},
            {"sweep-reference", "sweep-pooled", "sweep-draws", "sweep-seed"},
        ),
    ],
)  # fmt: skip
def test_a_method_shows_its_own_controls(served: Page, fields: dict[str, Any], said: set[str]) -> None:
    assert shown(served, sweep(**fields)) - {ids.SWEEP_WINDOW} == said


def test_neurons_have_no_window_because_the_next_layers_neuron_of_that_number_is_another(served: Page) -> None:
    neurons, heads = sweep(cells=Cells("mlp_post", layers=(0,))), sweep(cells=Cells("z"))
    assert [ids.SWEEP_WINDOW in shown(served, asked) for asked in (neurons, heads)] == [False, True]


@pytest.mark.parametrize(
    ("fields", "marked"),
    [
        ({"method": "resample", "against": ("zero",)}, set()),
        ({"method": "resample", "against": ("mean",)}, {"sweep-pooled"}),
        ({"method": "tracing", "against": ("resample",)}, {"sweep-reference", "sweep-seed"}),
        (
            {"method": "zero", "against": ("mean", "resample")},
            {"sweep-reference", "sweep-pooled", "sweep-draws", "sweep-seed"},
        ),
    ],
)  # fmt: skip
def test_what_only_a_sweep_beside_has_is_marked(served: Page, fields: dict[str, Any], marked: set[str]) -> None:
    first = ids.FIELD.format(next(iter(APPLIES)))
    answer = served.ask(f"{first}.hidden", {"sweep.data": sweep(against_as="scatter", **fields)})
    assert answer is not None
    assert {each for each in APPLIES if "is-beside" in answer[ids.FIELD.format(each)]["className"]} == marked


def test_before_the_state_has_been_read_the_first_sweep_decides(served: Page) -> None:
    assert shown(served, None) == shown(served, sweep())


@pytest.mark.parametrize("junk", [7, {"method": "sideways"}])
def test_a_sweep_that_is_none_leaves_the_controls_alone(served: Page, junk: Any) -> None:
    first = ids.FIELD.format(next(iter(APPLIES)))
    assert served.ask(f"{first}.hidden", {"sweep.data": junk}) is None


def test_without_a_second_sweep_there_is_nothing_to_start(served: Page) -> None:
    for against, hidden in (((), True), (("zero",), False)):
        answer = served.ask("against-foot.hidden", {"sweep.data": sweep(against=against)})
        assert answer is not None
        assert answer["against-foot"] == {"hidden": hidden}


def test_sweeps_side_by_side_carry_the_names_of_their_methods(served: Page) -> None:
    answer = served.ask("against-foot.hidden", {"sweep.data": sweep(method="zero", against=("mean", "estimate"))})
    assert answer is not None
    named = [answer[part]["children"] for part in ("sweep-name", "against-title", "against-2-title", "against-3-title")]
    assert named == ["Zero", "Mean", "Attribution patching", "Beside it"]


def metric_hidden(served: Page, asked: Any, selection: Any = None) -> Any:
    field = ids.FIELD.format(ids.SWEEP_METRIC)
    answer = served.ask(f"{field}.hidden", {"sweep.data": asked, "selected-patch.data": selection})
    return answer and answer[field]["hidden"]


@pytest.mark.parametrize(
    ("fields", "hidden"),
    [
        ({"method": "zero"}, False),
        ({"method": "estimate"}, True),
        ({"method": "estimate", "against": ("noising",)}, False),
        ({"method": "estimate", "paths": PathsAsked(receiver=Head(1, 0))}, False),
    ],
)
def test_the_metric_is_chosen_where_anything_exact_is_read_by_it(served: Page, fields: Any, hidden: bool) -> None:
    assert metric_hidden(served, sweep(**fields)) is hidden


def test_the_paths_into_the_selected_head_are_read_by_the_metric_too(served: Page) -> None:
    assert metric_hidden(served, sweep(method="estimate"), {"primary": {"layer": 1, "head": 0}}) is False


def test_a_selection_that_is_none_leaves_the_metric_alone(served: Page) -> None:
    assert metric_hidden(served, sweep(), 7) is None
