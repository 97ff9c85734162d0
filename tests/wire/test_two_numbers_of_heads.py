"""Two numbers of every head over the wire: drawn from two results, computed by one button, and leaving together."""

import base64
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from app.domain.directions import TokenDirection
from app.domain.experiment import parse_experiment
from app.domain.head_choices import CHOICES, SOURCES
from app.domain.head_quantities import head_quantity
from app.domain.interventions import Ablate
from app.domain.recipes import parse_recipe
from app.domain.sites import Site
from app.export.manifest import read_manifest
from callbacks.heads import recipe_of
from layouts import ids
from tests.wire.page import PAIR, READY, Page, changed, experiment
from tests.wire.test_draw import heads, state, view, words
from tests.wire.test_export import clicked, content, why

ABLATE = Ablate(Site("z", 1, (0,)))
MAPS = heads("direct", beside="entropy")


def axes(y: str, x: str, y_show: str | None = None, x_show: str | None = None) -> dict[str, Any]:
    """The store of a scatter."""
    return heads(x={"quantity": x, "show": x_show}, y={"quantity": y, "show": y_show}, scatter=True)


def compute(served: Page, store: dict[str, Any], *names: str) -> None:
    """Have these numbers, of all runs that there are."""
    asked = parse_experiment(store)
    for source in {CHOICES[name].source for name in names}:
        for intervened in {False, asked.has_interventions and not SOURCES[source].alone}:
            served.engine.evaluate(recipe_of(asked, source, intervened=intervened))


