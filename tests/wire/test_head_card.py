"""The head card over the wire: rows of all heads of what is cheap and what was swept; words where they lack."""

import html
import io
import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from app.domain.experiment import parse_experiment
from app.domain.interventions import Ablate
from app.domain.prompts import PromptPair
from app.domain.recipes import AttentionPattern
from app.domain.sites import Site
from app.domain.views import parse_view
from app.export.manifest import read_manifest
from app.figures.tokens import visible
from app.models.ground_truth_model import background
from layouts import ids
from tests.wire.page import PAIR, READY, Page, changed, experiment
from tests.wire.test_draw import state, view, words
from tests.wire.test_export import clicked, content, why

ABLATE = Ablate(Site("z", 1, (0,)))
HERE = view(workspace="attention")
SELECTED = {"heads": [{"layer": 1, "head": 0}], "primary": {"layer": 1, "head": 0}}


def asked(served: Page, kind: str, store: Any, shown: Any = HERE) -> Any:
    """One digest store of the card."""
    given = {"experiment.data": store, "status.data": READY, "view.data": shown}
    answer = served.ask(f"digests-{kind}.data", given)
    return answer[f"digests-{kind}"]["data"] if answer else None


def drawn(served: Page, store: Any, **fields: Any) -> Any:
    """What the card's callback writes once everything cheap is there."""
    found = {f"digests-{kind}.data": asked(served, kind, store) for kind in ids.CARD_KINDS}
    return served.ask("head-card.data", {**found, "view.data": view(workspace="attention", **fields),
                                         "experiment.data": store})  # fmt: skip


def titles(answer: Any) -> list[str]:
    """Names of the card's rows."""
    return [row["title"] for row in answer["head-card"]["data"]["rows"]]


def test_the_card_has_attribution_statistics_beside_background_and_scores_of_the_model(served: Page) -> None:
    served.digests("direct_logit_attribution", experiment())
    answer = drawn(served, experiment())
    assert state(answer, "head-card") == "ready"
    rows = {row["title"]: row for row in answer["head-card"]["data"]["rows"]}
    assert {"direct attribution", "entropy", "induction", "copying, OV"} <= set(rows)
    facts = served.engine.facts(parse_experiment(experiment()).model)
    assert len(rows["entropy"]["values"]) == facts.n_layers * facts.n_heads
    assert rows["entropy"]["background"] is not None
    assert rows["direct attribution"]["background"] is None


def test_effects_join_the_card_once_they_are_swept(served: Page) -> None:
    store = changed(clean="the tree apple house the tree", corrupted=None)
    before = drawn(served, store)
    assert "resample ablation" not in titles(before)
    assert "zero ablation" in before["head-card"]["data"]["lacking"]
    served.engine.evaluate(parse_experiment(store).recipe("ablation", method="zero"))
    after = drawn(served, store)
    assert "zero ablation" in titles(after)
    assert "zero ablation" not in after["head-card"]["data"]["lacking"]


def test_without_answers_the_card_has_statistics_and_says_what_effects_need(served: Page) -> None:
    answer = drawn(served, changed(answer=(), incorrect_answer=()))
    assert "entropy" in titles(answer)
    assert "direct attribution" not in titles(answer)
    assert "Name two answers" in answer["head-card"]["data"]["lacking"]


def test_a_difference_of_runs_is_not_compared_with_background_texts(served: Page) -> None:
    answer = drawn(served, experiment(PAIR, ABLATE), show="difference")
    rows = {row["title"]: row for row in answer["head-card"]["data"]["rows"]}
    assert rows["entropy"]["background"] is None
    assert rows["entropy"]["signed"] is True
    assert rows["entropy"]["unit"] == "Δ nats"


def test_a_prompt_that_cannot_be_read_is_refused_in_the_panel(served: Page) -> None:
    answer = drawn(served, changed(clean="qwertz"))
    assert state(answer, "head-card") == "error"
    assert "Tokens" in words(answer, "head-card")


@pytest.mark.parametrize("kind", ids.CARD_KINDS)
def test_behind_another_workspace_nothing_is_computed(served: Page, kind: str) -> None:
    assert asked(served, kind, experiment(), view()) is None


