"""What a person writes about a head: its role, in their own words. Kept with the session, undone and linked with it."""

from dataclasses import dataclass

from pydantic import ConfigDict, with_config

from app.domain.errors import BadInput
from app.domain.sites import Head

MOST_CHARACTERS = 500
"""Room of one note; a session's link carries all of them (assets/10-role-notes.js)."""


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class RoleNote:
    """One head's note, 1 to MOST_CHARACTERS characters."""

    head: Head
    text: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.text) <= MOST_CHARACTERS:
            raise BadInput(
                f"The note on {self.head} has {len(self.text)} characters; write 1 to {MOST_CHARACTERS}, or no note."
            )


def note_on(notes: tuple[RoleNote, ...], head: Head) -> str:
    """The head's note, empty where there is none."""
    return next((note.text for note in notes if note.head == head), "")
