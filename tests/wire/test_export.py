"""Exports reopen to the numbers on screen, with their provenance; what cannot leave says why."""

import base64
import io
import json
import re
import zipfile
from typing import Any

import pandas as pd
import pytest

from app.domain.experiment import Experiment, parse_experiment
from app.domain.interventions import Ablate
from app.domain.recipes import parse_recipe
from app.domain.session import AttentionZoom, Session, parse_session, session_dict
from app.domain.sites import Site
from app.export.manifest import read_manifest
from layouts import ids
from tests.wire.page import PAIR, SPEC, Page, changed, experiment
from tests.wire.test_draw import heads, view

ABLATE = Ablate(Site("z", 1, (0,)))
AT_ONCE = (ids.HEAD_MATRIX, ids.TRAJECTORY, ids.COMPONENTS, ids.ATTENTION, ids.LENS, ids.PREDICTION)
"""Panels whose numbers are there as soon as the experiment is."""
every_panel = pytest.mark.parametrize("panel", AT_ONCE)


def clicked(served: Page, panel: str, form: str, store: Any = None, selection: Any = None, **fields: Any) -> Any:
    """The answer to a click on one entry of a menu."""
    entry = json.dumps(ids.export_item(form), sort_keys=True, separators=(",", ":")) + ".n_clicks"
    session, history = fields.pop("session", None), fields.pop("history", None)
    chosen = fields.pop("heads", None) or heads(fields.pop("quantity", "direct"))
    given = {
        entry: 1,
        "export-of.data": panel,
        "experiment.data": store or experiment(),
        "view.data": view(**fields),
        "heads.data": chosen,
    }
    given |= {"selection.data": selection} if selection else {}
    given |= {"session.data": session} if session else {}
    given |= {"history.data": history} if history else {}
    return served.ask("export-download.data", given, by=entry)


def content(answer: Any) -> bytes:
    """The file's bytes."""
    return base64.b64decode(answer["export-download"]["data"]["content"])


def why(answer: Any) -> str:
    """What the notification says; no file comes with it."""
    assert "export-download" not in answer
    return answer["notifications"]["sendNotifications"][0]["message"]


@every_panel
def test_every_panel_leaves_as_csv_with_its_provenance(served: Page, panel: str) -> None:
    answer = clicked(served, panel, "csv")
    table = pd.read_csv(io.BytesIO(content(answer)), keep_default_na=False)
    assert len(table) > 0
    assert set(table["processing"]) == {"compatibility"}
    assert answer["export-download"]["data"]["filename"].endswith(".csv")


@every_panel
def test_every_panel_leaves_as_a_recipe_that_parses(served: Page, panel: str) -> None:
    recipe = parse_recipe(content(clicked(served, panel, "recipe")))
    assert recipe.prompts[0].clean == PAIR.clean


@pytest.mark.parametrize(
    ("quantity", "kind", "named"),
    [("entropy", "head_statistics", True), ("copying", "copying_scores", False),
     ("induction", "behaviour_scores", False)],
)  # fmt: skip
def test_a_figure_names_the_prompt_that_its_numbers_are_of_and_none_where_they_are_of_the_model_alone(
    served: Page, quantity: str, kind: str, named: bool
) -> None:
    asked = parse_experiment(experiment())
    served.engine.evaluate(asked.recipe(kind) if named else asked.model_recipe(kind))
    picture = content(clicked(served, ids.HEAD_MATRIX, "svg", quantity=quantity)).decode()
    said = "".join(re.findall(r">([^<]*)</(?:text|tspan)>", picture))
    assert (PAIR.clean in said, "apple − dog" in said) == (named, named)


@every_panel
def test_every_panel_leaves_as_a_page_that_can_be_opened_again(served: Page, panel: str) -> None:
    page = content(clicked(served, panel, "html"))
    assert read_manifest(page, "html")["view"]["style"]["theme"] == "light"


@every_panel
def test_every_panel_leaves_as_a_program_without_microtome(served: Page, panel: str) -> None:
    program = content(clicked(served, panel, "script")).decode()
    compile(program, panel, "exec")
    assert "import app" not in program
    assert "from app" not in program


