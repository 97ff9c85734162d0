"""Changes along directions: what they do to the projection at the hook, and TransformerLens' own interchange."""

from dataclasses import replace

import pytest
import torch
from transformer_lens.tools.analysis import interchange

from app.compute.bases import BridgeRuns, in_force, runs_of
from app.compute.direction_changes import basis_of
from app.compute.directions import made
from app.compute.passes import everywhere
from app.compute.reading import ReadPrompt
from app.compute.runs import capture, forward
from app.compute.variations import Held
from app.domain.direction_interventions import Clamp, ProjectOut, Steer, SwapAlong
from app.domain.directions import MeanDifference, Placebo, RandomDirection, TokenDirection, Vector
from app.domain.errors import BadPrompt, BadRecipe, BadSite
from app.domain.interventions import Ablate, KnockOutEdge
from app.domain.samples import Sample
from app.domain.sites import Site
from app.models.tokens import tokenise
from tests import tiny as words
from tests.loaded import BACKGROUND, tiny
from tests.unit.compute.asking import cache, ids, tokens

EACH = pytest.mark.parametrize("architecture", words.ARCHITECTURES)
TOKENS = TokenDirection((words.ANSWER,), (words.INCORRECT,))
GROUPS = MeanDifference("resid_post", 1, (Sample("w1 w2 w3"), Sample("w4 w5")), (Sample("w2 w9"), Sample("w8 w8 w1")))
SITE = Site("resid_post", 1, positions=(2, 6))
CLOSE = {"atol": 1e-5, "rtol": 0}  # float32; the oracle computes the logits of all positions, in other batches
ROUNDING = 1e-6
"""Of float32, relative to the activation's norm."""


def at_hook(model, *interventions, site=SITE, text=words.CLEAN):
    """`[pos d_model]` of the site after the interventions."""
    own, other = ids(model, text), ids(model, words.CORRUPTED)
    return capture(model, own, {site.hook_name: everywhere}, interventions, other)[1][site.hook_name].float()


def projections(model, direction, *interventions, site=SITE):
    """Of the site's positions, and the norms there."""
    found = at_hook(model, *interventions, site=site)[list(site.positions)]
    return found @ made(model, direction).unit, found.norm(dim=-1)


@EACH
@pytest.mark.parametrize("direction", [TOKENS, GROUPS], ids=["tokens", "mean difference"])
def test_what_is_projected_out_is_gone_at_the_hook(architecture, direction):
    model = tiny(architecture)
    found, norms = projections(model, direction, ProjectOut(SITE, direction))
    assert float((found / norms).abs().max()) < ROUNDING
    untouched = at_hook(model, ProjectOut(SITE, direction)) - at_hook(model)
    assert not untouched[[0, 1, 3, 4, 5, 7]].any()


@EACH
@pytest.mark.parametrize("activation", ["resid_pre", "resid_post", "attn_out", "mlp_out"])
def test_steering_moves_the_projection_by_its_strength_and_nothing_else(architecture, activation):
    model, site = tiny(architecture), Site(activation, 1, positions=(2, 6))
    moved = at_hook(model, Steer(site, TOKENS, 2.5), site=site) - at_hook(model, site=site)
    expected = torch.zeros_like(moved)
    expected[[2, 6]] = 2.5 * made(model, TOKENS).unit
    torch.testing.assert_close(moved, expected, atol=1e-5, rtol=0)


def test_strength_in_norms_is_times_the_norm_at_each_position():
    model = tiny("llama")
    before, norms = projections(model, TOKENS)
    found, _ = projections(model, TOKENS, Steer(SITE, TOKENS, -0.5, "norm"))
    torch.testing.assert_close(found, before - 0.5 * norms)


@EACH
def test_a_clamp_sets_the_projection(architecture):
    model = tiny(architecture)
    found, _ = projections(model, GROUPS, Clamp(SITE, GROUPS, -3.0))
    torch.testing.assert_close(found, torch.full_like(found, -3.0))


