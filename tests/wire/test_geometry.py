"""The *Geometry* section over the wire: numbers by layer, and maps of the prompt set."""

from dataclasses import replace
from typing import Any

from app.domain.directions import NamedDirection, TokenDirection
from app.domain.interventions import Ablate
from app.domain.residual_asked import MapAsked, ResidualAsked
from app.domain.session import Session, session_dict
from app.domain.sites import Site
from tests.wire.page import PAIR, READY, Page, experiment
from tests.wire.test_draw import state, view, words

HERE = view(workspace="residual", section="geometry")


def residual(**fields: Any) -> Any:
    from app.domain.session import WORKED_EXAMPLE

    library = (NamedDirection("river", TokenDirection(("river",))),)
    spoken = session_dict(Session(WORKED_EXAMPLE.experiment, residual=ResidualAsked(map=MapAsked(**fields)),
                                  directions=library))  # fmt: skip
    return {"residual": spoken["residual"], "directions": spoken["directions"]}


def lines(served: Page, store: Any, shown: Any = HERE, **selection: Any) -> Any:
    sent = {"experiment": store, "view": shown, "selection": {"heads": [], "primary": None, **selection}}
    return served.panel("geometry", sent | residual())


def points(served: Page, store: Any, shown: Any = HERE, **fields: Any) -> Any:
    return served.panel("activation-map", {"experiment": store, "view": shown, **residual(**fields)})


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
    assert lines(served, experiment(), elsewhere) is None
    assert points(served, experiment(), elsewhere) is None


def test_a_map_has_both_sides_of_the_pair_and_is_coloured_as_asked(served: Page) -> None:
    answer = points(served, experiment(), colour="side")
    assert state(answer, "activation-map") == "ready"
    assert [trace["name"] for trace in answer["activation-map"]["figure"]["data"]] == ["clean", "corrupted"]
    coloured = points(served, experiment(), colour="projection")
    assert coloured["activation-map"]["figure"]["layout"]["coloraxis"]["cmin"] < 0


def test_a_map_without_a_layer_of_its_own_is_after_the_selected_one_else_after_the_last(served: Page) -> None:
    def layer(selection: Any, **fields: Any) -> int:
        sent = {"experiment": experiment(), "view": HERE, "selection": selection, **residual(**fields)}
        return served.panel("activation-map", sent)["activation-map"]["figure"]["layout"]["meta"]["layer"]

    assert layer({}) == 1
    assert layer({"layers": [1, 0]}) == 0
    assert layer({"layers": [0]}, layer=1) == 1


def test_labels_of_prompts_colour_the_map_beside_all_other_colours(served: Page) -> None:
    labelled = experiment(replace(PAIR, labels=(("topic", "sport"), ("level", "2"))))
    figure = points(served, labelled, colour="label:topic")["activation-map"]["figure"]
    assert [trace["name"] for trace in figure["data"]] == ["sport"]
    assert {"label:topic", "label:level", "side"} <= set(figure["layout"]["meta"]["readings"])
    refused = words(points(served, experiment(), colour="label:topic"), "activation-map")
    assert "Points have no 'label:topic'; colour them by one of token, side" in refused


def test_too_few_points_and_a_difference_are_refused_in_words(served: Page) -> None:
    assert "take all positions" in words(points(served, experiment(), positions="end"), "activation-map")
    shown = view(workspace="residual", section="geometry", show="difference")
    answer = points(served, experiment(PAIR, Ablate(Site("z", 0, (0,)))), shown)
    assert "show Baseline or Intervened" in words(answer, "activation-map")


def test_a_map_that_takes_long_is_computed_on_its_button_and_then_there(served: Page) -> None:
    asked = {"method": "tsne", "neighbours": 2}
    assert "Press Compute t-SNE" in words(points(served, experiment(), **asked), "activation-map")
    given = {"experiment": experiment(), "view": HERE, "residual": residual(**asked)["residual"], "status": READY}
    known = {f"{name}.data": value for name, value in given.items()}
    answer = served.ask("digests-activation_map.data", known)
    assert answer is not None
    known |= {"digests-activation_map.data": answer["digests-activation_map"]["data"]}
    strip = served.strip("activation-map", known)
    assert (strip["start"], strip["done"]) == ("Compute t-SNE", False)
    assert "points, about 1 s" in strip["text"]
    start = "activation-map-start.n_clicks"
    request = served.ask("activation-map-request.data", {**known, start: 1}, start)
    assert request is not None
    served.run_background("activation-map-progress.value", {
        "activation-map-request.data": request["activation-map-request"]["data"]})  # fmt: skip
    assert state(points(served, experiment(), **asked), "activation-map") == "ready"
    assert served.strip("activation-map", known)["done"]


def test_pca_has_nothing_to_press(served: Page) -> None:
    given = {"experiment": experiment(), "view": HERE, "residual": residual()["residual"], "status": READY}
    answer = served.ask("digests-activation_map.data", {f"{name}.data": value for name, value in given.items()})
    assert answer is not None
    assert answer["digests-activation_map"]["data"]["baseline"] is None


def test_a_direction_that_is_not_in_the_library_is_said_and_no_other_is_shown_under_its_name(served: Page) -> None:
    asked = residual(colour="projection")
    asked["residual"] |= {"direction": "gone"}
    found = words(served.panel("activation-map", {"experiment": experiment(), "view": HERE, **asked}), "activation-map")
    assert found.startswith("There is no direction named 'gone' here, there is river; choose one")
