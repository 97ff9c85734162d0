"""Features of an autoencoder over the wire: the folder, what is drawn, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from app.domain.direction_interventions import ClampFeature
from app.domain.directions import SaeFeature
from app.domain.sites import Site
from app.models.sae_folder import folder_fingerprint
from layouts import ids
from tests import autoencoders
from tests.wire.page import PAIR, READY, SPEC, Page, experiment, prompt_set
from tests.wire.test_draw import view, words

HERE = view(workspace="residual", section="features")


@pytest.fixture
def folder(served: Page, tmp_path: Path) -> str:
    centred = {"model_from_pretrained_kwargs": {"center_writing_weights": True}}
    width = served.engine.facts(SPEC).d_model
    return autoencoders.saved(tmp_path, hook="blocks.0.hook_resid_post", d_in=width, **centred)


def drawn(served: Page, panel: str, asked: dict[str, Any], *changes: Any, by: str = "attribution", **looks: Any) -> Any:
    given = {"experiment.data": experiment(PAIR, *changes), "status.data": READY, "sae-asked.data": asked}
    answer = served.ask("digests-sae_features.data", given)
    assert answer is not None
    given = {"digests-sae_features.data": answer["digests-sae_features"]["data"], "sae-shown.data": by}
    shown = view(workspace="residual", section="features", **looks)
    return served.ask(f"{panel}.figure", given | {"view.data": shown, "experiment.data": experiment(PAIR, *changes)})


def asked(folder: str, **changes: Any) -> dict[str, Any]:
    return {"folder": folder, "fingerprint": folder_fingerprint(folder), "feature": None} | changes


def test_a_folder_is_read_once_and_what_is_none_is_refused_in_words(served: Page, folder: str, tmp_path: Path) -> None:
    def read(where: str) -> Any:
        return served.ask("sae-read.data", {"sae-folder.value": where, "experiment.data": experiment()})

    found = read(f" {folder} ")
    assert found["sae-read"]["data"] == {"folder": folder, "fingerprint": folder_fingerprint(folder)}
    assert found["sae-said"]["children"] == ""
    refused = read(str(tmp_path / "nowhere"))
    assert "sae-read" not in refused
    assert "no sparse autoencoder in" in refused["sae-said"]["children"]
    assert read("")["sae-said"]["children"] == ""


def test_features_and_the_card_are_drawn_of_either_run_and_their_difference(served: Page, folder: str) -> None:
    bars = drawn(served, ids.SAE_FEATURES, asked(folder))
    figure, of = bars[ids.SAE_FEATURES]["figure"], bars[ids.OF.format(ids.SAE_FEATURES)]["children"]
    feature = figure["layout"]["meta"]["rows"][0]
    assert "L0.resid_post (" in of
    assert "FVU" in of
    direction = SaeFeature(folder, feature, folder_fingerprint(folder), 0)
    change = ClampFeature(Site("resid_post", 0), direction)
    card = drawn(served, ids.SAE_CARD, asked(folder, feature=feature), change, show="difference")
    assert card[ids.SAE_CARD]["figure"]["layout"]["meta"]["feature"] == feature
    assert ": Δ activations; read-outs of its weights" in card[ids.OF.format(ids.SAE_CARD)]["children"]


def test_without_a_folder_the_panels_say_what_to_give(served: Page) -> None:
    given = {
        "sae-shown.data": "",
        "view.data": HERE,
        "experiment.data": experiment(),
        "digests-sae_features.data": None,
    }
    for panel in (ids.SAE_FEATURES, ids.SAE_CARD):
        assert "cfg.json and sae_weights.safetensors" in words(served.ask(f"{panel}.figure", given), panel)


def test_what_is_no_feature_is_refused(served: Page, folder: str) -> None:
    assert "asks for no features" in words(drawn(served, ids.SAE_CARD, {"folder": folder}), ids.SAE_CARD)
    assert "has 40 features" in words(drawn(served, ids.SAE_CARD, asked(folder, feature=40)), ids.SAE_CARD)


def test_a_feature_is_looked_for_in_the_whole_prompt_set(served: Page, folder: str) -> None:
    store = prompt_set({"clean": "the apple house"}) | {"base": "clean"}
    given = {"experiment.data": store, "status.data": READY, "sae-asked.data": asked(folder, feature=7)}
    answer = served.ask("digests-sae_features.data", given)
    assert answer is not None
    result: Any = served.engine.result(answer["digests-sae_features"]["data"]["baseline"])
    alone = served.ask("digests-sae_features.data", given | {"experiment.data": experiment()})
    assert alone is not None
    assert result.texts == served.engine.result(alone["digests-sae_features"]["data"]["baseline"]).texts + 1
