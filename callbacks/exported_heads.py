"""What the panel of heads leaves as: one number, or two, which are two computations.

Data and figures have both; a recipe and a program are of the first, the left map's or the one up, and the program says
so. The manifest inside a figure has both recipes.
"""

from dataclasses import replace
from typing import Any

import pandas as pd

from app.domain.directions import AnyDirection
from app.domain.head_choices import CHOICES, SOURCES
from app.domain.heads_asked import HeadAxis
from app.domain.recipes import AnyRecipe
from app.domain.results import Result
from app.domain.session import chosen_direction
from app.domain.views import Style
from app.export.tables import with_provenance
from app.figures.tables import long_table, number_rows
from callbacks.exported_source import Page
from callbacks.heads import lacking, recipe_of, shown_of
from callbacks.numbers_of_heads import FIGURES, NumbersOfHeads
from callbacks.reading import Refused


def recipe_of_axis(page: Page, at: int, intervened: bool) -> AnyRecipe:
    """The recipe of one of the numbers on screen."""
    source = CHOICES[page.heads.numbers[at].quantity].source
    along = _along(page, source)
    return recipe_of(page.experiment, source, intervened=intervened and not SOURCES[source].alone, along=along)


def _along(page: Page, source: str) -> AnyDirection | None:
    """The direction that is looked at, of numbers along one."""
    if SOURCES[source].needs != "direction":
        return None
    named = chosen_direction(page.directions, page.residual)
    return named and named.direction


def recipe(page: Page, intervened: bool) -> AnyRecipe:
    """Of two numbers that of the first: the left map's, or the one up."""
    return recipe_of_axis(page, 0, intervened)


def _numbers_of_heads(page: Page) -> NumbersOfHeads:
    """The numbers on screen; where one has none, what is in the way."""
    sources: dict[str, Any] = {}
    for at, axis in enumerate(page.heads.numbers):
        name = CHOICES[axis.quantity].source
        why = lacking(page.experiment, SOURCES[name], _along(page, name))
        if why:
            raise Refused(why)
        sources[name] = page.digests(lambda page, intervened, at=at: recipe_of_axis(page, at, intervened))
    return NumbersOfHeads(page.engine, page.experiment, {"sources": sources}, page.heads, page.view.show)


def result(page: Page) -> Result:
    """The first number's result."""
    return _numbers_of_heads(page).results[0]


def figure(page: Page) -> str:
    """The name of what is drawn."""
    return FIGURES[page.heads.drawn].__name__


def across(page: Page) -> tuple[AnyRecipe, Result] | None:
    """The second number, where there are two."""
    numbers = _numbers_of_heads(page)
    if len(numbers.results) == 1:
        return None
    run = numbers.show_of(page.heads.numbers[1])
    return recipe_of_axis(page, 1, run != "baseline"), numbers.results[1]


def style(page: Page, result: Result, drawn: Style) -> Style:
    """Which numbers are read, and a size with room for what is drawn."""
    width, height = {"map": (drawn.width, drawn.height), "maps": (760, 560), "scatter": (560, 480)}[page.heads.drawn]
    return replace(_numbers_of_heads(page).style(drawn), width=width, height=height)


def run(page: Page) -> str:
    """The run of the first number."""
    first = page.heads.numbers[0]
    return shown_of(SOURCES[CHOICES[first.quantity].source], first.show or page.view.show)


def table(page: Page, result: Result) -> pd.DataFrame:
    """All that the result has, or of two numbers both, of every head."""
    numbers = _numbers_of_heads(page)
    if len(numbers.results) == 1:
        return long_table(result)
    return pd.concat(
        [
            _rows_of(axis, result).assign(show=numbers.show_of(axis))
            for axis, result in zip(page.heads.numbers, numbers.results, strict=True)
        ],
        ignore_index=True,
    )


def _rows_of(axis: HeadAxis, result: Result) -> pd.DataFrame:
    choice = CHOICES[axis.quantity]
    rows = number_rows(result, choice.number).assign(quantity=axis.quantity, unit=choice.unit)
    return with_provenance(rows, result)


def part(page: Page) -> str:
    """`zero-against-direct`, for the file's name."""
    joined = "-against-" if page.heads.scatter else "-beside-"
    return joined.join(axis.quantity.replace("_", "-") for axis in page.heads.numbers)


def above(page: Page) -> str:
    """Said in a program that has one of two numbers."""
    if len(page.heads.numbers) == 1:
        return ""
    first, second = (CHOICES[axis.quantity].label for axis in page.heads.numbers)
    return (
        f"# The page showed {first} beside {second}, which are two computations. This program prints\n"
        f"# {first}; show {second} as one map to export the other.\n"
    )
