"""What the panels of the Ablate & patch workspace leave the page as."""

import io
import json
from typing import Any

import pandas as pd
import pytest

from app.domain.interventions import Ablate
from app.domain.recipes import parse_recipe
from app.domain.session import Generating
from app.domain.sites import Site
from app.export.manifest import read_manifest
from callbacks.export import PICTURES, TABLES
from callbacks.exported_direction_card import VECTORS
from layouts import ids
from layouts.export_menu import export_menu
from layouts.panel import MORE_FORMS
from tests.wire.page import PAIR, Page, changed, experiment, sweep
from tests.wire.patching import PATCH, computed
from tests.wire.test_export import content, why
from tests.wire.test_generation import generated

STORE = experiment(PAIR, Ablate(Site("z", 1, (0,))))
ASKED = sweep(method="denoising", against=("zero",))
KINDS = {
    ids.SWEEP_MAP: "activation_patching", ids.AGAINST: "ablation", ids.STRIP: "activation_patching",
    ids.SELF_REPAIR: "self_repair", ids.GENERATION: "generation",
}  # fmt: skip
every_panel = pytest.mark.parametrize("panel", KINDS)


@pytest.fixture(scope="module")
def patched(served: Page) -> Page:
    """The page with everything of the workspace computed."""
    computed(served, STORE, ASKED, ("sweep-map", "against"))
    generated(served, STORE, max_new_tokens=Generating().max_new_tokens)
    return served


def clicked(served: Page, panel: str, form: str, store: Any = STORE, asked: Any = ASKED, **more: Any) -> Any:
    """The answer to a click on one entry of a menu."""
    entry = json.dumps(ids.export_item(form), sort_keys=True, separators=(",", ":")) + ".n_clicks"
    given = {entry: 1, "export-of.data": panel, "experiment.data": store, "view.data": PATCH, "sweep.data": asked}
    return served.ask("export-download.data", {**given, **more}, by=entry)


@every_panel
def test_it_leaves_as_a_table(patched: Page, panel: str) -> None:
    table = pd.read_csv(io.BytesIO(content(clicked(patched, panel, "csv"))), keep_default_na=False)
    assert len(table) > 0
    assert set(table["processing"]) == {"compatibility"}


@pytest.mark.parametrize(
    "panel", sorted({panel for panel, form in MORE_FORMS.items() if form == "summary"} & set(KINDS))
)
def test_a_sweep_leaves_as_a_summary_with_its_provenance(patched: Page, panel: str) -> None:
    answer = clicked(patched, panel, "summary")
    table = pd.read_csv(io.BytesIO(content(answer)))
    assert {"mean", "standard_error", "low", "high", "p_value", "n"} <= set(table)
    assert not table.duplicated(["metric", "component"]).any()
    assert (set(table["show"]), set(table["processing"])) == ({"baseline"}, {"compatibility"})
    assert answer["export-download"]["data"]["filename"].endswith("-baseline.summary.csv")


def test_what_is_no_sweep_has_no_summary(patched: Page) -> None:
    assert "Only sweeps" in why(clicked(patched, ids.GENERATION, "summary"))


def test_the_menu_has_every_form_of_a_panel_and_of_the_page_once() -> None:
    entries = export_menu().children.children[1].children
    forms = [entry.id["format"] for entry in entries if hasattr(entry, "n_clicks")]
    of_panels = [
        *TABLES,
        "summary",
        "projector",
        *VECTORS,
        *PICTURES,
        "plate",
        "recipe",
        "script",
        "copy-recipe",
        "copy-script",
    ]
    assert forms == [*of_panels, "session", "tables", "figures", "directions"]


@every_panel
def test_it_leaves_as_a_recipe_that_parses(patched: Page, panel: str) -> None:
    assert parse_recipe(content(clicked(patched, panel, "recipe"))).kind == KINDS[panel]


@every_panel
@pytest.mark.parametrize("drawn_as", ["map", "scatter"])
def test_it_leaves_as_a_page_whose_manifest_reads_it_as_the_page_does(patched: Page, panel: str, drawn_as: str) -> None:
    asked = {**ASKED, "metric": "probability", "against_as": drawn_as}
    page = content(clicked(patched, panel, "html", asked=asked))
    assert read_manifest(page, "html")["view"]["style"]["metric"] == "probability"


@every_panel
def test_it_leaves_as_a_program_without_microtome(patched: Page, panel: str) -> None:
    program = content(clicked(patched, panel, "script")).decode()
    compile(program, panel, "exec")
    assert "from app" not in program


def test_files_are_named_for_what_they_hold(patched: Page) -> None:
    named = {panel: clicked(patched, panel, "csv")["export-download"]["data"]["filename"] for panel in KINDS}
    assert named == {
        ids.SWEEP_MAP: "microtome-sweep-map-denoising-baseline.csv", ids.AGAINST: "microtome-against-zero-baseline.csv",
        ids.STRIP: "microtome-strip-denoising-baseline.csv", ids.SELF_REPAIR: "microtome-self-repair-intervened.csv",
        ids.GENERATION: "microtome-generation-baseline.csv",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("panel", "said"),
    [
        (ids.SWEEP_MAP, "Run sweep"), (ids.AGAINST, "Run sweep"), (ids.STRIP, "Run sweep"),
        (ids.SELF_REPAIR, "Ablate something first"), (ids.GENERATION, "Generate"),
    ],
)  # fmt: skip
def test_what_is_not_there_yet_says_what_to_do(served: Page, panel: str, said: str) -> None:
    store = changed(clean="dog river apple house the river", corrupted="dog dog apple house the dog")
    assert said in why(clicked(served, panel, "csv", store))


def test_a_sweep_store_that_is_none_is_refused(served: Page) -> None:
    assert "not a sweep" in why(clicked(served, ids.SWEEP_MAP, "csv", asked={"method": "sideways"}))
