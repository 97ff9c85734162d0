"""The form of one intervention: what was typed, every kind of it, and what is refused in the form."""

from typing import Any

import pytest

from app.domain.direction_interventions import Clamp, ProjectOut, Steer, SwapAlong
from app.domain.directions import RandomDirection, TokenDirection
from app.domain.errors import BadSite
from app.domain.experiment import parse_experiment
from app.domain.interventions import Ablate, GaussianNoise, KnockOutEdge, Patch
from app.domain.sites import Site
from callbacks.intervention_form import edges, indices, read_form
from layouts import ids
from tests.wire.page import PAIR, Page, changed, experiment

FORM: dict[str, Any] = {
    "kind": "ablate",
    "activation": "z",
    "layers": "1",
    "heads": "0, 2",
    "positions": "",
    "neurons": "",
    "edges": "",
    "method": "zero",
    "reference": "background",
    "texts": "",
    "pooled": True,
    "seed": 0,
    "draw": 0,
    "source": "",
    "source_positions": "",
    "value": 0,
    "renormalise": False,
    "scale": 3,
    "freeze": [],
    "prompts": "",
    "change": "steer",
    "direction": None,
    "also": [],
    "strength": 4,
    "unit": "absolute",
    "clamp": 0,
    "to": "zero",
    "share": 1,
}
ALONG: dict[str, Any] = {"kind": "along", "activation": "resid_post", "direction": '{"seed": 1, "kind": "random"}'}
PLACE, DIRECTION = Site("resid_post", 1), RandomDirection(1)
SECOND = '{"tokens": ["a"], "kind": "tokens"}'  # fmt: skip


def test_numbers_are_typed_as_people_write_them() -> None:
    assert indices("3", "Layers") == (3,)
    assert indices(" 0-2, 8 ;5–6, 1", "Layers") == (0, 1, 2, 8, 5, 6)
    assert indices("", "Heads") is None
    assert indices("all", "Heads") is None
    assert edges("14→4, 14->2; 3 > 1,2:0") == ((14, 4), (14, 2), (3, 1), (2, 0))


@pytest.mark.parametrize("wrong", ["x", "3-", "5-2", "-1", "0-999999", "1.5"])
def test_what_is_no_number_is_refused_with_its_field(wrong: str) -> None:
    with pytest.raises(BadSite, match="Heads"):
        indices(wrong, "Heads")


@pytest.mark.parametrize("wrong", ["", "3", "3→", "a→b"])
def test_what_is_no_edge_is_refused(wrong: str) -> None:
    with pytest.raises(BadSite, match="query→key"):
        edges(wrong)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ({}, [Ablate(Site("z", 1, (0, 2)))]),
        ({"method": "mean", "pooled": False, "reference": "prompts"},
         [Ablate(Site("z", 1, (0, 2)), "mean", "prompts", pooled=False)]),
        ({"method": "resample", "reference": "texts", "texts": "a b\n\nc d", "seed": 3, "draw": 1},
         [Ablate(Site("z", 1, (0, 2)), "resample", ("a b", "c d"), seed=3, draw=1)]),
        ({"activation": "mlp_out", "layers": "0-1", "positions": "2"},
         [Ablate(Site("mlp_out", 0, None, (2,))), Ablate(Site("mlp_out", 1, None, (2,)))]),
        ({"activation": "mlp_post", "neurons": "5, 7"}, [Ablate(Site("mlp_post", 1, None, None, (5, 7)))]),
        ({"kind": "patch", "freeze": ["pattern"], "prompts": "0"},
         [Patch(Site("z", 1, (0, 2)), freeze=("pattern",), prompts=(0,))]),
        ({"kind": "patch", "source": "the cat", "positions": "2, 3", "source_positions": "1, 2"},
         [Patch(Site("z", 1, (0, 2), (2, 3)), "the cat", (1, 2))]),
        ({"kind": "knock_out_edge", "edges": "3→1", "value": 0.5, "renormalise": True},
         [KnockOutEdge(1, ((3, 1),), (0, 2), 0.5, renormalise=True)]),
        ({"kind": "gaussian_noise", "positions": "1-2", "scale": 2, "seed": 4},
         [GaussianNoise((1, 2), 2.0, 4)]),
        (ALONG | {"layers": "0-1", "strength": -2, "unit": "norm"},
         [Steer(Site("resid_post", layer), DIRECTION, -2.0, "norm") for layer in (0, 1)]),
        (ALONG | {"change": "clamp", "clamp": 1.5}, [Clamp(PLACE, DIRECTION, 1.5)]),
        (ALONG | {"change": "project_out", "share": 0.5}, [ProjectOut(PLACE, DIRECTION, share=0.5)]),
        (ALONG | {"change": "project_out", "to": "mean", "reference": "texts", "texts": "a b", "pooled": False},
         [ProjectOut(PLACE, DIRECTION, "mean", ("a b",), pooled=False)]),
        (ALONG | {"change": "swap_along", "also": [SECOND], "positions": "2", "source": "x", "source_positions": "1",
                  "share": 0.5},
         [SwapAlong(Site("resid_post", 1, None, (2,)), (DIRECTION, TokenDirection(("a",))), "x", (1,), 0.5)]),
    ],
)  # fmt: skip
def test_every_kind_is_read_with_its_own_fields_only(typed: dict[str, Any], meant: list[Any]) -> None:
    assert list(read_form(FORM | typed)) == meant


