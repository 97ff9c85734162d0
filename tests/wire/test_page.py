"""The page as a whole: every id once, every callback's ends in the layout, no cycle, nothing from elsewhere."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from callbacks.client import HOOKS
from layouts import ids
from layouts.help import HELP
from tests.wire.page import Page

ASSETS = Path(__file__).parents[2] / "assets"


def _ids(component: Any) -> Iterator[str]:
    """Every id in a layout as JSON, wherever it hangs."""
    if isinstance(component, dict):
        props = component.get("props")
        if isinstance(props, dict) and "id" in props:
            found = props["id"]
            yield found if isinstance(found, str) else json.dumps(found, sort_keys=True, separators=(",", ":"))
        for value in component.values():
            yield from _ids(value)
    elif isinstance(component, list):
        for value in component:
            yield from _ids(value)


def _layout(served: Page) -> Any:
    return served.client.get("/_dash-layout").get_json()


def _constants() -> set[str]:
    """Every plain id of ids.py."""
    names = (n for n in vars(ids) if n.isupper())
    return {value for n in names if isinstance(value := getattr(ids, n), str) and "{" not in value}


def test_every_id_is_on_the_page_exactly_once(served: Page) -> None:
    counted = Counter(_ids(_layout(served)))
    assert {name: n for name, n in counted.items() if n > 1} == {}


def test_every_id_of_the_table_is_on_the_page(served: Page) -> None:
    kinds = (*ids.ANALYSIS_KINDS, *ids.SWEEP_METHODS, *ids.PATCH_KINDS, *ids.CARD_KINDS, "head_reading")
    parts = {form.format(panel) for form in (ids.PANEL, ids.MESSAGE, ids.OF) for panel in ids.PANELS}
    stores = {ids.DIGESTS.format(kind) for kind in kinds}
    sweeping = (ids.TICK, ids.REQUEST, ids.START, ids.CANCEL, ids.PROGRESS, ids.PROGRESS_TEXT, ids.FOOT, ids.ENDED)
    parts |= {form.format(panel) for form in sweeping for panel in ids.SWEEPING}
    assert (_constants() | parts | stores) - set(_ids(_layout(served))) == set()


def _ends(dependency: dict[str, Any], *sides: str) -> set[str]:
    return {f"{item['id']}.{item['property']}" for side in sides for item in dependency[side]}


def _outputs(dependency: dict[str, Any]) -> set[str]:
    return {name.split("@")[0] for name in dependency["output"].strip(".").split("...")}


def test_every_callback_hears_and_writes_only_what_is_on_the_page(served: Page) -> None:
    known = set(_ids(_layout(served)))
    ends = set[str]().union(*(_ends(d, "inputs", "state") | _outputs(d) for d in served.dependencies))
    plain = {end.rsplit(".", 1)[0] for end in ends if not end.startswith("{")}
    assert plain - known == set()


def test_what_a_callback_writes_while_it_runs_is_on_the_page(served: Page) -> None:
    known = set(_ids(_layout(served)))
    written = {
        name.rsplit(".", 1)[0] for d in served.dependencies for name in (d.get("running") or {}).get("running", {})
    }
    assert written
    assert written - known == set()


def test_no_callback_hears_what_it_causes(served: Page) -> None:
    causes = {output: _ends(d, "inputs") for d in served.dependencies for output in _outputs(d)}

    def reaches(start: str, at: str, seen: set[str]) -> bool:
        nexts = causes.get(at, set()) - seen
        seen |= nexts
        return start in causes.get(at, set()) or any(reaches(start, n, seen) for n in nexts)

    assert [output for output in causes if reaches(output, output, set())] == []


def test_every_clientside_hook_is_in_the_assets() -> None:
    written = "\n".join(path.read_text() for path in ASSETS.glob("*.js"))
    exported = re.search(r"microtome: \{([^}]*)\}", written)
    assert exported is not None
    assert set(HOOKS) - set(re.findall(r"\w+", exported[1])) == set()


def test_no_callback_waits_for_a_running_sweep(served: Page) -> None:
    for panel in ids.SWEEPING:
        sweep = _outputs(served.callback(f"{ids.PROGRESS.format(panel)}.value"))
        assert [d["output"] for d in served.dependencies if _ends(d, "inputs") & sweep] == []


def test_nothing_on_the_page_comes_from_another_machine(served: Page) -> None:
    index, layout = served.client.get("/").get_data(as_text=True), json.dumps(_layout(served))
    styles = "\n".join(path.read_text() for path in ASSETS.glob("*.css"))
    fetched = re.findall(r"(?:src|href)=[\"'](https?:)?//", index) + re.findall(r"url\([\"']?https?:", styles)
    assert fetched == []
    assert "https://" not in layout.replace("https://www.w3.org", "")


def test_every_panel_explains_itself(served: Page) -> None:
    assert set(HELP) == {*ids.PANELS, ids.PLATE}
    assert all(said.formula and said.sign and said.unit for said in HELP.values())


def test_every_panel_says_its_name_to_screen_readers(served: Page) -> None:
    sections = re.findall(r'"className": "mt-panel is-loading"([^{}]*)}', json.dumps(_layout(served)))
    named = {
        panel: label
        for text in sections
        for panel, label in zip(
            re.findall(r'"data-panel": "([^"]+)"', text), re.findall(r'"aria-label": "([^"]*)"', text), strict=True
        )
    }
    assert set(named) == set(ids.PANELS)
    assert all(named.values())
    assert len(set(named.values())) == len(named)


def test_every_panel_starts_with_a_skeleton_and_a_fixed_place(served: Page) -> None:
    layout = json.dumps(_layout(served))
    assert layout.count('"mt-panel is-loading"') == len(ids.PANELS)
