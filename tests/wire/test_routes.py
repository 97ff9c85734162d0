"""The plain routes: how far the model is, and attention maps by digest, as browsers ask for them."""

import json
import struct
import time
import zlib
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.domain.attention_results import AttentionWeightsResult
from app.domain.models import ModelSpec
from app.domain.recipes import parse_recipe
from app.engine import Engine
from app.settings import Settings
from tests.wire.plain import ABLATE, PROMPT, evaluated, routed


def pixels(png: bytes) -> np.ndarray:
    """Palette entries `[row column]` of a PNG written without filters."""
    width, height = struct.unpack(">II", png[16:24])
    at = png.index(b"IDAT")
    (length,) = struct.unpack(">I", png[at - 4 : at])
    raw = np.frombuffer(zlib.decompress(png[at + 4 : at + 4 + length]), np.uint8).reshape(height, width + 1)
    return raw[:, 1:]


def test_status_begins_loading_and_ends_ready_with_facts(client: Any, engine: Engine) -> None:
    end = time.monotonic() + 60
    while (found := client.get("/microtome/status").json)["phase"] != "ready":
        assert found["phase"] in ("starting", "loading"), found
        assert time.monotonic() < end
        time.sleep(0.05)
    assert (found["facts"]["n_layers"], found["facts"]["n_heads"]) == (2, 4)
    assert found["queue"] == {"running": [], "waiting": []} or "loading" in str(found["queue"])
    assert set(found["cache"]) == {"hits", "misses"}
    assert found["facts"] == json.loads(json.dumps(asdict(engine.facts(engine.spec))))


class Wishes(Engine):
    """An engine that counts how often a model was wished for."""

    wished = 0

    def want(self, spec: ModelSpec) -> None:
        self.wished += 1
        super().want(spec)


def polled(client: Any, spec: ModelSpec, phase: str, **query: Any) -> None:
    """Ask as a page does until the model is in this phase."""
    end = time.monotonic() + 60
    asked = {"model": json.dumps(asdict(spec)), **query}
    while client.get("/microtome/status", query_string=asked).json["phase"] != phase:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_polling_never_loads_a_failed_model_again_but_a_person_can_ask(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}")
    spec = ModelSpec("folder", str(tmp_path / "broken"))
    with closing(Wishes(settings)) as engine:
        client = routed(engine)
        polled(client, spec, "failed", asked=1)
        before = engine.wished
        polled(client, spec, "failed")
        assert engine.wished == before
        polled(client, spec, "failed", asked=1)
        assert engine.wished == before + 1


def test_polling_a_ready_model_does_not_bring_it_back_into_memory(settings: Settings) -> None:
    with closing(Wishes(settings)) as engine:
        client = routed(engine)
        polled(client, engine.spec, "ready")
        before = engine.wished
        polled(client, engine.spec, "ready", asked=1)
        assert engine.wished == before


@pytest.mark.parametrize("model", ['{"source": "listed", "name": "gpt-9"}', "{", '{"source": "moon", "name": "x"}'])
def test_a_model_that_cannot_be_had_is_failed_in_words(client: Any, model: str) -> None:
    answer = client.get("/microtome/status", query_string={"model": model})
    assert answer.status_code == 200
    assert answer.json["phase"] == "failed"
    assert len(answer.json["message"]) > 20


def test_a_map_is_a_picture_that_browsers_keep(client: Any, engine: Engine) -> None:
    result = evaluated(engine)
    answer = client.get(f"/microtome/attention/{result.digest}/1/2.png")
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    assert "immutable" in answer.headers["Cache-Control"]
    shown = pixels(answer.data)
    expected = 1 + np.rint(result.pattern[1, 2] * 254)  # entry 0 is "not computed"; 1..255 are attention 0..1
    assert np.abs(shown - expected).max() <= 1  # half a step each way
    assert (np.triu(shown, 1) == np.triu(np.ones_like(shown), 1)).all()  # causal


def test_the_two_themes_differ_in_colours_only(client: Any, engine: Engine) -> None:
    place = f"/microtome/attention/{evaluated(engine).digest}/0/0.png"
    light, dark = (client.get(place, query_string={"theme": theme}).data for theme in ("light", "dark"))
    assert light != dark
    assert (pixels(light) == pixels(dark)).all()


def test_numbers_are_the_exact_float32(client: Any, engine: Engine) -> None:
    result = evaluated(engine)
    answer = client.get(f"/microtome/attention/{result.digest}/1/3.f32")
    shape = tuple(map(int, answer.headers["X-Shape"].split(",")))
    np.testing.assert_array_equal(np.frombuffer(answer.data, "<f4").reshape(shape), result.pattern[1, 3])


