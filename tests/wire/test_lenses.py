"""Lenses over the wire: what colours the map, tuned lenses from folders, tokens by layer, components as tokens."""

from pathlib import Path
from typing import Any

from app.domain.interventions import Ablate
from app.domain.residual_asked import LensAsked, ResidualAsked
from app.domain.sites import Site
from app.domain.views import Selection
from callbacks.exported import source
from callbacks.exported_source import Page as Shown
from callbacks.reading import experiment_of, view_of
from layouts import ids
from tests import lenses
from tests.loaded import ground_truth
from tests.wire.page import PAIR, READY, Page, changed, experiment
from tests.wire.test_draw import state, view, words

CHANGED = experiment(PAIR, Ablate(Site("z", 1, (0,))))
HERE = view(workspace="residual", section="lens")


def digests(served: Page, store: Any, asked: Any) -> Any:
    """Where the lens is that the page asks for."""
    given = {"experiment.data": store, "status.data": READY, "lens-asked.data": asked}
    answer = served.ask("digests-logit_lens.data", given)
    return answer and answer["digests-logit_lens"]["data"]


def trajectory(served: Page, store: Any, shown: Any = HERE, **asked: Any) -> Any:
    sent = {"experiment": store, "view": shown, "asked": {"tokens": [], "position": None} | asked}
    return served.panel("token-trajectory", sent)


def components(served: Page, store: Any, show: str = "baseline", shown: Any = HERE, **asked: Any) -> Any:
    sent = {"experiment": store, "view": shown | {"show": show}}
    return served.panel(
        "component-lens", sent | {"asked": {"tokens": [], "position": None, "layer": None} | asked}, "data"
    )


def lens_map(served: Page, asked: Any = None, **residual: Any) -> Any:
    found = digests(served, experiment(), asked)
    given = {"digests-logit_lens.data": found, "view.data": HERE, "experiment.data": experiment()}
    return served.ask("lens.figure", given | {"residual.data": residual})


def test_the_map_comes_in_the_colour_that_is_asked_with_all_others_beside_it(served: Page) -> None:
    answer = lens_map(served, lens={"colour": "kl_divergence"})
    assert state(answer, "lens") == "ready"
    meta = answer["lens"]["figure"]["layout"]["meta"]
    assert (meta["coloured"], len(meta["colours"])) == ("kl_divergence", 5)
    assert answer["lens-of"]["children"] == "logit lens, baseline"


def test_a_tuned_lens_is_read_from_its_folder_and_then_drawn_through(served: Page, tmp_path: Path) -> None:
    model = ground_truth("raw")
    folder = str(lenses.saved(model, lenses.random(model), tmp_path / "mine"))
    raw = experiment() | {"model": experiment()["model"] | {"processing": "raw"}}
    served.engine.facts(experiment_of(raw).model)  # loads it
    answer = served.ask("lens-read.data", {"lens-folder.value": folder, "experiment.data": raw})
    assert answer is not None
    read = answer["lens-read"]["data"]
    found = digests(served, raw, {"lens": "tuned", **read})
    assert found["options"] == {"lens": "tuned", **read}
    drawn = served.ask("lens.figure", {"digests-logit_lens.data": found, "view.data": HERE, "experiment.data": raw})
    assert drawn is not None
    assert drawn["lens-of"]["children"] == "tuned lens mine, baseline"


def test_a_folder_without_a_lens_is_refused_beside_the_field(served: Page, tmp_path: Path) -> None:
    answer = served.ask("lens-read.data", {"lens-folder.value": str(tmp_path), "experiment.data": experiment()})
    assert answer is not None
    assert "There is no tuned lens" in answer["lens-said"]["children"]


def test_tokens_are_followed_at_the_position_asked_and_at_the_last_without_one(served: Page) -> None:
    answer = trajectory(served, experiment())
    assert state(answer, "token-trajectory") == "ready"
    assert [trace["name"] for trace in answer["token-trajectory"]["figure"]["data"][::2]] == ["apple", "dog"]
    assert answer["token-trajectory-of"]["children"].endswith(", logit lens")
    chosen = trajectory(served, experiment(), tokens=["river"], position=2)
    assert chosen["token-trajectory-of"]["children"].startswith("at 2 ")
    assert [trace["name"] for trace in chosen["token-trajectory"]["figure"]["data"]] == ["river", "river"]


def test_both_runs_are_drawn_where_an_intervention_is_on(served: Page) -> None:
    answer = trajectory(served, CHANGED)
    assert [trace["line"]["dash"] for trace in answer["token-trajectory"]["figure"]["data"]] == ["dot"] * 4 + [
        "solid"
    ] * 4


def test_without_tokens_or_with_a_wrong_one_the_panel_says_what_to_do(served: Page) -> None:
    answer = trajectory(served, changed(answer=(), incorrect_answer=()))
    assert (state(answer, "token-trajectory"), "Search" in words(answer, "token-trajectory")) == ("empty", True)
    wrong = trajectory(served, experiment(), tokens=["no such word"])
    assert state(wrong, "token-trajectory") == "error"


def test_nothing_is_computed_before_the_section_is_on_screen(served: Page) -> None:
    elsewhere = view(workspace="residual", section="parts")
    assert trajectory(served, experiment(), elsewhere) is None
    assert components(served, experiment(), shown=elsewhere) is None


def test_components_come_with_their_tokens_and_add_up(served: Page) -> None:
    answer = components(served, experiment())
    assert state(answer, "component-lens") == "ready"
    data = answer["component-lens"]["data"]
    assert data["tokens"] == ["apple", "dog"]
    *rest, total = data["rest"]
    for at in (0, 1):
        parts = sum(row["logits"][at] for row in [*data["rows"], *rest])
        assert abs(parts - total["logits"][at]) < 1e-3
    layer = components(served, experiment(), layer=1)["component-lens"]["data"]["rows"]
    assert [row["label"] for row in layer][:2] == ["L1.attn", "L1H0"]


def test_a_difference_of_components_is_refused_in_words(served: Page) -> None:
    answer = components(served, CHANGED, show="difference")
    assert state(answer, "component-lens") == "empty"
    assert "no difference" in words(answer, "component-lens")


def test_what_leaves_is_what_is_shown(served: Page) -> None:
    asked = ResidualAsked(lens=LensAsked("rank", tokens=("river",)))
    page = Shown(served.engine, experiment_of(CHANGED), view_of(HERE), Selection(positions=(2,)), residual=asked)
    for panel in (ids.LENS, ids.TOKEN_TRAJECTORY, ids.COMPONENT_LENS):
        behind = source(panel)
        result: Any = behind.result(page)
        assert len(behind.tabled(page, result))
        drawn, across, _ = behind.view(page, result)
        assert (across is not None) == (panel == ids.TOKEN_TRAJECTORY)
        if panel == ids.LENS:
            assert drawn.style.coloured_by == "rank"
        else:
            assert result.tokens == ("river",)
