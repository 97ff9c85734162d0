"""Rows of the bridge engine against one hooked forward pass each, with and without driven blocks."""

import pytest
import torch

from app.compute.bridge_rows import bridge_base
from app.compute.bridge_values import bridge_values
from app.compute.held import held_at
from app.compute.hooks import row_hooks
from app.compute.passes import passed
from app.compute.runs import capture, everywhere, forward, hooks_for
from app.compute.variations import Held
from app.domain.errors import BadSite
from app.domain.interventions import Ablate, GaussianNoise, KnockOutEdge, Patch, frozen
from app.domain.sites import Site
from app.models.loaded import LoadedModel
from tests import tiny as words
from tests.loaded import ground_truth, loaded, tiny
from tests.unit.compute.asking import cache, each_model, ids

CLOSE = {"atol": 1e-5, "rtol": 0}  # the same modules; other batch sizes sum in another order
IN_FORCE = {
    "nothing": (),
    "a head and a patch": (Ablate(Site("z", 1, (0,))), Patch(Site("mlp_out", 0, positions=(4,)))),
    "noise, an edge and frozen parts": (
        GaussianNoise((3, 4)),
        KnockOutEdge(1, ((5, 2),), (1,), renormalise=True),
        Ablate(Site("attn_out", 0), freeze=("pattern", "scale")),
    ),
}
ACTIVATIONS = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "q", "k", "v", "z", "pattern", "mlp_post")


def rows_of(model, other):
    """A change of every activation at every layer, and one of two places; values from another prompt's run."""
    has_mid = not model.facts.parallel_blocks and model.facts.d_mlp is not None
    names = [name for name in ACTIVATIONS if (has_mid or name != "resid_mid")]
    names = [name for name in names if model.facts.d_mlp is not None or not name.startswith("mlp")]
    sites = [Site(name, layer, positions=(2, 5)) for layer in range(model.facts.n_layers) for name in names]
    both = tuple(Held(Site("z", layer, (1,)), other(Site("z", layer))) for layer in (0, 1))
    edge = Held(Site("pattern", 1, (2,)), torch.zeros(model.facts.n_heads, 8, 8), ((5, 1), (7, 0)))
    return [*((Held(site, other(site)),) for site in sites), both, (edge,), ()]


def one_by_one(model, rows, interventions, other_ids):
    edits = hooks_for(model, ids(model), interventions, other_ids)
    return torch.stack([passed(model, ids(model), [*edits, *row_hooks(row)]) for row in rows])


def base_of(model, interventions, other_ids):
    row = held_at(model, ids(model), other_ids, interventions, lambda source: bridge_values(model, source))
    return bridge_base(model, ids(model), row, frozen(interventions), reason="asked for")


def in_waves(base, rows):
    found = torch.full((len(rows), len(base.logits)), torch.nan)
    for wave in base.waves(rows):
        found[wave] = base.run([rows[at] for at in wave])
    return found


@pytest.mark.parametrize("name", IN_FORCE)
@each_model
def test_every_row_is_one_hooked_forward_pass(architecture, processing, name):
    model, interventions = tiny(architecture, processing), IN_FORCE[name]
    other = ids(model, words.CORRUPTED)
    base, rows = base_of(model, interventions, other), rows_of(model, bridge_values(model, other))
    expected = one_by_one(model, rows, interventions, other)
    torch.testing.assert_close(in_waves(base, rows), expected, **CLOSE)
    torch.testing.assert_close(base.logits, forward(model, ids(model), (), interventions, other), atol=0, rtol=0)
    assert base.entries, "the blocks of this architecture are driven"
    assert base.engine == "bridge: asked for"


def test_a_native_attention_only_model_is_driven_too():
    model = ground_truth()
    own, other = (tuple(range(first, first + 8)) for first in (3, 20))
    base, rows = bridge_base(model, own, reason="asked for"), rows_of(model, bridge_values(model, other))[:-2]
    expected = torch.stack([passed(model, own, row_hooks(row)) for row in rows])
    torch.testing.assert_close(in_waves(base, rows), expected, **CLOSE)
    assert base.entries


