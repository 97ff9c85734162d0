"""What measuring a hand needs: rows of numbers, and a page that has come to rest."""

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

PAUSE_MS = 450
"""Between clicks; two within 300 ms are a double click to Plotly."""


def row(gesture: str, times: Sequence[float], reference: Sequence[float] = (), **more: Any) -> dict[str, Any]:
    """Median and 90th percentile of one gesture, beside the reference where it has one."""
    found = {"gesture": gesture, "median_ms": statistics.median(times), "n": len(times), **more}
    if len(times) > 1:
        found["p90_ms"] = statistics.quantiles(times, n=10)[-1]
    if reference:
        found["reference_ms"] = statistics.median(reference)
        found["ratio"] = found["median_ms"] / found["reference_ms"]
    return found


def share(held: Any) -> float:
    """Of True among them."""
    return float(np.mean([bool(each) for each in held]))


def until_quiet(page: Any, pause_s: float = 3) -> None:
    """Wait until the page asks for nothing but its status."""
    seen = [0]
    page.on("request", lambda request: seen.__setitem__(0, seen[0] + ("/status" not in request.url)))
    before = -1
    while before != seen[0]:
        before = seen[0]
        page.wait_for_timeout(pause_s * 1000)
