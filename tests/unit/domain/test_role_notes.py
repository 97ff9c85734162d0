"""Notes on heads are bounded and part of the session."""

from dataclasses import replace

import pytest

from app.domain.errors import BadInput
from app.domain.role_notes import MOST_CHARACTERS, RoleNote, note_on
from app.domain.session import WORKED_EXAMPLE, parse_notes, parse_session, session_dict
from app.domain.sites import Head

NOTE = RoleNote(Head(23, 3), "name mover")


def test_a_session_keeps_its_notes():
    session = replace(WORKED_EXAMPLE, notes=(NOTE,))
    assert parse_session(session_dict(session)) == session
    assert note_on(session.notes, Head(23, 3)) == "name mover"
    assert note_on(session.notes, Head(0, 0)) == ""


@pytest.mark.parametrize("text", ["", "x" * (MOST_CHARACTERS + 1)])
def test_a_note_that_is_empty_or_too_long_is_refused_with_the_limit(text: str):
    with pytest.raises(BadInput, match=f"L0H0 has {len(text)} characters; write 1 to {MOST_CHARACTERS}"):
        parse_notes([{"head": {"layer": 0, "head": 0}, "text": text}])
