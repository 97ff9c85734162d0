"""The card as table and figure: the primary head's numbers, with unit and sign, beside background texts."""

import numpy as np
import pytest

from app.analyses import drawn
from app.domain.errors import BadInput
from app.domain.head_card import beside_background
from app.domain.recipes import parse_recipe
from app.domain.sites import Head
from app.domain.views import Selection, Style, View
from app.figures.head_card import card_table, head_card_table
from app.figures.scales import short
from tests.unit.figures import heads

HERE, BACKGROUND = heads.statistics(), heads.statistics(prompts=4, corpus=True)
PRIMARY = Selection(primary=Head(1, 2))


def test_the_table_has_the_heads_exact_numbers():
    rows = beside_background(HERE, BACKGROUND)
    table = card_table(rows, Head(1, 2)).set_index("metric")
    assert set(table["component"]) == {"L1H2"}
    assert table.loc["entropy", "value"] == HERE.entropy[0, 1, 2]
    assert table.loc["entropy", "background"] == pytest.approx(BACKGROUND.entropy[:, 1, 2].mean())
    assert table["differs"].tolist() == [bool(row.differs[1, 2]) for row in rows]


def test_the_figure_says_head_and_number_of_texts_and_has_one_line_per_statistic():
    figure = head_card_table(BACKGROUND, HERE, Style(width=500), PRIMARY)
    assert figure.layout.meta["title"] == "L1H2 on this prompt and on 4 background texts, Tiny"
    names, here, usual, _, units = figure.data[0].cells["values"]
    assert names[0] == "entropy"
    assert units[0] == "nats"
    assert here[0] == short(float(HERE.entropy[0, 1, 2]), signed=False)
    assert usual[0] == short(float(BACKGROUND.entropy[:, 1, 2].mean()), signed=False)


def test_a_difference_has_signs_and_nothing_to_compare_with():
    here = heads.statistics()
    figure = head_card_table(BACKGROUND, here, Style(show="difference"), PRIMARY)
    _, values, usual, differs, units = figure.data[0].cells["values"]
    assert all(value.startswith("+") for value in values)
    assert set(usual) == set(differs) == {""}
    assert units[0] == "Δ nats"


def test_what_is_not_computed_is_said():
    here = heads.statistics()
    here.entropy[...] = np.nan
    assert head_card_table(BACKGROUND, here, Style(), PRIMARY).data[0].cells["values"][1][0] == "not computed"


def test_without_a_primary_head_it_is_refused():
    with pytest.raises(BadInput, match=r"selection\.primary"):
        head_card_table(BACKGROUND, HERE, Style(), Selection())


def test_a_view_names_the_background_as_what_it_is_drawn_against():
    view = View(parse_recipe(HERE.recipe), selection=PRIMARY, figure="head_card_table",
                against=parse_recipe(BACKGROUND.recipe))  # fmt: skip
    assert drawn(view, HERE, BACKGROUND).layout.meta["panel"] == "head-card"
    with pytest.raises(BadInput, match="corpus = true"):
        drawn(view, HERE)