class Reads:
    """An output transform that the driven blocks know nothing of."""

    def __init__(self, inner):
        self.inner = inner

    def __call__(self, *args, **options):
        out = self.inner(*args, **options)
        out.logits = out.logits * 3 if hasattr(out, "logits") else out
        return out


def test_a_model_whose_blocks_cannot_be_driven_gets_whole_passes():
    spec = tiny("llama").facts.spec
    model: LoadedModel = loaded(words.build("llama"), spec)
    model.bridge.original_model.forward = Reads(model.bridge.original_model.forward)
    base, rows = (
        bridge_base(model, ids(model), reason="asked for"),
        rows_of(model, bridge_values(model, ids(model, words.CORRUPTED))),
    )
    assert not base.entries
    torch.testing.assert_close(in_waves(base, rows), one_by_one(model, rows, (), None), **CLOSE)


def test_waves_hold_every_row_once_the_last_layers_first_and_no_more_than_the_memory_allows():
    model = tiny("gemma")
    base, rows = bridge_base(model, ids(model), reason=""), rows_of(model, bridge_values(model, ids(model)))
    waves = list(base.waves(rows * 20))
    assert sorted(at for wave in waves for at in wave) == list(range(20 * len(rows)))
    assert len(waves) > 2
    firsts = [held.site.layer for wave in waves for held in (rows * 20)[wave[0]][:1]]
    assert firsts == sorted(firsts, reverse=True)


def test_a_row_that_changes_nothing_is_the_base_run():
    model = tiny("neox")
    base = bridge_base(model, ids(model), reason="")
    assert torch.equal(base.run([()])[0], base.logits)


def test_rows_of_early_layers_cost_more():
    base = bridge_base(tiny("gpt2"), ids(tiny("gpt2")), reason="")
    early, late = (base.cost([(Held(Site("z", layer), torch.zeros(8, 4, 8)),)]) for layer in (0, 2))
    assert early > 2 * late > 0


@each_model
def test_nothing_stays_on_the_model_after_rows_or_after_a_refusal(architecture, processing):
    model = tiny(architecture, processing)
    before = forward(model, ids(model))
    other = ids(model, words.CORRUPTED)
    base = base_of(model, IN_FORCE["noise, an edge and frozen parts"], other)
    base.run(rows_of(model, bridge_values(model, other)))
    with pytest.raises((RuntimeError, BadSite)):
        base.run([(Held(Site("z", 0), torch.zeros(3, 3)),)])
    assert torch.equal(forward(model, ids(model)), before)
    assert not any(point.fwd_hooks for point in model.bridge.hook_dict.values())
    assert not any(block._forward_pre_hooks for block in model.bridge.blocks)


@pytest.mark.parametrize("name", IN_FORCE)
@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_values_are_what_transformer_lens_caches_under_the_same_hooks(architecture, name):
    model, interventions = tiny(architecture), IN_FORCE[name]
    other = ids(model, words.CORRUPTED)
    row = held_at(model, ids(model), other, interventions, lambda source: bridge_values(model, source))
    found = bridge_values(model, ids(model), row, frozen(interventions))
    for activation in ("resid_pre", "z", "k", "pattern", "mlp_post"):
        site = Site(activation, 1)
        _, kept = capture(model, ids(model), {site.hook_name: everywhere}, interventions, other)
        torch.testing.assert_close(found(site), kept[site.hook_name], atol=0, rtol=0)


def test_values_of_a_plain_run_are_the_cache():
    model = tiny("llama")
    _, cached = cache(model)
    for activation in ("resid_mid", "q", "v", "pattern", "mlp_post"):
        site = Site(activation, 2)
        torch.testing.assert_close(bridge_values(model, ids(model))(site), cached[site.hook_name][0])
