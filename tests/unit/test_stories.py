"""The worked story of docs/stories: its page says what its numbers say, and they come out again."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from app.domain.recipes import parse_recipe, recipe_json
from app.domain.session import parse_session
from app.engine import Engine
from app.settings import Settings
from docs.stories import number_agreement as story
from docs.stories.tables import filled
from docs.stories.write import FOLDER, PAGE, link
from tests.loaded import smollm2

NUMBERS = json.loads((FOLDER / "numbers.json").read_text(encoding="utf-8"))
SOME = (0, 14, 20)
"""A prompt of each kind."""
_TABLE = re.compile(r"<!-- (\w+) -->.*?<!-- end of \1 -->", re.S)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(Settings(cache=tmp_path_factory.mktemp("results"), model="ground-truth", device="cpu"), smollm2())
    yield engine
    engine.close()


def test_the_tables_of_the_page_are_its_numbers_and_its_prose_has_no_others() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert filled(page, NUMBERS) == page
    tables = "".join(match[0] for match in _TABLE.finditer(page))
    said = re.findall(r"[+-]\d+\.\d\d", _TABLE.sub("", page))
    assert len(said) > 10
    assert [number for number in said if number not in tables] == []


def test_the_recipes_beside_the_page_and_its_link_are_those_of_the_story() -> None:
    asked = {"projection": story.projection(), "distribution": story.distribution("subject", story.LAYER),
             "writers": story.writers("clean"), "readers": story.readers(),
             "probe": story.card(story.probe())}  # fmt: skip
    for name, recipe in asked.items():
        assert parse_recipe((FOLDER / f"{name}.json").read_text(encoding="utf-8")) == parse_recipe(recipe_json(recipe))
    address = (FOLDER / "link.txt").read_text(encoding="utf-8").strip()
    assert address == link()
    packed = address.partition("#s=")[2]
    assert parse_session(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()) == story.session()


def test_steering_beats_its_placebo_by_what_the_page_says(engine: Engine) -> None:
    curve = NUMBERS["curves"]["singular"]
    at = [curve["times"].index(times) for times in (-1, 0, 1)]
    asked = story.curve("subject", story.LAYER, "corrupted", [curve["strengths"][each] for each in at], placebos=1)
    found = engine.evaluate(replace(asked, prompts=tuple(story.TESTS[each] for each in SOME)))
    expected = np.array(curve["values"])[np.ix_(at, SOME)].T
    np.testing.assert_allclose(found.values[0], expected, atol=1e-2)  # other BLAS, other order of 30 layers' sums
    assert np.abs(found.placebo[0, :, 0, 2] - found.clean[0]).max() < 1
    assert (found.values[0, :, 2] - found.clean[0]).min() > 4


def test_a_swap_at_the_subject_turns_the_answer_around(engine: Engine) -> None:
    some = tuple(story.TESTS[each] for each in SOME)
    plain, swapped = (
        engine.evaluate(replace(story.predicted("corrupted", *changes), prompts=some)).metrics[0]
        for changes in ((), (story.swapped("subject", story.LAYER),))
    )
    assert (plain < 0).all()
    assert (swapped > 0).all()
