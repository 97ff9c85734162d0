"""What sweeps teach of the next sweep's seconds."""

import pytest

from app.domain.cost import Cost
from app.domain.errors import Cancelled
from app.domain.recipes import AnyRecipe, parse_recipe
from app.paces import WIDEST, Paces

QUOTED = Cost(100, 0, 50.0, 1)


def recipe(activation: str = "z") -> AnyRecipe:
    asked = {"kind": "ablation", "model": "ground-truth", "prompts": ["a"], "cells": {"activation": activation}}
    return parse_recipe(asked)


class Clock:
    """Seconds that pass when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def ran(paces: Paces, clock: Clock, seconds: float, cells: int = 100) -> None:
    """A sweep of so many cells that were quoted takes so long."""
    with paces.watched("digest", lambda done, total, partial=None: None) as report:
        assert report is not None
        clock.now += 30  # waits for its turn, which is no part of it
        report(0, 1)
        report(100 - cells, 100)
        clock.now += seconds


def after(*seconds: float, cells: int = 100, activation: str = "z") -> float:
    """Seconds quoted after such sweeps over heads, each of which was quoted first."""
    paces = Paces(clock := Clock())
    for taken in seconds:
        paces.quoted("digest", recipe(), QUOTED)
        ran(paces, clock, taken, cells)
    return paces.quoted("other", recipe(activation), QUOTED).seconds


def test_a_quote_stands_until_a_sweep_was_run():
    assert after() == 50


def test_the_next_quote_of_that_kind_is_what_the_last_sweep_took():
    assert after(5) == pytest.approx(5)
    assert after(5, 20) == pytest.approx(10)  # the mean of ratios 0.1 and 0.4


def test_another_kind_learns_nothing_from_it():
    assert after(5, activation="q") == 50


def test_a_sweep_that_goes_on_is_compared_with_what_was_left():
    assert after(25, cells=50) == pytest.approx(50)


def test_moments_teach_nothing_and_outliers_only_so_much():
    assert after(0.1) == 50
    assert after(50 * 1000) == pytest.approx(50 * WIDEST)


def leaves(done: int, total: int, partial: object = None) -> None:
    """Once there are cells."""
    if done:
        raise Cancelled("enough")


def test_a_sweep_that_was_left_teaches_nothing():
    paces = Paces(clock := Clock())
    paces.quoted("digest", recipe(), QUOTED)

    def sweep() -> None:
        with paces.watched("digest", leaves) as report:
            assert report is not None
            report(0, 100)
            clock.now += 5
            report(10, 100)

    with pytest.raises(Cancelled):
        sweep()
    assert paces.quoted("digest", recipe(), QUOTED).seconds == 50
