"""An exported figure's manifest draws the same figure again: the same kind, read the same way, of the same numbers."""

import json
import re
from typing import Any

import pytest

from app.analyses import drawn
from app.domain.interventions import Ablate
from app.domain.prompts import PromptPair
from app.domain.sites import Site
from app.domain.views import View, parse_view
from app.export.manifest import read_manifest
from layouts import ids
from tests.wire.page import PAIR, Page, experiment, sweep
from tests.wire.patching import PATCH, computed
from tests.wire.test_export import AT_ONCE, content, why
from tests.wire.test_export_sweeps import clicked

STORE = experiment(PAIR, Ablate(Site("z", 1, (0,))))


def reopened(served: Page, page: bytes) -> tuple[View, Any]:
    """What `python -m app figure` draws of the manifest."""
    view = parse_view(read_manifest(page, "html")["view"])
    across = served.engine.view(View(view.against, view.style)) if view.against else None
    return view, drawn(view, served.engine.view(view), across)


def title_in(page: bytes) -> str:
    """The title that the exported figure has."""
    return json.loads(re.findall(r'"meta":\{[^{}]*"title":("(?:[^"\\]|\\.)*")', page.decode())[0])


@pytest.mark.parametrize("panel", AT_ONCE)
@pytest.mark.parametrize("show", ["baseline", "difference"])
def test_a_panel_reopens_as_the_figure_that_left(served: Page, panel: str, show: str) -> None:
    page = content(clicked(served, panel, "html", STORE, **{"view.data": {**PATCH, "show": show}}))
    assert reopened(served, page)[1].layout.meta["title"] == title_in(page)


@pytest.mark.parametrize("panel", [ids.SWEEP_MAP, ids.AGAINST, ids.STRIP])
@pytest.mark.parametrize("drawn_as", ["map", "scatter"])
@pytest.mark.parametrize(
    ("method", "against"),
    [("denoising", "zero"), ("denoising", "noising"), ("estimate", None), ("zero", "estimate"), ("estimate", "zero")],
)
def test_a_sweeps_panel_reopens_as_the_figure_that_left(
    served: Page, panel: str, drawn_as: str, method: str, against: str | None
) -> None:
    others = (against,) if against else ()
    asked = sweep(method=method, against=others, metric="probability", significant=True, against_as=drawn_as)
    computed(served, STORE, asked, ("sweep-map", "against"))
    page = content(clicked(served, panel, "html", STORE, asked))
    view, figure = reopened(served, page)
    assert figure.layout.meta["title"] == title_in(page)
    if panel == ids.AGAINST:
        scatter = "sweep_scatter" if against else "exact_vs_estimate_scatter"
        assert view.figure == ("sweep_heatmap" if against and drawn_as == "map" else scatter)


def test_maps_side_by_side_leave_with_the_colours_they_had(served: Page) -> None:
    asked = sweep(method="zero", against=("mean", "resample"), one_scale=True, against_as="map")
    computed(served, STORE, asked, ("sweep-map", "against"))
    limits, methods = set(), list[str]()
    for panel in (ids.SWEEP_MAP, *ids.BESIDE[:2]):
        view, figure = reopened(served, content(clicked(served, panel, "html", STORE, asked)))
        limits |= {view.style.color_limit, figure.data[0].zmax}
        methods.append(view.recipe.method)  # pyright: ignore[reportAttributeAccessIssue]  # ablations
    assert len(limits) == 1
    assert methods == ["zero", "mean", "resample"]


def test_scatters_side_by_side_leave_each_with_the_first_sweep_across(served: Page) -> None:
    asked = sweep(method="zero", against=("mean", "resample"), against_as="scatter")
    computed(served, STORE, asked, ("sweep-map", "against"))
    for panel, method in zip(ids.BESIDE, ("mean", "resample"), strict=False):
        page = content(clicked(served, panel, "html", STORE, asked))
        view, figure = reopened(served, page)
        assert (view.figure, view.recipe.method, view.against.method) == ("sweep_scatter", method, "zero")  # pyright: ignore
        assert figure.layout.meta["title"] == title_in(page)


def test_a_place_without_a_sweep_leaves_the_words_of_what_to_do(served: Page) -> None:
    for form in ("csv", "html", "recipe"):
        assert "Choose other methods" in why(clicked(served, ids.BESIDE[1], form, STORE, sweep(against=("zero",))))


def test_a_prompt_of_a_set_reopens_as_the_one_that_was_shown(served: Page) -> None:
    other = PromptPair(PAIR.corrupted or "", PAIR.clean, PAIR.answer, PAIR.incorrect_answer)
    store = {**experiment(other), "prompts": [experiment(PAIR)["prompt"], experiment(other)["prompt"]]}
    selected = {"heads": [], "primary": None, "pinned": None, "positions": [], "layers": [], "prompt": 1}
    page = content(clicked(served, ids.HEAD_MATRIX, "html", store, **{"selection.data": selected}))
    view, figure = reopened(served, page)
    assert view.recipe.prompts[0].clean == other.clean
    assert figure.layout.meta["title"] == title_in(page)


def test_self_repair_and_text_reopen_whichever_run_is_on_screen(served: Page) -> None:
    asked = sweep(method="zero")
    computed(served, STORE, asked)
    page = content(clicked(served, ids.SELF_REPAIR, "html", STORE, asked))
    assert reopened(served, page)[1].layout.meta["title"] == title_in(page)
