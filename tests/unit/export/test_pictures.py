"""Pictures drawn by the real Chrome: manifest inside, live text, stated resolution, no request to any network."""

import io
import shutil
import struct
import time
import xml.etree.ElementTree as ET

import pytest
from pypdf import PdfReader, PdfWriter

from app.domain.errors import BadInput, ExportUnavailable
from app.domain.recipes import parse_recipe
from app.domain.views import Style, View
from app.export import chrome
from app.export.manifest import manifest, read_manifest
from app.export.pictures import picture
from app.figures.attention_pattern import attention_heatmap
from tests.unit.figures import results

RESULT = results.pattern()
VIEW = View(parse_recipe(RESULT.recipe), Style(width=360, height=288))
MANIFEST = manifest(VIEW, RESULT.provenance, RESULT.digest)
FIGURE = attention_heatmap(RESULT, VIEW.style, VIEW.selection)
FORMATS = ("html", "svg", "png", "pdf")


@pytest.fixture(scope="module")
def chromium() -> str:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not on the PATH")
    return path


@pytest.fixture(scope="module")
def pictures(chromium) -> dict[str, bytes]:
    return {format: picture(FIGURE, format, MANIFEST) for format in FORMATS}


@pytest.mark.parametrize("format", FORMATS)
def test_the_manifest_reopens_from_each_format(pictures, format):
    assert read_manifest(pictures[format], format) == MANIFEST


def test_svg_is_well_formed_and_its_text_stays_text(pictures):
    root = ET.fromstring(pictures["svg"])
    text = " ".join("".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "Attention of L0H0, Tiny" in text
    assert "<|endoftext…" in text
    assert text.count("·Mary") == 4  # twice on each axis: repeated tokens do not merge
    assert (root.get("width"), root.get("height")) == ("360", "288")


def test_pdf_is_one_page_of_the_figures_size_with_embedded_fonts_and_live_text(pictures):
    (page,) = PdfReader(io.BytesIO(pictures["pdf"])).pages
    assert (float(page.mediabox.width), float(page.mediabox.height)) == pytest.approx((270, 216), abs=1)  # 0.75 pt/px
    assert "query (destination)" in page.extract_text()
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    described = [f["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object() for f in fonts]
    assert described
    assert all({"/FontFile2", "/FontFile3"} & set(d) for d in described)


def test_the_packet_of_a_pdf_is_xmp_that_any_program_can_read_and_is_kept_when_the_file_is_edited(pictures):
    reader = PdfReader(io.BytesIO(pictures["pdf"]))
    packet = ET.fromstring(reader.root_object["/Metadata"].get_data())
    assert packet.find(".//{http://purl.org/dc/elements/1.1/}title//{*}li").text == reader.metadata.title
    assert b"<?xpacket begin" in pictures["pdf"]  # not compressed
    edited = io.BytesIO()
    writer = PdfWriter(clone_from=reader)
    writer.add_blank_page(100, 100)
    writer.write(edited)
    assert read_manifest(edited.getvalue(), "pdf") == MANIFEST


def test_png_has_300_dots_per_inch_and_says_so(pictures):
    png = pictures["png"]
    assert struct.unpack(">II", png[16:24]) == (1125, 900)  # 360 x 288 px at 96 per inch
    at = png.index(b"pHYs") + 4
    assert struct.unpack(">IIB", png[at : at + 9]) == (11811, 11811, 1)


def test_html_opens_without_any_request_to_a_network(pictures, browser, tmp_path):
    file = tmp_path / "figure.html"
    file.write_bytes(pictures["html"])
    asked: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_selector(".main-svg .hm image")
    titles = page.locator(".gtitle").all_text_contents()
    page.close()
    assert titles == ["Attention of L0H0, Tiny"]
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_without_a_chrome_the_refusal_says_what_to_do(monkeypatch):
    monkeypatch.setenv("BROWSER_PATH", "/nowhere/chrome")
    with pytest.raises(ExportUnavailable, match=r"none was found here .*/nowhere/chrome.*Install chromium"):
        chrome.Chrome().draw(FIGURE, {"format": "svg"})


def test_a_browser_that_cannot_run_is_reported_after_one_retry(monkeypatch, tmp_path):
    broken = tmp_path / "chrome"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("BROWSER_PATH", str(broken))
    with pytest.raises(ExportUnavailable, match="it failed twice"):
        chrome.Chrome(timeout=20).draw(FIGURE, {"format": "svg"})


def test_the_browser_stops_when_idle_and_starts_again(chromium):
    browser = chrome.Chrome(idle_seconds=0.2)
    first = browser.draw(FIGURE, {"format": "svg"})
    deadline = time.monotonic() + 20
    while browser.is_warm and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not browser.is_warm
    assert len(browser.draw(FIGURE, {"format": "svg"})) == len(first)
    browser.close()


def test_other_formats_are_refused_with_the_list_of_formats():
    with pytest.raises(BadInput, match="'eps' is not a picture format"):
        picture(FIGURE, "eps", MANIFEST)
