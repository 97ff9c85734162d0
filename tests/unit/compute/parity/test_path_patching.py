"""Direct paths, cell by cell, against TransformerLens' two functions, and against patching whole heads.

Effects of single paths on these models are some 1e-2, so both sides must agree closer than elsewhere: to CLOSE.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformer_lens import patching

from app.analyses import ANALYSES
from app.compute.activation_patching import patched_prompts
from app.compute.bases import BridgeRuns, runs_of
from app.compute.path_patching import path_patching, path_start, written
from app.compute.variations import Held, Row
from app.domain.interventions import Ablate, KnockOutEdge
from app.domain.models import Provenance
from app.domain.recipes import PathPatching, exact_patching
from app.domain.results import METRICS, SweepResult
from app.domain.sites import Head, Site
from app.domain.views import Selection, Style
from tests.loaded import ground_truth, tiny
from tests.unit.compute.asking import PAIR, ask
from tests.unit.compute.parity.sets import AT, COMPARED, LONG, SETS, SHORT, Batch, batch

CLOSE = 1e-5  # measured 1e-6: float32 in two orders of summation, logits of size 1
SOURCES = (Head(0, 1), Head(1, 3))
KL = METRICS.index("kl_divergence")
TRUTH = (
    replace(PAIR, clean="apple river house apple", corrupted="tree river house apple", answer=("river",),
            incorrect_answer=("tree",)),
)  # fmt: skip
each_set = pytest.mark.parametrize("length", SETS)
each_path = pytest.mark.parametrize(
    ("architecture", "component"), [*((a, c) for a in ("gpt2", "neox") for c in "qkv"), ("llama", "q")]
)


def paths(model: Any, *interventions: Any, prompts: Any = (PAIR,), **options: Any) -> SweepResult:
    return ask(path_patching, PathPatching, model, *interventions, prompts=prompts, **options)


def theirs(asked: Batch, source: Head, component: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean logit difference over the prompts `[layer head]`, as TransformerLens returns it; and what its metric was
    called with: COMPARED of each prompt `[metric prompt layer head]`, of later layers."""
    cache, seen = asked.cache(asked.corrupted), []
    with torch.no_grad():
        metrics = asked.metrics(asked.model.bridge(asked.corrupted))

    def mean(logits: Tensor) -> Tensor:
        seen.append(torch.stack([metrics[name](logits) for name in COMPARED]))
        return seen[-1][0].mean()

    with torch.no_grad():
        found = patching.get_act_patch_direct_path(
            asked.model.bridge, asked.corrupted, asked.clean_cache, cache, mean, *vars(source).values(), component,
            verbose=False,
        )  # fmt: skip
    return found.numpy(), torch.stack(seen, -1).unflatten(-1, (-1, found.shape[1])).numpy()


def later(found: SweepResult, source: Head) -> np.ndarray:
    """COMPARED `[metric prompt layer head]` of the layers after the source's."""
    return found.grid(found.values[AT])[:, :, source.layer + 1 :]


@each_set
@each_path
def test_every_path_equals_transformer_lens(architecture, component, length):
    asked = batch(architecture, length)
    for source in SOURCES:
        found = paths(asked.model, prompts=SETS[length], source=source, component=component)
        mean, each = theirs(asked, source, component)
        np.testing.assert_allclose(later(found, source), each, atol=CLOSE)
        after = mean[source.layer + 1 :]
        np.testing.assert_allclose(later(found, source)[0].mean(axis=0), after, atol=CLOSE)
        assert np.abs(found.effect()).max() > 50 * CLOSE, "an effect that agreement does not hide"
        assert (found.baseline, found.cell_axes) == ("corrupted", ("layer", "head"))
        assert found.cells[:, 0].min() == source.layer + 1, "no placeholders: heads that cannot read are not cells"