def test_the_card_leaves_as_a_table_of_the_primary_head(served: Page) -> None:
    served.digests("direct_logit_attribution", experiment())
    answer = clicked(served, ids.HEAD_CARD, "csv", selection=SELECTED)
    table = pd.read_csv(io.BytesIO(content(answer)))
    assert set(table["component"]) == {"L1H0"}
    assert {"direct", "entropy", "induction"} <= set(table["metric"])
    assert answer["export-download"]["data"]["filename"] == "microtome-head-card-L1H0-baseline.csv"
    tokens = served.engine.evaluate(parse_experiment(experiment()).recipe("head_tokens"))
    for side in ("promoted", "suppressed"):
        rows = table[table["metric"] == f"{side}_logit"]
        assert rows["top_token"].tolist() == getattr(tokens, f"{side}_tokens")[0, 1, 0].tolist()
        np.testing.assert_allclose(rows["value"], getattr(tokens, f"{side}_logits")[0, 1, 0], rtol=1e-6)  # text


def test_the_card_leaves_as_a_picture_that_names_all_that_it_was_drawn_of(served: Page) -> None:
    served.digests("direct_logit_attribution", experiment())
    drawn(served, experiment())
    picture = content(clicked(served, ids.HEAD_CARD, "html", selection=SELECTED))
    view = parse_view(read_manifest(picture, "html")["view"])
    assert {"direct_logit_attribution", "behaviour_scores", "copying_scores", "head_tokens"} <= {
        recipe.kind for recipe in view.beside
    }
    assert b"L1H0" in picture
    assert b"seed 0" in picture
    first = served.engine.evaluate(view.beside[-1]).promoted_tokens[0, 1, 0, 0]
    assert f"{visible(first)} +" in html.unescape(json.loads(f'"{_inside(picture)}"'))


def _inside(picture: bytes) -> str:
    """The cell with the promoted tokens, as JSON has it."""
    return re.search(r'"promotes","suppresses"\],\["([^"]*)"', picture.decode())[1]


def test_without_a_primary_head_no_card_leaves(served: Page) -> None:
    assert "Select a head" in why(clicked(served, ids.HEAD_CARD, "csv"))


def test_tokens_of_every_head_come_by_the_digest_of_their_run(served: Page) -> None:
    store = experiment(PAIR, ABLATE)
    digests = asked(served, "head_tokens", store)
    for run in ("baseline", "intervened"):
        result = served.engine.evaluate(parse_experiment(store).recipe("head_tokens", intervened=run == "intervened"))
        found = served.client.get(f"/heads/{digests[run]}/tokens.json").get_json()
        assert found["heads"] == result.promoted_logits.shape[2]
        for side in ("promoted", "suppressed"):
            tokens, logits = (getattr(result, f"{side}_{what}")[0].reshape(-1, 5) for what in ("tokens", "logits"))
            assert [[pair[0] for pair in head] for head in found[side]] == tokens.tolist()
            np.testing.assert_allclose([[pair[1] for pair in head] for head in found[side]], logits, rtol=5e-3)
    assert digests["baseline"] != digests["intervened"]
    assert served.client.get(f"/heads/{digests['baseline']}/tokens.json?prompt=4").status_code == 400
    of_others = asked(served, "head_statistics", store)["baseline"]
    assert served.client.get(f"/heads/{of_others}/tokens.json").status_code == 404


def test_the_card_knows_how_many_background_texts_there_are(served: Page) -> None:
    data = drawn(served, experiment())["head-card"]["data"]
    assert data["texts"] == len(served.engine.evaluate(of_background(experiment())).entropy)


def of_background(store: Any) -> Any:
    """The recipe of statistics on background texts."""
    return parse_experiment(store).model_recipe("head_statistics", corpus=True)


def test_attention_on_a_background_text_is_that_of_the_model_as_it_is(served: Page) -> None:
    store = experiment(PAIR, ABLATE)
    given = {"experiment.data": store, "status.data": READY, "view.data": HERE, "card-text.data": 1}
    found = served.ask("digests-background_pattern.data", given)["digests-background_pattern"]["data"]
    assert found["model"] == store["model"]
    result = served.engine.result(found["baseline"])
    alone = AttentionPattern(model=parse_experiment(store).model, prompts=(PromptPair(background()[1]),))
    expected = served.engine.evaluate(alone)
    assert background()[1].split()[0] in found["reads"]
    np.testing.assert_array_equal(result.pattern, expected.pattern)
    past = served.ask("digests-background_pattern.data", given | {"card-text.data": 999})
    assert "999" in past["digests-background_pattern"]["data"]["error"]
    elsewhere = served.ask("digests-background_pattern.data", given | {"view.data": view()})
    assert elsewhere is None
