"""The Ablate & patch workspace over the wire: where its sweeps are, running them, drawing its panels."""

from typing import Any

from layouts import ids
from tests.wire.page import READY, Page
from tests.wire.test_draw import view

PATCH = view(workspace="patch")
RUN = "sweep-map-progress.value"


def addressed(served: Page, store: Any, sweep: Any, kind: str = "sweep", shown: Any = PATCH) -> Any:
    """The digest store of one of the sweeps."""
    given = {"experiment.data": store, "status.data": READY, "sweep.data": sweep, "view.data": shown}
    answer = served.ask(f"digests-{kind}.data", given)
    return answer[f"digests-{kind}"]["data"] if answer else None


def digests_of(served: Page, store: Any, sweep: Any, panel: str = "sweep-map") -> dict[str, Any]:
    """The digest stores that a panel sweeps, by property."""
    kinds = ids.BESIDE if panel == "against" else ("sweep",)
    return {f"digests-{kind}.data": addressed(served, store, sweep, kind) for kind in kinds}


def requested(served: Page, store: Any, sweep: Any, panel: str = "sweep-map", **given: Any) -> Any:
    """The request that the page writes by itself, or None."""
    known = {**digests_of(served, store, sweep, panel), "experiment.data": store, "sweep.data": sweep}
    known["view.data"] = PATCH
    by = given.pop("by", next(iter(known)))
    answer = served.ask(f"{panel}-request.data", {**known, **given, f"{panel}-start.n_clicks": 1}, by)
    return answer[f"{panel}-request"]["data"] if answer else None


def computed(served: Page, store: Any, sweep: Any, panels: tuple[str, ...] = ("sweep-map",)) -> dict[str, Any]:
    """The digest stores by property, everything computed that these panels sweep."""
    found = {}
    for panel in panels:
        request = requested(served, store, sweep, panel, by=f"{panel}-start.n_clicks")
        if request:
            served.run_background(f"{panel}-progress.value", {f"{panel}-request.data": request})
        found |= digests_of(served, store, sweep, panel)
    return found


def drawn(served: Page, panel: str, given: dict[str, Any], store: Any, sweep: Any, **more: Any) -> Any:
    """What a panel's callback writes."""
    known = {"experiment.data": store, "sweep.data": sweep, "view.data": PATCH, **given}
    by = more.pop("by", next(iter(given), "view.data"))
    return served.ask(f"{panel}.figure", known | more, by)