def test_a_window_is_exactly_that_part_of_the_array(client: Any, engine: Engine) -> None:
    result = evaluated(engine)
    place = f"/microtome/attention/{result.digest}/1/3"
    answer = client.get(f"{place}.f32", query_string={"rows": "2-5", "columns": "1-3"})
    expected = result.pattern[1, 3, 2:5, 1:3]
    assert answer.headers["X-Shape"] == "3,2"
    np.testing.assert_array_equal(np.frombuffer(answer.data, "<f4").reshape(3, 2), expected)
    shown = pixels(client.get(f"{place}.png", query_string={"rows": "2-5", "columns": "1-3"}).data)
    assert np.abs(shown - (1 + np.rint(expected * 254))).max() <= 1


def test_a_window_of_a_difference_is_the_difference_of_the_windows(client: Any, engine: Engine) -> None:
    baseline, intervened = evaluated(engine), evaluated(engine, interventions=[ABLATE])
    asked = {"rows": "3-6", "columns": "0-4", "minus": baseline.digest}
    answer = client.get(f"/microtome/attention/{intervened.digest}/1/0.f32", query_string=asked)
    expected = (intervened.pattern - baseline.pattern)[1, 0, 3:6, 0:4]
    np.testing.assert_array_equal(np.frombuffer(answer.data, "<f4").reshape(3, 4), expected)


