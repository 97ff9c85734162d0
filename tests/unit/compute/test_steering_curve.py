"""Strength curves against one hooked run per point."""

import numpy as np
import pytest
import torch
from transformer_lens.tools.analysis import interchange

from app.compute.bases import BridgeRuns
from app.compute.directions import made
from app.compute.generation import generation
from app.compute.steering_curve import steering_curve
from app.domain.direction_interventions import Clamp, ProjectOut, Steer, SwapAlong
from app.domain.directions import Placebo, TokenDirection
from app.domain.errors import BadRecipe, BadSite, Cancelled
from app.domain.interventions import Ablate
from app.domain.models import Provenance
from app.domain.recipes import Generation, SteeringCurve
from app.domain.results import METRICS
from app.domain.sites import Site
from tests import tiny as words
from tests.loaded import tiny
from tests.unit.compute.asking import PAIR, TOLERANCE, TWO_ANSWERS, answer, ask, cache, incorrect

TOKENS = TokenDirection((words.ANSWER,), (words.INCORRECT,))
SITE = Site("resid_post", 1)
STRENGTHS = (-3.0, 0.0, 5.0)


def curve(model, *interventions, **fields):
    fields = {"direction": TOKENS, "site": SITE, "strengths": STRENGTHS} | fields
    return ask(steering_curve, SteeringCurve, model, *interventions, **fields)


def slow(model, change, direction, ablated=False):
    """The logit difference of one hooked run."""
    unit = made(model, direction).unit

    def hook(activation, hook):
        return change(activation, unit)

    def zero(z, hook):
        z = z.clone()
        z[:, :, 1] = 0
        return z

    hooks = [(SITE.hook_name, hook), *([("blocks.0.attn.hook_z", zero)] if ablated else [])]
    logits = cache(model, hooks=hooks)[0][0, -1]
    return float(logits[answer(model)] - logits[incorrect(model)])


@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_every_point_is_a_hooked_run_of_its_own_beside_placebos_and_under_interventions(architecture):
    model = tiny(architecture)
    found = curve(model, Ablate(Site("z", 0, (1,))), placebos=2)
    for at, strength in enumerate(STRENGTHS):
        for way, values in ((TOKENS, found.values[0, 0]), (Placebo(TOKENS, 1), found.placebo[0, 0, 1])):
            expected = slow(model, lambda a, d, s=strength: a + s * d, way, ablated=True)
            assert values[at] == pytest.approx(expected, abs=TOLERANCE)
    assert found.values[METRICS.index("kl_divergence"), 0, 1] == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(found.values[:4, 0, 1], found.clean[:4, 0], atol=1e-5)


@pytest.mark.parametrize(
    ("change", "slowly"),
    [
        ("clamp", lambda a, d: a + (5.0 - a @ d)[..., None] * d),
        ("project_out", lambda a, d: a - 5 * (a @ d)[..., None] * d),
    ],
)
def test_clamps_and_shares_are_curves_too(change, slowly):
    model = tiny("llama")
    assert curve(model, change=change).values[0, 0, 2] == pytest.approx(slow(model, slowly, TOKENS), abs=TOLERANCE)


@pytest.mark.parametrize("architecture", ["gpt2", "gemma"])
@pytest.mark.parametrize("positions", [None, (4, 6)])
def test_a_swap_goes_its_share_of_the_way_and_its_placebos_move_every_position_as_far(architecture, positions):
    """By a loop over positions, and TransformerLens' norm-matched placebo."""
    model = tiny(architecture)
    site = Site("resid_post", 1, positions=positions)
    found = curve(model, site=site, change="swap_along", strengths=(0.0, 0.5, 30.0), placebos=2)
    source, real = cache(model, words.CORRUPTED)[1][SITE.hook_name], made(model, TOKENS).unit

    def swapped(a, d, share):
        whole = interchange.SubspaceInterchange(real[:, None], share)
        one = whole if torch.equal(d, real) else interchange.NormMatchedPlacebo(whole, d[:, None])
        a = a.clone()
        for at in positions or range(a.shape[1]):
            a[:, at] = one(a[:, at], source[:, at])
        return a

    for at, share in enumerate((0.0, 0.5, 30.0)):
        for way, values in ((TOKENS, found.values[0, 0]), (Placebo(TOKENS, 1), found.placebo[0, 0, 1])):
            expected = slow(model, lambda a, d, s=share: swapped(a, d, s), way)
            assert values[at] == pytest.approx(expected, abs=TOLERANCE)
    np.testing.assert_allclose(found.values[:4, 0, 0], found.clean[:4, 0], atol=1e-5)
    assert np.abs(found.placebo[0, 0, :, 2] - found.clean[0, 0]).min() > 2 * TOLERANCE


@pytest.mark.parametrize("positions", [None, (1, 3)])
def test_steering_in_norms_is_of_every_chosen_position_and_means_are_over_them_without_the_separator(positions):
    model = tiny("gemma")
    found = curve(model, site=Site("resid_post", 1, positions=positions), unit="norm")
    at = list(positions) if positions else slice(None)

    def steered(a, d):
        a = a.clone()
        for each in positions or range(a.shape[1]):
            a[0, each] += 5 * a[0, each].norm() * d
        return a

    assert found.values[0, 0, 2] == pytest.approx(slow(model, steered, TOKENS), abs=TOLERANCE)
    seen = []
    slow(model, lambda a, d: seen.append((a[0].float().clone(), d)) or a, TOKENS)
    ((stream, unit),) = seen
    rows = stream[at] if positions else stream[1:]  # these prompts begin with a separator
    assert found.norm[0] == pytest.approx(np.mean([float(row.norm()) for row in rows]), rel=1e-4)
    assert found.projection[0] == pytest.approx(np.mean([float(row @ unit) for row in rows]), abs=TOLERANCE)