def test_parquet_and_json_hold_the_same_rows(served: Page) -> None:
    parquet = pd.read_parquet(io.BytesIO(content(clicked(served, ids.TRAJECTORY, "parquet"))))
    rows = json.loads(content(clicked(served, ids.TRAJECTORY, "json")))
    assert [row["value"] for row in rows] == pytest.approx(parquet["value"].tolist())


@pytest.mark.parametrize("show", ["baseline", "difference"])
def test_a_table_says_which_run_its_numbers_are_of(served: Page, show: str) -> None:
    answer = clicked(served, ids.PREDICTION, "csv", experiment(PAIR, ABLATE), show=show)
    table = pd.read_csv(io.BytesIO(content(answer)), keep_default_na=False)
    assert set(table["show"]) == {show}
    assert set(table["interventions"]) == {"" if show == "baseline" else "zero L1H0.z"}


def test_the_recipe_of_a_difference_holds_its_interventions(served: Page) -> None:
    answer = clicked(served, ids.TRAJECTORY, "recipe", experiment(PAIR, ABLATE), show="difference")
    assert len(parse_recipe(content(answer)).interventions) == 1


def test_a_picture_of_attention_shows_what_the_panel_is_zoomed_into(served: Page) -> None:
    session = session_dict(Session(Experiment(SPEC, PAIR), zoom=AttentionZoom((1, 3), (0, 2))))
    at = {"selection": {"heads": [], "primary": {"layer": 0, "head": 1}}}
    page = content(clicked(served, ids.ATTENTION, "html", session=session, **at))
    style = read_manifest(page, "html")["view"]["style"]
    assert (style["rows"], style["columns"]) == ([1, 3], [0, 2])


def test_the_session_leaves_as_a_link_would_carry_it(served: Page) -> None:
    zoomed = Session(Experiment(SPEC, PAIR), zoom=AttentionZoom((1, 3), (0, 2)))
    answer = clicked(served, "page", "session", session=session_dict(zoomed))
    assert parse_session(content(answer).decode()) == zoomed
    assert "session" in why(clicked(served, "page", "session", session={"zoom": 3}))


def test_all_tables_leave_in_one_archive(served: Page) -> None:
    with zipfile.ZipFile(io.BytesIO(content(clicked(served, "page", "tables")))) as archive:
        assert {name.rsplit(".", 1)[0] for name in archive.namelist()} == set(ids.PANELS)
        assert {name for name in archive.namelist() if name.endswith(".csv")} >= {f"{panel}.csv" for panel in AT_ONCE}


def test_a_panel_that_cannot_be_computed_leaves_its_reason_in_the_archive(served: Page) -> None:
    store = experiment(PAIR, Ablate(Site("z", 99)))
    with zipfile.ZipFile(io.BytesIO(content(clicked(served, "page", "tables", store, show="intervened")))) as archive:
        assert set(archive.namelist()) == {f"{panel}.txt" for panel in ids.PANELS}
        assert "layer" in archive.read(f"{ids.PREDICTION}.txt").decode()


def test_the_program_of_a_difference_says_that_it_is_one_run(served: Page) -> None:
    for show, said in (("difference", True), ("intervened", False)):
        answer = clicked(served, ids.TRAJECTORY, "script", experiment(PAIR, ABLATE), show=show)
        first = content(answer).decode().splitlines()[0]
        assert first.startswith("# The page showed intervened - baseline.") == said
        assert answer["export-download"]["data"]["filename"] == "microtome-trajectory-intervened.py"


def test_a_sweep_that_has_not_run_says_so(served: Page) -> None:
    store = changed(clean="the river tree house the tree")
    assert "Sweep" in why(clicked(served, ids.HEAD_MATRIX, "csv", store, quantity="mean"))


def test_without_answers_there_is_nothing_to_export(served: Page) -> None:
    store = changed(answer=(), incorrect_answer=())
    assert "answer" in why(clicked(served, ids.TRAJECTORY, "csv", store))


def test_a_state_that_is_none_is_refused(served: Page) -> None:
    assert "not an experiment" in why(clicked(served, ids.LENS, "csv", {"model": 3}))


def test_a_menu_that_only_appears_exports_nothing(served: Page) -> None:
    entry = json.dumps(ids.export_item("csv"), sort_keys=True, separators=(",", ":")) + ".n_clicks"
    assert served.ask("export-download.data", {entry: 0, "experiment.data": experiment()}, by=entry) is None
