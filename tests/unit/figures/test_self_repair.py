"""Self-repair: heads before and after, and steps that lead from one logit difference to the other."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.sites import Head
from app.domain.views import Selection, Style
from app.figures.scales import short
from app.figures.self_repair import self_repair_bars
from tests.unit.figures import sweeps


def draw(result, selection: Selection | None = None, **style):
    figure = self_repair_bars(result, Style(**style), selection or Selection())
    return figure, {trace.name: trace for trace in figure.data}


def test_the_15_heads_that_change_most_stand_in_that_order():
    result = sweeps.self_repair(5, 4)
    figure, bars = draw(result, width=600, height=400)
    change = np.abs(result.heads_after - result.heads_before)[0].ravel()
    order = np.argsort(-change, kind="stable")[:15]
    assert bars["before"].customdata.tolist() == [f"L{at // 4}H{at % 4}" for at in order]
    np.testing.assert_array_equal(bars["after"].x, result.heads_after[0].ravel()[order])
    assert bars["before"].opacity < bars["after"].opacity
    assert len(figure.layout.yaxis.ticktext) == 15


def test_a_panel_shows_as_many_heads_as_it_has_room_for_names():
    figure, bars = draw(sweeps.self_repair(5, 4))
    assert len(figure.layout.yaxis.ticktext) == len(bars["after"].x) == 8


def test_the_steps_lead_from_the_logit_difference_before_to_the_one_after():
    result = sweeps.self_repair(prompts=3)
    figure, bars = draw(result)
    steps, ends = bars["steps"], bars["ends"]
    assert figure.layout.yaxis2.ticktext == ("before", "removed", *result.part_labels, "after")
    assert steps.base[0] == ends.x[0]
    # float32 sums
    assert steps.base[-1] + steps.x[-1] == pytest.approx(ends.x[1], abs=1e-5)
    starts = np.array(steps.base, dtype=float)
    np.testing.assert_allclose(starts[1:], (starts + steps.x)[:-1])
    assert ends.x[0] == pytest.approx(result.before.mean())


def test_values_stand_in_a_column_beside_the_axis_where_they_lie_on_no_name_and_no_bar():
    result = sweeps.self_repair(prompts=3)
    figure, bars = draw(result)
    assert bars["steps"].text is None
    values = [note for note in figure.layout.annotations if note.name == "value"]
    parts = result.parts.mean(axis=0)
    numbers = [result.before.mean(), result.removed.mean(), *parts, result.after.mean()]
    assert [note.text for note in values] == [short(float(number)) for number in numbers]
    assert [note.y for note in values] == list(range(len(figure.layout.yaxis2.ticktext)))
    assert {(note.x, note.xref, note.xanchor) for note in values} == {(1, "paper", "left")}


def test_the_title_says_how_much_was_repaired_and_the_ratio_of_the_scales():
    result = sweeps.self_repair()
    repaired = 100 * float(result.parts.sum()) / 2.5
    title = draw(result)[0].layout.meta["title"]
    assert title.startswith("Direct change −2.50, of which the rest undoes +")
    assert f"({repaired:.0f} %), under zero L0H1.z; final scale before / after 1.042; 1 prompt, Tiny" in title


def test_selected_heads_are_marked():
    figure, _ = draw(sweeps.self_repair(1, 2), Selection(primary=Head(0, 1)))
    assert "<b>L0H1 ◂</b>" in figure.layout.yaxis.ticktext


def test_what_follows_in_the_direction_of_the_loss_is_not_called_repair():
    result = sweeps.self_repair()
    title = draw(replace(result, parts=-result.parts))[0].layout.meta["title"]
    assert f", and the rest changes −{result.parts.sum():.3g} (" in title
    assert " the same way: no repair, under" in title
    assert "-" not in title.partition("; ")[0]  # one kind of minus