def test_a_text_is_left_between_its_tokens():
    model, heard = tiny("llama"), []

    def stop(done, total, partial=None):
        heard.append((done, total))
        if len(heard) > 4:
            raise Cancelled("enough")

    recipe = SteeringCurve(
        model=model.facts.spec, prompts=(PAIR,), direction=TOKENS, site=SITE, strengths=(0.0,), max_new_tokens=20
    )
    with pytest.raises(Cancelled):
        steering_curve(model, recipe, stop, digest="d", provenance=Provenance.of(model.facts, {}))
    assert heard[-1] == (1, 2)  # the point is done, its text is not


def test_the_text_of_a_swap_goes_on_from_the_swapped_prompt():
    model = tiny("llama")
    found = curve(model, change="swap_along", strengths=(0.5,), max_new_tokens=2)
    swap = SwapAlong(SITE, (TOKENS,), share=0.5)
    asked = Generation(model=model.facts.spec, prompts=(PAIR,), interventions=(swap,), max_new_tokens=2)
    text = generation(model, asked, digest="d", provenance=found.provenance)
    assert found.texts == ("".join(text.generated.tolist()),)


def test_both_engines_agree_over_prompts_of_several_lengths():
    model = tiny("gpt2")
    recipe = SteeringCurve(
        model=model.facts.spec, prompts=(PAIR, TWO_ANSWERS), direction=TOKENS, site=SITE, strengths=STRENGTHS,
        unit="norm", placebos=1,
    )  # fmt: skip
    of = {"digest": "d", "provenance": Provenance.of(model.facts, {})}
    replay, bridge = (steering_curve(model, recipe, **of, runs=runs) for runs in (None, BridgeRuns(model)))
    assert (replay.engine, bridge.engine) == ("replay", "bridge: asked for")
    for name in ("values", "placebo", "clean", "norm", "projection"):
        np.testing.assert_allclose(getattr(replay, name), getattr(bridge, name), atol=TOLERANCE, err_msg=name)


def test_texts_are_the_generations_under_the_change():
    model = tiny("llama")
    found = curve(model, max_new_tokens=3)
    asked = Generation(
        model=model.facts.spec, prompts=(PAIR,), interventions=(Steer(SITE, TOKENS, 5.0),), max_new_tokens=3
    )
    text = generation(model, asked, digest="d", provenance=found.provenance)
    assert len(found.texts) == 3
    assert found.texts[2] == "".join(text.generated.tolist())


def test_a_curve_goes_on_where_it_was():
    model, partial = tiny("gpt2"), []
    recipe = SteeringCurve(
        model=model.facts.spec, prompts=(PAIR, TWO_ANSWERS), direction=TOKENS, site=SITE, strengths=STRENGTHS,
        max_new_tokens=2,
    )  # fmt: skip
    of = {"digest": "d", "provenance": Provenance.of(model.facts, {})}
    whole = steering_curve(model, recipe, lambda done, total, now=None: partial.append((done, total, now)), **of)
    counts = [done for done, _, _ in partial]
    assert counts == sorted(counts)
    assert partial[-1][:2] == (9, 9)
    half, asked = next(now for done, _, now in partial if 0 < done < 9), []
    again = steering_curve(model, recipe, lambda done, total, now=None: asked.append(done), half, **of)
    np.testing.assert_array_equal(again.values, whole.values)
    assert (again.texts, asked[0] > 0) == (whole.texts, True)


@pytest.mark.parametrize(
    ("fields", "error", "says"),
    [
        ({"strengths": ()}, BadRecipe, "strengths are 0"),
        ({"strengths": (1.0, 1.0)}, BadRecipe, "that differ"),
        ({"strengths": (float("nan"),)}, BadRecipe, "not a number that can be set"),
        ({"placebos": -1}, BadRecipe, "placebos = -1"),
        ({"site": Site("resid_mid", 0)}, BadSite, "use resid_pre"),
        ({"site": Site("z", 0)}, BadSite, "width of the residual stream"),
    ],
)
def test_what_is_no_curve_is_refused(fields, error, says):
    with pytest.raises(error, match=says):
        curve(tiny("gpt2"), **fields)


def test_placebos_of_a_placebo_are_others_than_itself():
    asked = curve_recipe(Placebo(TOKENS, 1))
    assert [each.direction for each in asked.others] == [Placebo(TOKENS, 0), Placebo(TOKENS, 2)]
    assert isinstance(asked.changed(TOKENS, 1.0), Steer)
    assert {
        type(curve_recipe(TOKENS, kind).changed(TOKENS, 1.0)) for kind in ("clamp", "project_out", "swap_along")
    } == {
        Clamp,
        ProjectOut,
        SwapAlong,
    }


def curve_recipe(direction, change="steer"):
    model = tiny("gpt2")
    return SteeringCurve(
        model=model.facts.spec,
        prompts=(PAIR,),
        direction=direction,
        site=SITE,
        strengths=(1.0,),
        placebos=2,
        change=change,
    )


def test_strengths_after_which_logits_are_no_numbers_are_refused():
    with pytest.raises(BadRecipe, match="At strength 1e\\+38 the model's logits are no finite numbers"):
        curve(tiny("gpt2"), strengths=(1.0, 1e38))
