"""Meters are green on sound models, say why where they do not apply, and turn red when something is wrong."""

import numpy as np
import pytest

from app.compute.correctness_meters import correctness_meters
from app.domain.interventions import Ablate
from app.domain.models import ModelSpec
from app.domain.prompts import PromptPair
from app.domain.recipes import CorrectnessMeters
from app.domain.sites import Site
from tests import tiny as words
from tests.loaded import loaded, tiny
from tests.unit.compute.asking import PAIR, TWO_ANSWERS, ask, each_model

NAMES = ("Σ components", "Σ heads", "self-patch", "restore", "causal")


def meters(model, *interventions, **options):
    return ask(correctness_meters, CorrectnessMeters, model, *interventions, **options)


@each_model
def test_all_meters_hold_on_a_sound_model_with_and_without_interventions(architecture, processing):
    model = tiny(architecture, processing)
    for interventions in ((), (Ablate(Site("z", 1)), Ablate(Site("attn_out", 2)))):
        found = meters(model, *interventions)
        assert found.names == NAMES
        assert found.notes == ("",) * 5
        assert (found.deviation <= found.tolerance).all()


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (PromptPair("w1 w2"), {0: "needs an answer", 3: "needs a corrupted prompt", 4: "needs a corrupted prompt"}),
        (PromptPair("w1 w2", "w1 w2", ("w7",)), {0: "needs an answer", 3: "are the same", 4: "are the same"}),
        (PromptPair("w1", "w1 w2", ("w7",), ("w8",)), {3: "different token counts", 4: "different token counts"}),
    ],
)
def test_a_meter_that_does_not_apply_is_nan_with_the_reason(pair, expected):
    found = meters(tiny("llama"), prompts=(pair,))
    assert {at for at in range(5) if np.isnan(found.deviation[at])} == set(expected)
    assert all(reason in found.notes[at] for at, reason in expected.items())


def test_prompts_that_differ_from_the_first_token_on_have_no_cells_to_their_left():
    found = meters(tiny("llama", prepend_bos=False), prompts=(PromptPair("w1 w2", "w3 w2", ("w7",), ("w8",)),))
    assert np.isnan(found.deviation[4])
    assert found.notes[4] == "the prompts differ from the first token on"
    assert found.deviation[3] <= found.tolerance[3]


def test_a_meter_applies_as_soon_as_one_prompt_has_what_it_needs():
    found = meters(tiny("gpt2"), prompts=(TWO_ANSWERS, PAIR))
    assert not np.isnan(found.deviation).any()


def broken(where, change):
    """A model whose forward pass is tampered with at one hook point."""
    bridge = words.build("gpt2")
    bridge.add_hook(where, lambda activation, hook: change(activation))
    return loaded(bridge, ModelSpec("live", "broken", prepend_bos=True))


def test_something_added_to_attention_that_no_head_wrote_turns_the_sum_of_heads_red():
    found = meters(broken("blocks.1.hook_attn_out", lambda attn_out: attn_out + 0.1))
    assert [name for name, bad in zip(NAMES, found.deviation > found.tolerance, strict=True) if bad] == ["Σ heads"]


def test_something_added_to_the_stream_that_no_component_wrote_turns_the_sum_of_components_red():
    found = meters(broken("blocks.2.hook_resid_pre", lambda resid: resid * 1.1))
    assert "Σ components" in [name for name, bad in zip(NAMES, found.deviation > found.tolerance, strict=True) if bad]


def test_a_model_that_looks_ahead_turns_causality_red():
    found = meters(broken("blocks.1.hook_resid_pre", lambda resid: resid + resid[:, -1:]))
    assert "causal" in [name for name, bad in zip(NAMES, found.deviation > found.tolerance, strict=True) if bad]