@EACH
def test_a_projection_set_to_the_mean_is_that_of_the_references(architecture):
    model = tiny(architecture)
    rows = [cache(model, text)[1][SITE.hook_name][0, 1:] for text in BACKGROUND]  # without the separator
    mean = torch.cat(rows).mean(0) @ made(model, TOKENS).unit
    found, _ = projections(model, TOKENS, ProjectOut(SITE, TOKENS, "mean"))
    torch.testing.assert_close(found, mean.expand_as(found))


def test_a_mean_per_position_is_each_positions_own():
    model, unit = tiny("llama"), made(tiny("llama"), TOKENS).unit
    texts = (BACKGROUND[0], "w21 w22 w23 w24 w25 w26 w27 w28 w29 w30")
    rows = [cache(model, text)[1][SITE.hook_name][0, [2, 6]] for text in texts]
    found, _ = projections(model, TOKENS, ProjectOut(SITE, TOKENS, "mean", texts, pooled=False))
    torch.testing.assert_close(found, torch.stack(rows).mean(0) @ unit)


def test_half_of_a_projection_can_be_taken_out():
    model = tiny("gpt2")
    before, _ = projections(model, TOKENS)
    found, _ = projections(model, TOKENS, ProjectOut(SITE, TOKENS, share=0.5))
    torch.testing.assert_close(found, before / 2)


@EACH
@pytest.mark.parametrize("directions", [(TOKENS,), (TOKENS, GROUPS, RandomDirection(3))], ids=["one", "three"])
def test_a_swap_is_transformer_lens_interchange(architecture, directions):
    model, site = tiny(architecture), Site("resid_post", 1, positions=(6,))
    both = tokens(model), tokens(model, words.CORRUPTED)
    at = torch.tensor([6])

    def logits(inputs):
        return model.bridge(inputs)[:, -1]

    source = interchange.collect_activations(model.bridge, site.hook_name, both[1], logits, positions=at)
    swap = interchange.SubspaceInterchange(basis_of(model, directions))
    expected = interchange.run_with_intervention(
        model.bridge, site.hook_name, swap, both[0], source, logits, positions=at
    )[0]
    found = forward(model, ids(model), (), (SwapAlong(site, directions),), ids(model, words.CORRUPTED))
    torch.testing.assert_close(found, expected, **CLOSE)
    assert (found - forward(model, ids(model))).abs().max() > 1e-3


def test_a_mean_difference_is_transformer_lens_basis_up_to_sign():
    model = tiny("llama")
    rows = [cache(model, each.text)[1][SITE.hook_name][0, -1] for each in (*GROUPS.plus, *GROUPS.minus)]
    basis = interchange.mean_difference_basis(torch.stack(rows), ["a", "a", "b", "b"])
    found = basis_of(model, (GROUPS,))
    torch.testing.assert_close((found.T @ basis).abs(), torch.ones(1, 1))


def test_swapping_along_every_direction_of_space_is_patching():
    model = tiny("llama")
    every = tuple(Vector.of(tuple(float(at == axis) for at in range(32))) for axis in range(32))
    found = forward(model, ids(model), (), (SwapAlong(SITE, every),), ids(model, words.CORRUPTED))
    patched = at_hook(model, text=words.CORRUPTED)
    expected = at_hook(model)
    expected[[2, 6]] = patched[[2, 6]]
    torch.testing.assert_close(at_hook(model, SwapAlong(SITE, every)), expected, **CLOSE)
    assert torch.isfinite(found).all()


