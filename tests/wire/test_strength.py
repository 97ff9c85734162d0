"""The strength curve over the wire: on its button alone, in the background; what it needs is said in words."""

import io
import json
from typing import Any

import pandas as pd
import pytest

from app.domain.interventions import Ablate
from app.domain.prompts import PromptPair
from app.domain.sites import Site
from layouts import ids
from tests.wire.page import PAIR, READY, Page, experiment
from tests.wire.test_direction_views import APPLE, NARROW, SET
from tests.wire.test_draw import state, view, words
from tests.wire.test_export import content

ABLATED = experiment(PAIR, Ablate(Site("z", 1, (0,))))
START = "strength-start.n_clicks"


def page(
    served: Page, store: Any = None, directions: Any = (APPLE,), selection: Any = None, show: str = "baseline",
    **asked: Any,
) -> dict[str, Any]:  # fmt: skip
    """What the browser holds: the section, what is asked of the curve, and where the curve is."""
    shown = view(workspace="residual", section="direction", show=show)
    given = {
        "experiment": store or experiment(), "directions": list(directions), "selection": selection or {},
        "view": shown, "residual": {"strength": {"count": 3, "placebos": False} | asked}, "status": READY,
    }  # fmt: skip
    known = {f"{name}.data": value for name, value in given.items()}
    answer = served.ask("digests-steering_curve.data", known)
    assert answer is not None
    return known | {"digests-steering_curve.data": answer["digests-steering_curve"]["data"]}


def run(served: Page, known: dict[str, Any]) -> None:
    """Press the button, and wait for the end."""
    answer = served.ask("strength-request.data", {**known, START: 1}, START)
    assert answer is not None
    served.run_background("strength-progress.value", {"strength-request.data": answer["strength-request"]["data"]})


def drawn(served: Page, known: dict[str, Any]) -> Any:
    """What the panel shows."""
    return served.ask("strength.figure", known, "strength-tick.data")


def line(answer: Any) -> Any:
    """The direction's own line."""
    return answer["strength"]["figure"]["data"][-1]


def test_the_curve_is_computed_on_its_button_and_drawn_with_the_text_of_each_strength(served: Page) -> None:
    known = page(served, by="absolute", low=-2.0, high=2.0, tokens=2, selection={"layers": [0]})
    assert state(drawn(served, known), "strength") == "empty"
    assert "Press Run" in words(drawn(served, known), "strength")
    assert served.strip("strength", known)["text"] == "3 points, 3 texts"
    run(served, known)
    answer = drawn(served, known)
    assert state(answer, "strength") == "ready"
    assert answer["strength-of"]["children"] == "apple at L0.resid_post, baseline"
    assert line(answer)["x"] in ([-2, 0, 2], {"dtype": "f4", "bdata": "AAAAwAAAAAAAAABA"})
    assert [at for at, _ in answer["strength"]["figure"]["layout"]["meta"]["texts"]] == [-2, 0, 2]
    assert served.strip("strength", known) == {"text": "done", "start": "Run", "done": True}


def test_each_metric_is_read_from_the_same_numbers(served: Page) -> None:
    one, other = page(served), page(served, metric="kl_divergence")
    assert one["digests-steering_curve.data"]["baseline"] == other["digests-steering_curve.data"]["baseline"]
    run(served, one)
    assert drawn(served, other)["strength"]["figure"]["layout"]["yaxis"]["title"]["text"] == "KL"


def test_of_the_prompt_set_the_curve_has_every_prompt_and_the_text_of_the_one_on_screen(served: Page) -> None:
    known = page(served, {**SET, "prompt": SET["prompts"][1]}, of="set", tokens=2)
    assert served.strip("strength", known)["text"] == "9 points, 3 texts"
    run(served, known)
    assert drawn(served, known)["strength-of"]["children"].endswith(", 3 prompts, baseline")
    assert known["digests-steering_curve.data"]["recipes"]["baseline"]["prompt"] == 1


def test_a_difference_of_runs_is_drawn_with_placebos(served: Page) -> None:
    known = page(served, ABLATED, show="difference", placebos=True)
    run(served, known)
    answer = drawn(served, known)
    assert answer["strength-of"]["children"].endswith("difference")
    assert [trace["name"] for trace in answer["strength"]["figure"]["data"]][:3] == ["placebo"] * 3


@pytest.mark.parametrize(
    ("given", "how", "said"),
    [
        ({"directions": ()}, "empty", "make one in the rail"),
        ({"positions": "selected"}, "empty", "No token is selected"),
        ({"directions": (NARROW,)}, "error", "has 1 numbers"),
        ({"low": 1.0, "high": -1.0}, "error", "make no curve"),
        (
            {"by": "swap_along", "store": experiment(PromptPair("the apple", None, ("apple",)))},
            "error",
            "give a corrupted prompt",
        ),
        ({"positions": "selected", "selection": {"positions": [99]}}, "error", "99"),
    ],
)
def test_what_makes_no_curve_is_said_in_the_panel_and_not_run(
    served: Page, given: dict[str, Any], how: str, said: str
) -> None:
    known = page(served, **given)
    assert state(drawn(served, known), "strength") == how
    assert said in words(drawn(served, known), "strength")
    assert not served.ask("strength-request.data", {**known, START: 1}, START)


def test_a_store_that_names_no_recipe_runs_nothing(served: Page) -> None:
    known = page(served, low=-3.0)
    known["digests-steering_curve.data"].pop("recipes")
    assert not served.ask("strength-request.data", {**known, START: 1}, START)


def test_behind_another_section_nothing_is_asked(served: Page) -> None:
    given = {"experiment.data": experiment(), "status.data": READY, "view.data": view(workspace="residual")}
    assert served.ask("digests-steering_curve.data", given | {"directions.data": [APPLE]}) is None


def test_the_curve_leaves_as_table_and_recipe(served: Page) -> None:
    known = page(served, low=-5.0)
    run(served, known)

    def left(form: str) -> Any:
        entry = json.dumps(ids.export_item(form), sort_keys=True, separators=(",", ":")) + ".n_clicks"
        return content(served.ask("export-download.data", {entry: 1, "export-of.data": "strength"} | known, by=entry))

    table = pd.read_csv(io.BytesIO(left("csv")))
    assert set(table["strength"].dropna()) == {-5, -2, 1}
    assert json.loads(left("recipe"))["kind"] == "steering_curve"
