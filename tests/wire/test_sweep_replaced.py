"""A long sweep that is replaced, by another or with its experiment, ends on the server and holds up nothing."""

import time
from typing import Any

from app.domain.cells import Cells
from app.domain.interventions import GaussianNoise
from tests.wire.page import Page, changed, sweep
from tests.wire.patching import RUN, requested
from tests.wire.test_sweep_map import FEW


def started(served: Page, store: Any, asked: Any) -> tuple[Any, Any]:
    """The request of a long sweep that runs and has cells, and the job."""
    request = requested(served, store, asked, by="sweep-map-start.n_clicks")
    job = served.post(RUN, {"sweep-map-request.data": request}).get_json()
    until = time.monotonic() + 60
    while not served.engine.partial(request["digests"][0]) and time.monotonic() < until:
        time.sleep(0.02)
    return request, job


def idle(served: Page) -> bool:
    """Whether nothing runs any more: a computation notices at its next report."""
    until = time.monotonic() + 60
    while served.engine.counters().running and time.monotonic() < until:
        time.sleep(0.05)
    return served.engine.counters().running == 0


LONG = sweep(method="tracing", noise=GaussianNoise((1,)), draws=100, cells=Cells("pattern", "edge"))


def test_a_sweep_that_another_replaces_is_cancelled_and_keeps_what_it_has(served: Page) -> None:
    store = changed(clean="the river apple house " * 15, corrupted=None)
    request, job = started(served, store, LONG)
    other = requested(served, store, sweep(method="zero", cells=FEW), **{"sweep-map-request.data": request})
    assert not set(other["digests"]) & set(request["digests"])
    served.post(RUN, {"sweep-map-request.data": other}, query=f"?oldJob={job['job']}")
    assert idle(served)
    assert served.engine.result(request["digests"][0]) is None
    assert served.engine.partial(request["digests"][0]) is not None


def test_a_sweep_of_a_replaced_experiment_ends_on_the_server_and_does_not_hold_up_the_next(served: Page) -> None:
    request, job = started(served, changed(clean="the river apple dog " * 15, corrupted=None), LONG)
    store, asked = changed(clean="moon river apple dog the river"), sweep(method="zero", cells=FEW)
    ending = requested(served, store, asked, **{"sweep-map-request.data": request})
    assert ending["recipes"] == [], "first the one that nobody looks at any more is ended"
    served.post(RUN, {"sweep-map-request.data": ending}, query=f"?oldJob={job['job']}")
    assert idle(served)
    assert served.engine.result(request["digests"][0]) is None
    after = requested(served, store, asked, by="sweep-map-ended.data", **{"sweep-map-request.data": ending})
    answers = served.run_background(RUN, {"sweep-map-request.data": after})
    assert answers[-1]["response"]["sweep-map-text"]["children"] == "all cells done"
    assert served.engine.result(after["digests"][0]) is not None
