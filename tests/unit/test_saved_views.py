"""Saved views: one session, one link; nothing is lost or mixed up, and what has no room is refused."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.errors import BadInput, BadLink
from app.domain.experiment import Experiment
from app.domain.models import ModelSpec
from app.domain.prompts import PromptPair
from app.domain.recipes import canonical_json
from app.domain.session import Session, session_dict
from app.saved_views import SavedViews

LIMIT = 1_000_000


def session(clean: str = "the river") -> Session:
    return Session(Experiment(ModelSpec("listed", "ground-truth"), PromptPair(clean)))


def digest(of: Session) -> str:
    return hashlib.sha256(canonical_json(session_dict(of)).encode()).hexdigest()


def test_a_view_is_found_by_the_beginning_of_its_hash_also_by_another_process(tmp_path: Path) -> None:
    view = SavedViews(tmp_path, LIMIT).keep(session())
    again = SavedViews(tmp_path, LIMIT)
    assert view == digest(session())[:8] == again.keep(session())
    assert again.get(view) == session()
    assert len(list(tmp_path.iterdir())) == 1


def alike(content: bytes) -> str:
    """As if all hashes began with the same eight letters."""
    return "0" * 8 + hashlib.sha256(content).hexdigest()


def test_a_view_whose_short_link_is_taken_gets_a_longer_one(tmp_path: Path) -> None:
    views = SavedViews(tmp_path, LIMIT, alike)
    one, other = session("one"), session("other")
    links = [views.keep(one), views.keep(other), views.keep(one), views.keep(other)]
    assert links == ["0" * 8, "0" * 8 + digest(other)[:4]] * 2
    assert [views.get(link) for link in links[:2]] == [one, other]


@pytest.mark.parametrize("view", ["00000000", "", "3f", "../../etc", "ABCDEF01", "0" * 65])
def test_an_unknown_id_is_refused_in_words(tmp_path: Path, view: str) -> None:
    with pytest.raises(BadLink, match="no saved view"):
        SavedViews(tmp_path, LIMIT).get(view)


def test_a_damaged_view_is_refused_in_words_and_mended_by_saving_it_again(tmp_path: Path) -> None:
    views = SavedViews(tmp_path, LIMIT)
    view = views.keep(session())
    (tmp_path / f"{view}.json").write_bytes(b'{"experiment": {}}')
    with pytest.raises(BadLink, match="damaged"):
        views.get(view)
    assert views.keep(session()) == view
    assert views.get(view) == session()


def test_what_has_no_room_is_refused_and_what_is_there_stays(tmp_path: Path) -> None:
    long = session("w " * 300_000)
    views = SavedViews(tmp_path, LIMIT)
    view, first = views.keep(long), digest(long)[:8]
    with pytest.raises(BadInput, match="no room"):
        views.keep(replace(long, experiment=session("v " * 300_000).experiment))
    assert (view, views.keep(long), views.get(view)) == (first, first, long)
    with pytest.raises(BadInput, match="4,000,000"):
        views.keep(session("w " * 2_100_000))
