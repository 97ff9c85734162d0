"""Self-repair is tested by the sum it must reproduce, and where what is removed can be worked out by hand."""

import numpy as np
import pytest
import torch

from app.compute.direct_logit_attribution import direct_logit_attribution
from app.compute.self_repair import self_repair
from app.domain.direction_interventions import ProjectOut, Steer
from app.domain.directions import TokenDirection
from app.domain.errors import BadAnswer
from app.domain.interventions import Ablate, GaussianNoise, KnockOutEdge, Patch
from app.domain.prompts import PromptPair
from app.domain.recipes import DirectLogitAttribution, SelfRepair
from app.domain.sites import Site
from tests import tiny as words
from tests.loaded import ground_truth, tiny
from tests.unit.compute.asking import PAIR, PROCESSINGS, TOLERANCE, TWO_ANSWERS, ask, cache, each_model, tokens

END = 7
ANSWER = TokenDirection((words.ANSWER,), (words.INCORRECT,))
INTERVENTIONS = {
    "none": (),
    "heads zeroed": (Ablate(Site("z", 1, (0, 2))),),
    "heads of two layers zeroed": (Ablate(Site("z", 0, (1,))), Ablate(Site("z", 1, (0,)))),
    "a layer's heads meaned": (Ablate(Site("z", 0), "mean"),),
    "heads patched": (Patch(Site("z", 1)),),
    "queries patched": (Patch(Site("q", 1)),),
    "an edge knocked out": (KnockOutEdge(1, ((END, 2), (5, 1)), renormalise=True),),
    "attention zeroed": (Ablate(Site("attn_out", 1)),),
    "attention meaned": (Ablate(Site("attn_out", 2), "mean"),),
    "neurons zeroed": (Ablate(Site("mlp_post", 1, neurons=(3, 4))),),
    "MLP and a head": (Ablate(Site("mlp_out", 0)), Ablate(Site("z", 1, (1,)))),
    "stream patched": (Patch(Site("resid_pre", 1)),),
    "stream meaned": (Ablate(Site("resid_post", 0), "mean"),),
    "a head, then the stream": (Ablate(Site("z", 0, (1,))), Patch(Site("resid_post", 1))),
    "noise on the embeddings": (GaussianNoise((1, END)),),
    "steered and projected out": (
        Steer(Site("resid_post", 0), ANSWER, 2.0),
        ProjectOut(Site("resid_pre", 2), ANSWER, "mean"),
    ),
    "a head with attention frozen": (Ablate(Site("z", 0, (1,)), freeze=("pattern",)),),
}


def repair(model, *interventions, **options):
    return ask(self_repair, SelfRepair, model, *interventions, **options)


def attribution(model, *interventions, **options):
    return ask(direct_logit_attribution, DirectLogitAttribution, model, *interventions, **options)


def part(found, name):
    """[prompt]; a part that is left out is zero."""
    names = found.part_labels
    return found.parts[:, names.index(name)] if name in names else np.zeros(len(found.parts))


@each_model
@pytest.mark.parametrize("case", INTERVENTIONS)
def test_parts_add_up_to_what_was_repaired(architecture, processing, case):
    found = repair(tiny(architecture, processing), *INTERVENTIONS[case])
    np.testing.assert_allclose(found.parts.sum(1), found.after - found.before - found.removed, atol=TOLERANCE)
    assert found.part_labels[0] == "rescaling"


@pytest.mark.parametrize("case", INTERVENTIONS)
@pytest.mark.parametrize("architecture", ["neox", "gemma"])
def test_before_and_after_are_the_direct_attributions_of_the_two_runs(architecture, case):
    model = tiny(architecture)
    found = repair(model, *INTERVENTIONS[case])
    for when, interventions in (("before", ()), ("after", INTERVENTIONS[case])):
        expected = attribution(model, *interventions)
        np.testing.assert_array_equal(getattr(found, f"heads_{when}"), expected.heads)
        np.testing.assert_array_equal(getattr(found, f"components_{when}"), expected.components)
        np.testing.assert_array_equal(getattr(found, when), expected.logit_diff)
        assert found.component_labels == expected.component_labels


@each_model
def test_a_zeroed_head_takes_away_its_direct_attribution(architecture, processing):
    model = tiny(architecture, processing)
    found = repair(model, Ablate(Site("z", 1, (0, 2))))
    np.testing.assert_allclose(found.removed, -found.heads_before[:, 1, [0, 2]].sum(1), atol=TOLERANCE)


def test_a_patched_head_takes_away_its_own_and_brings_the_other_runs():
    model = tiny("llama")
    found = repair(model, Patch(Site("z", 1, (3,))))
    other = attribution(model, prompts=(PromptPair(words.CORRUPTED, None, PAIR.answer, PAIR.incorrect_answer),))
    clean_scale = attribution(model)
    ratio = _final_scale(model, words.CORRUPTED) / _final_scale(model, words.CLEAN)
    expected = other.heads[0, 1, 3] * ratio - clean_scale.heads[0, 1, 3]
    assert found.removed[0] == pytest.approx(expected, abs=TOLERANCE)


