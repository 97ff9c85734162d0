"""Features of an autoencoder on the page: a folder is named, one is chosen, ablated, kept, and stands in the link."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from app.models.ground_truth_model import SIZES
from tests import autoencoders
from tests.browser.screen import Screen, experiment, link

FEATURE = "microtome.metaOf(microtome.graph('sae-card')).feature"
HERE = {"workspace": "residual", "section": "features"}
CENTRED = {"model_from_pretrained_kwargs": {"center_writing_weights": True}}


def test_a_person_names_a_folder_chooses_a_feature_and_ablates_it(visit: Callable[..., Screen], tmp_path: Path) -> None:
    folder = autoencoders.saved(tmp_path / "sae", "topk", "blocks.0.hook_resid_post", SIZES["d_model"], **CENTRED)
    asked = experiment("ground-truth", "the river apple house the river", "the dog apple house the dog", "apple", "dog")
    screen = visit(link(asked, view=HERE))
    page = screen.page
    expect(page.locator("#sae-features-message")).to_contain_text("cfg.json")
    for name, said in (("/nowhere", "no sparse autoencoder"), (folder, "")):
        page.locator("#sae-folder").fill(name)
        page.locator("#sae-folder").press("Enter")
        expect(page.locator("#sae-said")).to_contain_text(said)
    screen.ready("sae-features", "sae-card")
    expect(page.locator("#sae-features-of")).to_contain_text("FVU")
    rows = page.evaluate("microtome.metaOf(microtome.graph('sae-features')).rows")
    screen.until(f"{FEATURE} === {rows[0]}")
    screen.click_on("sae-features", 0, len(rows) - 1)
    screen.until(f"{FEATURE} === {rows[-1]}")
    page.locator("#sae-feature").fill("7")
    page.locator("#sae-feature").press("Enter")
    screen.until(f"{FEATURE} === 7")
    page.click("#sae-keep")
    page.click("#sae-ablate")
    assert [item["intervention"]["kind"] for item in screen.session["experiment"]["interventions"]] == ["clamp_feature"]
    assert screen.session["directions"][0]["name"] == "feature 7 of sae"
    assert screen.session["residual"]["features"]["folder"] == folder
