"""How an engine answered what was asked of it within a request: measured there, told to the page that asked.

The page keeps its own history (assets/13-history.js) of what these say: the server keeps none, any process can answer
anyone, and nobody sees what others ask. Whoever wants to know listens; evaluations in the same thread are noted. A
background job listens in its own thread, and what it heard is noted again where its result is fetched.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import astuple, dataclass

HEADER = "X-Microtome-Answered"
MOST = 24
"""Told with one answer: proxies take headers of some thousand bytes."""


@dataclass(frozen=True)
class Answered:
    """`name` in the field's words; `seconds` on the compute thread, None = it was in the cache; `in_parts`: a sweep, or
    what takes as long."""

    digest: str
    name: str
    seconds: float | None
    in_parts: bool


_heard: ContextVar[list[Answered] | None] = ContextVar("answered", default=None)


@contextmanager
def listening() -> Iterator[list[Answered]]:
    """What is noted in this thread until the end."""
    heard: list[Answered] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def begin() -> None:
    """Listen from now on, in this thread: a request that nobody ends."""
    _heard.set([])


def note(*answers: Answered) -> None:
    """Tell whoever listens in this thread."""
    heard = _heard.get()
    if heard is not None:
        heard.extend(answers)


def noted() -> tuple[Answered, ...]:
    """What was noted since this thread began to listen, each once."""
    return tuple(dict.fromkeys(_heard.get() or ()))


def as_header(answers: Iterable[Answered]) -> str:
    """`[[digest, name, seconds or null, in_parts], …]` in ASCII; the beginning of a digest is enough to tell them
    apart."""
    told = [(each.digest[:16], *astuple(each)[1:]) for each in tuple(answers)[-MOST:]]
    return json.dumps([[d, name, s if s is None else round(s, 4), parts] for d, name, s, parts in told])
