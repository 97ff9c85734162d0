"""Zero, mean and resample side by side by one choice: equal maps, one scale, one selection, and how far they agree."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.screen import Screen

PANELS = ("sweep-map", "against", "against-2")
_BOXES = """panels => panels.map((panel) => {
  const {xaxis, yaxis} = microtome.graph(panel)._fullLayout, {top} = microtome.graph(panel).getBoundingClientRect();
  return [xaxis._length, yaxis._length, top + yaxis._offset].map(Math.round);
})"""
_LIMITS = "panels => panels.map((panel) => microtome.graph(panel)._fullData[0].zmax)"


def test_zero_mean_and_resample_are_compared_by_one_choice_and_a_link_brings_them_back(visit: Callable[..., Screen]):
    screen = visit().ready("prediction")
    screen.page.keyboard.press("4")
    choose_all_three(screen)
    run_both(screen)
    maps_are_alike(screen)
    one_click_marks_all(screen)
    each_pair_says_how_far_it_agrees(screen)
    screen.page.locator("#copy-link").click()
    expect(screen.page.get_by_text("Link copied")).to_be_visible()
    other = visit(screen.page.evaluate("navigator.clipboard.readText()")).ready(*PANELS)
    assert other.session == screen.session


def choose_all_three(screen: Screen) -> None:
    """Of three layers, which take seconds on a busy machine too."""
    screen.page.evaluate(
        "microtome.dispatch({type: 'set-sweep', method: 'zero', layers: [8, 9, 10], against_as: 'map'})"
    )
    screen.page.locator("#sweep-against").click()
    screen.page.get_by_role("option", name="zero, mean and resample").click()
    screen.page.keyboard.press("Escape")
    screen.until("microtome.session().sweep.against.join() === 'mean,resample'")
    for part, name in (("sweep-name", "Zero"), ("against-title", "Mean"), ("against-2-title", "Resample")):
        expect(screen.page.locator(f"#{part}")).to_have_text(name)
    expect(screen.page.locator("#against-3-panel")).to_be_hidden()


def run_both(screen: Screen) -> None:
    """Those that did not start by themselves."""
    for panel in PANELS[:2]:
        text, start = screen.page.locator(f"#{panel}-text"), screen.page.locator(f"#{panel}-start")
        expect(text).not_to_be_empty()
        if start.is_visible():
            start.click()
    for panel in PANELS[:2]:
        expect(screen.page.locator(f"#{panel}-text")).to_have_text("all cells done")
    screen.ready(*PANELS)


def maps_are_alike(screen: Screen) -> None:
    boxes = screen.page.evaluate(_BOXES, PANELS)
    assert boxes[0] == boxes[1] == boxes[2]
    screen.until(f"new Set(({_LIMITS})({list(PANELS)})).size === 1")


def one_click_marks_all(screen: Screen) -> None:
    screen.click_on("against-2", 4, 1)
    assert screen.heads == ["L9H4"]
    for panel in PANELS:
        assert screen.shapes(panel) == [["primary", 3.5, 0.5]]


def each_pair_says_how_far_it_agrees(screen: Screen) -> None:
    for panel, names in (("against", ["zero"]), ("against-2", ["zero", "mean"])):
        lines = screen.page.locator(f"#{panel}-agreement > div")
        expect(lines).to_have_count(len(names))
        for line, name in zip(lines.all(), names, strict=True):
            expect(line).to_contain_text(f"{name} r +")
            expect(line).to_contain_text("flip")


FILL = """panels => panels.map((panel) => {
  const section = document.getElementById(`${panel}-panel`);
  microtome.maximise(section);
  const {height} = section.getBoundingClientRect();
  microtome.maximise(null);
  return Math.round(window.innerHeight - height);
})"""


def test_every_panel_of_the_workspace_fills_the_page_when_it_is_maximised(visit: Callable[..., Screen]):
    screen = visit()
    screen.page.keyboard.press("4")
    screen.until("document.body.dataset.workspace === 'patch'")
    left = screen.page.evaluate(FILL, ["self-repair", "generation", "paths", "strip", "sweep-map"])
    assert left == [86] * 5  # pixels of header and status bar
