"""Colour ranges and numbers as text."""

import numpy as np
import pytest

from app.domain.views import Style
from app.figures.scales import colour_range, limit_of, short, spoken


def test_the_limit_is_the_largest_magnitude_and_ignores_what_is_not_computed():
    assert limit_of([[1.0, -3.0], [np.nan, 2.0]], Style()) == 3.0


@pytest.mark.parametrize("values", [[[0.0, 0.0]], [[np.nan]], np.zeros((0, 0))])
def test_the_limit_is_1_where_nothing_differs_from_zero(values):
    assert limit_of(values, Style()) == 1.0


def test_signed_ranges_are_symmetric_and_sequential_ones_start_at_0():
    signed = colour_range([[0.5, -2.0]], Style(), signed=True, unit="logit diff")
    assert (signed["zmin"], signed["zmax"]) == (-2.0, 2.0)
    plain = colour_range([[0.5]], Style(), signed=False, unit="probability", limit=1.0)
    assert (plain["zmin"], plain["zmax"]) == (0.0, 1.0)


def test_the_colour_bar_states_unit_and_limit():
    bar = colour_range([[0.5, -2.0]], Style(), signed=True, unit="logit diff")["colorbar"]
    assert bar["title"]["text"] == "logit diff"
    assert bar["ticktext"] == ["−2.00", "−1.00", "0\u2003", "+1.00", "+2.00"]
    assert bar["tickvals"] == [-2.0, -1.0, 0.0, 1.0, 2.0]


def test_plain_ranges_have_plain_ticks():
    bar = colour_range([[0.5]], Style(), signed=False, unit="probability", limit=1.0)["colorbar"]
    assert bar["ticktext"] == ["0", "0.25", "0.5", "0.75", "1"]


def test_a_locked_limit_says_on_which_side_values_lie_beyond_it():
    text = colour_range([[0.5, -2.0]], Style(color_limit=1.0), signed=True, unit="x")["colorbar"]["ticktext"]
    assert text[0] == "≤ −1.00"
    assert text[-1] == "+1.00"


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.5714, "+2.57"), (-0.03124, "−0.0312"), (0.0, "0"), (12345.0, "+12345"), (100.0, "+100"), (0.25, "+0.250")],
)
def test_short_numbers_have_three_digits_and_a_sign(value, text):
    assert short(value) == text


def test_full_numbers_name_their_float32_exactly_and_say_not_computed():
    values = np.array([0.1, -2.5714123, 0.0, np.nan, 1e-9], np.float32)
    assert spoken(values).tolist()[:4] == ["+0.1", "−2.5714123", "0.0", "not computed"]
    assert np.float32(spoken(values)[4].replace("−", "-")) == values[4]


def test_what_is_nothing_but_rounding_has_no_colour():
    assert limit_of([3.8e-6, -1e-6], Style(), 1e-4) == 1e-4
    assert limit_of([0.2], Style(), 1e-4) == 0.2
    assert limit_of([0.0], Style(), 1e-4) == 1.0