@EACH
def test_transformer_lens_placebo_is_as_large_as_the_swap_in_a_placebo_direction(architecture):
    """NormMatchedPlacebo within a placebo direction: the swap there, lengthened to the real swap's displacement."""
    model = tiny(architecture)
    base, source = at_hook(model)[[6]], at_hook(model, text=words.CORRUPTED)[[6]]
    real, placebo = (basis_of(model, (each,)) for each in (TOKENS, Placebo(TOKENS, 1)))
    expected = interchange.NormMatchedPlacebo(interchange.SubspaceInterchange(real), placebo)(base, source)
    site = Site("resid_post", 1, positions=(6,))
    own = at_hook(model, SwapAlong(site, (Placebo(TOKENS, 1),)))[[6]] - base
    distance = (at_hook(model, SwapAlong(site, (TOKENS,)))[[6]] - base).norm()
    torch.testing.assert_close(base + own / own.norm() * distance, expected, atol=1e-4, rtol=0)
    assert abs(float(real.T @ placebo)) < ROUNDING


MANY = (
    Ablate(Site("z", 0, (1,))),
    Steer(Site("resid_pre", 1), TOKENS, 3.0, "norm"),
    KnockOutEdge(1, ((5, 2),), renormalise=True),
    ProjectOut(Site("attn_out", 1), GROUPS, "mean"),
    Clamp(Site("mlp_out", 1, positions=(4, 7)), RandomDirection(1), 2.0),
    SwapAlong(Site("resid_post", 1, positions=(6,)), (TOKENS, RandomDirection(2))),
    Steer(Site("resid_post", 1), Placebo(TOKENS), -1.0),
)


@EACH
@pytest.mark.parametrize("freeze", [(), ("pattern",)])
def test_the_replay_and_the_bridge_agree_on_all_of_them_together_and_on_sweeps_beside_them(architecture, freeze):
    model, mid = tiny(architecture), () if architecture == "neox" else (Steer(Site("resid_mid", 0), GROUPS, 2.0),)
    prompt = ReadPrompt(*(tokenise(model, text, 64) for text in (words.CLEAN, words.CORRUPTED)), (), ())
    zeros = torch.zeros(8, model.facts.n_heads, model.facts.d_head)
    rows = [(Held(Site("z", layer, (1,)), zeros),) for layer in range(3)]
    found = []
    for runs, name in ((runs_of(model), "replay"), (BridgeRuns(model), "bridge")):
        base = runs.base(prompt.clean.ids, *in_force(model, prompt, (*mid, *MANY), frozenset(freeze), runs))
        assert base.engine.startswith(name)
        found.append(torch.stack([base.logits, *(base.run([row])[0] for row in rows)]))
    torch.testing.assert_close(*found, atol=1e-4, rtol=0)
    hooked = forward(model, prompt.clean.ids, (), freezing((*mid, *MANY), freeze), prompt.corrupted_ids)
    torch.testing.assert_close(found[0][0], hooked, atol=1e-4, rtol=0)
    assert (found[1].std(0) > 0).any()


def freezing(interventions, freeze):
    """The same, what is frozen said by the first of them."""
    return (replace(interventions[0], freeze=freeze), *interventions[1:])


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Steer(Site("z", 1), TOKENS, 1.0), BadSite, "does not have the width of the residual stream"),
        (lambda: Steer(SITE, TOKENS, float("inf")), BadRecipe, "strength = inf"),
        (lambda: SwapAlong(SITE, ()), BadRecipe, "along 0 directions"),
        (lambda: SwapAlong(SITE, (TOKENS,), None, (1,)), BadSite, "must pair with"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(make, error, says):
    with pytest.raises(error, match=says):
        make()


@pytest.mark.parametrize(
    ("intervention", "error", "says"),
    [
        (SwapAlong(SITE, (TOKENS, TOKENS)), BadRecipe, "lies in the span of the other directions"),
        (SwapAlong(Site("resid_post", 1), (TOKENS,), "w1 w2"), BadPrompt, "The prompt has 8 tokens and 'w1 w2' has 3"),
        (Steer(Site("resid_post", 9), TOKENS, 1.0), BadSite, "3 layers"),
    ],
)
def test_what_does_not_hold_on_the_model_is_refused_in_words(intervention, error, says):
    model = tiny("gpt2")
    with pytest.raises(error, match=says):
        forward(model, ids(model), (), (intervention,), ids(model, words.CORRUPTED))
