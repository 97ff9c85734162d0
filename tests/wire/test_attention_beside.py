"""What stands beside a pattern, the pair's other prompt or weights: digests where asked for, and exports of what is on
screen."""

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from app.domain.experiment import parse_experiment
from app.domain.results import AttentionPatternResult
from app.domain.session import Viewed
from app.domain.sites import Head
from app.domain.views import Selection
from app.export.manifest import read_manifest
from callbacks import exported_attention as module
from callbacks.exported import source
from callbacks.exported_source import Page as Exported
from callbacks.reading import Refused
from layouts import ids
from tests.wire.page import READY, Page, changed, experiment
from tests.wire.test_draw import view
from tests.wire.test_export import content

HEADS = [{"layer": 1, "head": 0}, {"layer": 0, "head": 2}]
CHOSEN = {"heads": HEADS, "primary": HEADS[0], "pinned": {"layer": 0, "head": 1}}


def beside(served: Page, store: Any, before: Any = None, show: str = "baseline", **attention: Any) -> Any:
    """What the browser holds beside the pattern."""
    shown = view(show=show, attention=attention)
    given = {"experiment.data": store, "status.data": READY, "view.data": shown, "attention-beside.data": before}
    answer = served.ask("attention-beside.data", given)
    return (answer or {}).get("attention-beside", {}).get("data")


def compared(served: Page, store: Any) -> Any:
    """What the browser holds of the other prompt."""
    return beside(served, store, minus="corrupted")["other"]


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
    assert beside(served, experiment()) is None
    found = compared(served, experiment())
    own = served.digests("attention_pattern", experiment())
    assert found["error"] is None
    assert found["baseline"] != own["baseline"]
    swapped = changed(clean=experiment()["prompt"]["corrupted"], corrupted=experiment()["prompt"]["clean"])
    twin = served.digests("attention_pattern", swapped)
    np.testing.assert_allclose(pattern(served, found["baseline"]), pattern(served, twin["baseline"]), atol=1e-6)


def test_digests_go_once_nothing_is_compared_any_more(served: Page) -> None:
    answer = served.ask(
        "attention-beside.data",
        {"experiment.data": experiment(), "view.data": view(), "attention-beside.data": {"baseline": "aa"}},
    )
    assert answer == {"attention-beside": {"data": None}}


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


# weights of the keys


def weights(served: Page, name: str, *head: int) -> np.ndarray:
    """What the page fetches of one head: one number per source token."""
    digest = beside(served, experiment(), by=name)["weights"]["baseline"]
    answer = served.client.get(f"/attention/{digest}/weights/{head[0]}/{head[1]}/{name}.f32")
    return np.frombuffer(answer.data, "<f4")


def test_weights_are_computed_only_where_attention_is_multiplied_with_them(served: Page) -> None:
    found = beside(served, experiment(), by="value_norm")
    assert found["other"] is None
    assert found["weights"]["error"] is None
    assert beside(served, experiment(), before=found, by="output_norm") is None  # the same digests serve all three


def test_attention_times_attribution_at_the_last_token_sums_to_the_heads_direct_attribution(served: Page) -> None:
    direct = served.engine.result(served.digests("direct_logit_attribution", experiment())["baseline"])
    digest = served.digests("attention_pattern", experiment())["baseline"]
    for layer, head in ((1, 0), (0, 2)):
        answer = served.client.get(f"/attention/{digest}/{layer}/{head}.f32")
        n = int(answer.headers["X-Shape"].split(",")[0])
        at_end = np.frombuffer(answer.data, "<f4").reshape(n, n)[-1]
        total = float((at_end * weights(served, "attribution", layer, head)).sum())
        assert total == pytest.approx(direct.heads[0, layer, head], abs=1e-4)  # without b_O, a part of its own


def test_the_exported_table_of_weighted_attention_is_the_matrix_on_screen(served: Page) -> None:
    own = pattern(served, served.digests("attention_pattern", experiment())["baseline"])
    first, second = own[1, 0] * weights(served, "value_norm", 1, 0), own[0, 2] * weights(served, "value_norm", 0, 2)
    pinned = own[0, 1] * weights(served, "value_norm", 0, 1)
    near = {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(table(served, by="value_norm"), first.ravel(), **near)
    np.testing.assert_allclose(table(served, by="value_norm", of="mean"), ((first + second) / 2).ravel(), **near)
    np.testing.assert_allclose(table(served, by="value_norm", minus="pinned"), (first - pinned).ravel(), **near)
    attribution = table(served, by="attribution").reshape(own[1, 0].shape)
    assert np.isnan(attribution[:-1]).all()
    np.testing.assert_allclose(attribution[-1], own[1, 0, -1] * weights(served, "attribution", 1, 0), **near)


@pytest.mark.parametrize(
    ("store", "attention", "words"),
    [
        (experiment(), {"by": "value_norm", "minus": "corrupted"}, "take no other prompt away"),
        (experiment(), {"by": "value_norm", "show": "difference"}, "show the baseline or the intervened run"),
        (changed(answer=()), {"by": "attribution"}, "needs an answer and an incorrect answer"),
    ],
)
def test_what_cannot_be_weighted_is_refused_in_words(served: Page, store: Any, attention: Any, words: str) -> None:
    assert words in beside(served, store, **attention)["weights"]["error"]


def test_a_table_of_too_many_cells_is_refused_in_words(served: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 100)
    page = Exported(served.engine, parse_experiment(experiment()), Viewed(), Selection(primary=Head(0, 0)))
    behind = source(ids.ATTENTION)
    with pytest.raises(Refused, match="more than the 100 that a table may have"):
        behind.tabled(page, behind.result(page))


@pytest.mark.parametrize("attention", [{"by": "output_norm"}, {"by": "attribution", "of": "mean"}])
def test_the_exported_figure_says_what_attention_was_multiplied_with(served: Page, attention: dict[str, str]) -> None:
    made = read_manifest(exported(served, "html", **attention), "html")["view"]
    assert (made["figure"], made["style"]["weighted_by"]) == ("weighted_attention_heatmap", attention["by"])
    assert made["against"]["kind"] == "attention_weights"