def test_every_source_equals_transformer_lens_all_sources():
    asked = batch("gpt2", "5 tokens")
    with torch.no_grad():
        expected = patching.get_act_patch_direct_path_all_sources(
            asked.model.bridge, asked.corrupted, asked.clean_cache, asked.cache(asked.corrupted),
            lambda logits: asked.logit_diff(logits).mean(), "v", verbose=False,
        ).numpy()  # fmt: skip
    for layer in range(2):
        for head in range(4):
            found = paths(asked.model, prompts=SHORT, source=Head(layer, head), component="v")
            after = expected[layer, head, layer + 1 :]
            np.testing.assert_allclose(later(found, Head(layer, 0))[0].mean(axis=0), after, atol=CLOSE)


@pytest.mark.parametrize(("architecture", "component"), [("gpt2", "v"), ("llama", "q")])
def test_interventions_in_force_hold_in_every_run_and_the_source_is_the_plain_other_one(architecture, component):
    asked = batch(architecture, "8 tokens")
    zero = [("blocks.1.attn.hook_z", _zero_two_heads), ("blocks.2.hook_resid_pre", _zero_a_position)]
    changes = Ablate(Site("z", 1, (0, 2))), Ablate(Site("resid_pre", 2, None, (5,)))
    found = paths(asked.model, *changes, prompts=LONG, source=Head(0, 3), component=component)
    with asked.model.bridge.hooks(fwd_hooks=zero):
        _, each = theirs(asked, Head(0, 3), component)
    np.testing.assert_allclose(later(found, Head(0, 3)), each, atol=CLOSE)


def _zero_two_heads(z: Tensor, hook: Any) -> Tensor:
    return z.index_fill(2, torch.tensor([0, 2]), 0.0)


def _zero_a_position(stream: Tensor, hook: Any) -> Tensor:
    return stream.index_fill(1, torch.tensor([5]), 0.0)


@pytest.mark.parametrize("direction", ["denoising", "noising"])
@each_path
def test_a_path_has_the_same_effect_whichever_of_its_ends_is_named(architecture, component, direction):
    changes = Ablate(Site("z", 1, (0, 2))), Ablate(Site("resid_pre", 2, None, (5,)))
    asked: dict[str, Any] = {"prompts": LONG, "component": component, "direction": direction}
    into = paths(tiny(architecture), *changes, receiver=Head(2, 1), **asked)
    assert into.cells.tolist() == [[layer, head] for layer in (0, 1) for head in range(4)], "only earlier heads write"
    assert (into.activation, into.engine) == ("z", "replay")
    for at, (layer, head) in enumerate(into.cells.tolist()):
        one = paths(tiny(architecture), *changes, source=Head(layer, head), heads=(Head(2, 1),), **asked)
        np.testing.assert_allclose(into.values[:, :, at], one.values[:, :, 0], atol=CLOSE)
    assert np.abs(into.effect()).max() > 50 * CLOSE, "an effect that agreement does not hide"


@pytest.mark.parametrize("component", ["k", "v"])
def test_shared_keys_and_values_are_read_by_all_their_heads(component):
    """A slow loop with the bridge's own hooks: llama's four heads share two key-value heads."""
    asked, receiver = batch("llama", "5 tokens"), Head(2, 3)
    found = paths(asked.model, prompts=SHORT, receiver=receiver, component=component)
    here, there = asked.cache(asked.corrupted), asked.clean_cache
    stream, read = "blocks.2.hook_resid_pre", f"blocks.2.attn.hook_{component}"
    with torch.no_grad():
        metrics = asked.metrics(asked.model.bridge(asked.corrupted))
    for at, (layer, head) in enumerate(found.cells.tolist()):
        z = f"blocks.{layer}.attn.hook_z"
        delta = (there[z] - here[z])[:, :, head] @ asked.model.bridge.blocks[layer].attn.W_O[head]
        with torch.no_grad(), asked.model.bridge.hooks(fwd_hooks=[(stream, _adding(delta))]):
            changed = asked.model.bridge.run_with_cache(asked.corrupted, names_filter=[read])[1][read]
        with torch.no_grad(), asked.model.bridge.hooks(fwd_hooks=[(read, _second_head(changed))]):
            logits = asked.model.bridge(asked.corrupted)
        expected = [metrics[name](logits) for name in COMPARED]
        np.testing.assert_allclose(found.values[AT][:, :, at], torch.stack(expected), atol=CLOSE)
    assert np.abs(found.effect()).max() > 50 * CLOSE, "an effect that agreement does not hide"


