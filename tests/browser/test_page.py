"""Shorter journeys: links, refusals, a sweep that is cancelled, light and dark, Back, a server that goes away."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.export.manifest import read_manifest
from tests.browser.screen import Screen, experiment, link

WORDS = "river apple house tree dog cat river apple house tree dog"
OTHER_WORDS = "river apple house tree dog bird river apple house tree dog"
SMALL = experiment("ground-truth", WORDS, OTHER_WORDS, "cat", "bird")
LONG = "The old king and the young queen walked along the river to the sea. " * 5
PAIR = experiment("smollm2-135m", LONG + "John gave a drink to", LONG + "Mary gave a drink to", " Mary", " John")

Visit = Callable[..., Screen]


def test_a_link_that_was_cut_off_opens_the_default_example_and_says_so(visit: Visit):
    screen = visit(link(SMALL)[:60])
    expect(screen.page.get_by_text("This link could not be read (it is cut off or damaged)")).to_be_visible()
    assert screen.session["experiment"]["prompt"]["clean"].startswith("When Mary and John")
    assert "#s=" not in screen.page.url


def test_an_answer_of_several_tokens_is_refused_with_its_split(visit: Visit):
    screen = visit().ready("prediction")
    screen.page.locator("#answer").click()
    screen.page.locator("#answer").type(" Microtomes")
    expect(screen.page.get_by_text("(' Micro' + 't' + 'omes')")).to_be_visible()
    assert screen.session["experiment"]["prompt"]["answer"] == [" Mary"]


def test_prompts_of_different_lengths_are_refused_where_they_part(visit: Visit):
    screen = visit(link(SMALL)).ready("prediction")
    screen.type_prompts(WORDS, "river apple stone")
    screen.run()
    expect(screen.page.locator("#refusal-text")).to_contain_text("12 tokens and the corrupted one 4")
    expect(screen.page.locator("#refusal-text")).to_contain_text("differ at position 3")
    assert screen.session["experiment"]["prompt"]["corrupted"] == OTHER_WORDS
    expect(screen.page.locator("#corrupted-prompt")).to_have_value("river apple stone")


def test_a_sweep_tells_how_far_it_is_and_stops_when_cancelled(visit: Visit):
    screen = visit(link(PAIR)).ready("head-matrix")
    screen.choose("quantity", "zero ablation")
    expect(screen.page.locator("#head-matrix-text")).to_contain_text("270 heads, not swept yet")
    screen.page.locator("#head-matrix-start").click()
    expect(screen.page.locator("#head-matrix-text")).to_contain_text("/ 270 heads")
    screen.page.locator("#head-matrix-cancel").click()
    expect(screen.page.locator("#head-matrix-cancel")).to_be_disabled()
    expect(screen.page.locator("#head-matrix-start")).to_be_enabled()
    screen.until("document.getElementById('jobs').textContent === ''")
    expect(screen.page.locator("#head-matrix-text")).not_to_contain_text("done")


def test_light_and_dark_are_switched_without_the_server(visit: Visit):
    screen = visit(link(SMALL)).ready("head-matrix", "trajectory", "components").settled()
    light = ink(screen)
    screen.requests.clear()
    screen.page.locator("#theme").click()
    screen.until("document.body.dataset.agThemeMode === 'dark'")
    assert ink(screen) != light
    assert not [url for url in screen.requests if "_dash-update-component" in url or "_dash-component" in url]
    screen.page.reload()
    screen.ready("head-matrix")
    assert screen.page.evaluate("document.body.dataset.theme") == "dark"


def ink(screen: Screen) -> str:
    return screen.page.evaluate("microtome.graph('trajectory').layout.template.layout.font.color")


def test_back_returns_to_the_experiment_before(visit: Visit):
    screen = visit(link(SMALL)).ready("head-matrix")
    screen.click_head(1, 2)
    screen.page.keyboard.press("a")
    assert screen.interventions == [True]
    screen.page.go_back()
    screen.until("microtome.session().experiment.interventions.length === 0")
    assert screen.heads == ["L1H2"]
    screen.page.go_forward()
    screen.until("microtome.session().experiment.interventions.length === 1")


def test_interventions_are_switched_and_removed_in_the_rail(visit: Visit):
    screen = visit(link(SMALL)).ready("head-matrix")
    screen.click_head(1, 2)
    screen.page.keyboard.press("a")
    screen.page.locator("[data-intervention='0'] .mt-toggle").click()
    assert (screen.interventions, screen.session["view"]["show"]) == ([False], "baseline")
    screen.page.locator("[data-intervention='0'] .mt-remove").click()
    assert screen.interventions == []


def test_rows_of_the_table_select_heads_and_layers(visit: Visit):
    screen = visit(link(SMALL)).ready("head-matrix", "components")
    screen.page.locator("#components .ag-center-cols-container [row-id=L1H2]").click()
    screen.until("microtome.session().selection.heads.length === 1")
    screen.shows_everywhere(["L1H2"])
    screen.page.locator("#components .ag-center-cols-container [row-id=L1H1]").click(modifiers=["Control"])
    screen.until("microtome.session().selection.heads.length === 2")
    screen.shows_everywhere(["L1H1", "L1H2"])


def test_keys_maximise_a_panel_show_the_list_and_stay_silent_while_somebody_types(visit: Visit):
    screen = visit(link(SMALL)).ready("head-matrix", "lens")
    screen.click_head(1, 2)
    screen.page.locator("#lens-panel .mt-heading").hover()
    screen.page.keyboard.press("f")
    expect(screen.page.locator("#lens-panel")).to_have_attribute("data-maximised", "true")
    screen.page.keyboard.press("Escape")
    assert screen.heads == ["L1H2"]
    screen.page.keyboard.press("/")
    expect(screen.page.locator("#clean-prompt")).to_be_focused()
    screen.page.keyboard.type("az")
    assert (screen.interventions, screen.heads) == ([], ["L1H2"])
    screen.page.locator("#clean-prompt").blur()
    screen.page.keyboard.press("?")
    expect(screen.page.get_by_role("dialog")).to_be_visible()


def test_the_exact_attention_under_the_pointer_is_read_out(visit: Visit):
    screen = visit(link(SMALL)).ready("head-matrix", "attention")
    screen.click_head(1, 2)
    screen.shows_everywhere(["L1H2"])
    screen.point("attention", 0, 0)
    expect(screen.page.locator(".mt-readout-tip")).to_have_text("dest 0 <bos> → src 0 <bos>: 1")


def test_a_server_that_goes_away_is_said_and_nothing_is_lost(visit: Visit):
    screen = visit(link(SMALL)).ready("head-matrix")
    screen.click_head(1, 2)
    screen.page.route("**/status?*", lambda route: route.abort())
    expect(screen.page.locator("#banner")).to_contain_text("does not answer")
    assert screen.heads == ["L1H2"]
    screen.page.unroute("**/status?*")
    expect(screen.page.locator("#banner")).to_be_hidden()
    assert screen.complaints
    assert all("net::ERR_FAILED" in text for text in screen.complaints)
    screen.complaints.clear()


def test_the_export_menu_is_of_the_panel_that_asks_and_is_reached_by_the_keyboard(visit: Visit):
    screen = visit(link(SMALL)).ready("head-matrix", "lens")
    screen.page.get_by_label("Export Heads").focus()
    screen.page.keyboard.press("Enter")
    screen.until("document.activeElement.id === 'export-entries'")
    labels = []
    for _ in range(12):
        screen.page.keyboard.press("ArrowDown")
        labels.append(screen.page.evaluate("document.activeElement.textContent"))
    assert (labels[0], labels[2], labels[3], labels[-1]) == ("CSV", "JSON", "SVG", "Copy as Python")
    screen.page.keyboard.press("Escape")
    screen.until("document.activeElement.getAttribute('aria-label') === 'Export Heads'")
    screen.page.get_by_label("Export Lens", exact=True).click()
    with screen.page.expect_download() as found:
        screen.page.get_by_role("menuitem", name="CSV", exact=True).click()
    assert found.value.suggested_filename == "microtome-lens-baseline.csv"


def test_an_exported_figure_opens_as_the_page_that_it_was_on_and_back_returns(visit: Visit, tmp_path: Path):
    screen = visit(link(SMALL)).ready("head-matrix")
    screen.click_head(1, 2)
    screen.page.get_by_label("Export Heads").click()
    with screen.page.expect_download() as found:
        screen.page.get_by_role("menuitem", name="HTML, interactive", exact=True).click()
    found.value.save_as(tmp_path / "figure.html")
    other = visit(link({**SMALL, "prompt": {**SMALL["prompt"], "answer": ["tree"]}})).ready("head-matrix")
    with other.page.expect_file_chooser() as chooser:
        other.page.locator("#open-file").click()
    chooser.value.set_files(tmp_path / "figure.html")
    expect(other.page.get_by_text("on the same weights and versions")).to_be_visible()
    other.ready("head-matrix")
    assert other.session["experiment"]["prompt"] == screen.session["experiment"]["prompt"]
    assert other.heads == ["L1H2"]
    other.page.go_back()
    other.until("microtome.session().experiment.prompt.answer[0] === 'tree'")


def test_a_copied_recipe_opens_where_it_is_pasted(visit: Visit):
    screen = visit(link(SMALL)).ready("prediction")
    screen.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    screen.page.get_by_label("Export Next token").click()
    screen.page.get_by_role("menuitem", name="Copy recipe").click()
    expect(screen.page.get_by_text("Copied.", exact=True)).to_be_visible()
    recipe = json.loads(screen.page.evaluate("navigator.clipboard.readText()"))
    assert recipe["kind"] == "prediction"
    recipe["prompts"][0] |= {"clean": "tree dog cat", "corrupted": None}
    screen.page.evaluate("text => navigator.clipboard.writeText(text)", json.dumps(recipe))
    screen.page.locator("body").click(position={"x": 700, "y": 70})
    screen.page.keyboard.press("Control+v")
    screen.until("microtome.session().experiment.prompt.clean === 'tree dog cat'")


def test_what_a_panel_means_is_shown_on_focus_and_gone_with_escape(visit: Visit):
    screen = visit(link(SMALL)).ready("head-matrix")
    card = screen.page.locator("#help-card")
    screen.page.locator("#prediction-panel .mt-help").focus()
    expect(card).to_contain_text("LD = mean logit[answer] − mean logit[instead]")
    screen.page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    screen.page.locator("[data-help=quantity]").hover()
    expect(card).to_contain_text("Direct attribution")


def test_panels_become_one_figure_that_leaves_at_its_size_and_opens_again(visit: Visit, tmp_path: Path):
    screen = visit(link(SMALL)).ready("head-matrix", "prediction")
    for count, panel in enumerate(("head-matrix", "prediction"), 1):
        screen.page.locator(f"[data-export='{panel}']").click()
        screen.page.get_by_role("menuitem", name="Add to figure").click()
        screen.until(f"microtome.session().plate.panels.length === {count}")
    screen.page.get_by_text("Figure", exact=True).first.click()
    paper = screen.page.locator("#plate-paper svg").first
    expect(paper).to_contain_text("Direct logit attribution")
    screen.page.locator("#plate-preset").select_option("nature-page")
    expect(screen.page.locator("#plate-of")).to_contain_text("183 mm wide")
    screen.page.get_by_text("words and size").nth(1).click()
    screen.page.locator("[data-plate-word=title][data-at='1']").fill("What comes next")
    screen.page.keyboard.press("Tab")
    expect(paper).to_contain_text("What comes next")
    assert paper.bounding_box()["width"] == pytest.approx(183 / 25.4 * 96, abs=1)
    with screen.page.expect_download() as left:
        screen.page.locator("[data-plate=pdf]").click()
    left.value.save_as(tmp_path / "figure.pdf")
    made = read_manifest((tmp_path / "figure.pdf").read_bytes(), "pdf")
    assert made["plate"]["panels"][1]["title"] == "What comes next"
    screen.page.locator("[data-plate-act=remove]").first.click()
    expect(paper).not_to_contain_text("Direct logit attribution")
    screen.page.keyboard.press("z")
    expect(paper).to_contain_text("Direct logit attribution")
