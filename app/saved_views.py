"""Sessions that people have saved on this server, each under the beginning of its SHA-256, which is its short link.

A view is the canonical JSON of a session (keys sorted, no spaces), so saving the same page twice gives the same link
and takes no more room. Views are no cache: nothing is ever evicted, and what has no room is refused. The link is as
long as it needs to be: eight letters, or more where another view has those already. What a file holds is compared with
its name when it is read. Whoever can open the page and knows a link can open it.

Not done here: a store that several machines share, and deleting (remove the file).
"""

import hashlib
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

from app.domain.errors import BadInput, BadLink, MicrotomeError
from app.domain.recipes import canonical_json
from app.domain.session import Session, parse_session, session_dict

MOST_BYTES = 4_000_000
"""Of one view: a prompt set of some thousand prompts."""
_SHORTEST, _LONGER = 8, 4
_ID = re.compile(r"[0-9a-f]{8,64}")


def sha256(content: bytes) -> str:
    """In hexadecimal letters."""
    return hashlib.sha256(content).hexdigest()


class SavedViews:
    """A folder of `<id>.json`, which together have at most `limit` bytes. Safe for threads; two processes that save at
    once can at most pass the limit by one view each."""

    def __init__(self, folder: Path, limit: int, hashed: Callable[[bytes], str] = sha256) -> None:
        self._folder, self._limit, self._hashed = folder, limit, hashed
        self._lock = threading.Lock()

    def keep(self, session: Session) -> str:
        """The id under which this session is found from now on."""
        content = canonical_json(session_dict(session)).encode()
        if len(content) > MOST_BYTES:
            raise BadInput(
                f"This session has {len(content):,} bytes and a saved view may have {MOST_BYTES:,}; export it as a "
                "file instead (Export > Session)."
            )
        digest = self._hashed(content)
        with self._lock:
            try:
                return self._placed(digest, content)
            except OSError as error:
                raise MicrotomeError(f"The view could not be saved on the server ({error.strerror}).") from error

    def get(self, view: str) -> Session:
        """The session under this id; refuses one that is unknown or damaged."""
        content = self._read(view) if _ID.fullmatch(view) else None
        if content is None:
            raise BadLink(f"There is no saved view {view[:64]!r} on this server; ask for the link again.")
        if not self._hashed(content).startswith(view):
            raise BadLink(f"The saved view {view!r} is damaged on the server; ask for the session as a file.")
        return parse_session(content.decode())

    def _placed(self, digest: str, content: bytes) -> str:
        """Under the shortest beginning of the digest that no other view has."""
        for length in range(_SHORTEST, len(digest) + 1, _LONGER):
            there = self._read(digest[:length])
            if there is None or not self._hashed(there).startswith(digest[:length]):
                self._write(digest[:length], content)  # new, or in place of a damaged one
                return digest[:length]
            if there == content:
                return digest[:length]
        raise AssertionError("two sessions with one SHA-256")

    def _read(self, view: str) -> bytes | None:
        try:
            return (self._folder / f"{view}.json").read_bytes()
        except OSError:
            return None

    def _write(self, view: str, content: bytes) -> None:
        """Whole or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        taken = sum(each.stat().st_size for each in self._folder.glob("*.json"))
        if taken + len(content) > self._limit:
            raise BadInput(
                f"Saved views take {taken:,} of {self._limit:,} bytes on this server, so there is no room for this "
                "one; copy the long link, or have `views_limit` raised."
            )
        unfinished = self._folder / f"{view}.{os.getpid()}.part"
        unfinished.write_bytes(content)
        unfinished.replace(self._folder / f"{view}.json")