def _final_scale(model, text):
    return cache(model, text)[1]["ln_final.hook_scale"][0, -1, 0].item()


@pytest.mark.parametrize("processing", PROCESSINGS)
def test_in_the_last_layer_of_a_parallel_model_only_the_scale_repairs(processing):
    """Nothing comes after its heads, and its MLP reads the stream before them."""
    found = repair(tiny("neox", processing), Ablate(Site("z", 2, (1,))))
    assert found.part_labels == ("rescaling",)
    left = found.components_before[:, :-1].sum(1) - found.heads_before[:, 2, 1]
    np.testing.assert_allclose(found.parts[:, 0], left * (found.scale_ratio - 1), atol=TOLERANCE)


def test_with_every_scale_frozen_nothing_is_rescaled():
    found = repair(tiny("gpt2"), Ablate(Site("z", 1, (0,)), freeze=("scale",)))
    np.testing.assert_allclose(found.scale_ratio, 1, rtol=1e-6)
    np.testing.assert_allclose(part(found, "rescaling"), 0, atol=1e-6)


def test_heads_and_mlps_are_their_changes_at_the_scale_after():
    model = tiny("gpt2")
    found = repair(model, Ablate(Site("z", 0, (1,))))
    ratio = found.scale_ratio[0]
    heads = found.heads_after[0] - found.heads_before[0] * ratio
    heads[0, 1] = 0  # the ablated head itself was removed
    assert part(found, "heads")[0] == pytest.approx(heads.sum(), abs=TOLERANCE)
    at = [i for i, label in enumerate(found.component_labels) if label.endswith(".mlp")]
    mlps = found.components_after[0, at] - found.components_before[0, at] * ratio
    assert part(found, "mlps")[0] == pytest.approx(mlps.sum(), abs=TOLERANCE)


def test_the_scale_ratio_is_that_of_the_final_norms_scales():
    model = tiny("llama")
    site = Site("attn_out", 1)
    found = repair(model, Ablate(site))
    scales = []
    for hooks in ([], [(site.hook_name, lambda activation, hook: torch.zeros_like(activation))]):
        seen = []
        see = ("ln_final.hook_scale", lambda scale, hook, seen=seen: seen.append(scale[0, -1, 0].item()))
        with torch.no_grad():
            model.bridge.run_with_hooks(tokens(model), fwd_hooks=[*hooks, see])
        scales += seen[:1]
    assert found.scale_ratio[0] == pytest.approx(scales[0] / scales[1], rel=1e-5)


def test_an_intervention_away_from_end_removes_nothing_directly():
    found = repair(tiny("llama"), Ablate(Site("z", 0, positions=(4,))), Ablate(Site("mlp_out", 0, positions=(5,))))
    assert found.removed[0] == 0
    assert abs(found.after[0] - found.before[0]) > 1e-4


def test_a_value_patched_elsewhere_is_removed_from_the_heads_that_read_it():
    model = tiny("gpt2")
    found = repair(model, Ablate(Site("v", 1, (2,), (4,))))
    assert abs(found.removed[0]) > 1e-5
    np.testing.assert_allclose(found.parts.sum(1), found.after - found.before - found.removed, atol=TOLERANCE)


def test_without_interventions_nothing_is_removed_or_repaired():
    found = repair(tiny("gemma"))
    assert (found.removed == 0).all()
    np.testing.assert_array_equal(found.before, found.after)
    assert found.part_labels == ("rescaling",)


def test_an_intervention_on_some_prompts_leaves_the_others_alone():
    model = tiny("gpt2")
    found = repair(model, Ablate(Site("z", 1, (0,)), prompts=(1,)), prompts=(PAIR, TWO_ANSWERS))
    assert found.removed[0] == 0
    assert found.before[0] == found.after[0]
    assert found.before[1] != found.after[1]


def test_the_corrupted_base_is_repaired_from_its_own_run():
    model = tiny("gpt2")
    found = repair(model, Ablate(Site("z", 1, (0,))), base="corrupted")
    swapped = PromptPair(words.CORRUPTED, words.CLEAN, PAIR.answer, PAIR.incorrect_answer)
    np.testing.assert_allclose(
        found.parts, repair(model, Ablate(Site("z", 1, (0,))), prompts=(swapped,)).parts, atol=1e-6
    )


def test_the_ground_truth_model_has_no_mlps_to_repair_with():
    pair = PromptPair("apple river house apple", None, ("river",), ("house",))
    found = repair(ground_truth(), Ablate(Site("z", 1, (0,))), prompts=(pair,))
    assert "mlps" not in found.part_labels
    np.testing.assert_allclose(found.parts.sum(1), found.after - found.before - found.removed, atol=TOLERANCE)
    assert found.removed[0] < 0  # an induction head, which helps the answer


def test_a_prompt_without_both_answers_is_refused():
    with pytest.raises(BadAnswer, match="incorrect_answer"):
        repair(tiny("gpt2"), prompts=(PromptPair("w1 w2", None, ("w7",)),))
