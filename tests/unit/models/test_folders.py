"""Folders that a page, link or recipe may name, and files that are read again only where they have changed."""

import os
from pathlib import Path

import pytest

from app.domain.errors import BadInput
from app.models.folders import check_below, folders_named, stamp


def test_a_folder_is_read_only_below_a_root_wherever_its_links_lead(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "root beside"
    (root / "sae").mkdir(parents=True)
    outside.mkdir()
    (root / "way out").symlink_to(outside)
    (tmp_path / "way in").symlink_to(root)
    for allowed in (root, root / "sae", root / "not there", tmp_path / "way in" / "sae"):
        check_below(str(allowed), (root,))
    for refused in (outside, root / "way out", root / "sae" / ".." / ".." / "root beside", tmp_path):
        with pytest.raises(BadInput, match=r"does not read: it reads below .*root\. Move it there"):
            check_below(str(refused), (root,))
    check_below(str(outside), None)
    with pytest.raises(BadInput, match="none at all"):
        check_below(str(outside), ())


def test_folders_are_found_however_deep_they_are_named() -> None:
    along = {"direction": {"kind": "placebo", "of": {"kind": "sae_feature", "folder": "a"}}}
    assert sorted(folders_named({"interventions": [along, along], "folder": "b", "prompts": [{"clean": "x"}]})) == [
        "a", "a", "b",
    ]  # fmt: skip


def test_a_stamp_tells_another_content_of_the_same_size(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"one")
    before = stamp(file)
    assert stamp(file) == before
    file.write_bytes(b"two")
    os.utime(file, ns=(before[2] + 1, before[2] + 1))
    assert stamp(file) != before
