"""Folders that appear in one step, are verified, repaired, and written by one process only."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.models.converted import content_hash, converted, fault

WRITER = """
import sys, time
from pathlib import Path
from app.models.converted import converted
folder = Path(sys.argv[1])
def write(fresh):
    with (folder.parent / "writes").open("a") as log:
        log.write("x")
    time.sleep(0.5)
    (fresh / "model.safetensors").write_bytes(b"0123456789")
converted(folder, "source", write, lambda _: None)
print((folder / "model.safetensors").read_bytes().decode())
"""


def _write(content: bytes = b"0123456789") -> Callable[[Path], object]:
    return lambda fresh: (fresh / "model.safetensors").write_bytes(content)


def test_a_sound_folder_is_not_written_again(tmp_path: Path) -> None:
    converted(tmp_path / "m", "source", _write(b"first"), _never)
    converted(tmp_path / "m", "source", _write(b"second"), _never)
    assert (tmp_path / "m" / "model.safetensors").read_bytes() == b"first"


def test_a_truncated_file_is_converted_again_and_that_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    folder = converted(tmp_path / "m", "source", _write(), _never)
    (folder / "model.safetensors").write_bytes(b"01234")
    converted(folder, "source", _write(), said.append)
    assert said == ["model.safetensors in m is damaged; converting again"]
    assert fault(folder, "source") is None


def test_a_flipped_byte_of_the_same_size_is_noticed(tmp_path: Path) -> None:
    folder = converted(tmp_path / "m", "source", _write(), _never)
    (folder / "model.safetensors").write_bytes(b"0123456780")
    assert fault(folder, "source") == "model.safetensors in m is damaged"


def test_a_file_that_was_only_touched_is_still_sound(tmp_path: Path) -> None:
    folder = converted(tmp_path / "m", "source", _write(), _never)
    (folder / "model.safetensors").write_bytes(b"0123456789")
    assert fault(folder, "source") is None


def test_a_missing_file_or_manifest_makes_a_folder_incomplete(tmp_path: Path) -> None:
    folder = converted(tmp_path / "m", "source", _write(), _never)
    (folder / "model.safetensors").unlink()
    assert fault(folder, "source") == "m is incomplete"
    assert fault(tmp_path / "none", "source") == "none is incomplete"


def test_a_folder_of_another_source_is_written_again(tmp_path: Path) -> None:
    folder = converted(tmp_path / "m", "old", _write(b"old"), _never)
    converted(folder, "new", _write(b"new"), lambda _: None)
    assert (folder / "model.safetensors").read_bytes() == b"new"


def test_a_failed_conversion_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(fresh: Path) -> None:
        (fresh / "half").write_bytes(b"x")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        converted(tmp_path / "m", "source", fail, _never)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_what_an_interrupted_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "m.partial-old").mkdir()
    converted(tmp_path / "m", "source", _write(), _never)
    assert not (tmp_path / "m.partial-old").exists()


def test_two_processes_that_start_at_once_convert_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "m")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in both] == ["0123456789"] * 2
    assert (tmp_path / "writes").read_text() == "x"


def test_the_content_hash_depends_on_the_content_only(tmp_path: Path) -> None:
    hashes = [
        content_hash(converted(tmp_path / name, "s", _write(content), _never))
        for name, content in (("a", b"one"), ("b", b"one"), ("c", b"two"))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def _never(message: str) -> None:
    raise AssertionError(message)
