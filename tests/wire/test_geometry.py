"""The *Geometry* section over the wire: numbers by layer, and maps of the prompt set."""

from typing import Any

from app.domain.directions import NamedDirection, TokenDirection
from app.domain.interventions import Ablate
from app.domain.residual_asked import MapAsked, ResidualAsked
from app.domain.session import Session, session_dict
from app.domain.sites import Site
from tests.wire.page import PAIR, READY, Page, experiment
from tests.wire.test_draw import state, view, words

HERE = view(workspace="residual", section="geometry")
LINES, POINTS = "digests-residual_geometry", "digests-activation_map"


def residual(**fields: Any) -> Any:
    from app.domain.session import WORKED_EXAMPLE

    library = (NamedDirection("river", TokenDirection(("river",))),)
    spoken = session_dict(Session(WORKED_EXAMPLE.experiment, residual=ResidualAsked(map=MapAsked(**fields)),
                                  directions=library))  # fmt: skip
    return {"residual.data": spoken["residual"], "directions.data": spoken["directions"]}


def lines(served: Page, store: Any, shown: Any = HERE, **selection: Any) -> Any:
    given = {"experiment.data": store, "status.data": READY, "view.data": shown}
    digests = served.ask(f"{LINES}.data", given)[LINES]["data"]
    selected = {"heads": [], "primary": None, **selection}
    return served.ask("geometry.figure", {f"{LINES}.data": digests, "view.data": shown, "experiment.data": store,
                                          "selection.data": selected, **residual()})  # fmt: skip


def points(served: Page, store: Any, shown: Any = HERE, **fields: Any) -> Any:
    asked = residual(**fields)
    given = {"experiment.data": store, "status.data": READY, "view.data": shown, "map-asked.data": fields or {"a": 1}}
    digests = served.ask(f"{POINTS}.data", {**given, **asked})[POINTS]["data"]
    return served.ask("activation-map.figure", {f"{POINTS}.data": digests, "view.data": shown,
                                                "experiment.data": store, **asked})  # fmt: skip


def test_lines_are_at_the_token_last_selected(served: Page) -> None:
    answer = lines(served, experiment(), positions=[2])
    assert state(answer, "geometry") == "ready"
    assert answer["geometry-of"]["children"].startswith("at 2 ")


def test_lines_of_a_difference_say_so(served: Page) -> None:
    shown = view(workspace="residual", section="geometry", show="difference")
    answer = lines(served, experiment(PAIR, Ablate(Site("z", 0, (0,)))), shown)
    assert answer["geometry"]["figure"]["layout"]["yaxis"]["title"]["text"] == "Δ norm"


def test_nothing_is_computed_while_another_section_is_on_screen(served: Page) -> None:
    elsewhere = view(workspace="residual", section="lens")
    given = {"experiment.data": experiment(), "status.data": READY, "view.data": elsewhere}
    assert served.ask(f"{LINES}.data", given) is None


def test_a_map_has_both_sides_of_the_pair_and_is_coloured_as_asked(served: Page) -> None:
    answer = points(served, experiment(), colour="side")
    assert state(answer, "activation-map") == "ready"
    assert [trace["name"] for trace in answer["activation-map"]["figure"]["data"]] == ["clean", "corrupted"]
    coloured = points(served, experiment(), colour="projection")
    assert coloured["activation-map"]["figure"]["layout"]["coloraxis"]["cmin"] < 0


def test_too_few_points_and_a_difference_are_refused_in_words(served: Page) -> None:
    assert "take all positions" in words(points(served, experiment(), positions="end"), "activation-map")
    shown = view(workspace="residual", section="geometry", show="difference")
    answer = points(served, experiment(PAIR, Ablate(Site("z", 0, (0,)))), shown)
    assert "show Baseline or Intervened" in words(answer, "activation-map")
