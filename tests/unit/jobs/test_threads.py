"""One thread, one thing at a time, clicks before sweeps, and a queue with an end."""

import threading
import time
from concurrent.futures import CancelledError, Future
from typing import Any

import pytest

from app.domain.errors import Busy, Cancelled
from app.jobs.threads import ComputeThread

LONG = 10.0  # seconds; only ever waited for when something is broken


@pytest.fixture
def thread() -> Any:
    found = ComputeThread(limit=3)
    yield found
    found.close()


def held(thread: ComputeThread) -> tuple[threading.Event, Future[None]]:
    """A computation that runs until its event is set."""
    begun, go = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        assert go.wait(LONG)

    future = thread.submit(wait)
    assert begun.wait(LONG)
    return go, future


def test_everything_runs_on_the_same_thread(thread: ComputeThread) -> None:
    names = {thread.submit(threading.get_ident).result(LONG) for _ in range(3)}
    assert len(names) == 1
    assert threading.get_ident() not in names


def test_urgent_work_goes_before_sweeps_and_otherwise_first_come_first_served(thread: ComputeThread) -> None:
    go, _ = held(thread)
    order: list[str] = []
    futures = [thread.submit(lambda n=name: order.append(n), urgent="click" in name) for name in ("sweep", "click 1")]
    futures.append(thread.submit(lambda: order.append("click 2")))
    go.set()
    for future in futures:
        future.result(LONG)
    assert order == ["click 1", "click 2", "sweep"]


def test_what_runs_and_what_waits_is_named_in_the_order_of_its_turns(thread: ComputeThread) -> None:
    go, _ = held(thread)
    futures = [thread.submit(lambda: None, urgent=urgent, name=name) for urgent, name in ((False, "b"), (True, "a"))]
    assert thread.names == (("a computation",), ("a", "b"))
    go.set()
    for future in futures:
        future.result(LONG)
    assert thread.names[1] == ()


def test_between_batches_of_a_sweep_the_clicks_that_wait_are_done(thread: ComputeThread) -> None:
    order: list[str] = []
    waiting, clicked = threading.Event(), threading.Event()

    def sweep() -> None:
        order.append("batch 1")
        waiting.set()
        assert clicked.wait(LONG)
        thread.run_urgent()
        order.append("batch 2")

    future = thread.submit(sweep, urgent=False)
    assert waiting.wait(LONG)
    click = thread.submit(lambda: order.append("click"))
    other = thread.submit(lambda: order.append("other sweep"), urgent=False)
    clicked.set()
    for each in (future, click, other):
        each.result(LONG)
    assert order == ["batch 1", "click", "batch 2", "other sweep"]


def test_texts_are_done_in_the_order_in_which_they_came_with_clicks_between_their_tokens(thread: ComputeThread) -> None:
    order: list[str] = []
    begun, more = threading.Event(), threading.Event()

    def text(name: str) -> None:
        order.append(f"{name} begins")
        begun.set()
        assert more.wait(LONG)
        thread.run_urgent(for_urgent=True)
        order.append(f"{name} ends")

    futures = [thread.submit(lambda: text("one"), in_parts=True)]
    assert begun.wait(LONG)
    futures.append(thread.submit(lambda: text("two"), in_parts=True))
    futures.append(thread.submit(lambda: order.append("click")))
    more.set()
    for each in futures:
        each.result(LONG)
    assert order == ["one begins", "click", "one ends", "two begins", "two ends"]


def test_a_failing_click_does_not_harm_the_sweep_it_interrupts(thread: ComputeThread) -> None:
    waiting, clicked = threading.Event(), threading.Event()

    def sweep() -> str:
        waiting.set()
        assert clicked.wait(LONG)
        thread.run_urgent()
        return "whole"

    future = thread.submit(sweep, urgent=False)
    assert waiting.wait(LONG)
    click = thread.submit(lambda: 1 / 0)
    clicked.set()
    assert future.result(LONG) == "whole"
    with pytest.raises(ZeroDivisionError):
        click.result(LONG)


def test_run_urgent_does_nothing_on_any_other_thread(thread: ComputeThread) -> None:
    go, _ = held(thread)
    future = thread.submit(threading.get_ident)
    thread.run_urgent()
    go.set()
    assert future.result(LONG) != threading.get_ident()


def test_a_full_queue_refuses_and_says_how_many_wait(thread: ComputeThread) -> None:
    go, _ = held(thread)
    futures = [thread.submit(lambda: None) for _ in range(3)]
    assert (thread.running, thread.waiting) == (1, 3)
    with pytest.raises(Busy, match="3 computations are waiting"):
        thread.submit(lambda: None)
    go.set()
    for future in futures:
        future.result(LONG)


def test_an_error_belongs_to_whoever_waits_and_the_thread_goes_on(thread: ComputeThread) -> None:
    with pytest.raises(ZeroDivisionError):
        thread.submit(lambda: 1 / 0).result(LONG)
    assert thread.submit(lambda: 7).result(LONG) == 7


def test_closing_drops_what_waits_and_takes_nothing_new(thread: ComputeThread) -> None:
    go, running = held(thread)
    waiting = thread.submit(lambda: None)
    thread.close()
    go.set()
    running.result(LONG)
    with pytest.raises(CancelledError):
        waiting.result(LONG)
    with pytest.raises(Cancelled):
        thread.submit(lambda: None)


def test_counters_return_to_zero(thread: ComputeThread) -> None:
    thread.submit(lambda: None).result(LONG)
    end = time.monotonic() + LONG
    while thread.running and time.monotonic() < end:
        time.sleep(0.001)
    assert (thread.running, thread.waiting) == (0, 0)
