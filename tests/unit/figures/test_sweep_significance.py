"""What significance can leave with few prompts, and prompts that are not independent, in words."""

from dataclasses import replace

import numpy as np
import pytest

from app.domain.prompt_sets import induction, ioi
from app.domain.recipes import parse_recipe, recipe_json
from app.domain.spread import Spread, spread
from app.domain.views import Selection, Style
from app.figures.prompt_strip import prompt_strip
from app.figures.sweep_map import sweep_heatmap
from app.figures.sweep_significance import least_cells, least_p, mirrored
from tests.unit.figures import sweeps

HIDING = Style(significant=True)


def drawn(result, style=HIDING):
    return sweep_heatmap(result, style, Selection())


def middle(figure) -> str:
    """What stands in the middle of the map."""
    return "".join(note.text for note in figure.layout.annotations if note.name == "nothing left")


@pytest.mark.parametrize("prompts", [6, 8, 12, 40])
def test_the_least_p_is_that_of_prompts_which_all_agree(prompts):
    assert spread(np.ones((prompts, 1))).p_value[0] == pytest.approx(least_p(prompts))


@pytest.mark.parametrize(("prompts", "cells"), [(8, 270), (12, 270), (6, 1), (40, 450)])
def test_so_many_cells_at_the_least_p_are_just_enough(prompts, cells):
    found = []
    for count in range(1, cells + 1):
        p = np.where(np.arange(cells) < count, least_p(prompts), 1.0)
        none = np.zeros(cells)
        if (Spread(none, none, none, none, p, np.full(cells, prompts)).q_value < 0.05).any():
            found.append(count)
    assert (found[:1] or [cells + 1]) == [least_cells(prompts, cells)]


def test_a_map_that_hides_everything_says_what_its_prompts_allow_and_how_many_to_add():
    result = sweeps.sweep("zero", size=(30, 9), tokens=(sweeps.TOKENS[:4],) * 8)
    result.values[0] = result.clean[0][:, None] + np.float32([[1], [-1]] * 4)
    said = middle(drawn(result)).replace("<br>", " ")
    assert said == (
        "No cell has q < 0.05. 8 prompts give p ≥ 0.0078: 43 of 270 cells have to reach that. "
        "Add prompts: with 12, 3 cells are enough."
    )
    assert middle(drawn(result, Style())) == ""


def test_a_map_that_shows_a_cell_says_nothing_in_its_middle():
    result = sweeps.sweep("zero", size=(2, 2), tokens=(sweeps.TOKENS[:4],) * 8)
    result.values[0] = result.clean[0][:, None] + 1
    assert middle(drawn(result)) == ""


def test_prompts_that_are_the_same_two_texts_are_found():
    assert (mirrored(ioi(8)), mirrored(ioi(7)), mirrored(induction(8))) == (8, 6, 0)


def test_statistics_of_such_prompts_say_that_they_are_not_independent():
    result = sweeps.sweep("denoising", size=(2, 2), tokens=(sweeps.TOKENS[:4],) * 8)
    result = replace(result, recipe=recipe_json(replace(parse_recipe(result.recipe), prompts=ioi(8))))
    words = "8 of the prompts are 4 pairs of the same two texts"
    assert words in drawn(result).layout.meta["title"]
    assert words in prompt_strip(result, Style(), Selection()).layout.meta["title"]
    assert words not in drawn(result, Style()).layout.meta["title"]
