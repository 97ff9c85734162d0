"""One door from recipe to result: cached, joined, checked; refusals in words; no torch before it is needed."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from app.analyses import ANALYSES
from app.domain.errors import Busy, Cancelled
from app.domain.models import ModelSpec
from app.domain.recipe_base import OnModel
from app.domain.recipes import AnyRecipe, parse_recipe
from app.domain.results import Result, SweepResult, array_axes
from app.engine import Engine
from app.settings import Settings
from tests.loaded import tiny
from tests.tiny import ANSWER, CLEAN, CORRUPTED, INCORRECT

LONG = 60.0
PAIR = {
    "clean": "the river apple house the river",
    "corrupted": "the dog apple house the dog",
    "answer": "apple",
    "incorrect_answer": "dog",
}
ABLATE = {"kind": "ablate", "site": {"activation": "z", "layer": 1, "heads": [0]}}
PATCH = {"kind": "patch", "site": {"activation": "z", "layer": 1}}
APPLE = {"kind": "tokens", "tokens": ["apple"]}
REQUIRED: dict[str, dict[str, Any]] = {
    "path_patching": {"source": "L0H1"}, "head_reading": {"head": "L1H0"}, "head_projection": {"tokens": ["apple"]},
    "behaviour_scores": {"length": 5, "sequences": 1}, "activation_map": {"layer": 1, "positions": "all"},
    **{f"direction_{view}": {"direction": APPLE}
       for view in ("card", "distribution", "projection", "readers", "writers")},
    "steering_curve": {"direction": APPLE, "site": {"activation": "resid_post", "layer": 0}, "strengths": [0, 1]},
}  # fmt: skip
"""Fields without which a kind is no question, or none of a model this small."""
KINDS = sorted({*ANALYSES} - {"neurons", "sae_features"})
"""What the ground truth can be asked: it has no MLPs, and comes with no autoencoder."""


def recipe(kind: str = "prediction", **options: Any) -> AnyRecipe:
    """A recipe on the ground-truth model."""
    return _asked(kind, {"model": "ground-truth", "prompts": [PAIR], **options})


def _asked(kind: str, options: dict[str, Any]) -> AnyRecipe:
    """Recipes of the model alone without prompts and interventions, which they refuse."""
    options = {**REQUIRED.get(kind, {}), **options}
    refused = ("prompts", "interventions") if issubclass(ANALYSES[kind].recipe, OnModel) else ()
    return parse_recipe({"kind": kind, **{name: value for name, value in options.items() if name not in refused}})


def same(one: Result, two: Result) -> bool:
    """Equal arrays, NaN included."""
    return all(np.array_equal(getattr(one, n), getattr(two, n), _has_nan(one, n)) for n in array_axes(type(one)))


def alike(one: Result, two: Result) -> bool:
    """Equal up to the last digits, which depend on what a pass shared a batch with."""
    pairs = [(getattr(one, n), getattr(two, n)) for n in array_axes(type(one))]
    return all(np.allclose(a, b, 0, 1e-5, equal_nan=True) if a.dtype.kind == "f" else np.array_equal(a, b)
               for a, b in pairs)  # fmt: skip


def _has_nan(result: Result, name: str) -> bool:
    return getattr(result, name).dtype.kind == "f"


def on_tiny(spec: ModelSpec, kind: str, prompts: int = 1, **options: Any) -> AnyRecipe:
    """A recipe on a tiny model; an ablation of every head on some hundred prompts takes about a second."""
    pair = {"clean": CLEAN, "corrupted": CORRUPTED, "answer": ANSWER, "incorrect_answer": INCORRECT}
    options = {"tokens": [ANSWER], **options} if kind == "head_projection" else options
    if "direction" in REQUIRED.get(kind, {}):
        options = {"direction": {"kind": "tokens", "tokens": [ANSWER]}, **options}
    return _asked(kind, {"model": asdict(spec), "prompts": [pair] * prompts, **options})


def sweep(spec: ModelSpec, prompts: int = 250) -> AnyRecipe:
    """A sweep that lasts long enough to be interrupted."""
    return on_tiny(spec, "ablation", prompts)


@pytest.mark.parametrize("kind", KINDS)
def test_every_analysis_evaluates_and_says_where_its_numbers_come_from(engine: Engine, kind: str) -> None:
    asked = recipe(kind, interventions=[ABLATE] if kind == "self_repair" else [])
    result = engine.evaluate(asked)
    assert type(result) is ANALYSES[kind].result
    assert result.digest == engine.digest(asked)
    assert parse_recipe(result.recipe) == asked
    assert result.provenance == engine.provenance(asked.model)
    assert not ANALYSES[kind].table(result).empty


def test_the_second_time_it_comes_from_the_cache_even_in_a_new_engine(make_engine: Callable[..., Engine]) -> None:
    first = make_engine()
    result = first.evaluate(recipe())
    assert first.evaluate(recipe()) is result
    assert (first.counters().hits, first.counters().misses) == (1, 1)
    second = make_engine()
    assert same(second.evaluate(recipe()), result)
    assert (second.counters().hits, second.counters().misses) == (1, 0)


def test_digests_differ_in_what_changes_numbers_and_in_nothing_else(engine: Engine) -> None:
    plain = recipe()
    spec = engine.entries()[1].spec
    others = [
        recipe("residual_trajectory"),
        recipe(top_k=3),
        recipe(interventions=[ABLATE]),
        recipe(model={"source": "listed", "name": "ground-truth", "processing": "raw"}),
        recipe(model={"source": "listed", "name": "ground-truth", "prepend_bos": False}),
    ]
    digests = {engine.digest(other) for other in [plain, *others]}
    assert len(digests) == 1 + len(others)
    assert engine.digest(replace(plain, model=spec)) == engine.digest(plain)


def test_two_who_ask_the_same_at_once_compute_it_once(engine: Engine) -> None:
    engine.facts(engine.spec)
    barrier = threading.Barrier(2)

    def ask() -> Result:
        barrier.wait(LONG)
        return engine.evaluate(recipe("ablation"))

    with ThreadPoolExecutor(2) as pool:
        one, two = (future.result(LONG) for future in [pool.submit(ask), pool.submit(ask)])
    assert one is two
    assert engine.counters().misses == 1


def test_eight_threads_mixing_recipes_get_the_sequential_numbers(make_engine: Callable[..., Engine]) -> None:
    """A bridge used by two threads at once gives wrong numbers silently; here it never is."""
    recipes = [recipe(kind, interventions=[ABLATE]) for kind in KINDS]
    recipes += [recipe(kind) for kind in KINDS if kind != "self_repair"]
    recipes = list(dict.fromkeys(recipes))
    quiet = make_engine(settings=Settings(cache=make_engine().settings.cache_folder / "quiet", model="ground-truth"))
    expected = [quiet.evaluate(each) for each in recipes]
    busy = make_engine(settings=Settings(cache=quiet.settings.cache_folder / "busy", model="ground-truth"))
    asked = [(start + step * 3) % len(recipes) for start in range(8) for step in range(len(recipes))]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: busy.evaluate(recipes[i], urgent=i % 2 == 0), asked))
    assert all(alike(result, expected[i]) for result, i in zip(found, asked, strict=True))
    assert busy.counters().misses == len(recipes)


def test_partial_results_of_a_sweep_can_be_read_and_fill_up(make_engine: Callable[..., Engine]) -> None:
    model = tiny("gpt2")
    engine = make_engine(model=model)
    asked, heard = sweep(model.facts.spec), []

    def report(done: int, total: int, partial: Result | None = None) -> None:
        found = engine.partial(engine.digest(asked))
        if isinstance(found, SweepResult):
            heard.append((done, total, int(np.isfinite(found.effect()).sum())))

    result = engine.evaluate(asked, report, urgent=False)
    assert isinstance(result, SweepResult)
    assert not np.isnan(result.effect()).any()
    counts = [finite for _, _, finite in heard]
    assert counts == sorted(counts)
    assert counts[0] < result.effect().size
    assert engine.partial(engine.digest(asked)) is None  # it is a result now


def test_a_click_is_answered_while_a_sweep_runs(make_engine: Callable[..., Engine]) -> None:
    model = tiny("gpt2")
    engine = make_engine(model=model)
    asked, running = sweep(model.facts.spec), threading.Event()

    def report(done: int, total: int, partial: Result | None = None) -> None:
        if done:
            running.set()

    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(engine.evaluate, asked, report, False)
        assert running.wait(LONG)
        click = on_tiny(model.facts.spec, "prediction")
        clicked = engine.evaluate(click)
        assert not long.done()
        swept = long.result(LONG)
    quiet = make_engine(model=model, settings=replace(engine.settings, cache=engine.settings.cache_folder / "quiet"))
    assert same(clicked, quiet.evaluate(click))
    assert same(swept, quiet.evaluate(asked))  # the interruption has changed nothing


def test_of_two_texts_the_first_asked_for_is_done_first(make_engine: Callable[..., Engine]) -> None:
    model = tiny("gpt2")
    engine, go = make_engine(model=model), threading.Event()
    thread = engine._thread  # pyright: ignore[reportPrivateUsage]
    long, short = (on_tiny(model.facts.spec, "generation", max_new_tokens=tokens) for tokens in (50, 1))
    thread.submit(lambda: go.wait(LONG))
    with ThreadPoolExecutor(2) as pool:
        for waiting, recipe in enumerate((long, short), 1):
            last = pool.submit(engine.evaluate, recipe)
            while thread.waiting < waiting:
                time.sleep(0.01)
        go.set()
        last.result(LONG)
        assert engine.result(engine.digest(long)) is not None


def test_a_cancelled_sweep_stops(make_engine: Callable[..., Engine]) -> None:
    model = tiny("gpt2")
    engine = make_engine(model=model)
    asked = sweep(model.facts.spec, prompts=2000)

    def cancel(done: int, total: int, partial: Result | None = None) -> None:
        if done:
            raise Cancelled("enough")

    began = time.monotonic()
    with pytest.raises(Cancelled):
        engine.evaluate(asked, cancel, urgent=False)
    while engine.counters().running:
        assert time.monotonic() - began < LONG
        time.sleep(0.01)
    assert engine.result(engine.digest(asked)) is None


def test_a_full_queue_is_refused(make_engine: Callable[..., Engine]) -> None:
    model = tiny("gpt2")
    engine = make_engine(model=model, settings=replace(make_engine().settings, queue_limit=1))
    go, begun = threading.Event(), threading.Event()
    hold = engine._thread.submit(lambda: (begun.set(), go.wait(LONG)))  # pyright: ignore[reportPrivateUsage]
    assert begun.wait(LONG)
    engine._thread.submit(lambda: None)  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(Busy, match="1 computations are waiting"):
        engine.evaluate(sweep(model.facts.spec, 1))
    go.set()
    hold.result(LONG)


def test_a_live_model_is_the_default_and_can_be_picked(make_engine: Callable[..., Engine]) -> None:
    bridge = tiny("neox").bridge
    model = tiny("neox")
    engine = make_engine(model=model)
    assert engine.spec == model.facts.spec
    assert engine.entries()[0].spec == engine.spec
    assert engine.status(engine.spec).phase == "ready"
    assert engine.facts(engine.spec).n_layers == bridge.cfg.n_layers


def test_after_any_evaluation_a_plain_forward_pass_is_unchanged(make_engine: Callable[..., Engine]) -> None:
    import torch

    model = tiny("gpt2")
    ids = torch.tensor([[0, 3, 4, 5]])
    before = model.bridge(ids)
    engine = make_engine(model=model)
    for kind in KINDS:
        interventions = [] if kind == "correctness_meters" else [ABLATE]
        engine.evaluate(on_tiny(model.facts.spec, kind, interventions=interventions))
    assert torch.equal(model.bridge(ids), before)


def test_importing_the_engine_and_parsing_recipes_imports_no_torch() -> None:
    code = (
        "import sys; from app.engine import Engine; from app.domain.recipes import parse_recipe; "
        'parse_recipe(\'{"kind": "prediction", "model": "ground-truth", "prompts": ["a"]}\'); '
        "print([name for name in ('torch', 'transformer_lens', 'transformers', 'dash') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_switching_bos_reads_prompts_differently_but_loads_no_second_model(engine):
    with_bos, without = (ModelSpec("listed", "ground-truth", prepend_bos=bos) for bos in (True, False))
    one, other = engine._model(with_bos), engine._model(without)
    assert one.bridge is other.bridge
    assert [len(engine.read_prompt(spec, "the river")) for spec in (with_bos, without)] == [3, 2]
    assert [engine.provenance(spec).bos for spec in (with_bos, without)] == ["<bos>", "none"]
