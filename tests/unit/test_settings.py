"""Defaults < file < environment < command line, and refusals in words."""

import re
from pathlib import Path

import pytest

from app.domain.errors import BadInput
from app.domain.models import ModelSpec
from app.settings import NAMES, Settings, read
from tests.environment import as_environment


def test_later_sources_win(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('port = 1\nhost = "file"\ndevice = "cpu"\n')
    found = read({"port": 3}, {"MICROTOME_PORT": "2", "MICROTOME_HOST": "environment"}, file)
    assert (found.port, found.host, found.device, found.max_tokens) == (3, "environment", "cpu", 2048)


def test_the_environment_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("max_tokens = 64\n")
    assert read({}, {"MICROTOME_SETTINGS": str(file)}).max_tokens == 64


def test_what_the_command_line_does_not_give_changes_nothing() -> None:
    assert read({"port": None}, {"MICROTOME_PORT": "2"}).port == 2


def test_texts_become_what_they_mean() -> None:
    found = read({}, {"MICROTOME_OPEN_BROWSER": "true", "MICROTOME_HOME": "/there", "MICROTOME_CACHE_LIMIT": "5000000"})
    assert (found.open_browser, found.home, found.cache_limit) == (True, Path("/there"), 5_000_000)
    assert found.cache_folder == Path("/there/results")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PORT", "many", ("port = 'many'", "8050")),
        ("PORT", "70000", ("70000", "0 to 65535")),
        ("DTYPE", "int4", ("dtype = 'int4'", "float32, bfloat16, float16")),
        ("PROCESSING", "cooked", ("processing", "compatibility, raw")),
        ("MAX_TOKENS", "0", ("max_tokens = 0", "at least 1")),
        ("URL_PREFIX", "x", ("url_prefix", "/microtome/")),
        ("COLOUR", "blue", ("no setting 'colour'", "port")),
    ],
)
def test_bad_values_are_refused_in_words(name: str, value: str, words: tuple[str, ...]) -> None:
    with pytest.raises(BadInput) as refused:
        read({}, {f"MICROTOME_{name}": value})
    assert all(word in str(refused.value) for word in words), refused.value
    assert not re.search(r"  |\.\.", str(refused.value)), refused.value


def test_a_broken_or_missing_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("port = = 1")
    with pytest.raises(BadInput, match=r"settings\.toml is not TOML"):
        read({}, {}, file)
    with pytest.raises(BadInput, match="not a file"):
        read({}, {"MICROTOME_SETTINGS": str(tmp_path / "none.toml")})


def test_settings_travel_to_another_process_as_environment() -> None:
    before = Settings(port=7, cache=Path("/x"), device="cpu", open_browser=True)
    assert read({}, as_environment(before)) == before


def test_the_model_is_looked_up_in_the_list_then_on_disk_then_on_the_hub(tmp_path: Path) -> None:
    gguf = tmp_path / "model.gguf"
    gguf.write_bytes(b"")
    sources = [Settings(model=name).spec.source for name in ("ground-truth", str(tmp_path), str(gguf), "gpt2")]
    assert sources == ["listed", "folder", "gguf", "huggingface"]
    assert Settings(model="gpt2", processing="raw").spec == ModelSpec("huggingface", "gpt2", processing="raw")


def test_every_setting_is_an_option_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    from app.__main__ import main

    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    only_for_workers = {"redis", "redeliver_after"}
    options = {name: f"--{name.replace('_', '-')}" for name in NAMES} | {"open_browser": "--open"}
    assert {name for name, option in options.items() if option not in shown} == only_for_workers
