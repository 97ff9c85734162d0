"""Figures of the docs: the gallery is of the recipes beside it, and the paper figure comes out as its page says."""

import io
import re
import shutil
from collections.abc import Iterator

import pytest
from pypdf import PdfReader

from app.domain.plates import parse_plate
from app.domain.views import parse_view
from app.engine import Engine
from app.export.manifest import differences, read_manifest
from app.export.opened import opened
from app.plates import plate_file
from app.settings import Settings
from docs import gallery, paper_figure
from tests.loaded import smollm2

MILLIMETRE = 72 / 25.4
QUICKEST = "prediction"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not on the PATH")
    engine = Engine(Settings(cache=tmp_path_factory.mktemp("results"), model="ground-truth", device="cpu"), smollm2())
    yield engine
    engine.close()


def test_the_gallery_lists_every_recipe_beside_a_picture_of_exactly_that_recipe() -> None:
    names = {file.stem for file in gallery.RECIPES.glob("*.json")}
    assert gallery.answers().keys() == names
    assert gallery.PAGE.read_text(encoding="utf-8") == gallery.page()
    drawn = {file.stem: file.read_bytes() for file in gallery.FOLDER.iterdir()}
    assert drawn.keys() == names - gallery.NOT_DRAWN.keys()
    assert sum(map(len, drawn.values())) < 1_500_000
    for name, png in drawn.items():
        assert parse_view(read_manifest(png, "png")["view"]) == gallery.view_of(name), name


def test_a_picture_of_the_gallery_is_drawn_again_by_its_command(engine: Engine) -> None:
    committed = (gallery.FOLDER / f"{QUICKEST}.png").read_bytes()
    again = gallery.drawn(engine, QUICKEST)
    assert again[16:24] == committed[16:24]  # width and height in pixels
    assert parse_view(read_manifest(again, "png")["view"]) == gallery.view_of(QUICKEST)


def test_the_paper_figure_is_computed_and_drawn_as_its_page_says(engine: Engine) -> None:
    plate, numbers = paper_figure.plate(), paper_figure.computed(engine)
    page = paper_figure.PAGE.read_text(encoding="utf-8")
    rows = [tuple(row) for row in re.findall(r"^\| ([a-d]) \| (.+) \| (\S+) \|$", page, re.M)]
    found = paper_figure.seen(numbers)
    assert [row[:2] for row in rows] == [row[:2] for row in found]
    # the last digit may be rounded the other way: other BLAS, other order of sums
    assert [float(row[2]) for row in rows] == pytest.approx([float(row[2]) for row in found], abs=0.011)
    assert paper_figure.filled(page, rows) == page
    prose = re.sub(r"<!-- (\w+) -->.*?<!-- end of \1 -->", "", page, flags=re.S)
    said = re.findall(r"[+-]?\d+\.\d\d\b", prose)
    assert len(said) > 10
    assert [number for number in said if number not in {row[2] for row in rows}] == []

    committed = read_manifest(paper_figure.FIGURE.read_bytes(), "svg")
    assert parse_plate(committed["plate"]) == plate
    if not differences(committed, numbers[0].result.provenance):
        assert [each["digest"] for each in committed["panels"]] == [each.result.digest for each in numbers]

    pdf = plate_file(plate, numbers, "pdf")
    sheet = PdfReader(io.BytesIO(pdf)).pages[0].mediabox
    assert float(sheet.width) / MILLIMETRE == pytest.approx(139.7, abs=0.1)
    assert opened(pdf)[0].plate == plate
