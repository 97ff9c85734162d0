"""Attention minus that on the pair's other prompt: digests where it is asked for, and exports of what is on screen."""

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from app.domain.results import AttentionPatternResult
from app.export.manifest import read_manifest
from layouts import ids
from tests.wire.page import READY, Page, changed, experiment
from tests.wire.test_draw import view
from tests.wire.test_export import content

HEADS = [{"layer": 1, "head": 0}, {"layer": 0, "head": 2}]
CHOSEN = {"heads": HEADS, "primary": HEADS[0], "pinned": {"layer": 0, "head": 1}}


def compared(served: Page, store: Any, minus: str | None = "corrupted", before: Any = None) -> Any:
    """What the browser holds of the other prompt."""
    shown = view(attention={"of": "primary", "minus": minus})
    given = {"experiment.data": store, "status.data": READY, "view.data": shown, "attention-other.data": before}
    answer = served.ask("attention-other.data", given)
    return (answer or {}).get("attention-other", {}).get("data")


def pattern(served: Page, digest: str) -> np.ndarray:
    """`[layer head dest src]` of a digest."""
    result = served.engine.result(digest)
    assert isinstance(result, AttentionPatternResult)
    return result.pattern


def exported(served: Page, form: str, **attention: str) -> bytes:
    """The attention panel as a file, shown like this."""
    entry = json.dumps(ids.export_item(form), sort_keys=True, separators=(",", ":")) + ".n_clicks"
    given = {
        entry: 1,
        "export-of.data": ids.ATTENTION,
        "experiment.data": experiment(),
        "view.data": view(attention=attention),
        "selection.data": CHOSEN,
    }
    return content(served.ask("export-download.data", given, by=entry))


def table(served: Page, **attention: str) -> np.ndarray:
    """The exported numbers, in the order of the matrix."""
    return pd.read_csv(io.BytesIO(exported(served, "csv", **attention)))["value"].to_numpy()


def test_the_other_prompt_is_computed_only_where_it_is_taken_away(served: Page) -> None:
    assert compared(served, experiment(), minus=None) is None
    found = compared(served, experiment())
    own = served.digests("attention_pattern", experiment())
    assert found["error"] is None
    assert found["baseline"] != own["baseline"]
    swapped = changed(clean=experiment()["prompt"]["corrupted"], corrupted=experiment()["prompt"]["clean"])
    twin = served.digests("attention_pattern", swapped)
    np.testing.assert_allclose(pattern(served, found["baseline"]), pattern(served, twin["baseline"]), atol=1e-6)


def test_digests_go_once_nothing_is_compared_any_more(served: Page) -> None:
    answer = served.ask(
        "attention-other.data",
        {"experiment.data": experiment(), "view.data": view(), "attention-other.data": {"baseline": "aa"}},
    )
    assert answer == {"attention-other": {"data": None}}


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"corrupted": None}, "no corrupted prompt"), ({"corrupted": "the dog apple"}, "tokens: no cell is the same")],
)
def test_prompts_without_cells_in_common_are_refused_in_words(served: Page, fields: Any, words: str) -> None:
    assert words in compared(served, changed(**fields))["error"]


def test_the_exported_table_is_the_matrix_on_screen(served: Page) -> None:
    own = pattern(served, served.digests("attention_pattern", experiment())["baseline"])
    other = pattern(served, compared(served, experiment())["baseline"])
    near = {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(table(served, of="mean"), ((own[1, 0] + own[0, 2]) / 2).ravel(), **near)
    np.testing.assert_allclose(table(served, minus="pinned"), (own[1, 0] - own[0, 1]).ravel(), **near)
    np.testing.assert_allclose(table(served, minus="corrupted"), (own[1, 0] - other[1, 0]).ravel(), **near)
    assert len(table(served, of="primary")) == own.size  # every head, as before


@pytest.mark.parametrize("attention", [{"of": "each"}, {"minus": "pinned"}, {"of": "max", "minus": "corrupted"}])
def test_the_exported_figure_says_how_it_was_read(served: Page, attention: dict[str, str]) -> None:
    made = read_manifest(exported(served, "html", **attention), "html")["view"]
    assert made["style"]["together"] == attention.get("of", "primary")
    assert made["style"]["minus"] == attention.get("minus")
    assert (made["against"] is not None) == (attention.get("minus") == "corrupted")
