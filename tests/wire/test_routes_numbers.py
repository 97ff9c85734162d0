"""Numbers of sweeps and of heads as bytes, and trials, by the page's plain HTTP routes."""

import json
from typing import Any

import numpy as np
import pytest

from app.domain.recipes import parse_recipe
from app.engine import Engine
from tests.wire.plain import ABLATE, CORRUPTED, PROMPT, evaluated


def sweep(engine: Engine, **fields: Any) -> Any:
    """A sweep of two heads over the pair of this module's prompt."""
    cells = {"activation": "z", "heads": [{"layer": 1, "head": 0}, {"layer": 1, "head": 2}]}
    pair = {"clean": PROMPT, "corrupted": CORRUPTED, "answer": "apple", "incorrect_answer": "dog"}
    given = {"kind": "ablation", "model": "ground-truth", "prompts": [pair], "cells": cells, **fields}
    return engine.evaluate(parse_recipe(given))


def test_a_sweeps_numbers_are_its_effects_prompt_by_prompt(client: Any, engine: Engine) -> None:
    result = sweep(engine)
    answer = client.get(f"/microtome/sweep/{result.digest}/probability.f32")
    assert answer.headers["X-Shape"] == "1,2"
    assert "immutable" in answer.headers["Cache-Control"]
    np.testing.assert_array_equal(np.frombuffer(answer.data, "<f4").reshape(1, 2), result.effect("probability"))


def test_a_sweeps_numbers_can_be_read_as_recovered(client: Any, engine: Engine) -> None:
    result = sweep(engine)
    answer = client.get(f"/microtome/sweep/{result.digest}/logit_diff.f32", query_string={"read": "recovered"})
    np.testing.assert_array_equal(np.frombuffer(answer.data, "<f4").reshape(1, 2), result.recovered())


def test_a_difference_of_sweeps_is_effect_minus_effect(client: Any, engine: Engine) -> None:
    baseline, intervened = sweep(engine), sweep(engine, interventions=[ABLATE])
    place = f"/microtome/sweep/{intervened.digest}/logit_diff.f32"
    answer = client.get(place, query_string={"minus": baseline.digest})
    expected = intervened.effect() - baseline.effect()
    shown = np.frombuffer(answer.data, "<f4").reshape(1, 2)
    np.testing.assert_allclose(shown, expected, atol=1e-5)  # float32, the same four numbers in another order


@pytest.mark.parametrize(
    ("place", "query", "code"),
    [
        ("{digest}/cleverness.f32", {}, 400),
        ("{digest}/rank.f32", {"read": "sideways"}, 400),
        ("{digest}/rank.f32", {"minus": "{wider}"}, 400),
        ("{digest}/rank.f32", {"minus": "{longer}"}, 400),
        ("{digest}/rank.f32", {"minus": "{estimate}"}, 400),
        ("{estimate}/logit_diff.f32", {"minus": "{digest}"}, 400),
        ("0123/rank.f32", {}, 404),
        ("{pattern}/rank.f32", {}, 404),
    ],
)
def test_a_sweep_that_is_not_there_is_refused_and_not_kept(
    client: Any, engine: Engine, place: str, query: dict[str, str], code: int
) -> None:
    wider = sweep(engine, cells={"activation": "z"})
    other = {"clean": CORRUPTED, "corrupted": PROMPT, "answer": "dog", "incorrect_answer": "apple"}
    longer = sweep(engine, prompts=[other, {**other, "clean": PROMPT, "corrupted": CORRUPTED}])
    digests = {"longer": longer.digest, "estimate": sweep(engine, kind="attribution_patching").digest}
    digests |= {"digest": sweep(engine).digest, "wider": wider.digest, "pattern": evaluated(engine).digest}
    asked = {name: value.format(**digests) for name, value in query.items()}
    answer = client.get(f"/microtome/sweep/{place.format(**digests)}", query_string=asked)
    assert answer.status_code == code
    assert answer.headers["Cache-Control"] == "no-store"


def of_heads(client: Any, place: str, **query: str) -> tuple[np.ndarray, str]:
    """Numbers of heads as the page reads them, and how long browsers keep them."""
    answer = client.get(f"/microtome/heads/{place}.f32", query_string=query)
    assert answer.status_code == 200, answer.text
    shape = tuple(map(int, answer.headers["X-Shape"].split(",")))
    return np.frombuffer(answer.data, "<f4").reshape(shape), answer.headers["Cache-Control"]


