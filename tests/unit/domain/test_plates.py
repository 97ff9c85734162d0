"""Plates: where panels stand, in mm, and what is refused."""

import pytest

from app.domain.errors import BadRecipe
from app.domain.plates import PRESETS, Plate, PlatePanel, parse_plate, placed, plate_dict
from app.domain.recipes import parse_recipe
from app.domain.views import View

VIEW = View(parse_recipe({"kind": "prediction", "model": "ground-truth", "prompts": ["the dog runs"]}))


def _plate(*spans: int, **fields: object) -> Plate:
    panels = tuple(PlatePanel(VIEW, span=span, height_mm=40 + 10 * at) for at, span in enumerate(spans))
    return Plate(panels=panels, **fields)  # type: ignore[arg-type]


def test_panels_fill_rows_that_are_as_high_as_their_highest_panel_and_as_wide_as_the_paper():
    places, height = placed(_plate(1, 1, 2, 1, preset="icml-page"))
    assert [place.row for place in places] == [0, 0, 1, 2]
    assert [place.height for place in places] == [40, 50, 60, 70]
    assert [place.y for place in places] == [0, 0, 54, 118]
    assert height == 50 + 4 + 60 + 4 + 70
    assert places[1].x + places[1].width == pytest.approx(171.45)
    assert places[2].width == pytest.approx(171.45)
    assert places[0].width == pytest.approx((171.45 - 4) / 2)


def test_a_panel_that_is_wider_than_the_grid_takes_a_whole_row():
    (first, second), _ = placed(_plate(1, 5, preset="acl-column"))
    assert (first.row, second.row, second.width) == (0, 1, pytest.approx(PRESETS["acl-column"].width_mm))


def test_a_plate_is_json_and_back():
    plate = _plate(1, 2, preset="nature-page", face="serif", palette="purple-green")
    assert parse_plate(plate_dict(plate)) == plate
    assert placed(Plate()) == ((), 0.0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"width_mm": 5}, "width_mm = 5 of a figure's plate is out of bounds; give 20 to 1200"),
        ({"columns": 9}, "columns = 9"),
        ({"preset": "cell"}, "preset"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_printed_is_refused_in_words(given, said):
    with pytest.raises(BadRecipe, match=said):
        parse_plate(given)
