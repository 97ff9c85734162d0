"""The command line: files in, files out, one clear line and exit code 2 on bad input."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import app.__main__ as command_line
from app.__main__ import main
from app.domain.prompt_sets import induction, ioi, parse_prompts, to_csv
from app.domain.results import SweepResult, from_bytes
from app.export.manifest import read_manifest
from app.settings import Settings

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"
GROUND_TRUTH = str(RECIPES / "ground_truth.json")
LONG_SWEEP = {
    "kind": "ablation",
    "model": "ground-truth",
    "prompts": [" ".join(["the river apple house"] * 4)] * 3,
    "cells": {"activation": "z", "by": "position"},
}


@pytest.fixture
def run(settings: Settings) -> Any:
    """`run("compute", ...)` with a cache of this test's own; the exit code."""
    return lambda *arguments: main([*map(str, arguments), "--cache", str(settings.cache), "--device", "cpu"])


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_compute_writes_a_long_table_with_provenance(run: Any, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"heads.{ending}"
    assert run("compute", GROUND_TRUTH, "-o", out) == 0
    read = {"parquet": pd.read_parquet, "csv": pd.read_csv, "json": pd.read_json}[ending]
    table = read(out)
    logit_diff = table[table["metric"] == "logit_diff"]
    assert len(logit_diff) == 2 * 2 * 4  # prompts, layers, heads
    assert {"layer", "head", "prompt", "value", "clean"} <= set(table)
    assert set(table["model"]) == {"Ground truth: 2-layer attention-only"}


def test_compute_says_what_it_wrote_where_nobody_watches_too(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "heads.csv"
    assert run("compute", GROUND_TRUTH, "-o", out) == 0
    told = capsys.readouterr()
    assert told.err.splitlines()[-1] == f"{out}: {len(pd.read_csv(out))} rows"
    assert told.out == ""


def test_help_calls_the_program_as_it_was_called() -> None:
    done = subprocess.run([sys.executable, "-m", "app", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: python -m app ")


def test_compute_writes_arrays(run: Any, tmp_path: Path) -> None:
    out = tmp_path / "heads.npz"
    assert run("compute", GROUND_TRUTH, "-o", out) == 0
    result = from_bytes(SweepResult, out.read_bytes())
    assert np.isfinite(result.effect()).all()
    assert result.effect().min() < -1  # removing the head that copies hurts


def test_a_dash_reads_standard_input(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(GROUND_TRUTH).read_bytes())))
    assert run("compute", "-", "-o", tmp_path / "heads.csv") == 0
    assert (tmp_path / "heads.csv").stat().st_size > 0


def test_compute_writes_a_summary_of_a_sweep_and_of_nothing_else(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("compute", GROUND_TRUTH, "--summary", "-o", tmp_path / "cells.csv") == 0
    table = pd.read_csv(tmp_path / "cells.csv")
    assert len(table) == 5 * 2 * 4  # metrics, layers, heads; 2 prompts are in the mean
    assert set(table["n"]) == {2}
    one = {"kind": "prediction", "model": "ground-truth", "prompts": ["the river apple house the river"]}
    (tmp_path / "one.json").write_text(json.dumps(one))
    curve = {**one, "kind": "steering_curve", "site": {"activation": "resid_post", "layer": 0}, "strengths": [1.0],
             "direction": {"kind": "tokens", "tokens": ["apple"]}}  # fmt: skip
    (tmp_path / "curve.json").write_text(json.dumps(curve))
    refused = (
        (tmp_path / "one.json", "cells.csv"),
        (tmp_path / "curve.json", "cells.csv"),
        (GROUND_TRUTH, "cells.npz"),
    )
    for file, out in refused:
        assert run("compute", file, "--summary", "-o", tmp_path / out) == 2
        assert "--summary is of sweeps" in capsys.readouterr().err


def test_figure_writes_a_picture_that_says_how_it_was_made(run: Any, tmp_path: Path) -> None:
    view = {
        "recipe": {
            "kind": "prediction",
            "model": "ground-truth",
            "prompts": ["the river apple house the river"],
            "interventions": [{"kind": "ablate", "site": {"activation": "z", "layer": 1}}],
        },
        "style": {"show": "intervened"},
    }
    (tmp_path / "view.json").write_text(json.dumps(view))
    out = tmp_path / "figure.html"
    assert run("figure", tmp_path / "view.json", "-o", out) == 0
    made = read_manifest(out.read_bytes(), "html")
    assert made["view"]["recipe"]["interventions"][0]["site"]["layer"] == 1
    (tmp_path / "recipe.json").write_text(json.dumps(view["recipe"]))
    assert run("figure", tmp_path / "recipe.json", "-o", out) == 0
    assert read_manifest(out.read_bytes(), "html")["view"] == made["view"]


def test_a_picture_is_recomputed_from_itself_and_what_changed_since_is_told(
    run: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recipe = {"kind": "prediction", "model": "ground-truth", "prompts": ["the river apple house the river"]}
    (tmp_path / "view.json").write_text(json.dumps({"recipe": recipe, "style": {"width": 400, "height": 200}}))
    first, again = tmp_path / "figure.html", tmp_path / "again.html"
    assert run("figure", tmp_path / "view.json", "-o", first) == 0
    assert run("figure", first, "-o", again) == 0
    assert read_manifest(again.read_bytes(), "html") == read_manifest(first.read_bytes(), "html")
    assert "not as when" not in capfd.readouterr().err
    torch = next(
        found for name, found in read_manifest(first.read_bytes(), "html")["provenance"]["versions"] if name == "torch"
    )
    first.write_text(first.read_text().replace(f'["torch", "{torch}"]', '["torch", "1.0"]'))
    assert run("figure", first, "-o", again) == 0
    assert f"figure.html was made: torch: 1.0 then, {torch} now" in capfd.readouterr().err


def test_figure_draws_two_sweeps_against_each_other_for_the_prompt_that_is_selected(run: Any, tmp_path: Path) -> None:
    recipe = json.loads(Path(GROUND_TRUTH).read_text())
    view = {
        "recipe": recipe, "against": {**recipe, "method": "zero"}, "figure": "sweep_scatter",
        "selection": {"prompt": 9},
    }  # fmt: skip
    (tmp_path / "view.json").write_text(json.dumps(view))
    out = tmp_path / "figure.html"
    assert run("figure", tmp_path / "view.json", "-o", out) == 0
    assert read_manifest(out.read_bytes(), "html")["view"]["figure"] == "sweep_scatter"
    assert "against zero ablation" in out.read_text(encoding="utf-8")


def test_script_prints_a_program_and_nothing_else(run: Any, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("script", GROUND_TRUTH) == 0
    printed = capfd.readouterr().out
    compile(printed, "reproduce.py", "exec")
    assert "import app" not in printed
    assert "from app" not in printed


def test_prompt_sets_are_printed_as_json_lines_or_csv_and_read_back(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("prompts", "ioi", "--count", 3) == 0
    lines = capsys.readouterr().out
    assert parse_prompts(lines) == ioi(3)
    (tmp_path / "set.jsonl").write_text(lines)
    assert run("prompts", "read", tmp_path / "set.jsonl", "--as", "csv") == 0
    assert capsys.readouterr().out == to_csv(ioi(3))
    assert run("prompts", "induction", "--count", 2, "--seed", 5, "--length", 3, "--words", "a", "b", "c") == 0
    assert parse_prompts(capsys.readouterr().out) == induction(2, 5, ("a", "b", "c"), 3)
    assert run("prompts", "ioi", "--count", 0) == 2
    assert "ask for 1 to" in capsys.readouterr().err


def test_a_recipe_runs_on_the_prompts_of_a_file(run: Any, tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("clean,answer,incorrect_answer\nthe dog sees the,dog,sees\n")
    out = tmp_path / "heads.csv"
    assert run("compute", GROUND_TRUTH, "--prompts", tmp_path / "set.csv", "-o", out) == 0
    assert set(pd.read_csv(out)["prompt"]) == {0}


def test_ctrl_c_keeps_what_a_sweep_has_computed_and_the_same_command_goes_on_from_there(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(LONG_SWEEP))
    asked = ("compute", tmp_path / "recipe.json", "-o", tmp_path / "cells.csv")
    heard: list[int] = []

    def stop(done: int, total: int, partial: Any = None) -> None:
        heard.append(done)
        if done:
            raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "_progress", stop)
    assert run(*asked) == 2
    assert "the same command goes on from there" in capsys.readouterr().err
    assert not (tmp_path / "cells.csv").exists()
    stopped_at, heard[:] = max(heard), []
    monkeypatch.setattr(command_line, "_progress", lambda done, total, partial=None: heard.append(done))
    assert run(*asked) == 0
    assert 0 < stopped_at <= min(heard) < max(heard)
    table = pd.read_csv(tmp_path / "cells.csv")
    assert table[table["metric"] == "kl_divergence"]["value"].notna().all()


def test_models_can_be_listed_and_added(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MICROTOME_HOME", str(tmp_path / "home"))
    (tmp_path / "mine").mkdir()
    assert run("models", "add", tmp_path / "mine", "--name", "my-model") == 0
    assert run("models", "list") == 0
    listed = capsys.readouterr().out
    assert "smollm2-135m" in listed
    assert "my-model" in listed


@pytest.mark.parametrize(
    ("recipe", "out", "words"),
    [
        ("{", "o.csv", "not a recipe"),
        ('{"kind": "magic", "model": "ground-truth", "prompts": ["a"]}', "o.csv", "not a recipe"),
        ('{"kind": "prediction", "model": "gpt-9", "prompts": ["a"]}', "o.csv", "no model named 'gpt-9'"),
        ('{"kind": "prediction", "model": "ground-truth", "prompts": ["a"], "x": 1}', "o.csv", "x"),
        ('{"kind": "prediction", "model": "ground-truth", "prompts": ["a"]}', "o.xls", "must end in .parquet"),
        ('{"kind": "prediction", "model": "ground-truth", "prompts": ["a"]}', "no/o.csv", "no folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    run: Any, tmp_path: Path, recipe: str, out: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe.json").write_text(recipe)
    assert run("compute", tmp_path / "recipe.json", "-o", tmp_path / out) == 2
    told = capsys.readouterr().err
    assert words in told
    assert told.count("\n") == 1


def test_a_missing_file_and_a_bad_setting_are_one_line_too(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("compute", "nowhere.json", "-o", "o.csv") == 2
    assert run("--dtype", "int3", "models", "list") == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert "nowhere.json cannot be read" in told[0]
    assert "dtype" in told[1]


def test_a_port_in_use_is_one_line(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run("serve", "--port", port, "--model", "ground-truth") == 2
    told = capsys.readouterr().err
    assert str(port) in told
    assert f"--port {port + 1}" in told
    assert told.count("\n") == 1


def test_an_unknown_command_is_refused_by_the_parser() -> None:
    done = subprocess.run([sys.executable, "-m", "app", "dance"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "dance" in done.stderr
