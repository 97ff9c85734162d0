"""Results as a notebook meets them: a table, a figure and what a cell shows, from the result alone."""

import plotly.graph_objects as go
import pytest

from app.analyses import ANALYSES
from app.domain.errors import BadRecipe
from app.domain.recipes import parse_recipe
from app.domain.results import Result
from app.domain.sites import Head
from app.domain.views import Selection
from app.engine import Engine

PROMPT = {"clean": "the river apple house the river", "answer": "apple", "incorrect_answer": "dog"}
ASKED = {"model": "ground-truth", "prompts": [PROMPT]}


@pytest.fixture
def result(engine: Engine) -> Result:
    return engine.evaluate(parse_recipe({"kind": "direct_logit_attribution", **ASKED}))


def test_a_recipe_is_taken_as_it_was_copied(engine: Engine, result: Result) -> None:
    assert engine.evaluate(result.recipe).digest == result.digest
    assert engine.evaluate({"kind": "direct_logit_attribution", **ASKED}).digest == result.digest
    with pytest.raises(BadRecipe, match="kind"):
        engine.evaluate('{"kind": "divination"}')


def test_a_result_has_its_long_table_with_provenance(result: Result) -> None:
    table = result.table()
    assert table["recipe_digest"].unique().tolist() == [result.digest]
    assert len(table) == len(ANALYSES["direct_logit_attribution"].table(result))


def test_a_result_draws_itself_marked_and_sized_as_asked(result: Result) -> None:
    figure = result.figure(Selection((Head(1, 2),), Head(1, 2)), width=300, theme="dark")
    assert isinstance(figure, go.Figure)
    layout = figure.to_plotly_json()["layout"]
    assert (layout["width"], layout["shapes"][0]["name"]) == (300, "primary")
    assert "Direct logit attribution" in layout["title"]["text"]
    assert "river" in layout["title"]["subtitle"]["text"]


def test_a_cell_shows_what_it_is_how_it_was_made_and_its_first_rows(result: Result) -> None:
    shown = result._repr_html_()
    assert "<b>Direct logit attribution</b>" in shown
    assert result.digest[:12] in shown
    assert shown.count("<tr>") <= 9
