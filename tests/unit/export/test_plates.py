"""Plates drawn by the real Chrome: exact size, live text, fonts inside, ids once, manifest of every panel."""

import io
import re
import shutil
import struct
import xml.etree.ElementTree as ET

import pytest
from pypdf import PdfReader

from app.domain.errors import BadInput
from app.domain.plates import Plate, PlatePanel
from app.domain.recipes import parse_recipe
from app.domain.session import WORKED_EXAMPLE
from app.domain.views import Style, View
from app.export.manifest import describe, plate_manifest, read_manifest
from app.export.opened import opened
from app.export.plates import plate_picture
from app.plates import Numbers, composed, plate_file
from tests.unit.figures import results

RESULTS = (results.attribution(), results.pattern())
PANELS = tuple(PlatePanel(View(parse_recipe(each.recipe), Style()), height_mm=50) for each in RESULTS)
PLATE = Plate(preset="neurips", panels=PANELS)
NUMBERS = [Numbers(each, None, ()) for each in RESULTS]
MANIFEST = plate_manifest(PLATE, [(each.provenance, each.digest) for each in RESULTS], None)


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not on the PATH")
    return {format: plate_file(PLATE, NUMBERS, format, dpi=150) for format in ("svg", "pdf", "png", "html")}


@pytest.mark.parametrize("format", ["svg", "pdf", "png", "html"])
def test_every_format_says_how_each_panel_was_made_and_opens_as_the_page_of_the_figure(pictures, format):
    assert read_manifest(pictures[format], format) == MANIFEST
    assert describe(MANIFEST).startswith("a: direct_logit_attribution of Tiny")
    session, made = opened(pictures[format])
    assert (session.plate, session.view.workspace, made) == (PLATE, "figure", MANIFEST)


def test_a_pdf_is_as_wide_as_the_text_of_the_venue_with_text_and_fonts_inside(pictures):
    (page,) = PdfReader(io.BytesIO(pictures["pdf"])).pages
    width, height = (float(side) / 72 * 25.4 for side in page.mediabox[2:])
    assert (width, height - float(page.mediabox[1]) / 72 * 25.4) == pytest.approx((139.7, 50), abs=0.02)
    text = page.extract_text()
    assert {"Direct logit attribution", "Attention of L0H0", "a"} <= set(text.split("\n"))
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    described = [f["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object() for f in fonts]
    assert all({"/FontFile2", "/FontFile3"} & set(d) for d in described)
    assert any("LiberationSerif" in font["/BaseFont"] for font in fonts)


def test_an_svg_has_every_id_once_and_its_letters_in_bold(pictures):
    ids = re.findall(rb' id="([^"]+)"', pictures["svg"])
    assert len(ids) == len(set(ids))
    used = set(re.findall(rb"url\(#([^)\"]+)\)|url\(&quot;#([^&]+)&quot;\)", pictures["svg"]))
    assert {name for pair in used for name in pair if name} <= set(ids)
    root = ET.fromstring(pictures["svg"])
    bold = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text") if node.get("font-weight") == "700"]
    assert bold == ["a", "b"]


def test_a_png_has_the_asked_dots_per_inch_over_the_whole_plate(pictures):
    width, height = struct.unpack(">II", pictures["png"][16:24])
    assert (width, height) == pytest.approx((139.7 / 25.4 * 150, 50 / 25.4 * 150), abs=1.5)


def test_html_draws_every_panel_alive_in_its_place(pictures, browser, tmp_path):
    file = tmp_path / "plate.html"
    file.write_bytes(pictures["html"])
    page = browser.new_page()
    page.goto(file.as_uri())
    page.wait_for_function("document.querySelectorAll('.main-svg .hm image').length >= 2")
    left = page.evaluate("[...document.querySelectorAll('main > div')].map(each => each.getBoundingClientRect().left)")
    page.close()
    assert left[1] - left[0] == pytest.approx((139.7 + 4) / 2 / 25.4 * 96, abs=1)


def test_a_plate_without_panels_says_how_to_add_some():
    with pytest.raises(BadInput, match="Add to figure"):
        plate_picture(composed(Plate(), []), "svg", {})
    assert WORKED_EXAMPLE.plate == Plate()
