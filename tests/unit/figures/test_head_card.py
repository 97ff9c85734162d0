"""The card as table and figure: the primary head's numbers, with unit and sign, beside background texts."""

import numpy as np
import pytest

from app.analyses import drawn
from app.domain.errors import BadInput
from app.domain.head_card import beside_background
from app.domain.recipes import parse_recipe
from app.domain.sites import Head
from app.domain.views import Selection, Style, View, parse_view, view_dict
from app.figures.head_card import card_table, head_card_table
from app.figures.scales import short
from tests.unit.figures import heads, sweeps

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
    assert list(names[:2]) == ["<b>Attention, output</b>", "entropy"]
    assert units[1] == "nats"
    assert here[1] == short(float(HERE.entropy[0, 1, 2]), signed=False)
    assert usual[1] == short(float(BACKGROUND.entropy[:, 1, 2].mean()), signed=False)


TOKENS = heads.tokens()


def test_the_table_has_the_promoted_and_suppressed_tokens_by_rank():
    table = card_table(beside_background(HERE, BACKGROUND), Head(1, 2), TOKENS)
    promoted = table[table["metric"] == "promoted_logit"]
    assert promoted["rank"].tolist() == [0, 1]
    assert promoted["top_token"].tolist() == TOKENS.promoted_tokens[0, 1, 2].tolist()
    assert promoted["value"].tolist() == TOKENS.promoted_logits[0, 1, 2].tolist()
    assert table[table["metric"] == "suppressed_logit"]["value"].lt(0).all()


def test_the_figure_has_effects_scores_and_tokens_where_they_are_given():
    beside = (sweeps.sweep("mean"), heads.behaviour(), heads.copying(), TOKENS)
    figure = head_card_table(BACKGROUND, HERE, Style(width=500), PRIMARY, *beside)
    numbers, tokens = figure.data
    names, here = numbers.cells["values"][:2]
    groups = [name for name in names if name.startswith("<b>")]
    seeded = "<b>50 random tokens twice, seed 0 (prefix matching: 25)</b>"
    assert groups == ["<b>Towards ·Mary − ·J</b>", "<b>Attention, output</b>", seeded, "<b>Weights alone</b>"]
    assert here[names.index("mean ablation")] == short(float(beside[0].effect("logit_diff")[0, 5]))
    assert here[names.index("induction")] == short(float(beside[1].induction[1, 2]), signed=False)
    promotes, suppresses = tokens.cells["values"][1]
    # `<0>` is a token that markup would swallow
    first = [TOKENS.promoted_tokens[0, 1, 2, 0].replace("<", "&lt;"), short(float(TOKENS.promoted_logits[0, 1, 2, 0]))]
    assert promotes.startswith(" ".join(first))
    assert short(float(TOKENS.suppressed_logits[0, 1, 2, 0])) in suppresses


def test_a_view_names_all_that_the_card_is_drawn_of_and_of_which_run():
    beside = tuple(parse_recipe(each.recipe) for each in (heads.behaviour(), TOKENS))
    view = View(parse_recipe(HERE.recipe), Style(show="difference"), PRIMARY, "head_card_table",
                parse_recipe(BACKGROUND.recipe), beside)  # fmt: skip
    assert parse_view(view_dict(view)) == view
    # scores of the model have one run, and ranks of tokens have no difference
    assert [other.style.show for other in view.others] == ["baseline", "intervened"]
    assert len(drawn(view, HERE, BACKGROUND, (heads.behaviour(), TOKENS)).data) == 2
    with pytest.raises(BadInput, match="leave out `beside`"):
        drawn(View(parse_recipe(HERE.recipe)), HERE, None, (TOKENS,))


def test_a_difference_has_signs_and_nothing_to_compare_with():
    here = heads.statistics()
    figure = head_card_table(BACKGROUND, here, Style(show="difference"), PRIMARY)
    _, values, usual, differs, units = figure.data[0].cells["values"]
    assert all(value.startswith("+") for value in values[1:])
    assert set(usual) == set(differs) == {""}
    assert units[1] == "Δ nats"


def test_what_is_not_computed_is_said():
    here = heads.statistics()
    here.entropy[...] = np.nan
    assert head_card_table(BACKGROUND, here, Style(), PRIMARY).data[0].cells["values"][1][1] == "not computed"


def test_without_a_primary_head_it_is_refused():
    with pytest.raises(BadInput, match=r"selection\.primary"):
        head_card_table(BACKGROUND, HERE, Style(), Selection())


def test_a_view_names_the_background_as_what_it_is_drawn_against():
    view = View(parse_recipe(HERE.recipe), selection=PRIMARY, figure="head_card_table",
                against=parse_recipe(BACKGROUND.recipe))  # fmt: skip
    assert drawn(view, HERE, BACKGROUND).layout.meta["panel"] == "head-card"
    with pytest.raises(BadInput, match="corpus = true"):
        drawn(view, HERE)
