"""What a cut would do, before it is made: the same numbers as TransformerLens with hooks that edit the pattern."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
import torch

from app.domain.errors import BadInput, BadLink, BadSite, Busy
from app.domain.experiment import Experiment, Switched
from app.domain.interventions import Ablate, AnyIntervention, GaussianNoise, KnockOutEdge
from app.domain.prompts import PromptPair
from app.domain.session import Session, session_dict
from app.domain.sites import Site
from app.engine import Engine
from app.models.tokens import token_id
from app.trial import trial
from tests import tiny as words
from tests.loaded import tiny
from tests.unit.compute.asking import TOLERANCE, tokens

RECTANGLE = tuple((dest, src) for dest in range(3, 8) for src in range(2, 5) if src <= dest)
HEADS = {1: (0, 3), 2: (1,)}
PAIR = PromptPair(words.CLEAN, words.CORRUPTED, (words.ANSWER,), (words.INCORRECT,))


def asked(engine: Engine, tried: list[AnyIntervention], *present: AnyIntervention, pair: PromptPair = PAIR) -> Any:
    """The trial of these on a run under the present ones, as the page sends it."""
    switched = tuple(Switched(each) for each in present)
    experiment = session_dict(Session(Experiment(engine.spec, pair, switched)))["experiment"]
    return {"experiment": experiment, "interventions": [asdict(each) for each in tried]}


def by_hand(model: Any, value: float, renormalise: bool, present: tuple[str, Any] | None = None) -> float:
    """logit[answer] - logit[incorrect] of a TransformerLens run whose patterns are written over cell by cell."""

    def cutting(heads: tuple[int, ...]) -> Any:
        def hook(pattern: torch.Tensor, hook: Any) -> torch.Tensor:
            pattern = pattern.clone()
            for head in heads:
                for dest in range(3, 8):
                    row = pattern[0, head, dest]
                    keys = [src for src in range(2, 5) if src <= dest]
                    rest = [src for src in range(dest + 1) if src not in keys]
                    if renormalise:
                        row[rest] *= (1 - value * len(keys)) / row[rest].sum()
                    row[keys] = value
            return pattern

        return hook

    hooks = [(f"blocks.{layer}.attn.hook_pattern", cutting(heads)) for layer, heads in HEADS.items()]
    with torch.no_grad():
        logits = model.bridge.run_with_hooks(tokens(model), fwd_hooks=[*([present] if present else []), *hooks])[0, -1]
    return float(logits[token_id(model, words.ANSWER)] - logits[token_id(model, words.INCORRECT)])


@pytest.mark.parametrize("renormalise", [False, True])
@pytest.mark.parametrize("value", [0.0, 0.2])
@pytest.mark.parametrize("architecture", words.ARCHITECTURES)
def test_a_rectangle_cut_in_heads_of_two_layers_is_what_hand_written_hooks_give(
    architecture: str, value: float, renormalise: bool, make_engine: Callable[..., Engine]
) -> None:
    model = tiny(architecture)
    tried = [KnockOutEdge(layer, RECTANGLE, heads, value, renormalise) for layer, heads in HEADS.items()]
    found = trial(engine := make_engine(model=model), asked(engine, list(tried)))
    assert found["after"]["logit_diff"] == pytest.approx(by_hand(model, value, renormalise), abs=TOLERANCE)
    assert abs(found["after"]["logit_diff"] - found["before"]["logit_diff"]) > 10 * TOLERANCE  # the cut does something
    assert found["before"]["kl_divergence"] == 0
    assert found["after"]["kl_divergence"] > 0


def test_a_cut_comes_on_top_of_the_interventions_that_are_on(make_engine: Callable[..., Engine]) -> None:
    model = tiny("llama")
    engine = make_engine(model=model)

    def zero(z: torch.Tensor, hook: Any) -> torch.Tensor:
        z = z.clone()
        z[:, :, 2] = 0
        return z

    tried: list[AnyIntervention] = [KnockOutEdge(layer, RECTANGLE, heads) for layer, heads in HEADS.items()]
    present = Ablate(Site("z", 0, (2,)))
    found = trial(engine, asked(engine, tried, present))
    expected = by_hand(model, 0.0, False, ("blocks.0.attn.hook_z", zero))
    assert found["after"]["logit_diff"] == pytest.approx(expected, abs=TOLERANCE)
    alone = trial(engine, asked(engine, tried))
    assert found["before"] != alone["before"]
    assert trial(engine, asked(engine, [], present))["after"] == found["before"]


def test_without_answers_the_divergence_remains(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(model=tiny("gpt2"))
    pair = PromptPair(words.CLEAN, None, (), ())
    found = trial(engine, asked(engine, [KnockOutEdge(1, RECTANGLE)], pair=pair))
    assert found["after"]["logit_diff"] is None
    assert found["after"]["kl_divergence"] > 0


def test_what_cannot_be_tried_is_refused_in_words(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(model=tiny("gpt2"))
    with pytest.raises(BadSite, match="The prompt has 8 positions"):
        trial(engine, asked(engine, [KnockOutEdge(1, ((9, 2),))]))
    with pytest.raises(BadSite, match="more than 1"):
        trial(engine, asked(engine, [KnockOutEdge(1, ((5, 2), (5, 3)), value=0.6, renormalise=True)]))
    with pytest.raises(BadLink, match="reload"):
        trial(engine, {"experiment": None})


def test_a_cut_that_does_not_fit_a_prompt_of_the_set_is_refused(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(model=tiny("gpt2"))
    given = asked(engine, [KnockOutEdge(1, ((7, 2),))])
    shorter = {**given["experiment"]["prompt"], "clean": "w1 w2", "corrupted": "w3 w2"}
    given["experiment"]["prompts"] = [given["experiment"]["prompt"], shorter]
    with pytest.raises(BadInput, match="prompt 1 of the set: The prompt has 3 positions"):
        trial(engine, given)


def test_a_run_that_overflows_has_no_numbers_and_not_ones_that_json_cannot_write(
    make_engine: Callable[..., Engine],
) -> None:
    engine = make_engine(model=tiny("gpt2"))
    found = trial(engine, asked(engine, [GaussianNoise((7,), scale=1e300)]))
    assert found["after"]["logit_diff"] is None
    json.dumps(found, allow_nan=False)


def test_a_model_that_is_not_there_is_said_and_not_waited_for(engine: Engine) -> None:
    with pytest.raises(Busy, match="not there yet"):
        trial(engine, asked(engine, [KnockOutEdge(0, ((1, 0),))]))
