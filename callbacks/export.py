"""Whatever is on screen leaves it: data, figure, recipe, script; always with its provenance, always on light paper.

Exports are drawn again from the exact numbers, not from the pictures on the page. Of a difference, tables and figures
hold intervened - baseline; a recipe and a program are one run each, the intervened one.
"""

import functools
import io
import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from dash import ALL, Dash, Input, Output, State, ctx, dcc, no_update
from dash.exceptions import PreventUpdate

from app.analyses import ANALYSES
from app.domain.errors import BadInput
from app.domain.recipes import AnyRecipe, recipe_json
from app.domain.results import Result
from app.domain.session import Experiment, Session, Viewed, session_dict
from app.domain.views import Selection, Style, View
from app.engine import Engine
from app.export import tables
from app.export.manifest import manifest
from app.export.pictures import picture
from app.figures.caption import captioned
from app.figures.components import component_bars
from app.figures.tables import component_rows, long_table
from callbacks.evaluate import NEED_ANSWERS, attention_options, has_answers, runs
from callbacks.head_matrix import DIRECT
from callbacks.reading import REFUSALS, Asked, Refused, experiment_of, selection_of, view_of
from layouts import ids
from layouts.workspaces import NO_ANSWERS

PANELS = (ids.HEAD_MATRIX, ids.TRAJECTORY, ids.COMPONENTS, ids.ATTENTION, ids.LENS, ids.PREDICTION)
KINDS = {
    ids.TRAJECTORY: "residual_trajectory", ids.COMPONENTS: DIRECT, ids.ATTENTION: "attention_pattern",
    ids.LENS: "logit_lens", ids.PREDICTION: "prediction",
}  # fmt: skip
TABLES: dict[str, Callable[..., bytes]] = {
    "csv": tables.to_csv, "parquet": tables.to_parquet, "json": tables.to_json
}  # fmt: skip
PICTURES = ("svg", "pdf", "png", "html")


@dataclass(frozen=True)
class Page:
    """What is on screen."""

    engine: Engine
    experiment: Experiment
    view: Viewed
    selection: Selection

    def kind(self, panel: str) -> tuple[str, dict[str, Any]]:
        """The analysis behind a panel, and its options."""
        if panel not in PANELS:
            raise BadInput(f"There is no panel {panel!r} to export; use one of {', '.join(PANELS)}.")
        if panel == ids.HEAD_MATRIX:
            method = self.view.quantity
            return (DIRECT, {}) if method == "direct" else ("head_ablation", {"method": method})
        if panel == ids.ATTENTION:
            primary = self.selection.primary
            return KINDS[panel], attention_options(self.engine, self.experiment, primary and primary.layer)
        return KINDS[panel], {}

    def recipe(self, panel: str) -> AnyRecipe:
        """The recipe of what the panel shows; of the intervened run where a difference is shown."""
        kind, options = self.kind(panel)
        return self.experiment.recipe(kind, intervened=self.view.show != "baseline", **options)

    def asked(self, kind: str, **options: Any) -> Asked:
        """The analysis with the digests of its runs."""
        if kind in NEED_ANSWERS and not has_answers(self.experiment):
            raise Refused(NO_ANSWERS)
        if self.engine.status(self.experiment.model).phase != "ready":
            raise Refused("The model is not ready yet; try again when the numbers are on screen.")
        digests = {run: self.engine.digest(recipe) for run, recipe in runs(self.experiment, kind, **options).items()}
        return Asked(self.engine, self.experiment, digests | options, self.view.show)

    def result(self, panel: str) -> Result:
        """The numbers that the panel shows."""
        kind, options = self.kind(panel)
        asked = self.asked(kind, **options)
        return asked.swept() if kind == "head_ablation" else asked.shown(kind)

    def table(self, panel: str) -> pd.DataFrame:
        """The panel's numbers as a table."""
        if panel != ids.COMPONENTS:
            return long_table(self.result(panel))
        return component_rows(self.result(panel), self._swept("zero"), self._swept("mean"))  # pyright: ignore[reportArgumentType]

    def _swept(self, method: str) -> Any:
        try:
            return self.asked("head_ablation", method=method).swept()
        except Refused:
            return None