def given(served: Page, store: dict[str, Any], chosen: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What the page sends."""
    known = {"digests-heads.data": served.digests("heads", store), "heads.data": chosen}
    return {**known, "experiment.data": store, "view.data": view(**fields)}


def drawn(served: Page, store: dict[str, Any], chosen: dict[str, Any], **fields: Any) -> Any:
    """What the panel of heads shows."""
    return served.ask("head-matrix.figure", given(served, store, chosen, **fields))


def asked(served: Page, store: dict[str, Any], chosen: dict[str, Any]) -> list[dict[str, Any]]:
    """The recipes that its button computes."""
    sent = {**given(served, store, chosen), "head-matrix-start.n_clicks": 1}
    answer = served.ask("head-matrix-request.data", sent, "head-matrix-start.n_clicks")
    assert answer is not None
    return answer["head-matrix-request"]["data"]["recipes"]


def plain(sent: dict[str, str]) -> Any:
    """Numbers as Plotly sends them."""
    return np.frombuffer(base64.b64decode(sent["bdata"]), sent["dtype"])


def test_two_maps_are_drawn_and_say_which_numbers_they_show(served: Page) -> None:
    compute(served, experiment(), "entropy")
    answer = drawn(served, experiment(), MAPS)
    figure = answer["head-matrix"]["figure"]
    assert state(answer, "head-matrix") == "ready"
    assert figure["layout"]["meta"]["numbers"] == [["direct", "baseline"], ["entropy", "baseline"]]
    assert [trace["type"] for trace in figure["data"]].count("heatmap") == 2


def test_a_scatter_is_drawn_of_two_numbers(served: Page) -> None:
    compute(served, experiment(), "zero", "entropy")
    answer = drawn(served, experiment(), axes("zero", "entropy"))
    meta = answer["head-matrix"]["figure"]["layout"]["meta"]
    assert (state(answer, "head-matrix"), meta["drawn"]) == ("ready", "scatter")
    assert meta["said"].startswith("zero ablation against entropy of attention: Pearson ")


def test_before_and_after_are_two_runs_of_one_number(served: Page) -> None:
    store, chosen = experiment(PAIR, ABLATE), axes("direct", "direct", "intervened", "baseline")
    answer = drawn(served, store, chosen)
    points = answer["head-matrix"]["figure"]["data"][0]
    for axis, run in (("x", False), ("y", True)):
        result = served.engine.evaluate(recipe_of(parse_experiment(store), "direct", intervened=run))
        np.testing.assert_array_equal(plain(points[axis]), head_quantity(result)[0].ravel())
    assert answer["head-matrix-of"]["children"] == "apple − dog, intervened against baseline"


def test_after_without_interventions_says_what_to_do(served: Page) -> None:
    answer = drawn(served, experiment(), axes("direct", "direct", "intervened", "baseline"))
    assert state(answer, "head-matrix") == "empty"
    assert "Ablate or Patch" in words(answer, "head-matrix")


def test_before_against_after_without_a_change_offers_no_sweep(served: Page) -> None:
    store, chosen = experiment(), axes("denoising", "denoising", "baseline", "intervened")
    assert "Ablate or Patch" in words(drawn(served, store, chosen), "head-matrix")
    assert served.strip("head-matrix", given(served, store, chosen))["done"] is True


def test_numbers_that_are_not_computed_are_named_with_the_button_that_computes_them(served: Page) -> None:
    store, chosen = changed(clean="the river apple tree the river"), axes("pattern_patching", "value_patching")
    answer = drawn(served, store, chosen)
    assert state(answer, "head-matrix") == "empty"
    said = "Pattern patching and value patching are not computed yet: press Sweep both."
    assert words(answer, "head-matrix") == said
    assert served.strip("head-matrix", given(served, store, chosen))["start"] == "Sweep both"
    assert {recipe["cells"]["activation"] for recipe in asked(served, store, chosen)} == {"v", "pattern"}
    compute(served, store, "value_patching")
    answer = drawn(served, store, chosen)
    assert words(answer, "head-matrix") == "Pattern patching is not computed yet: press Sweep both."


@pytest.mark.parametrize("chosen", [heads("entropy"), heads("entropy", beside="copying")])
def test_on_a_short_prompt_too_the_button_is_the_one_that_the_message_names(served: Page, chosen: Any) -> None:
    store = changed(clean="the house apple tree the river")
    said = words(drawn(served, store, chosen), "head-matrix")
    assert said.endswith(f"press {served.strip('head-matrix', given(served, store, chosen))['start']}.")


def test_what_must_be_given_first_is_said_before_what_must_be_computed(served: Page) -> None:
    answer = drawn(served, changed(corrupted=None), axes("denoising", "resample"))
    assert "give a corrupted prompt" in words(answer, "head-matrix")
    assert "resample" not in words(answer, "head-matrix").lower()


def test_each_axis_asks_for_its_own_run(served: Page) -> None:
    store = experiment(replace(PAIR, clean="the moon apple house the moon"), ABLATE)  # swept by no other test
    compute(served, store, "zero")
    recipes = asked(served, store, axes("resample", "resample", "intervened", "baseline"))
    assert sorted(len(recipe["interventions"]) for recipe in recipes) == [0, 1]
    [recipe] = asked(served, store, axes("mean", "direct", "intervened"))
    assert len(recipe["interventions"]) == 1


def test_both_numbers_leave_in_one_table_each_with_its_run(served: Page) -> None:
    store = experiment(PAIR, ABLATE)
    answer = clicked(served, ids.HEAD_MATRIX, "csv", store, heads=axes("direct", "direct", "intervened", "baseline"))
    table = pd.read_csv(io.BytesIO(content(answer)), keep_default_na=False)
    runs = table.groupby("show")["interventions"].unique()
    assert (list(runs["baseline"]), list(runs["intervened"])) == ([""], ["zero L1H0.z"])
    asked = parse_experiment(store)
    for show, rows in table.groupby("show"):
        result = served.engine.evaluate(recipe_of(asked, "direct", intervened=show == "intervened"))
        np.testing.assert_array_equal(rows["value"].to_numpy(np.float32), head_quantity(result).ravel())
    assert answer["export-download"]["data"]["filename"] == "microtome-head-matrix-direct-against-direct-intervened.csv"


@pytest.mark.parametrize(("chosen", "figure"), [(MAPS, "head_maps"), (axes("direct", "entropy"), "head_scatter")])
def test_the_figure_leaves_with_both_recipes_in_its_manifest(served: Page, chosen: dict[str, Any], figure: str) -> None:
    compute(served, experiment(), "entropy")
    shown = read_manifest(content(clicked(served, ids.HEAD_MATRIX, "html", heads=chosen)), "html")["view"]
    kinds = (shown["recipe"]["kind"], shown["against"]["kind"])
    assert (shown["figure"], *kinds) == (figure, "direct_logit_attribution", "head_statistics")
    assert (shown["style"]["quantity"], shown["style"]["quantity_across"]) == ("direct", "entropy")


def test_recipe_and_program_are_of_the_first_number_and_the_program_says_so(served: Page) -> None:
    compute(served, experiment(), "entropy")
    chosen = axes("entropy", "direct")
    assert parse_recipe(content(clicked(served, ids.HEAD_MATRIX, "recipe", heads=chosen))).kind == "head_statistics"
    program = content(clicked(served, ids.HEAD_MATRIX, "script", heads=chosen)).decode()
    compile(program, "heads", "exec")
    assert program.startswith("# The page showed entropy beside direct attribution, which are two computations.")


def test_a_table_of_a_number_that_is_not_computed_is_refused_by_name(served: Page) -> None:
    store = changed(clean="the river dog tree the river")
    answer = clicked(served, ids.HEAD_MATRIX, "csv", store, heads=axes("direct", "resample"))
    assert why(answer) == "Resample ablation is not computed yet: press Sweep resample."


def test_axes_that_are_none_are_refused(served: Page) -> None:
    answer = drawn(served, experiment(), heads(x={"quantity": "charm"}, scatter=True))
    assert state(answer, "head-matrix") == "error"
    assert "charm" in words(answer, "head-matrix")


def test_heads_are_projected_on_the_direction_that_is_looked_at(served: Page) -> None:
    store, along = experiment(PAIR, ABLATE), heads("along")
    assert "make one in the rail" in words(drawn(served, store, along), "head-matrix")
    looked = {"name": "apple", "direction": {"kind": "tokens", "tokens": ["apple"]}}
    found = served.ask("digests-heads.data", {"experiment.data": store, "status.data": READY,
                                              "direction-looked.data": looked})  # fmt: skip
    sent = {"experiment.data": store, "heads.data": along, "view.data": view(show="intervened"),
            "digests-heads.data": found["digests-heads"]["data"], "head-matrix-start.n_clicks": 1}  # fmt: skip
    request = served.ask("head-matrix-request.data", sent, "head-matrix-start.n_clicks")["head-matrix-request"]["data"]
    asked_for = [parse_recipe(each) for each in request["recipes"]]
    (recipe,) = [each for each in asked_for if each.kind == "head_projection"]  # the table's sweep comes along
    assert recipe.direction == TokenDirection(("apple",))
    served.engine.evaluate(recipe)
    answer = served.ask("head-matrix.figure", sent)
    assert state(answer, "head-matrix") == "ready"
    assert answer["head-matrix-of"]["children"] == "along apple, intervened"
