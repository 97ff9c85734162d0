"""Sweeps through the engine: kept, resumed, shared, previewed, and one digest for one question."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.domain.errors import BadRecipe, BadSite, Cancelled
from app.domain.recipes import AnyRecipe, parse_recipe
from app.domain.results import METRICS, Result, SweepResult
from app.engine import Engine
from tests.loaded import tiny
from tests.unit.test_engine import LONG, on_tiny

KL = METRICS.index("kl_divergence")
PROMPTS = 40


def sweep(prompts: int = PROMPTS, **options: Any) -> AnyRecipe:
    """Twelve heads per prompt: one wave each."""
    return on_tiny(tiny("gpt2").facts.spec, "ablation", prompts, **options)


def computed(result: Result | None) -> int:
    assert isinstance(result, SweepResult)
    return int(np.isfinite(result.values[KL]).sum())


def interrupt(engine: Engine, asked: AnyRecipe, after: int) -> None:
    """Leave a sweep once so many cells are there, and wait until it has ended."""

    def leave(done: int, total: int, partial: Result | None = None) -> None:
        if done >= after:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        engine.evaluate(asked, leave, urgent=False)
    engine.evaluate(on_tiny(tiny("gpt2").facts.spec, "prediction"), urgent=False)  # waits behind the sweep


def test_a_cancelled_sweep_is_kept_and_a_new_engine_on_the_same_cache_goes_on(
    make_engine: Callable[..., Engine],
) -> None:
    first, asked = make_engine(model=tiny("gpt2")), sweep()
    interrupt(first, asked, after=100)
    kept = computed(first.partial(first.digest(asked)))
    assert 100 <= kept < PROMPTS * 12
    first.close()
    second, heard = make_engine(model=tiny("gpt2")), []
    assert computed(second.partial(second.digest(asked))) == kept
    result = second.evaluate(asked, lambda done, total, partial=None: heard.append((done, total)), urgent=False)
    assert min(done for done, total in heard if total > 1) >= kept  # only the newest of quick news is passed on
    assert computed(result) == PROMPTS * 12
    assert second.partial(second.digest(asked)) is None


def test_a_cancelled_sweep_over_paths_is_kept_and_goes_on(make_engine: Callable[..., Engine]) -> None:
    engine, asked = make_engine(model=tiny("gpt2")), on_tiny(tiny("gpt2").facts.spec, "path_patching", PROMPTS)
    assert engine.preview(asked).cells == PROMPTS * 8
    interrupt(engine, asked, after=50)
    kept = computed(engine.partial(engine.digest(asked)))
    assert 50 <= kept < PROMPTS * 8
    assert engine.preview(asked).done == kept
    assert computed(engine.evaluate(asked, urgent=False)) == PROMPTS * 8


def test_closing_the_engine_keeps_the_sweep_that_runs(make_engine: Callable[..., Engine]) -> None:
    engine, asked, some = make_engine(model=tiny("gpt2")), sweep(4000), threading.Event()

    def hear(done: int, total: int, partial: Result | None = None) -> None:
        if done and partial is not None:
            some.set()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(engine.evaluate, asked, hear, False)
        assert some.wait(LONG)
        engine.close()
        with pytest.raises(Cancelled, match="shutting down"):
            running.result(LONG)
    again = make_engine(model=tiny("gpt2"))
    assert computed(again.partial(again.digest(asked))) > 0


def test_two_who_ask_for_a_sweep_share_it_and_one_may_leave(make_engine: Callable[..., Engine]) -> None:
    shared, asked = make_engine(model=tiny("gpt2")), sweep()
    joined, go = threading.Event(), threading.Event()

    def stay(done: int, total: int, partial: Result | None = None) -> None:
        joined.set()

    def leave(done: int, total: int, partial: Result | None = None) -> None:
        raise Cancelled("enough")

    with ThreadPoolExecutor(1) as pool:
        shared.digest(asked)  # the model is there
        shared._thread.submit(lambda: go.wait(LONG))  # pyright: ignore[reportPrivateUsage]  # the sweep waits behind it
        stays = pool.submit(shared.evaluate, asked, stay, False)
        assert joined.wait(LONG)
        with pytest.raises(Cancelled):
            shared.evaluate(asked, leave, False)
        go.set()
        assert computed(stays.result(LONG)) == PROMPTS * 12
    assert shared.counters().misses == 1


def test_a_damaged_partial_result_is_a_fresh_start(make_engine: Callable[..., Engine]) -> None:
    engine, asked = make_engine(model=tiny("gpt2")), sweep()
    interrupt(engine, asked, after=50)
    key = f"{engine.digest(asked)}.partial"
    store = engine._results._store  # pyright: ignore[reportPrivateUsage]
    store.put(key, b"ablation\n" + b"0" * 50)
    assert engine.partial(engine.digest(asked)) is None
    assert computed(engine.evaluate(asked, urgent=False)) == PROMPTS * 12


def test_references_to_the_recipes_own_prompts_and_the_texts_themselves_are_one_question(
    make_engine: Callable[..., Engine],
) -> None:
    engine = make_engine(model=tiny("gpt2"))
    named = sweep(2, method="mean", reference="prompts")
    spelled = replace(named, reference=tuple(pair.clean for pair in named.prompts))  # type: ignore[call-arg]  # an Ablation
    assert engine.digest(named) == engine.digest(spelled)
    assert engine.evaluate(named) is engine.evaluate(spelled)
    assert parse_recipe(engine.evaluate(named).recipe) == spelled


def test_a_preview_counts_what_is_there_already(make_engine: Callable[..., Engine]) -> None:
    engine, asked = make_engine(model=tiny("gpt2")), sweep()
    before = engine.preview(asked)
    assert (before.cells, before.done) == (PROMPTS * 12, 0)
    assert before.seconds > 0
    interrupt(engine, asked, after=100)
    half = engine.preview(asked)
    assert half.done == computed(engine.partial(engine.digest(asked)))
    assert half.seconds < before.seconds
    engine.evaluate(asked)
    assert engine.preview(asked).seconds == 0


def test_a_preview_refuses_what_the_sweep_would(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(model=tiny("gpt2"))
    with pytest.raises(BadSite, match="3 layers"):
        engine.preview(sweep(1, cells={"activation": "z", "layers": [3]}))
    with pytest.raises(BadRecipe, match="draws"):
        engine.preview(sweep(1, method="resample", draws=0))


def test_the_memory_of_sweeps_is_a_setting(make_engine: Callable[..., Engine]) -> None:
    settings = replace(make_engine().settings, sweep_memory=64)
    engine = make_engine(settings=settings, model=tiny("gpt2"))
    assert engine._model(engine.spec).sweep_bytes == 64 * 2**20  # pyright: ignore[reportPrivateUsage]
    assert engine.preview(sweep()).bytes <= 64 * 2**20
