"""The page's own scripts, tested by node's test runner, as part of this suite; they agree with the server's values."""

import dataclasses
import json
import subprocess
from typing import Any, get_args

import numpy as np
import pytest

from app.domain import recipes
from app.domain.cells import Cells
from app.domain.direction_interventions import Clamp, ClampFeature, ProjectOut, Steer, SwapAlong
from app.domain.directions import RandomDirection, SaeFeature
from app.domain.experiment import Switched
from app.domain.head_choices import CHOICES
from app.domain.interventions import Ablate, GaussianNoise, KnockOutEdge, Patch
from app.domain.session import WORKED_EXAMPLE, Session, session_dict
from app.domain.sites import Site
from app.domain.sweep_asked import SweepAsked
from app.figures.attention_png import palette as server_palette
from app.figures.theme import TEMPLATES
from callbacks.client import SWEEP_CONTROLS
from layouts import ids
from layouts.sweep_controls import METHODS
from tests.node import NODE, ROOT, in_node


def test_the_reducer_the_links_and_the_other_pure_scripts_hold_in_node():
    if NODE is None:
        pytest.skip("node is not on the PATH")
    files = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/js/*.test.js"))
    ran = subprocess.run([NODE, "--test", *files], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_no_script_does_what_a_strict_content_policy_forbids():
    scripts = sorted((ROOT / "assets").glob("*.js"))
    assert scripts
    for script in scripts:
        text = script.read_text()
        assert "eval(" not in text, script.name
        assert "new Function" not in text, script.name
        assert "innerHTML" not in text, script.name


MODULES = {"runs": "10-runs", "sweep": "10-sweep", "page": "11-experiment", "form": "63-form"} | {
    "controls": "64-sweep-controls",
    "heads": "10-shown-heads",
    "palette": "59-palette",
}


def _in_node(expression: str) -> Any:
    return in_node(expression, **MODULES)


def test_the_page_offers_exactly_the_numbers_of_heads_that_the_server_knows():
    assert _in_node("heads.QUANTITIES") == list(CHOICES)
    assert _in_node("heads.FIRST_HEADS") == session_dict(WORKED_EXAMPLE)["heads"]


def test_the_page_begins_with_the_sweep_that_the_server_takes_as_default():
    assert _in_node("sweep.FIRST_SWEEP") == session_dict(WORKED_EXAMPLE)["sweep"]


def test_the_page_knows_the_limits_of_generated_text():
    assert _in_node("page.LIMITS") == {
        name: getattr(recipes, name) for name in ("MOST_NEW_TOKENS", "HIGHEST_TEMPERATURE")
    }


def test_the_page_offers_exactly_the_sweeps_that_the_server_knows():
    offered = _in_node("sweep.CHOICES")
    fields = {field.name: field.type for field in (*dataclasses.fields(SweepAsked), *dataclasses.fields(Cells))}
    known = {name: get_args(fields[name]) for name in ("activation", "by", "method", "direction", "normalised")}
    assert {name: tuple(offered[name]) for name in known} == known
    assert _in_node("sweep.BESIDE") == list(ids.BESIDE)
    assert _in_node("controls.ABLATIONS") == [name for name, _ in dict(METHODS)["Ablate"]]
    assert set(offered["reference"]) == set(get_args(fields["reference"]))


def test_the_page_fills_in_every_field_of_an_intervention_as_the_server_does():
    site = Site("z", 0)
    made = (Ablate(site), Patch(site), KnockOutEdge(0, ((1, 0),)), GaussianNoise((1,)))
    own: list[dict[str, Any]] = [{}, {}, {"edges": [[1, 0]]}, {"positions": [1]}]
    stream, direction = Site("resid_post", 0), RandomDirection(1)
    made += (Steer(stream, direction, 0.0), Clamp(stream, direction, 0.0), ProjectOut(stream, direction))
    made += (SwapAlong(stream, (direction,)), ClampFeature(stream, SaeFeature("f", 1)))
    spoken_direction = {"seed": 1, "kind": "random"}
    own += [{"direction": spoken_direction}] * 3 + [{"directions": [spoken_direction]}]
    feature = {"folder": "f", "feature": 1, "fingerprint": "", "layer": None, "activation": "resid_post"}
    own += [{"direction": feature | {"kind": "sae_feature"}}]
    switched = tuple(Switched(each) for each in made)
    spoken = session_dict(Session(dataclasses.replace(WORKED_EXAMPLE.experiment, interventions=switched)))
    first = _in_node("runs.FIRST_INTERVENTIONS")
    filled = [{**first[each.kind], **given} for each, given in zip(made, own, strict=True)]
    assert filled == [item["intervention"] for item in spoken["experiment"]["interventions"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("signed", [False, True])
def test_the_page_colours_attention_as_the_servers_pictures_do(theme: Any, signed: bool):
    template = json.dumps(TEMPLATES[f"microtome_{theme}"].to_plotly_json())
    colours = _in_node(f"[...palette.paletteOf({template}, {str(signed).lower()})]")
    red, green, blue = (np.array(colours) >> shift & 255 for shift in (0, 8, 16))
    assert (np.stack([red, green, blue], -1) == server_palette(signed, theme)).all()


def test_a_session_that_the_server_writes_is_complete_for_the_page():
    spoken = session_dict(WORKED_EXAMPLE)
    assert _in_node(f"page.initial({json.dumps(spoken)}).session") == spoken


def test_the_controls_that_the_page_binds_are_those_that_it_hears():
    bound = _in_node("Object.entries(controls.CONTROLS).map(([control, [property]]) => [control, property])")
    assert sorted(map(tuple, bound)) == sorted(SWEEP_CONTROLS)


def test_the_form_that_the_page_fills_is_the_one_that_the_server_reads():
    assert set(_in_node("form.EMPTY")) == set(ids.FORM_FIELDS)