def _adding(delta: Tensor) -> Any:
    return lambda stream, hook: stream + delta


def _second_head(changed: Tensor) -> Any:
    return lambda read, hook: torch.cat([read[:, :, :1], changed[:, :, 1:]], 2)


def test_both_engines_give_the_same_numbers_of_a_receiver():
    model = tiny("llama")
    recipe = PathPatching(model=model.facts.spec, prompts=(PAIR,), receiver=Head(2, 3), component="v")
    options: Any = {"digest": "d", "provenance": Provenance.of(model.facts, {})}
    fast, slow = (path_patching(model, recipe, runs=runs, **options) for runs in (runs_of(model), BridgeRuns(model)))
    assert (fast.engine, slow.engine) == ("replay", "bridge: asked for")
    np.testing.assert_allclose(fast.values, slow.values, atol=CLOSE)


def test_nothing_reads_through_frozen_patterns_but_values():
    frozen = KnockOutEdge(0, ((3, 1),), freeze=("pattern",))
    for component, reads in (("q", False), ("k", False), ("v", True)):
        found = paths(tiny("gpt2"), frozen, source=Head(0, 2), component=component)
        assert found.effect().any() == reads


@each_path
def test_both_engines_give_the_same_numbers(architecture, component):
    model = tiny(architecture)
    recipe = PathPatching(model=model.facts.spec, prompts=(PAIR,), source=SOURCES[0], component=component)
    options: Any = {"digest": "d", "provenance": Provenance.of(model.facts, {})}
    fast, slow = (path_patching(model, recipe, runs=runs, **options) for runs in (runs_of(model), BridgeRuns(model)))
    assert (fast.engine, slow.engine) == ("replay", "bridge: asked for")
    np.testing.assert_allclose(fast.values, slow.values, atol=CLOSE)


@pytest.mark.parametrize("component", "qkv")
def test_11_denoising_is_noising_with_the_prompts_exchanged(component):
    exchanged = replace(PAIR, clean=str(PAIR.corrupted), corrupted=PAIR.clean)
    options: dict[str, Any] = {"source": Head(0, 1), "component": component}
    denoised = paths(tiny("gpt2"), **options)
    noised = paths(tiny("gpt2"), prompts=(exchanged,), direction="noising", **options)
    np.testing.assert_array_equal(denoised.values, noised.values)
    np.testing.assert_array_equal(denoised.effect(), noised.effect())
    assert (denoised.baseline, noised.baseline) == ("corrupted", "clean")


def test_7_a_source_that_writes_the_same_on_both_prompts_changes_nothing():
    same = replace(PAIR, corrupted=PAIR.clean)
    assert not paths(tiny("neox"), prompts=(same,), source=Head(0, 0), component="v").effect().any()


