"""Names, added models, and the file they are kept in."""

from pathlib import Path

import pytest

from app.domain.errors import ModelError
from app.domain.models import ModelSpec
from app.models.catalogue import add, entries, resolve, title_of
from app.models.folders import list_file


def test_the_default_and_the_ground_truth_are_listed_first(tmp_path: Path) -> None:
    assert [entry.name for entry in entries(tmp_path)] == ["smollm2-135m", "ground-truth"]


def test_a_listed_name_keeps_what_was_asked_for(tmp_path: Path) -> None:
    asked = ModelSpec("listed", "smollm2-135m", processing="raw", dtype="bfloat16", prepend_bos=False)
    assert resolve(asked, tmp_path) == ModelSpec("bundled", "smollm2-135m", None, "raw", "bfloat16", False)


def test_an_unknown_name_is_refused_with_the_names(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="'smollm3'; the names are smollm2-135m, ground-truth"):
        resolve(ModelSpec("listed", "smollm3"), tmp_path)


def test_an_added_name_is_remembered(tmp_path: Path) -> None:
    add("openai-community/gpt2", home=tmp_path)
    assert resolve(ModelSpec("listed", "gpt2"), tmp_path) == ModelSpec("huggingface", "openai-community/gpt2")
    assert title_of(ModelSpec("huggingface", "openai-community/gpt2"), tmp_path) == "gpt2"


def test_an_added_folder_and_file_are_recognised(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF")
    assert add(str(tmp_path / "mine"), home=tmp_path).spec.source == "folder"
    assert add(str(tmp_path / "tiny.gguf"), name="small", home=tmp_path).spec.source == "gguf"
    assert [entry.name for entry in entries(tmp_path)][2:] == ["mine", "small"]


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no file or folder"):
        add(str(tmp_path / "nothing.gguf"), home=tmp_path)


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="already a model named 'ground-truth'"):
        add("somebody/other", name="ground-truth", home=tmp_path)


def test_a_damaged_list_is_refused_by_path(tmp_path: Path) -> None:
    list_file(tmp_path).write_text("[{]")
    with pytest.raises(ModelError, match=r"models\.json cannot be read"):
        entries(tmp_path)
