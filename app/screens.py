"""Screens: pages that Python shows. Each has a token that its address alone names, what it opens with, what is on it.

The page under a token reads its session from here when it opens, so that it comes back as it was where a notebook draws
its frame again, and tells here what a person changes. It is kept as it was sent and read when it is asked for. Pages
without a token tell nothing; see assets/21-screen.js.
"""

import secrets
import threading

from app.domain.errors import BadLink
from app.domain.session import Session, parse_session, session_json

MOST_BYTES = 20_000_000


class Screen:
    """One of them. `closed`: nobody listens any more. Its page still opens with what was on it."""

    def __init__(self, session: Session) -> None:
        self.token = secrets.token_urlsafe(24)
        self.closed = False
        self._told = session_json(session).encode()

    @property
    def told(self) -> bytes:
        """The session as JSON, as the page told it last."""
        return self._told

    @property
    def session(self) -> Session:
        """What is on screen now; what it opened with where no page has told anything yet."""
        return parse_session(self._told.decode())

    def hear(self, told: bytes) -> bool:
        """What is on screen from now on; whether anybody listens."""
        if self.closed:
            return False
        if len(told) > MOST_BYTES:
            raise BadLink(f"The page told {len(told)} bytes and the limit is {MOST_BYTES}; show a smaller prompt set.")
        self._told = told
        return True


class Screens:
    """The screens of one engine, and the addresses that its pages are served at from this process."""

    def __init__(self) -> None:
        self._screens: dict[str, Screen] = {}
        self.addresses: dict[str, str] = {}
        """Path of a proxy, empty for none -> address."""
        self.lock = threading.Lock()

    def open(self, session: Session) -> Screen:
        """A new one, with a token that cannot be guessed."""
        screen = Screen(session)
        self._screens[screen.token] = screen
        return screen

    def get(self, token: str) -> Screen | None:
        """The one with this token."""
        return self._screens.get(token)