@pytest.mark.parametrize("direction", ["denoising", "noising"])
def test_15_all_direct_paths_of_a_head_together_are_patching_the_head(direction):
    """In the last layer but one of a model without MLPs, the only readers are queries, keys and values of the last
    layer, and the final norm."""
    model, source = ground_truth(), Head(0, 2)
    recipe = PathPatching(model=model.facts.spec, prompts=TRUTH, source=source, direction=direction)
    runs, ends = runs_of(model), patched_prompts(model, exact_patching(recipe), 64)[0]
    ids, other = (runs.values(prompt.clean.ids) for prompt in (ends.patched, ends.source))
    draw = path_start(model, recipe, ends, runs).draw(0)
    read: Row = tuple(Held(Site(name, 1), draw.value(Site(name, 1))) for name in ("q", "k", "v"))
    last = Site("resid_post", 1)
    without = runs.values(ends.patched.clean.ids, read)(last)
    delta = written(model, source, other) - written(model, source, ids)
    whole = Held(Site("z", 0, (source.head,)), other(Site("z", 0)))
    paths_together, head, heads_alone = draw.base.run([(*read, Held(last, without + delta)), (whole,), read])
    torch.testing.assert_close(paths_together, head, atol=CLOSE, rtol=0)
    for part in (heads_alone, draw.base.logits):
        assert (part - head).abs().max() > 100 * CLOSE, "the path to the logits counts, and those into heads do, too"


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "neox"])
def test_15_the_paths_of_all_writers_into_the_logits_together_are_the_other_run(architecture):
    """What the embedding, every head and every MLP write differently, added to the last stream of the corrupted run."""
    model = tiny(architecture)
    recipe = PathPatching(model=model.facts.spec, prompts=(PAIR,), source=Head(0, 0))
    runs, ends = runs_of(model), patched_prompts(model, exact_patching(recipe), 64)[0]
    ids, other = (runs.values(prompt.clean.ids) for prompt in (ends.patched, ends.source))
    mlps = [Site("mlp_out", layer) for layer in range(model.facts.n_layers)]
    heads = [Head(layer, head) for layer in range(model.facts.n_layers) for head in range(model.facts.n_heads)]
    deltas = [other(site) - ids(site) for site in (Site("resid_pre", 0), *mlps)]
    deltas += [written(model, head, other) - written(model, head, ids) for head in heads]
    last, draw = Site("resid_post", model.facts.n_layers - 1), path_start(model, recipe, ends, runs).draw(0)
    together = draw.base.run([(Held(last, ids(last) + torch.stack(deltas).sum(0)),)])[0]
    torch.testing.assert_close(together, draw.other, atol=CLOSE, rtol=0)
    for some in (deltas[: len(mlps) + 1], deltas[len(mlps) + 1 :]):
        part = draw.base.run([(Held(last, ids(last) + torch.stack(some).sum(0)),)])[0]
        assert (part - draw.other).abs().max() > 100 * CLOSE, "neither heads nor MLPs alone"


def test_restricted_readers_have_the_numbers_of_the_whole_sweep_and_the_table_names_them():
    whole = paths(tiny("gpt2"), prompts=LONG, source=Head(0, 1), component="k")
    some = paths(tiny("gpt2"), prompts=LONG, source=Head(0, 1), component="k", heads=(Head(2, 3), Head(1, 0)))
    assert some.cells.tolist() == [[1, 0], [2, 3]]
    at = [whole.cells.tolist().index(cell) for cell in some.cells.tolist()]
    np.testing.assert_allclose(some.values, whole.values[:, :, at], atol=CLOSE)
    only = paths(tiny("gpt2"), source=Head(0, 1), layers=(2,))
    assert only.cells.tolist() == [[2, head] for head in range(4)]
    table = ANALYSES["path_patching"].table(some)
    assert len(table) == 2 * 2 * len(METRICS)
    assert set(table["component"]) == {"L1KV0", "L2KV3"}
    drawn = ANALYSES["path_patching"].figure(some, Style(), Selection())
    assert "path patching from L0H1 (denoising)" in drawn.layout.meta["title"]


def test_a_sweep_goes_on_where_it_was():
    whole = paths(tiny("gpt2"), prompts=LONG, source=Head(0, 1))
    begun = replace(whole, values=whole.values.copy())
    begun.values[:, 1] = np.nan
    begun.values[:, 0] = 7.0  # so that it is seen to be kept
    model, told = tiny("gpt2"), []
    recipe = PathPatching(model=model.facts.spec, prompts=LONG, source=Head(0, 1))
    options: Any = {"digest": "d", "provenance": Provenance.of(model.facts, {}), "resume": begun}
    found = path_patching(model, recipe, lambda done, total, _: told.append((done, total)), **options)
    assert (told[0], told[-1]) == ((8, 16), (16, 16))
    assert (found.values[:, 0] == 7.0).all()
    np.testing.assert_allclose(found.values[:, 1], whole.values[:, 1], atol=CLOSE)