def test_numbers_of_heads_come_from_every_analysis_that_has_them(client: Any, engine: Engine) -> None:
    whole = sweep(engine, cells={"activation": "z"})
    effects, kept = of_heads(client, f"{whole.digest}/effect", metric="probability")
    np.testing.assert_array_equal(effects, whole.grid(whole.effect("probability")))
    assert effects.shape == (1, 2, 4)
    assert "immutable" in kept
    found = evaluated(engine, kind="head_statistics")
    for name in ("entropy", "output_norm"):
        np.testing.assert_array_equal(of_heads(client, f"{found.digest}/{name}")[0], getattr(found, name))


def test_a_difference_of_numbers_of_heads_is_their_difference(client: Any, engine: Engine) -> None:
    one, other = (evaluated(engine, kind="head_statistics", prompts=[text]) for text in (PROMPT, CORRUPTED))
    shown, _ = of_heads(client, f"{one.digest}/entropy", minus=other.digest)
    np.testing.assert_array_equal(shown, one.entropy - other.entropy)


@pytest.mark.parametrize(
    ("place", "query", "code"),
    [
        ("{one}/cleverness", {}, 400),
        ("{one}/direct", {}, 400),
        ("{one}/entropy", {"metric": "cleverness"}, 400),
        ("{one}/entropy", {"minus": "{two}"}, 400),
        ("{one}/entropy", {"minus": "0123"}, 404),
        ("0123/entropy", {}, 404),
    ],
)
def test_numbers_of_heads_that_are_not_there_are_refused_and_not_kept(
    client: Any, engine: Engine, place: str, query: dict[str, str], code: int
) -> None:
    one, two = (evaluated(engine, kind="head_statistics", prompts=[PROMPT] * count).digest for count in (1, 2))
    asked = {name: value.format(two=two) for name, value in query.items()}
    answer = client.get(f"/microtome/heads/{place.format(one=one)}.f32", query_string=asked)
    assert answer.status_code == code
    assert answer.headers["Cache-Control"] == "no-store"


def test_effects_of_heads_come_with_the_value_of_the_run_that_they_start_from(client: Any, engine: Engine) -> None:
    whole = sweep(engine, cells={"activation": "z"})
    base = json.loads(client.get(f"/microtome/heads/{whole.digest}/effect.f32").headers["X-Base"])
    assert base["name"] == whole.baseline
    np.testing.assert_array_equal(np.float32(base["values"]), getattr(whole, whole.baseline)[0])
    assert (
        "X-Base"
        not in client.get(f"/microtome/heads/{evaluated(engine, kind='head_statistics').digest}/entropy.f32").headers
    )


def test_asked_quietly_numbers_that_are_not_computed_yet_are_no_error(client: Any) -> None:
    answer = client.get("/microtome/heads/0123/effect.f32?quiet=1")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (204, "no-store")


def test_a_trial_answers_with_the_effect_or_in_words_and_never_as_an_error_that_browsers_log(
    client: Any, engine: Engine
) -> None:
    prompt = {"clean": PROMPT, "corrupted": None, "answer": ["apple"], "incorrect_answer": ["dog"]}
    experiment = {"model": {"source": "listed", "name": "ground-truth"}, "prompt": prompt}
    cut = {"kind": "knock_out_edge", "layer": 1, "edges": [[6, 3]], "heads": [0]}
    found = client.post("/microtome/trial", json={"experiment": experiment, "interventions": [cut]})
    assert "not there yet" in found.json["problem"]
    assert found.json["again"]
    evaluated(engine)
    found = client.post("/microtome/trial", json={"experiment": experiment, "interventions": [cut]})
    known = engine.result(found.json["digest"])
    assert known is not None
    assert found.json["after"]["logit_diff"] == known.metrics[0, 0]
    assert found.headers["Cache-Control"] == "no-store"
    for given in ({"experiment": experiment}, [], {"experiment": experiment, "interventions": [{"kind": "steer"}]}):
        refused = client.post("/microtome/trial", json=given)
        assert refused.status_code == 200
        assert refused.json["problem"]
        assert not refused.json["again"]
    typed = client.post("/microtome/trial", data="{}", content_type="text/plain")  # what a foreign page could send
    assert "reload" in typed.json["problem"]
