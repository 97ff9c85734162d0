"""From an empty prompt to ablated heads to a link that another browser opens, on the real default model."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.screen import Screen

CLEAN = "When Anna and Peter went to the park, Peter gave a ball to"
CORRUPTED = "When Anna and Peter went to the park, Anna gave a ball to"
PANELS = ("head-matrix", "components", "trajectory", "lens", "attention", "prediction")


def test_from_an_empty_prompt_to_ablated_heads_to_a_shared_link(visit: Callable[..., Screen]):
    screen = visit().ready(*PANELS)
    refuse_an_empty_prompt(screen)
    ask_something_else(screen)
    select_in_every_way(screen)
    ablate_and_compare(screen)
    undo_and_redo(screen)
    shared = copy_link(screen)
    other = visit(shared).ready("head-matrix", "attention")
    assert other.session == screen.session
    other.shows_everywhere(screen.heads)
    expect(other.page.locator("#clean-prompt")).to_have_value(CLEAN)
    expect(other.page.locator("[data-intervention]")).to_contain_text("zero L23H3")
    other.open(copy_short_link(screen))
    assert other.session == screen.session
    look_back(screen)


def refuse_an_empty_prompt(screen: Screen) -> None:
    before = screen.session
    screen.type_prompts("", "")
    screen.run()
    expect(screen.page.locator("#refusal-text")).to_contain_text("empty")
    assert screen.session == before


def ask_something_else(screen: Screen) -> None:
    screen.type_prompts(CLEAN, CORRUPTED)
    screen.choose_answer("answer", "Anna", "·Anna")
    screen.choose_answer("incorrect-answer", "Peter", "·Peter")
    screen.run()
    expect(screen.page.locator("#refusal-text")).to_be_empty()
    expect(screen.page.locator("#trajectory-of")).to_contain_text("·Anna − ·Peter")
    expect(screen.page.locator("#token-strip [data-position='10']")).to_have_text("·Peter")
    screen.ready(*PANELS)


def select_in_every_way(screen: Screen) -> None:
    screen.click_head(23, 3)
    screen.shows_everywhere(["L23H3"])
    screen.click_head(12, 7, add=True)
    screen.shows_everywhere(["L23H3", "L12H7"])
    screen.click_layer(4)
    screen.shows_everywhere([f"L4H{head}" for head in range(9)])
    screen.click_head_index(5)
    screen.shows_everywhere([f"L{layer}H5" for layer in range(30)])
    screen.box((10, 2), (12, 3))
    screen.until("microtome.session().selection.heads.length === 6")
    screen.shows_everywhere(["L10H2", "L10H3", "L11H2", "L11H3", "L12H2", "L12H3"])
    screen.click_head(22, 2)
    screen.page.keyboard.press("ArrowDown")
    screen.page.keyboard.press("ArrowRight")
    screen.shows_everywhere(["L23H3"])
    screen.page.locator("#components [row-id=L23H3]").first.wait_for()
    screen.page.locator("#token-strip [data-position='2']").click()
    assert screen.shapes("lens") == [["position", 1.5, 0]]


def ablate_and_compare(screen: Screen) -> None:
    screen.page.locator("#ablate-selected").click()
    expect(screen.page.locator("[data-intervention]")).to_contain_text("zero L23H3")
    expect(screen.page.locator("#trajectory-of")).to_contain_text("intervened")
    screen.page.locator("#show").get_by_text("Difference").click()
    expect(screen.page.locator("#trajectory-of")).to_contain_text("difference")
    expect(screen.page.locator("#lens-of")).to_contain_text("difference")
    expect(screen.page.locator("#prediction-panel .mt-readout")).to_contain_text("Δ logit diff−")
    screen.shows_everywhere(["L23H3"])


def undo_and_redo(screen: Screen) -> None:
    after = screen.session
    screen.page.keyboard.press("z")
    screen.page.keyboard.press("z")
    assert (screen.interventions, screen.session["view"]["show"]) == ([], "baseline")
    expect(screen.page.locator("#trajectory-of")).to_contain_text("baseline")
    screen.page.locator("#redo").click()
    screen.page.locator("#redo").click()
    assert screen.session == after
    expect(screen.page.locator("#redo")).to_be_disabled()
    expect(screen.page.locator("#trajectory-of")).to_contain_text("difference")


def copy_link(screen: Screen) -> str:
    screen.page.keyboard.press("2")
    expect(screen.page.locator("#lens-panel")).to_be_hidden()
    screen.page.locator("#copy-link").click()
    expect(screen.page.get_by_text("Link copied")).to_be_visible()
    return screen.page.evaluate("navigator.clipboard.readText()")


def copy_short_link(screen: Screen) -> str:
    screen.page.locator("#copy-short-link").click()
    expect(screen.page.get_by_text("Short link copied")).to_be_visible()
    return screen.page.evaluate("navigator.clipboard.readText()")


def look_back(screen: Screen) -> None:
    before, runs = screen.session, screen.page.locator("#history-list [data-run]")
    screen.page.keyboard.press("h")
    ablated = runs.filter(has_text="zero L23H3")
    expect(ablated).to_have_class("mt-past is-current")
    ablated.hover()
    ablated.locator(".mt-past-pin").click()
    runs.filter(has_text="Mary and John").locator(".mt-past-open").click()
    assert (screen.interventions, "Mary" in screen.session["experiment"]["prompt"]["clean"]) == ([], True)
    screen.page.keyboard.press("z")
    assert screen.session["experiment"] == before["experiment"]
    screen.until("location.hash === microtome.link.encode(microtome.session())")
    screen.page.reload()
    screen.page.wait_for_selector("html[data-microtome=open]", state="attached")
    screen.page.keyboard.press("h")
    expect(runs.first).to_contain_text("zero L23H3")
    expect(runs.first).to_have_class("mt-past is-current is-pinned")