def exported(page: Page, panel: str, form: str) -> bytes:
    """One panel as one file."""
    if form in TABLES:
        result = page.result(panel)
        return TABLES[form](page.table(panel).assign(show=page.view.show), result)
    if form in PICTURES:
        return _drawn(page, panel, form)
    recipe = page.recipe(panel)
    if form == "recipe":
        return recipe_json(recipe, indent=2).encode()
    if form == "script":
        above = _ONE_RUN if page.view.show == "difference" else ""
        return f"{above}{page.engine.script(recipe)}".encode()
    raise BadInput(
        f"There is no export format {form!r}; use one of {', '.join((*TABLES, *PICTURES, 'recipe', 'script'))}."
    )


_ONE_RUN = """\
# The page showed intervened - baseline. This program prints the intervened run;
# the baseline is the same recipe without its interventions.
"""


def _drawn(page: Page, panel: str, form: Any) -> bytes:
    result, recipe = page.result(panel), page.recipe(panel)
    row = ANALYSES[recipe.kind]
    view = View(recipe, row.sized(Style(theme="light", show=page.view.show)), page.selection)
    draw: Callable[..., Any] = component_bars if panel == ids.COMPONENTS else row.figure
    drawn = captioned(draw(result, view.style, view.selection), page.experiment.prompt, view.style)
    return picture(drawn, form, manifest(view, result.provenance, result.digest))


def exported_page(page: Page, form: str) -> bytes:
    """The whole page: its session, or every table it can show."""
    if form == "session":
        return json.dumps(session_dict(Session(page.experiment, page.selection, page.view)), indent=2).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for panel in PANELS:
            archive.writestr(*_table_or_reason(page, panel))
    return buffer.getvalue()


def _table_or_reason(page: Page, panel: str) -> tuple[str, bytes]:
    """Name and content: one panel without numbers does not cost the others theirs."""
    try:
        return f"{panel}.csv", exported(page, panel, "csv")
    except REFUSALS as why:
        return f"{panel}.txt", f"{why}\n".encode()
    except PreventUpdate:
        return f"{panel}.txt", b"Still on its way; export again when the numbers are on screen.\n"


SUFFIXES = {"recipe": "recipe.json", "script": "py", "session": "session.json", "tables": "zip"}


def file_name(page: Page, panel: str, form: str) -> str:
    """`microtome-head-matrix-direct-baseline.csv`; a recipe or program of a difference is named for what it holds."""
    quantity = f"-{page.view.quantity}" if panel == ids.HEAD_MATRIX else ""
    one_run = form in ("recipe", "script") and page.view.show == "difference"
    return f"microtome-{panel}{quantity}-{'intervened' if one_run else page.view.show}.{SUFFIXES.get(form, form)}"


def notice(text: str) -> list[dict[str, Any]]:
    """A refusal in the page's corner."""
    return [{"id": f"export-{time.time()}", "action": "show", "message": text, "color": "red", "autoClose": 8000}]


def export(engine: Engine, clicks: Any, experiment: Any, view: Any, selection: Any) -> tuple[Any, Any]:
    """The file of the menu entry that was clicked, or why there is none."""
    asked = ctx.triggered_id
    if not asked or not any(entry["value"] for entry in ctx.triggered):
        raise PreventUpdate
    panel, form = asked["panel"], asked["format"]
    try:
        page = Page(engine, experiment_of(experiment), view_of(view), selection_of(selection))
        content = exported_page(page, form) if panel == "page" else exported(page, panel, form)
        return dcc.send_bytes(content, file_name(page, panel, form)), no_update
    except REFUSALS as why:
        return no_update, notice(str(why))


def register(app: Dash, engine: Engine) -> None:
    """All export menus, by one callback."""
    app.callback(
        Output(ids.EXPORT_DOWNLOAD, "data"), Output(ids.NOTIFICATIONS, "sendNotifications"),
        Input({"type": "export", "panel": ALL, "format": ALL}, "n_clicks"),
        State(ids.EXPERIMENT, "data"), State(ids.VIEW, "data"), State(ids.SELECTION, "data"), prevent_initial_call=True,
    )(functools.partial(export, engine))  # fmt: skip