def apply(served: Page, store: Any = None, **typed: Any) -> Any:
    """Press Apply."""
    props = {name: "checked" if name in ("pooled", "renormalise") else "value" for name in FORM}
    values = {f"{ids.FORM_FIELD.format(name)}.{props[name]}": value for name, value in (FORM | typed).items()}
    return served.ask("form-read.data", {"form-apply.n_clicks": 1, **values, "experiment.data": store or experiment()})


def test_an_intervention_that_holds_is_handed_to_the_page_with_all_its_fields(served: Page) -> None:
    answer = apply(served, kind="knock_out_edge", edges="3→1")
    (spoken,) = answer["form-read"]["data"]["interventions"]
    assert answer["form-refusal"]["children"] is None
    store = experiment() | {"interventions": [{"intervention": spoken, "on": True}]}
    assert parse_experiment(store).interventions[0].intervention == KnockOutEdge(1, ((3, 1),), (0, 2))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"layers": "7"}, "2 layers"),
        ({"layers": ""}, "none given"),
        ({"heads": "9"}, "4 heads"),
        ({"positions": "99"}, "positions"),
        ({"activation": "resid_nowhere"}, "activation"),
        ({"method": "mean", "activation": "pattern"}, "pooled"),
        ({"kind": "patch", "positions": "1, 2", "source_positions": "1"}, "must pair"),
        ({"kind": "knock_out_edge", "edges": "1→3"}, "key <= query"),
        ({"kind": "knock_out_edge", "edges": "3→1", "value": 2}, "between 0 and 1"),
        ({"kind": "knock_out_edge", "edges": "3→1", "value": ""}, "not an intervention"),
        ({"kind": "gaussian_noise"}, "none given"),
        ({"kind": "steer"}, "no kind"),
        (ALONG | {"direction": None}, "none chosen"),
        (ALONG | {"direction": "{"}, "cannot be read"),
        (ALONG | {"change": "turn"}, "nothing that is done along a direction"),
        (ALONG | {"activation": "z", "heads": ""}, "width of the residual stream"),
        (ALONG | {"direction": '{"tokens": ["no such token"], "kind": "tokens"}'}, "no such token"),
        ({"kind": ["ablate"]}, "no kind"),
        ({"positions": "-1"}, "counted from 0"),
        ({"layers": 3, "heads": {"a": 1}}, "none given"),
    ],
)
def test_what_does_not_hold_is_said_in_the_form(served: Page, typed: dict[str, Any], words: str) -> None:
    answer = apply(served, **typed)
    assert "form-read" not in answer
    assert words in answer["form-refusal"]["children"]


def test_a_patch_without_a_corrupted_prompt_is_refused(served: Page) -> None:
    said = apply(served, changed(corrupted=None), kind="patch")["form-refusal"]["children"]
    assert "corrupted" in said


def test_an_older_intervention_that_no_longer_holds_does_not_stand_in_the_way(served: Page) -> None:
    assert "form-read" in apply(served, experiment(PAIR, Ablate(Site("z", 7))))
