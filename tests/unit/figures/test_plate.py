"""Figures of a plate: shared scales and bars, own words, letters of the asked size; palettes against known colours."""

import numpy as np
import pytest

from app.analyses import ANALYSES
from app.domain.plates import Plate, PlatePanel, placed
from app.domain.recipes import parse_recipe
from app.domain.views import Selection, Style, View
from app.figures import palettes
from app.figures.plate import PIXELS_PER_MM, arranged, composition
from tests.unit.figures import results

RESULTS = {"quiet": results.attribution(), "loud": results.attribution(), "attention": results.pattern()}
RESULTS["loud"] = type(RESULTS["loud"])(**{**vars(RESULTS["loud"]), "heads": RESULTS["loud"].heads * 3})


def _panel(name: str, **fields: object) -> PlatePanel:
    return PlatePanel(View(parse_recipe(RESULTS[name].recipe), Style(metric=name), Selection()), **fields)  # type: ignore[arg-type]


def _draw(view: View) -> object:
    """`style.metric`, which these figures do not read, says of which result."""
    return ANALYSES[view.recipe.kind].figure(RESULTS[view.style.metric], view.style, view.selection)


def _bars(drawn: list) -> list[bool]:
    return [each.figure.data[0].showscale is not False for each in drawn]


def test_panels_of_one_quantity_have_the_larger_limit_and_one_bar():
    plate = Plate(columns=3, panels=(_panel("quiet"), _panel("loud"), _panel("attention")))
    quiet, loud, attention = drawn = arranged(plate, _draw)
    own = float(np.abs(RESULTS["loud"].heads).max())
    assert quiet.figure.data[0].zmax == loud.figure.data[0].zmax == pytest.approx(own)
    assert quiet.figure.data[0].zmin == pytest.approx(-own)
    assert attention.figure.data[0].zmax == 1
    assert _bars(drawn) == [False, True, True]


def test_apart_every_panel_has_its_own_limit_and_bar():
    panels = (_panel("quiet"), _panel("loud"))
    alone = arranged(Plate(panels=panels, one_scale=False), _draw)
    assert alone[0].figure.data[0].zmax < alone[1].figure.data[0].zmax
    assert _bars(alone) == [True, True]
    below = arranged(Plate(panels=panels, columns=1), _draw)
    assert _bars(below) == [True, True]  # in rows of their own


def test_figures_are_drawn_for_letters_of_the_asked_points_and_put_where_the_plate_says():
    plate = Plate(preset="nature-page", font_pt=5.5, panels=(_panel("quiet"), _panel("attention")))
    drawn = arranged(plate, _draw)
    assert drawn[0].scale * 11 * 72 / 96 == pytest.approx(5.5)  # letters of 11 px at scale 1
    for each, place in zip(drawn, placed(plate)[0], strict=True):
        assert each.figure.layout.width * each.scale / PIXELS_PER_MM == pytest.approx(place.width, abs=0.2)
        assert (each.x / PIXELS_PER_MM, each.y / PIXELS_PER_MM) == pytest.approx((place.x, place.y))
    told = composition(plate, drawn)
    assert [panel["letter"] for panel in told["panels"]] == ["a", "b"]
    assert told["width"] / PIXELS_PER_MM == pytest.approx(183)


def test_words_are_the_figures_own_or_the_persons_and_never_read_as_tags():
    tokens = (("·Mary", "<b>Mary</b>"),)
    own = _panel("attention", title="Where it <i>looks</i>", x_label="key", note="L0H0", tokens=tokens)
    plate = Plate(panels=(_panel("quiet"), own, _panel("quiet", title="")), face="serif")
    figures = [each.figure for each in arranged(plate, _draw)]
    assert figures[0].layout.title.text == "Direct logit attribution"
    assert figures[1].layout.title.text == "Where it &lt;i>looks&lt;/i>"
    assert figures[2].layout.title.text == ""
    assert figures[1].layout.xaxis.title.text == "key"
    assert figures[1].layout.annotations[-1].text == "L0H0"
    assert list(figures[1].layout.xaxis.ticktext).count("&lt;b>Mary&lt;/b>") == 2
    assert "Serif" in figures[1].layout.template.layout.font.family


def test_narrow_figures_have_labels_that_do_not_touch_and_titles_in_lines():
    panels = (_panel("attention", title="Attention of a head with a name that is far too long for its column"),)
    wide, narrow = (arranged(Plate(panels=panels, columns=columns), _draw)[0].figure.layout for columns in (1, 3))
    assert (len(wide.xaxis.ticktext), wide.title.text.count("<br>")) == (6, 0)
    assert len(narrow.xaxis.ticktext) * narrow.xaxis.tickfont.size < len(wide.xaxis.ticktext) * wide.xaxis.tickfont.size
    assert narrow.title.text.count("<br>") == 1
    assert narrow.margin.t > wide.margin.t


def test_lightness_and_distance_of_colours_are_those_of_the_books():
    lab = palettes._lab(("#ffffff", "#ff0000", "#0000ff"), np.eye(3))
    np.testing.assert_allclose(lab, [[100, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86]], atol=0.02)
    red, green = palettes._lab(("#ff0000", "#00ff00"), palettes._SEEN["deuteranopia"])
    assert np.linalg.norm(red - green) < 90 < np.linalg.norm(lab[1] - palettes._lab(("#00ff00",), np.eye(3))[0])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("palette", ["blue-red", "blue-orange", "purple-green"])
def test_every_palette_reads_in_every_way_of_seeing(palette, theme):
    seen = palettes.checked(palette, theme)
    assert [each.how for each in seen] == ["as it is", "protanopia", "deuteranopia", "tritanopia", "grey"]
    assert all(each.reads for each in seen), seen


def test_the_check_finds_arms_and_lines_that_look_alike(monkeypatch):
    red = ("#800000", "#a00000", "#c00000", "#e06060", "#f0a0a0")
    green = ("#a0c0a0", "#609060", "#406000", "#305000", "#204000")
    alike = {"light": (red, green)}
    monkeypatch.setitem(palettes._ARMS, "blue-red", alike)
    seen = {each.how: each.reads for each in palettes.checked("blue-red", "light")}
    assert not seen["deuteranopia"]