def test_a_large_pattern_is_pictured_by_the_largest_of_each_block(client: Any, engine: Engine) -> None:
    result = evaluated(engine)
    n = len(result.str_tokens)
    place = f"/microtome/attention/{result.digest}/1/2.png"
    shown = pixels(client.get(place, query_string={"fit": "4x2"}).data)
    tall, wide = -(-n // 4), -(-n // 2)
    expected = [[result.pattern[1, 2, i : i + tall, j : j + wide].max() for j in range(0, n, wide)]
                for i in range(0, n, tall)]  # fmt: skip
    assert np.abs(shown - (1 + np.rint(np.array(expected) * 254))).max() <= 1


@pytest.mark.parametrize(
    ("rows", "words"), [("0-99", "count from 0 to 6"), ("3-3", "are not in a prompt"), ("all", "0-512")]
)
def test_windows_outside_the_prompt_are_refused_in_words(client: Any, engine: Engine, rows: str, words: str) -> None:
    answer = client.get(f"/microtome/attention/{evaluated(engine).digest}/0/0.png", query_string={"rows": rows})
    assert answer.status_code == 400
    assert words in answer.get_data(as_text=True)


def test_minus_gives_the_difference(client: Any, engine: Engine) -> None:
    baseline, intervened = evaluated(engine), evaluated(engine, interventions=[ABLATE])
    place = f"/microtome/attention/{intervened.digest}/1/0"
    numbers = client.get(f"{place}.f32", query_string={"minus": baseline.digest})
    expected = intervened.pattern[1, 0] - baseline.pattern[1, 0]
    np.testing.assert_array_equal(np.frombuffer(numbers.data, "<f4").reshape(expected.shape), expected)
    shown = pixels(client.get(f"{place}.png", query_string={"minus": baseline.digest}).data)
    assert (shown[np.triu_indices(len(shown), 1)] == 128).all()  # exactly zero is the middle of the signed scale


def small(client: Any, digest: str, **query: str) -> tuple[np.ndarray, Any]:
    """Palette entries `[layer head row column]` of all heads, and the headers."""
    answer = client.get(f"/microtome/attention/{digest}/thumbnails.u8", query_string=query)
    assert answer.status_code == 200
    shape = tuple(map(int, answer.headers["X-Shape"].split(",")))
    return np.frombuffer(answer.data, np.uint8).reshape(shape), answer.headers


def test_thumbnails_are_the_palette_entries_of_every_heads_picture(client: Any, engine: Engine) -> None:
    result = evaluated(engine)
    cells, headers = small(client, result.digest)
    picture = client.get(f"/microtome/attention/{result.digest}/1/2.png").data
    assert (cells[1, 2] == pixels(picture)).all()
    assert headers["X-Layers"] == "0,1"
    assert "immutable" in headers["Cache-Control"]


def test_a_difference_of_thumbnails_has_its_zero_in_the_middle(client: Any, engine: Engine) -> None:
    baseline, intervened = evaluated(engine), evaluated(engine, interventions=[ABLATE])
    cells, _ = small(client, intervened.digest, minus=baseline.digest)
    assert (cells[0] == 128).all()  # what is ablated lies in layer 1
    assert cells.dtype == np.uint8


def test_layers_that_were_computed_apart_say_that_they_are_of_one_run(client: Any, engine: Engine) -> None:
    whole, first, last = (small(client, evaluated(engine, **asked).digest)[1] for asked in
                          ({}, {"layers": [0]}, {"layers": [1]}))  # fmt: skip
    assert whole["X-Run"] == first["X-Run"] == last["X-Run"]
    assert last["X-Layers"] == "1"
    other = evaluated(engine, prompts=["the river"])
    assert small(client, other.digest)[1]["X-Run"] != whole["X-Run"]


def test_only_the_layers_of_the_result_are_there(client: Any, engine: Engine) -> None:
    result = evaluated(engine, layers=[1])
    assert client.get(f"/microtome/attention/{result.digest}/1/0.png").status_code == 200
    assert client.get(f"/microtome/attention/{result.digest}/0/0.png").status_code == 404


@pytest.mark.parametrize(
    ("place", "query", "code"),
    [
        ("{digest}/1/4.png", {}, 404),
        ("{digest}/9/0.f32", {}, 404),
        ("0123/0/0.png", {}, 404),
        ("0123/thumbnails.u8", {}, 404),
        ("{digest}/thumbnails.u8", {"minus": "{shorter}"}, 400),
        ("{digest}/0/0.png", {"minus": "0123"}, 404),
        ("{digest}/0/0.png", {"theme": "pink"}, 400),
        ("{digest}/0/0.png", {"minus": "{shorter}"}, 400),
    ],
)
def test_what_is_not_there_is_refused_and_not_kept(
    client: Any, engine: Engine, place: str, query: dict[str, str], code: int
) -> None:
    digests = {"digest": evaluated(engine).digest, "shorter": evaluated(engine, prompts=["the river"]).digest}
    asked = {name: value.format(**digests) for name, value in query.items()}
    answer = client.get(f"/microtome/attention/{place.format(**digests)}", query_string=asked)
    assert answer.status_code == code
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.mimetype == "text/plain"


def test_a_digest_of_another_analysis_is_no_map(client: Any, engine: Engine) -> None:
    other = engine.evaluate(parse_recipe({"kind": "prediction", "model": "ground-truth", "prompts": [PROMPT]}))
    assert client.get(f"/microtome/attention/{other.digest}/0/0.png").status_code == 404


def weighed(engine: Engine, **options: Any) -> AttentionWeightsResult:
    """Attention weights that are in the cache."""
    pair = {"clean": PROMPT, "answer": "apple", "incorrect_answer": "dog"}
    asked = {"kind": "attention_weights", "model": "ground-truth", "prompts": [pair], **options}
    result = engine.evaluate(parse_recipe(asked))
    assert isinstance(result, AttentionWeightsResult)
    return result


@pytest.mark.parametrize("name", ["value_norm", "output_norm", "attribution"])
def test_attention_weights_are_one_number_per_source_token(client: Any, engine: Engine, name: str) -> None:
    result = weighed(engine, layers=[1])
    answer = client.get(f"/microtome/attention/{result.digest}/weights/1/3/{name}.f32")
    assert answer.headers["X-Shape"] == str(len(result.str_tokens))
    assert "immutable" in answer.headers["Cache-Control"]
    np.testing.assert_array_equal(np.frombuffer(answer.data, "<f4"), getattr(result, name)[0, 3])


def test_a_difference_of_attention_weights_is_intervened_minus_baseline(client: Any, engine: Engine) -> None:
    baseline, intervened = weighed(engine), weighed(engine, interventions=[ABLATE])
    place = f"/microtome/attention/{intervened.digest}/weights/1/0/value_norm.f32"
    shown = np.frombuffer(client.get(place, query_string={"minus": baseline.digest}).data, "<f4")
    np.testing.assert_array_equal(shown, intervened.value_norm[1, 0] - baseline.value_norm[1, 0])
    assert np.abs(shown).max() > 0


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("{digest}/weights/0/0/value_norm.f32", 404),
        ("{digest}/weights/1/4/value_norm.f32", 404),
        ("{digest}/weights/1/0/pattern.f32", 400),
        ("{pattern}/weights/1/0/value_norm.f32", 404),
        ("{digest}/1/0.f32", 404),
        ("{digest}/weights/1/0/value_norm.f32?minus={longer}", 400),
    ],
)
def test_weights_that_are_not_there_are_refused(client: Any, engine: Engine, place: str, code: int) -> None:
    longer = weighed(engine, layers=[1], prompts=[f"{PROMPT} house"])
    digests = {
        "digest": weighed(engine, layers=[1]).digest,
        "pattern": evaluated(engine).digest,
        "longer": longer.digest,
    }
    answer = client.get(f"/microtome/attention/{place.format(**digests)}")
    assert (answer.status_code, answer.mimetype) == (code, "text/plain")
