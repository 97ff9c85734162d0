"""One computation, several who wait: all hear of it, and it ends early only when all have left."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from app.domain.errors import Busy, Cancelled
from app.jobs.shared import Shared

LONG = 10.0


def begun() -> tuple[Shared[int], Future[int]]:
    """A computation that has begun, with one who waits."""
    shared, future = Shared[int](), Future[int]()
    future.set_running_or_notify_cancel()
    shared.join()
    shared.begin(lambda: future, lambda: None)
    return shared, future


class Listener:
    """A report that keeps what it hears, and cancels on wish."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, int, Any]] = []
        self.cancel = False
        self.news = threading.Event()

    def __call__(self, done: int, total: int, partial: Any) -> None:
        self.heard.append((done, total, partial))
        if done:
            self.news.set()
        if self.cancel:
            raise Cancelled("Cancelled.")


def test_news_reach_everyone_and_so_does_the_result() -> None:
    shared, future = begun()
    assert shared.join()
    one, two = Listener(), Listener()
    with ThreadPoolExecutor(2) as pool:
        waits = [pool.submit(shared.wait, listener) for listener in (one, two)]
        shared.tell(1, 2, "half")
        assert one.news.wait(LONG)
        assert two.news.wait(LONG)
        future.set_result(7)
        assert [wait.result(LONG) for wait in waits] == [7, 7]
    assert (1, 2, "half") in one.heard
    assert (1, 2, "half") in two.heard
    assert shared.partial == "half"


def test_one_who_leaves_does_not_cancel_it_for_the_other() -> None:
    shared, future = begun()
    assert shared.join()
    leaving, staying = Listener(), Listener()
    leaving.cancel = True
    with ThreadPoolExecutor(2) as pool:
        left, stayed = pool.submit(shared.wait, leaving), pool.submit(shared.wait, staying)
        with pytest.raises(Cancelled):
            left.result(LONG)
        shared.tell(1, 2)  # would raise if everyone had left
        future.set_result(7)
        assert stayed.result(LONG) == 7


def test_it_is_cancelled_when_the_last_has_left_and_nobody_can_join_any_more() -> None:
    shared, _ = begun()
    leaving = Listener()
    leaving.cancel = True
    with pytest.raises(Cancelled):
        shared.wait(leaving)
    assert not shared.join()
    with pytest.raises(Cancelled):
        shared.tell(1, 2)


def test_cancelling_works_without_any_progress() -> None:
    """Nothing has been reported, so the listener is only asked by the pulse, with 0 of 1."""
    shared, _ = begun()
    leaving = Listener()
    leaving.cancel = True
    with pytest.raises(Cancelled):
        shared.wait(leaving)
    assert leaving.heard == [(0, 1, None)]


def test_leaving_before_it_begins_takes_it_out_of_the_queue() -> None:
    shared, queued = Shared[int](), Future[int]()
    shared.join()
    shared.begin(lambda: queued, lambda: None)
    leaving = Listener()
    leaving.cancel = True
    with pytest.raises(Cancelled):
        shared.wait(leaving)
    assert queued.cancelled()


def test_who_joins_while_the_last_one_leaves_is_answered_at_once() -> None:
    """`ended` waits for its owner's lock, and whoever holds that lock may be joining."""
    shared, queued, joined = Shared[int](), Future[int](), []

    def ended() -> None:
        other = threading.Thread(target=lambda: joined.append(shared.join()), daemon=True)
        other.start()
        other.join(LONG / 10)
        joined.append("in time" if not other.is_alive() else "held up")

    shared.join()
    shared.begin(lambda: queued, ended)
    leaving = Listener()
    leaving.cancel = True
    with pytest.raises(Cancelled):
        shared.wait(leaving)
    assert joined == [False, "in time"]


def test_a_late_listener_hears_the_newest_news_first() -> None:
    shared, future = begun()
    shared.tell(1, 4, "first")
    shared.tell(2, 4)
    late = Listener()
    with ThreadPoolExecutor(1) as pool:
        wait = pool.submit(shared.wait, late)
        assert late.news.wait(LONG)
        future.set_result(7)
        wait.result(LONG)
    assert late.heard[0] == (2, 4, "first")


def test_an_error_reaches_everyone() -> None:
    shared, future = begun()
    assert shared.join()
    future.set_exception(ZeroDivisionError("x"))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            shared.wait(None)


def test_a_full_queue_is_told_to_everyone_who_joined() -> None:
    shared, ended = Shared[int](), []
    shared.join()

    def refuse() -> Future[int]:
        raise Busy("full")

    shared.begin(refuse, lambda: ended.append(True))
    with pytest.raises(Busy):
        shared.wait(None)
    assert ended == [True]
